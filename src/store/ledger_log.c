/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger_log - see ledger_log.h; the layout is in docs/storage.md
 */
#include "store/ledger_log.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/octets.h"
#include "store/db_files.h"
#include "store/spool.h"

#define FIRST       SLICE("BSLEDGER\1")
#define ENTRY_SIZE  20 /* of an entry without its record */
#define PARTS       32 /* files that a full ledger has */
#define FILE_LEAST  (64u * 1024)
#define REPLAY_ROWS 64
#define WINDOW      (1024u * 1024) /* of a file in memory */

struct file {
	uint64_t name, size;
};

struct ledger_log {
	int folder;
	int fd; /* of the last file; -1: none was begun yet */
	struct file *files;
	size_t count, capacity, past; /* past: those that were there */
	int64_t began;
	uint64_t last_id; /* greatest appended */
	bool dirty;
};

/* ---- entries ------------------------------------------------------------------------------------------------------ */

/* Against halves of entries that a crash leaves, not against people: the key is no secret. */
static uint64_t checksum(uint64_t id, struct slice record)
{
	const uint64_t key[2] = {id, record.n};
	return slice_hash_keyed(record, key, false);
}

size_t ledger_log_parse(struct slice *rest, struct ledger_row *rows, size_t most)
{
	size_t n = 0;
	while (n < most) {
		struct octet_reader r = octet_reader(*rest);
		uint32_t size = octet_get_u32(&r);
		uint64_t id = octet_get_u64(&r), sum = octet_get_u64(&r);
		if (size == 0 || size > LEDGER_RECORD_MOST) break;
		struct slice record = octet_get(&r, size);
		if (r.failed || checksum(id, record) != sum) break;
		rows[n++] = (struct ledger_row){id, record};
		*rest = r.rest;
	}
	return n;
}

bool ledger_log_begins(struct slice *content)
{
	if (!slice_starts(*content, FIRST)) return false;
	*content = slice_sub(*content, FIRST.n, content->n);
	return true;
}

/* ---- opening ------------------------------------------------------------------------------------------------------ */

static enum error add_file(struct ledger_log *l, uint64_t name, uint64_t size)
{
	if (l->count == l->capacity) {
		size_t capacity = l->capacity ? l->capacity * 2 : 64;
		struct file *files = realloc(l->files, capacity * sizeof *files);
		if (!files) return ERR_NO_MEMORY;
		l->files = files;
		l->capacity = capacity;
	}
	l->files[l->count++] = (struct file){name, size};
	return ERR_OK;
}

static int by_name(const void *a, const void *b)
{
	const struct file *x = a, *y = b;
	return x->name < y->name ? -1 : x->name > y->name ? 1 : 0;
}

static enum error read_folder(struct ledger_log *l)
{
	int fd = openat(l->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		enum error err = error_from_errno(errno);
		if (fd >= 0) close(fd);
		return err;
	}
	enum error err = ERR_OK;
	for (struct dirent *entry; !err && (entry = readdir(dir));) {
		uint64_t name;
		struct stat st;
		if (!spool_id_parse(slice_str(entry->d_name), &name)) continue;
		if (fstatat(l->folder, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode)) continue;
		err = add_file(l, name, (uint64_t)st.st_size);
	}
	closedir(dir);
	if (l->count) qsort(l->files, l->count, sizeof *l->files, by_name);
	l->past = l->count;
	return err;
}

enum error ledger_log_open(const char *state_dir, struct ledger_log **out, char why[256])
{
	char path[PATH_MAX];
	*out = NULL;
	if (snprintf(path, sizeof path, "%s/ledger", state_dir) > (int)sizeof path - 8) return ERR_INVALID;
	enum error err = db_files_make_folder(path, "log", why);
	if (err) return err;
	struct ledger_log *l = calloc(1, sizeof *l);
	if (!l) return ERR_NO_MEMORY;
	strcat(path, "/log");
	l->fd = -1;
	l->folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	err = l->folder < 0 ? error_from_errno(errno) : read_folder(l);
	if (err) {
		snprintf(why, 256, "%.200s: %s", path, error_text(err));
		ledger_log_close(l);
		return err;
	}
	*out = l;
	return ERR_OK;
}

void ledger_log_close(struct ledger_log *l)
{
	if (!l) return;
	if (l->fd >= 0) close(l->fd);
	if (l->folder >= 0) close(l->folder);
	free(l->files);
	free(l);
}

/* ---- appending ---------------------------------------------------------------------------------------------------- */

static enum error write_whole(int fd, struct slice data)
{
	while (data.n) {
		ssize_t n = write(fd, data.p, data.n);
		if (n < 0 && errno == EINTR) continue;
		if (n <= 0) return n < 0 ? error_from_errno(errno) : ERR_IO;
		data = slice_sub(data, (size_t)n, data.n);
	}
	return ERR_OK;
}

/* The last file gets these octets or none. */
static enum error extend(struct ledger_log *l, struct slice data)
{
	struct file *f = &l->files[l->count - 1];
	enum error err = write_whole(l->fd, data);
	if (!err) {
		f->size += data.n;
		l->dirty = true;
	} else if (ftruncate(l->fd, (off_t)f->size) < 0) {
		close(l->fd); /* it ends in damage, so nothing may follow in it */
		l->fd = -1;
	}
	return err;
}

