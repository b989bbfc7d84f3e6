/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool_edit - what `backstop queue` and `backstop held` change, and how the relay learns of it
 */
#include "store/spool.h"
#include "store/spool_key.h"

static enum error note_changed(struct db_txn *t, const struct id_key *k)
{
	return db_put(t, DB_changed, key_slice(k), SLICE("\1"));
}

static void hold(struct spool_message *m, const struct spool_change *c)
{
	if (!m->hold) m->held_since = c->now;
	m->hold = true;
	m->hold_reason = c->reason;
	if (c->expires) m->expires = c->expires;
}

/* A life of its own from now on, as if it had just come. Why it was held stays. */
static enum error release(struct arena *a, struct spool_message *m, const struct spool_change *c)
{
	if (m->answer && !c->to.n && !m->redirected) return ERR_PERMISSION;
	if (m->hold) m->attempts = 0;
	if (m->hold && c->expires) m->expires = c->expires;
	m->hold = false;
	m->next_attempt = c->now;
	if (!c->to.n) return ERR_OK;
	struct spool_recipient *r = ARENA_NEW(a, struct spool_recipient);
	if (!r) return ERR_NO_MEMORY;
	r->address = c->to;
	m->recipients = r;
	m->recipient_count = 1;
	m->redirected = m->downstream = true;
	return ERR_OK;
}

struct edit {
	uint64_t id;
	const struct spool_change *change;
};

static enum error edit_record(struct db_txn *t, struct arena *a, const struct edit *e)
{
	const struct spool_change *c = e->change;
	struct spool_message m;
	enum error err = spool_read(t, e->id, a, &m);
	if (c->what == SPOOL_DROP) /* also what cannot be read any more */
		return err == ERR_CORRUPT || !err ? spool_remove(t, e->id) : err;
	if (err) return err;
	switch (c->what) {
	case SPOOL_HOLD: hold(&m, c); break;
	case SPOOL_RELEASE: err = release(a, &m, c); break;
	default: m.next_attempt = c->now; break;
	}
	return err ? err : spool_replace(t, &m);
}

static enum error edit(struct db_txn *t, void *arg)
{
	struct edit *e = arg;
	struct id_key k = id_key(e->id);
	struct arena a;
	arena_init(&a, SPOOL_RECORD_MOST);
	enum error err = edit_record(t, &a, e);
	if (!err) err = note_changed(t, &k);
	arena_free(&a);
	return err;
}

enum error spool_edit(struct db *spool, uint64_t id, const struct spool_change *c)
{
	struct edit e = {.id = id, .change = c};
	enum error err = db_update(spool, edit, &e);
	if (!err && c->what == SPOOL_DROP) spool_body_remove(spool, id);
	return err;
}

/* ---- what the relay takes up -------------------------------------------------------------------------------------- */

struct take {
	uint64_t *ids;
	size_t most, n;
};

static enum error take_from(struct take *take, struct db_cursor *c)
{
	struct slice key;
	enum error err = db_cursor_seek(c, SLICE_EMPTY, &key, NULL);
	while (!err && take->n < take->most) {
		uint64_t id;
		bool good = key_id(key, &id);
		err = db_cursor_delete(c);
		if (err) return err;
		if (good) take->ids[take->n++] = id;
		err = db_cursor_next(c, &key, NULL);
	}
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static enum error take(struct db_txn *t, void *arg)
{
	struct take *what = arg;
	struct db_cursor *c;
	what->n = 0;
	enum error err = db_cursor_open(t, DB_changed, &c);
	if (err) return err;
	err = take_from(what, c);
	db_cursor_close(c);
	return err;
}

enum error spool_take_changed(struct db *spool, uint64_t *ids, size_t most, size_t *n)
{
	struct db_txn *t;
	*n = 0;
	enum error err = db_begin_read(spool, &t);
	if (err) return err;
	uint64_t waiting = db_count(t, DB_changed);
	db_end_read(t);
	if (waiting == 0 || most == 0) return ERR_OK;
	struct take what = {.ids = ids, .most = most};
	err = db_update(spool, take, &what);
	if (!err) *n = what.n;
	return err;
}
