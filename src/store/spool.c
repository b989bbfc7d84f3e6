/* SPDX-License-Identifier: Apache-2.0 */
#include "store/spool.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "base/octets.h"
#include "store/spool_key.h"

#define BODY_VERSION  1
#define BATCH_RECORDS 64 /* per read transaction of spool_each */
#define BATCH_OCTETS  (1024 * 1024)

/* ---- inside a write transaction ----------------------------------------------------------------------------------- */

static enum error put_body(struct db_txn *t, const struct id_key *k, struct slice body)
{
	void *room;
	enum error err = db_reserve(t, DB_bodies, key_slice(k), body.n + 1, &room);
	if (err) return err;
	*(char *)room = BODY_VERSION;
	if (body.n) memcpy((char *)room + 1, body.p, body.n);
	return ERR_OK;
}

enum error spool_put_encoded(struct db_txn *t, uint64_t id, struct slice record, struct slice body_inline)
{
	struct id_key k = id_key(id);
	enum error err = db_put(t, DB_messages, key_slice(&k), record);
	if (!err && body_inline.p) err = put_body(t, &k, body_inline);
	return err;
}

static enum error encode_and_put(struct db_txn *t, const struct spool_message *m, struct slice body_inline)
{
	struct arena a;
	arena_init(&a, SPOOL_RECORD_MOST);
	struct slice record = spool_encode(&a, m);
	enum error err = record.p ? spool_put_encoded(t, m->id, record, body_inline) : ERR_NO_MEMORY;
	arena_free(&a);
	return err;
}

enum error spool_put(struct db_txn *t, const struct spool_message *m, struct slice body_inline)
{
	return encode_and_put(t, m, m->body_in_file ? (struct slice){NULL, 0} : body_inline);
}

enum error spool_replace(struct db_txn *t, const struct spool_message *m)
{
	struct id_key k = id_key(m->id);
	enum error err = db_get(t, DB_messages, key_slice(&k), NULL);
	return err ? err : encode_and_put(t, m, (struct slice){NULL, 0});
}

