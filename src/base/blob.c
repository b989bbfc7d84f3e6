/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blob - see blob.h
 *
 * A name is given to a complete and synced file only, so a crash leaves the whole file or none. Where an unnamed file
 * cannot be given a name (no O_TMPFILE, another file system, no /proc), its content is copied into one that can.
 */
#include "base/blob.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_CAPACITY 4096
#define COPY_CHUNK     (64 * 1024)

void blob_init(struct blob *b, size_t memory_limit, const char *dir)
{
	*b = (struct blob){.memory_limit = memory_limit, .fd = -1, .dir = dir};
}

void blob_free(struct blob *b)
{
	free(b->memory);
	if (b->fd >= 0) close(b->fd);
	blob_init(b, b->memory_limit, b->dir);
}

static enum error write_at(int fd, struct slice data, uint64_t offset)
{
	while (data.n > 0) {
		ssize_t n = pwrite(fd, data.p, data.n, (off_t)offset);
		if (n < 0 && errno == EINTR) continue;
		if (n < 0) return error_from_errno(errno);
		if (n == 0) return ERR_IO;
		data = slice_sub(data, (size_t)n, data.n);
		offset += (uint64_t)n;
	}
	return ERR_OK;
}

/* ---- appending --------------------------------------------------------------------------------------------------- */

/* *name is NULL when the file has none; else the caller unlinks and frees it. */
static int open_unnamed(const char *dir, char **name)
{
	*name = NULL;
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)) return fd;
	if (asprintf(name, "%s/.blob-XXXXXX", dir) < 0) {
		*name = NULL;
		errno = ENOMEM;
		return -1;
	}
	fd = mkostemp(*name, O_CLOEXEC);
	if (fd >= 0) return fd;
	int failed = errno;
	free(*name);
	*name = NULL;
	errno = failed;
	return -1;
}

static void unlink_name(char *name)
{
	if (name) unlink(name);
	free(name);
}

static enum error move_to_file(struct blob *b)
{
	char *name;
	int fd = open_unnamed(b->dir, &name);
	if (fd < 0) return error_from_errno(errno);
	unlink_name(name);
	enum error e = write_at(fd, slice_of(b->memory, (size_t)b->size), 0);
	if (e != ERR_OK) {
		close(fd);
		return e;
	}
	free(b->memory);
	b->memory = NULL;
	b->capacity = 0;
	b->fd = fd;
	return ERR_OK;
}

static bool grow(struct blob *b, size_t want)
{
	if (want <= b->capacity) return true;
	size_t capacity = b->capacity ? b->capacity : FIRST_CAPACITY;
	while (capacity < want) capacity = capacity <= SIZE_MAX / 2 ? capacity * 2 : want;
	if (capacity > b->memory_limit) capacity = b->memory_limit;
	char *memory = realloc(b->memory, capacity);
	if (!memory) return false;
	b->memory = memory;
	b->capacity = capacity;
	return true;
}

static enum error append(struct blob *b, struct slice data)
{
	if (b->fd < 0) {
		bool fits = b->size <= b->memory_limit && data.n <= b->memory_limit - (size_t)b->size;
		if (fits && grow(b, (size_t)b->size + data.n)) { /* without memory a file will do */
			memcpy(b->memory + b->size, data.p, data.n);
			return ERR_OK;
		}
		enum error e = move_to_file(b);
		if (e != ERR_OK) return e;
	}
	return write_at(b->fd, data, b->size);
}