/* Ids are times: those made before now are below this name. */
static uint64_t new_name(const struct ledger_log *l, int64_t now)
{
	uint64_t name = now > 0 ? (uint64_t)now * 1000 << 20 : 0;
	if (name <= l->last_id) name = l->last_id + 1;
	if (l->count && name <= l->files[l->count - 1].name) name = l->files[l->count - 1].name + 1;
	return name;
}

static enum error begin_file(struct ledger_log *l, int64_t now)
{
	char text[SPOOL_ID_TEXT];
	uint64_t name = new_name(l, now);
	if (l->dirty && fdatasync(l->fd) < 0) return error_from_errno(errno);
	l->dirty = false;
	spool_id_text(name, text);
	int fd = openat(l->folder, text, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0) return error_from_errno(errno);
	enum error err = add_file(l, name, 0);
	if (err) {
		unlinkat(l->folder, text, 0);
		close(fd);
		return err;
	}
	if (l->fd >= 0) close(l->fd);
	l->fd = fd;
	l->began = now;
	err = extend(l, FIRST);
	if (!err && fsync(l->folder) < 0 && errno != EINVAL) err = error_from_errno(errno);
	if (!err) return ERR_OK;
	unlinkat(l->folder, text, 0);
	l->count--;
	if (l->fd >= 0) close(l->fd);
	l->fd = -1;
	l->dirty = false;
	return err;
}

static bool is_full(const struct ledger_log *l, const struct ledger_bounds *b, int64_t now)
{
	uint64_t most = b->size / PARTS;
	if (most < FILE_LEAST) most = FILE_LEAST;
	return l->files[l->count - 1].size >= most || now - l->began > b->lifetime / PARTS || now < l->began;
}

enum error ledger_log_append(struct ledger_log *l, const struct ledger_bounds *b, const struct ledger_row *rows,
                             size_t n, int64_t now)
{
	enum error err = l->fd < 0 || is_full(l, b, now) ? begin_file(l, now) : ERR_OK;
	size_t size = 0;
	if (err) return err;
	for (size_t i = 0; i < n; i++) size += ENTRY_SIZE + rows[i].record.n;
	char *data = malloc(size ? size : 1);
	if (!data) return ERR_NO_MEMORY;
	struct octet_writer w = octet_writer(data, size);
	for (size_t i = 0; i < n; i++) {
		octet_put_u32(&w, (uint32_t)rows[i].record.n);
		octet_put_u64(&w, rows[i].id);
		octet_put_u64(&w, checksum(rows[i].id, rows[i].record));
		octet_put(&w, rows[i].record.p, rows[i].record.n);
		if (rows[i].id > l->last_id) l->last_id = rows[i].id;
	}
	assert(!w.failed);
	err = extend(l, octet_written(&w));
	free(data);
	return err;
}

enum error ledger_log_sync(struct ledger_log *l)
{
	if (!l->dirty) return ERR_OK;
	if (fdatasync(l->fd) < 0) return error_from_errno(errno);
	l->dirty = false;
	return ERR_OK;
}

/* ---- the files ---------------------------------------------------------------------------------------------------- */

void ledger_log_trim(struct ledger_log *l, uint64_t oldest)
{
	char text[SPOOL_ID_TEXT];
	size_t gone = 0;
	while (gone + 1 < l->count && l->files[gone + 1].name <= oldest) {
		if (unlinkat(l->folder, spool_id_text(l->files[gone].name, text), 0) < 0 && errno != ENOENT) break;
		gone++;
	}
	if (!gone) return;
	l->count -= gone;
	l->past = l->past > gone ? l->past - gone : 0;
	memmove(l->files, l->files + gone, l->count * sizeof *l->files);
}

uint64_t ledger_log_size(const struct ledger_log *l)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < l->count; i++) sum += l->files[i].size;
	return sum;
}

bool ledger_log_has_past(const struct ledger_log *l)
{
	return l->past > 0;
}

/* Reads on behind what is left in the buffer. 0: the file is at its end, or cannot be read further. */
static size_t refill(int fd, char *buf, struct slice *left)
{
	if (left->n) memmove(buf, left->p, left->n);
	ssize_t n = read(fd, buf + left->n, WINDOW - left->n);
	*left = slice_of(buf, left->n + (n > 0 ? (size_t)n : 0));
	return n > 0 ? (size_t)n : 0;
}

/* False when `each` ended it. */
static bool replay_file(int fd, char *buf, ledger_log_fn *each, void *arg)
{
	struct ledger_row rows[REPLAY_ROWS];
	struct slice left = SLICE_EMPTY;
	bool begun = false;
	while (refill(fd, buf, &left)) {
		if (!begun && !(begun = ledger_log_begins(&left))) return true;
		for (size_t n; (n = ledger_log_parse(&left, rows, REPLAY_ROWS));)
			if (!each(rows, n, arg)) return false;
		if (left.n == WINDOW) return true; /* damage: no entry is so long */
	}
	return true;
}

enum error ledger_log_replay(struct ledger_log *l, ledger_log_fn *each, void *arg)
{
	char text[SPOOL_ID_TEXT], *buf = malloc(WINDOW);
	bool more = true;
	if (!buf) return ERR_NO_MEMORY;
	for (size_t i = 0; more && i < l->past; i++) {
		int fd = openat(l->folder, spool_id_text(l->files[i].name, text), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (fd < 0) continue;
		more = replay_file(fd, buf, each, arg);
		close(fd);
	}
	free(buf);
	return ERR_OK;
}
