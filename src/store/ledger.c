/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger - see ledger.h; this is what writes. ledger_find.c reads, ledger_record.c knows the record, ledger_index.h
 * the index
 */
#include "store/ledger.h"

#include "store/ledger_index.h"

#define INDEX_VERSION SLICE("\1") /* and of the mark */
/* A generation is about a thirtieth of the ledger, by room or by time. */
#define OCTETS_A_PASSAGE 512
#define GENERATIONS      32
#define GENERATION_LEAST 64

/* ---- putting ------------------------------------------------------------------------------------------------------ */

struct put {
	const struct ledger_bounds *bounds;
	const struct ledger_row *rows;
	size_t n;
	int64_t now;
	/* within the transaction */
	struct db_txn *t;
	struct ledger_secret secret;
	uint64_t generation;
};

static enum error put_index(struct put *p, uint64_t id, enum ledger_kind kind, struct slice text)
{
	char key[LEDGER_INDEX_KEY];
	if (text.n == 0) return ERR_OK;
	struct ledger_index_key k = {p->generation, ledger_hash(&p->secret, kind, text), id};
	return db_put(p->t, DB_passage_index, ledger_index_pack(&k, key), INDEX_VERSION);
}

static enum error put_row(struct put *p, const struct ledger_row *row)
{
	char key[8];
	struct ledger_passage m;
	if (ledger_decode(row->record, &m)) return ERR_OK;
	struct slice id = ledger_id_key(row->id, key);
	enum error err = db_append(p->t, DB_passages, id, row->record);
	/* It is not the newest: a transaction that took longer than one that began later. */
	if (err == ERR_EXISTS) err = db_put(p->t, DB_passages, id, row->record);
	if (!err) err = put_index(p, row->id, LEDGER_MESSAGE_ID, ledger_bare_message_id(m.message_id));
	if (!err) err = put_index(p, row->id, LEDGER_RETURN_PATH, m.return_path);
	if (!err) err = put_index(p, row->id, LEDGER_RETURN_PATH, m.handed_on);
	for (size_t i = 0; !err && i < m.recipient_count; i++)
		err = put_index(p, row->id, LEDGER_RECIPIENT, m.recipients[i]);
	for (size_t i = 0; !err && i < m.author_count; i++) err = put_index(p, row->id, LEDGER_AUTHOR, m.authors[i]);
	return err;
}

static enum error put(struct db_txn *t, void *arg)
{
	struct put *p = arg;
	uint64_t most = p->bounds->size / OCTETS_A_PASSAGE / GENERATIONS;
	p->t = t;
	enum error err = ledger_secret_make(t, &p->secret);
	if (!err)
		err = ledger_generation(t, most > GENERATION_LEAST ? most : GENERATION_LEAST,
		                        p->bounds->lifetime / GENERATIONS + 1, p->n, p->now, &p->generation);
	for (size_t i = 0; !err && i < p->n; i++) err = put_row(p, &p->rows[i]);
	return err;
}

enum error ledger_put(struct db *ledger, const struct ledger_bounds *b, const struct ledger_row *rows, size_t n,
                      int64_t now)
{
	struct put p = {.bounds = b, .rows = rows, .n = n, .now = now};
	return n ? db_update(ledger, put, &p) : ERR_OK;
}

/* ---- expiry ------------------------------------------------------------------------------------------------------- */

struct expire {
	const struct ledger_bounds *bounds;
	int64_t now;
	size_t most, removed, passages;
};

static uint64_t size_of(struct db_txn *t)
{
	return db_table_size(t, DB_passages) + db_table_size(t, DB_passage_index);
}

/* An id is the milliseconds of its making and a counter. */
static bool is_over(const struct expire *e, struct db_txn *t, uint64_t id)
{
	return (int64_t)(id >> 20) / 1000 < e->now - e->bounds->lifetime || size_of(t) > e->bounds->size;
}