enum error blob_append(struct blob *b, struct slice data)
{
	if (b->error != ERR_OK || data.n == 0) return b->error;
	b->error = append(b, data);
	if (b->error == ERR_OK) b->size += data.n;
	return b->error;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

enum error blob_read(const struct blob *b, uint64_t offset, char *buf, size_t n, size_t *got)
{
	*got = 0;
	if (b->error != ERR_OK) return b->error;
	if (offset >= b->size) return ERR_OK;
	if (n > b->size - offset) n = (size_t)(b->size - offset);
	if (b->fd < 0) {
		memcpy(buf, b->memory + offset, n);
		*got = n;
		return ERR_OK;
	}
	while (*got < n) {
		ssize_t r = pread(b->fd, buf + *got, n - *got, (off_t)(offset + *got));
		if (r < 0 && errno == EINTR) continue;
		if (r < 0) return error_from_errno(errno);
		if (r == 0) return ERR_CORRUPT; /* somebody cut the file short */
		*got += (size_t)r;
	}
	return ERR_OK;
}

struct slice blob_in_memory(const struct blob *b)
{
	if (b->fd >= 0 || b->error != ERR_OK) return (struct slice){NULL, 0};
	return b->memory ? slice_of(b->memory, (size_t)b->size) : SLICE_EMPTY;
}

enum error blob_each(const struct blob *b, uint64_t offset, enum error (*take)(struct slice piece, void *arg),
                     void *arg)
{
	struct slice memory = blob_in_memory(b);
	if (memory.p) return take(slice_sub(memory, (size_t)offset, memory.n), arg);
	char *chunk = b->error ? NULL : malloc(COPY_CHUNK);
	if (!chunk) return b->error ? b->error : ERR_NO_MEMORY;
	enum error e = ERR_OK;
	for (uint64_t at = offset; e == ERR_OK && at < b->size;) {
		size_t got;
		e = blob_read(b, at, chunk, COPY_CHUNK, &got);
		if (e == ERR_OK) e = take(slice_of(chunk, got), arg);
		at += got;
	}
	free(chunk);
	return e;
}

enum error blob_open_file(struct blob *b, const char *path)
{
	struct stat st;
	blob_init(b, 0, NULL);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) return error_from_errno(errno);
	enum error e = fstat(fd, &st) == 0 ? ERR_OK : error_from_errno(errno);
	if (e == ERR_OK && !S_ISREG(st.st_mode)) e = ERR_INVALID;
	if (e != ERR_OK) {
		close(fd);
		return e;
	}
	b->fd = fd;
	b->size = (uint64_t)st.st_size;
	return ERR_OK;
}

/* ---- becoming a file --------------------------------------------------------------------------------------------- */

struct target {
	const char *path;
	char dir[PATH_MAX];
	int dir_fd; /* opened before anything is done, so that it cannot fail afterwards */
};

static enum error target_open(struct target *t, const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;
	if (n >= sizeof t->dir) return ERR_INVALID;
	t->path = path;
	snprintf(t->dir, sizeof t->dir, "%.*s", (int)n, path);
	if (!slash) snprintf(t->dir, sizeof t->dir, ".");
	if (slash == path) snprintf(t->dir, sizeof t->dir, "/");
	t->dir_fd = open(t->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return t->dir_fd >= 0 ? ERR_OK : error_from_errno(errno);
}

/* Returns an errno. An unprivileged process names an unnamed file by way of /proc; open(2), O_TMPFILE. */
static int name_file(int fd, const char *path)
{
	char from[64];
	snprintf(from, sizeof from, "/proc/self/fd/%d", fd);
	if (linkat(AT_FDCWD, from, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0) return 0;
	if (errno != ENOENT) return errno;
	return linkat(fd, "", AT_FDCWD, path, AT_EMPTY_PATH) == 0 ? 0 : errno;
}

struct copy {
	int fd;
	uint64_t at;
};

static enum error copy_piece(struct slice piece, void *arg)
{
	struct copy *c = arg;
	enum error e = write_at(c->fd, piece, c->at);
	c->at += piece.n;
	return e;
}

/* Writes a second file beside the target and gives it the name. */
static enum error copy_to(const struct blob *b, const struct target *t)
{
	char *name;
	int fd = open_unnamed(t->dir, &name);
	if (fd < 0) return error_from_errno(errno);
	struct copy c = {.fd = fd};
	enum error e = blob_each(b, 0, copy_piece, &c);
	if (e == ERR_OK && fdatasync(fd) != 0) e = error_from_errno(errno);
	if (e == ERR_OK) {
		int failed = name ? (link(name, t->path) == 0 ? 0 : errno) : name_file(fd, t->path);
		e = error_from_errno(failed);
	}
	unlink_name(name);
	close(fd);
	return e;
}

static enum error link_own_file(const struct blob *b, const struct target *t)
{
	if (fdatasync(b->fd) != 0) return error_from_errno(errno);
	int failed = name_file(b->fd, t->path);
	/* ENOENT: made without O_TMPFILE. EXDEV: another file system, or Landlock. EPERM: there are no hard links. */
	if (failed == ENOENT || failed == EXDEV || failed == EPERM || failed == EOPNOTSUPP) return copy_to(b, t);
	return error_from_errno(failed);
}

enum error blob_link(struct blob *b, const char *path)
{
	struct target t;
	if (b->error != ERR_OK) return b->error;
	enum error e = target_open(&t, path);
	if (e != ERR_OK) return e;
	e = b->fd >= 0 ? link_own_file(b, &t) : copy_to(b, &t);
	if (e == ERR_OK && fsync(t.dir_fd) != 0 && errno != EINVAL) {
		e = error_from_errno(errno);
		unlink(path); /* so that it can be tried again */
	}
	close(t.dir_fd);
	return e;
}
