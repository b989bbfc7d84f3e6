/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger_find - what reads the ledger
 *
 * No transaction is open while a callback runs: each passage is copied first. A search collects the ids that the
 * index has, sorts them, and reads each passage by its own; one that went meanwhile is passed over.
 */
#include <assert.h>
#include <stdlib.h>

#include "store/ledger.h"
#include "store/ledger_index.h"

/* ---- one passage -------------------------------------------------------------------------------------------------- */

enum error ledger_get(struct db *ledger, uint64_t id, struct arena *a, struct ledger_passage *out)
{
	char key[8];
	struct db_txn *t;
	struct slice value, copy = SLICE_EMPTY;
	*out = (struct ledger_passage){0};
	enum error err = db_begin_read(ledger, &t);
	if (err) return err;
	err = db_get(t, DB_passages, ledger_id_key(id, key), &value);
	if (!err) copy = arena_copy(a, value);
	db_end_read(t);
	if (err) return err;
	if (!copy.p) return ERR_NO_MEMORY;
	err = ledger_decode(copy, out);
	out->id = id;
	return err;
}

/* Room for one record, outside of the stack. */
struct copy {
	char octets[LEDGER_RECORD_MOST];
	struct ledger_passage passage;
};

/* False: this one is passed over. */
static bool copy_passage(struct copy *c, uint64_t id, struct slice value)
{
	if (value.n > sizeof c->octets) return false;
	memcpy(c->octets, value.p, value.n);
	if (ledger_decode(slice_of(c->octets, value.n), &c->passage)) return false;
	c->passage.id = id;
	return true;
}