/* UINT64_MAX when there is none. */
static enum error oldest_passage(struct db_txn *t, uint64_t *id)
{
	struct db_cursor *c;
	struct slice key;
	*id = UINT64_MAX;
	enum error err = db_cursor_open(t, DB_passages, &c);
	if (err) return err;
	err = db_cursor_seek(c, SLICE_EMPTY, &key, NULL);
	if (!err && !ledger_id_of(key, id)) *id = 0; /* no key of ours: let it be removed */
	db_cursor_close(c);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* The generation in front when all its passages are gone; ERR_NOT_FOUND when they are not. */
static enum error dead_generation(struct db_cursor *index, uint64_t oldest, uint64_t *name)
{
	char buf[LEDGER_INDEX_KEY];
	struct slice key;
	struct ledger_index_key first, next;
	enum error err = db_cursor_seek(index, SLICE_EMPTY, &key, NULL);
	if (err) return err;
	*name = ledger_index_unpack(key, &first) ? first.generation : 0;
	if (oldest == UINT64_MAX) return ERR_OK;
	first = (struct ledger_index_key){.generation = *name + 1};
	err = db_cursor_seek(index, ledger_index_pack(&first, buf), &key, NULL);
	if (err) return err;
	return ledger_index_unpack(key, &next) && oldest >= next.generation ? ERR_OK : ERR_NOT_FOUND;
}

static enum error sweep_index(struct expire *e, struct db_txn *t, struct db_cursor *index)
{
	uint64_t oldest, name;
	struct slice key;
	struct ledger_index_key k;
	enum error err = oldest_passage(t, &oldest);
	if (!err) err = dead_generation(index, oldest, &name);
	if (!err) err = db_cursor_seek(index, SLICE_EMPTY, &key, NULL);
	while (!err && e->removed < e->most && (!ledger_index_unpack(key, &k) || k.generation <= name)) {
		err = db_cursor_delete(index);
		if (!err) e->removed++;
		if (!err) err = db_cursor_next(index, &key, NULL);
	}
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static enum error sweep_passages(struct expire *e, struct db_txn *t, struct db_cursor *passages)
{
	struct slice key;
	enum error err = db_cursor_seek(passages, SLICE_EMPTY, &key, NULL);
	while (!err && e->removed < e->most) {
		uint64_t id = 0;
		if (ledger_id_of(key, &id) && !is_over(e, t, id)) break;
		err = db_cursor_delete(passages);
		if (!err) {
			e->removed++;
			e->passages++;
			err = db_cursor_next(passages, &key, NULL);
		}
	}
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* Index rows first: that may already make room enough. */
static enum error expire(struct db_txn *t, void *arg)
{
	struct expire *e = arg;
	struct db_cursor *c;
	e->removed = e->passages = 0;
	enum error err = db_cursor_open(t, DB_passage_index, &c);
	if (err) return err;
	err = sweep_index(e, t, c);
	db_cursor_close(c);
	if (!err) err = db_cursor_open(t, DB_passages, &c);
	if (err) return err;
	err = sweep_passages(e, t, c);
	db_cursor_close(c);
	return err;
}

static enum error is_needed(struct db *ledger, const struct expire *e, bool *needed)
{
	struct db_txn *t;
	struct db_cursor *index;
	uint64_t oldest, name;
	*needed = false;
	enum error err = db_begin_read(ledger, &t);
	if (err) return err;
	err = oldest_passage(t, &oldest);
	if (!err && oldest != UINT64_MAX && is_over(e, t, oldest)) *needed = true;
	if (!err && !*needed && !(err = db_cursor_open(t, DB_passage_index, &index))) {
		err = dead_generation(index, oldest, &name);
		*needed = !err;
		db_cursor_close(index);
	}
	db_end_read(t);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

enum error ledger_expire(struct db *ledger, const struct ledger_bounds *b, int64_t now, size_t most, size_t *removed,
                         size_t *passages)
{
	struct expire e = {.bounds = b, .now = now, .most = most};
	bool needed;
	enum error err = is_needed(ledger, &e, &needed);
	*removed = *passages = 0;
	if (err || !needed) return err;
	err = db_update(ledger, expire, &e);
	if (err) return err;
	*removed = e.removed;
	*passages = e.passages;
	return ERR_OK;
}

/* ---- rebuilding --------------------------------------------------------------------------------------------------- */

#define REBUILD SLICE("rebuild")

enum error ledger_rebuild_needed(struct db *ledger, bool *needed)
{
	struct db_txn *t;
	*needed = false;
	enum error err = db_begin_read(ledger, &t);
	if (err) return err;
	*needed = db_count(t, DB_passages) == 0 || db_get(t, DB_ledger_meta, REBUILD, NULL) == ERR_OK;
	db_end_read(t);
	return ERR_OK;
}

static enum error mark(struct db_txn *t, void *under_way)
{
	if (*(bool *)under_way) return db_put(t, DB_ledger_meta, REBUILD, INDEX_VERSION);
	enum error err = db_delete(t, DB_ledger_meta, REBUILD);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

enum error ledger_rebuild_mark(struct db *ledger, bool under_way)
{
	return db_update(ledger, mark, &under_way);
}