enum error spool_remove(struct db_txn *t, uint64_t id)
{
	struct id_key k = id_key(id);
	enum error err = db_delete(t, DB_messages, key_slice(&k));
	if (err && err != ERR_NOT_FOUND) return err;
	err = db_delete(t, DB_bodies, key_slice(&k));
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

enum error spool_read(struct db_txn *t, uint64_t id, struct arena *a, struct spool_message *out)
{
	struct id_key k = id_key(id);
	struct slice record;
	enum error err = db_get(t, DB_messages, key_slice(&k), &record);
	if (!err) err = spool_decode(a, record, out);
	out->id = id;
	return err;
}

enum error spool_is_changed(struct db_txn *t, uint64_t id, bool *changed)
{
	struct id_key k = id_key(id);
	enum error err = db_get(t, DB_changed, key_slice(&k), NULL);
	*changed = !err;
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* ---- reading ------------------------------------------------------------------------------------------------------ */

enum error spool_get(struct db *spool, uint64_t id, struct arena *a, struct spool_message *out)
{
	struct db_txn *t;
	enum error err = db_begin_read(spool, &t);
	if (err) return err;
	err = spool_read(t, id, a, out);
	db_end_read(t);
	return err;
}

struct batch {
	struct arena arena;
	struct spool_message messages[BATCH_RECORDS];
	size_t count;
	uint64_t next; /* id to go on with */
	bool more;
};

/* A record that cannot be read must not keep the others from being delivered; it stays where it is. */
static void tell_unreadable(uint64_t id, enum error err)
{
	char text[SPOOL_ID_TEXT];
	log_begin(LOG_ERROR, "spool_record");
	log_str("id", spool_id_text(id, text));
	log_error("error", err);
	log_end();
}

static enum error fill_from(struct batch *b, struct db_cursor *c)
{
	struct id_key from = id_key(b->next);
	struct slice key, record;
	enum error err = db_cursor_seek(c, key_slice(&from), &key, &record);
	for (; !err; err = db_cursor_next(c, &key, &record)) {
		uint64_t id;
		if (!key_id(key, &id)) continue;
		b->next = id;
		b->more = true;
		if (b->count == BATCH_RECORDS || b->arena.used > BATCH_OCTETS) return ERR_OK;
		struct spool_message *m = &b->messages[b->count];
		enum error bad = spool_decode(&b->arena, record, m);
		if (bad == ERR_NO_MEMORY && b->count > 0) return ERR_OK;
		m->id = id;
		b->more = false;
		if (bad)
			tell_unreadable(id, bad);
		else
			b->count++;
		spool_ids_above(id);
	}
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static enum error fill(struct batch *b, struct db *spool)
{
	struct db_txn *t;
	struct db_cursor *c;
	arena_reset(&b->arena);
	b->count = 0;
	b->more = false;
	enum error err = db_begin_read(spool, &t);
	if (err) return err;
	err = db_cursor_open(t, DB_messages, &c);
	if (!err) err = fill_from(b, c);
	db_cursor_close(c);
	db_end_read(t);
	return err;
}

enum error spool_each(struct db *spool, bool (*each)(const struct spool_message *, void *arg), void *arg)
{
	struct batch b = {.more = true};
	enum error err = ERR_OK;
	arena_init(&b.arena, SPOOL_RECORD_MOST);
	bool go_on = true;
	while (go_on && b.more && !(err = fill(&b, spool)))
		for (size_t i = 0; go_on && i < b.count; i++) go_on = each(&b.messages[i], arg);
	arena_free(&b.arena);
	return err;
}

/* ---- bodies ------------------------------------------------------------------------------------------------------- */

void spool_body_path(const struct db *spool, uint64_t id, char *out, size_t n)
{
	char text[SPOOL_ID_TEXT];
	snprintf(out, n, "%s/spool/bodies/%s", db_state_dir(spool), spool_id_text(id, text));
}

void spool_body_remove(const struct db *spool, uint64_t id)
{
	char path[PATH_MAX];
	spool_body_path(spool, id, path, sizeof path);
	unlink(path);
}

static enum error copy_body(struct db_txn *t, uint64_t id, struct blob *out)
{
	struct id_key k = id_key(id);
	struct slice value;
	enum error err = db_get(t, DB_bodies, key_slice(&k), &value);
	if (err) return err;
	if (value.n == 0) return ERR_CORRUPT;
	if ((uint8_t)value.p[0] > BODY_VERSION) return ERR_VERSION;
	return blob_append(out, slice_sub(value, 1, value.n));
}

enum error spool_body(struct db *spool, const struct spool_message *m, struct blob *out)
{
	if (m->body_in_file) {
		char path[PATH_MAX];
		spool_body_path(spool, m->id, path, sizeof path);
		return blob_open_file(out, path);
	}
	struct db_txn *t;
	blob_init(out, SPOOL_BODY_INLINE, db_state_dir(spool));
	enum error err = db_begin_read(spool, &t);
	if (err) return err;
	err = copy_body(t, m->id, out);
	db_end_read(t);
	if (err) blob_free(out);
	return err;
}

static enum error remove_if_orphan(struct db_txn *t, int folder, const char *name, size_t *removed)
{
	uint64_t id;
	struct slice record;
	if (!spool_id_parse(slice_str(name), &id)) return ERR_OK; /* not ours */
	spool_ids_above(id);
	struct id_key k = id_key(id);
	enum error err = db_get(t, DB_messages, key_slice(&k), &record);
	if (err != ERR_NOT_FOUND) return err;
	if (unlinkat(folder, name, 0) == 0) ++*removed;
	return ERR_OK;
}

enum error spool_remove_orphans(struct db *spool, size_t *removed)
{
	char path[PATH_MAX];
	*removed = 0;
	snprintf(path, sizeof path, "%s/spool/bodies", db_state_dir(spool));
	DIR *dir = opendir(path);
	if (!dir) return errno == ENOENT ? ERR_OK : error_from_errno(errno);
	struct db_txn *t;
	enum error err = db_begin_read(spool, &t);
	if (!err) {
		for (struct dirent *e; !err && (e = readdir(dir));)
			err = remove_if_orphan(t, dirfd(dir), e->d_name, removed);
		db_end_read(t);
	}
	closedir(dir);
	return err;
}