static enum error fetch(struct db *ledger, uint64_t id, struct copy *c, bool *good)
{
	char key[8];
	struct db_txn *t;
	struct slice value;
	*good = false;
	enum error err = db_begin_read(ledger, &t);
	if (err) return err;
	err = db_get(t, DB_passages, ledger_id_key(id, key), &value);
	if (!err) *good = copy_passage(c, id, value);
	db_end_read(t);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* ---- all ---------------------------------------------------------------------------------------------------------- */

/* The newest passage of those below *id; *id becomes its own. */
static enum error fetch_before(struct db *ledger, uint64_t *id, struct copy *c, bool *good)
{
	char buf[8];
	struct db_txn *t;
	struct db_cursor *cursor;
	struct slice key, value;
	*good = false;
	if (*id == 0) return ERR_NOT_FOUND;
	enum error err = db_begin_read(ledger, &t);
	if (err) return err;
	err = db_cursor_open(t, DB_passages, &cursor);
	if (!err) {
		err = db_cursor_seek_back(cursor, ledger_id_key(*id - 1, buf), &key, &value);
		if (!err && ledger_id_of(key, id))
			*good = copy_passage(c, *id, value);
		else if (!err)
			err = ERR_CORRUPT;
		db_cursor_close(cursor);
	}
	db_end_read(t);
	return err;
}

enum error ledger_each(struct db *ledger, ledger_each_fn *each, void *arg)
{
	struct copy *c = malloc(sizeof *c);
	uint64_t id = UINT64_MAX;
	bool good;
	enum error err = c ? ERR_OK : ERR_NO_MEMORY;
	while (!err && !(err = fetch_before(ledger, &id, c, &good)))
		if (good && !each(&c->passage, arg)) break;
	free(c);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* ---- by the index ------------------------------------------------------------------------------------------------- */

struct search {
	enum ledger_kind kind;
	struct slice text;
	uint32_t tenant; /* 0: any */
	uint64_t *ids;
	size_t n;
};

/* The ids of one generation, newest first. Leaves the cursor anywhere. */
static enum error collect_generation(struct search *s, struct db_cursor *c, uint64_t generation, uint64_t hash)
{
	char buf[LEDGER_INDEX_KEY];
	struct ledger_index_key k = {generation, hash, UINT64_MAX};
	struct slice key;
	enum error err = db_cursor_seek_back(c, ledger_index_pack(&k, buf), &key, NULL);
	while (!err && s->n < LEDGER_LOOKED) {
		if (!ledger_index_unpack(key, &k) || k.generation != generation || k.hash != hash) break;
		s->ids[s->n++] = k.id;
		err = db_cursor_previous(c, &key, NULL);
	}
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static enum error collect_all(struct search *s, struct db_cursor *c, uint64_t hash)
{
	char buf[LEDGER_INDEX_KEY];
	struct slice key;
	struct ledger_index_key k;
	enum error err = db_cursor_seek_back(c, SLICE_EMPTY, &key, NULL);
	while (!err && s->n < LEDGER_LOOKED) {
		if (!ledger_index_unpack(key, &k)) return ERR_CORRUPT;
		uint64_t generation = k.generation;
		err = collect_generation(s, c, generation, hash);
		if (generation == 0) break;
		k = (struct ledger_index_key){generation - 1, UINT64_MAX, UINT64_MAX};
		if (!err) err = db_cursor_seek_back(c, ledger_index_pack(&k, buf), &key, NULL);
	}
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static enum error collect(struct db *ledger, struct search *s)
{
	struct db_txn *t;
	struct db_cursor *c;
	struct ledger_secret secret;
	enum error err = db_begin_read(ledger, &t);
	if (err) return err;
	err = ledger_secret_get(t, &secret);
	if (!err) err = db_cursor_open(t, DB_passage_index, &c);
	if (!err) {
		err = collect_all(s, c, ledger_hash(&secret, s->kind, s->text));
		db_cursor_close(c);
	}
	db_end_read(t);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static int newest_first(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return *x < *y ? 1 : *x > *y ? -1 : 0;
}

static bool is_among(struct slice text, const struct slice *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (slice_equal_nocase(list[i], text)) return true;
	return false;
}

/* Another text may have the same hash, and the row may be of a record that was replaced. */
static bool matches(const struct search *s, const struct ledger_passage *p)
{
	if (s->tenant && p->tenant != s->tenant) return false;
	switch (s->kind) {
	case LEDGER_MESSAGE_ID: return slice_equal(ledger_bare_message_id(p->message_id), s->text);
	case LEDGER_RETURN_PATH:
		return slice_equal_nocase(p->return_path, s->text) || slice_equal_nocase(p->handed_on, s->text);
	case LEDGER_RECIPIENT: return is_among(s->text, p->recipients, p->recipient_count);
	case LEDGER_AUTHOR: return is_among(s->text, p->authors, p->author_count);
	}
	return false;
}

static enum error visit(struct db *ledger, const struct search *s, struct copy *c, ledger_each_fn *each, void *arg)
{
	for (size_t i = 0; i < s->n; i++) {
		bool good;
		if (i && s->ids[i] == s->ids[i - 1]) continue;
		enum error err = fetch(ledger, s->ids[i], c, &good);
		if (err) return err;
		if (good && matches(s, &c->passage) && !each(&c->passage, arg)) return ERR_OK;
	}
	return s->n < LEDGER_LOOKED ? ERR_OK : ERR_LIMIT;
}

static enum error find(struct db *ledger, struct search *s, ledger_each_fn *each, void *arg)
{
	if (s->text.n == 0) return ERR_OK;
	struct copy *c = malloc(sizeof *c);
	s->ids = malloc(LEDGER_LOOKED * sizeof *s->ids);
	enum error err = c && s->ids ? collect(ledger, s) : ERR_NO_MEMORY;
	if (!err) {
		qsort(s->ids, s->n, sizeof *s->ids, newest_first);
		err = visit(ledger, s, c, each, arg);
	}
	free(s->ids);
	free(c);
	return err;
}

enum error ledger_each_by_message_id(struct db *ledger, struct slice message_id, ledger_each_fn *each, void *arg)
{
	struct search s = {.kind = LEDGER_MESSAGE_ID, .text = ledger_bare_message_id(message_id)};
	return find(ledger, &s, each, arg);
}

enum error ledger_each_by_return_path(struct db *ledger, uint32_t tenant, struct slice address, ledger_each_fn *each,
                                      void *arg)
{
	struct search s = {.kind = LEDGER_RETURN_PATH, .text = slice_sub(address, 0, LEDGER_ADDRESS), .tenant = tenant};
	return find(ledger, &s, each, arg);
}

enum error ledger_each_by_recipient(struct db *ledger, uint32_t tenant, struct slice address, ledger_each_fn *each,
                                    void *arg)
{
	struct search s = {.kind = LEDGER_RECIPIENT, .text = slice_sub(address, 0, LEDGER_ADDRESS), .tenant = tenant};
	return find(ledger, &s, each, arg);
}

enum error ledger_each_by_author(struct db *ledger, uint32_t tenant, struct slice address, ledger_each_fn *each,
                                 void *arg)
{
	struct search s = {.kind = LEDGER_AUTHOR, .text = slice_sub(address, 0, LEDGER_ADDRESS), .tenant = tenant};
	return find(ledger, &s, each, arg);
}

/* ---- in all ------------------------------------------------------------------------------------------------------- */

enum error ledger_summarize(struct db *ledger, struct ledger_summary *out)
{
	struct db_txn *t;
	struct db_cursor *c;
	struct slice key;
	uint64_t id;
	*out = (struct ledger_summary){.oldest_id = UINT64_MAX};
	enum error err = db_begin_read(ledger, &t);
	if (err) return err;
	out->passages = db_count(t, DB_passages);
	out->size = db_table_size(t, DB_passages) + db_table_size(t, DB_passage_index);
	err = db_cursor_open(t, DB_passages, &c);
	if (!err) {
		err = db_cursor_seek(c, SLICE_EMPTY, &key, NULL);
		if (!err && ledger_id_of(key, &id)) {
			out->oldest = (int64_t)(id >> 20) / 1000;
			out->oldest_id = id;
		}
		db_cursor_close(c);
	}
	db_end_read(t);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

bool ledger_reaches_back(struct db *ledger, int64_t time)
{
	struct ledger_summary s;
	bool rebuild = true;
	if (ledger_rebuild_needed(ledger, &rebuild) || rebuild) return false;
	return ledger_summarize(ledger, &s) == ERR_OK && s.oldest && s.oldest <= time;
}
