/* SPDX-License-Identifier: Apache-2.0 */
#include "store/published.h"

#include "base/octets.h"
#include "store/meta.h"
#include "store/publish.h"
#include "store/unit_key.h"

#define ROW_VERSION     1
#define ROW_SIZE        8
#define JOURNAL_VERSION 1
#define SERIALS         UINT32_MAX /* 1 to this: 0 is none */

static const struct slice changes_name = SLICE("list_changes");

/* ---- grades ------------------------------------------------------------------------------------------------------- */

const char *grade_name(enum grade g)
{
	static const char *const names[] = {
#define X(name, sentence) #name,
		GRADE_TABLE(X)
#undef X
	};
	return g < GRADE_COUNT ? names[g] : "unknown";
}

const char *grade_sentence(enum grade g)
{
	static const char *const sentences[] = {
#define X(name, sentence) sentence,
		GRADE_TABLE(X)
#undef X
	};
	return g < GRADE_COUNT ? sentences[g] : "unknown";
}

/* ---- keys and rows ------------------------------------------------------------------------------------------------ */

size_t published_key(const struct ip *ip, char out[static PUBLISHED_KEY_MOST])
{
	struct unit_key k = unit_key(ip);
	if (k.n == 0) return 0;
	memcpy(out, k.octets + 1, k.n - 1);
	return k.n - 1;
}

bool published_key_unit(struct slice key, struct prefix *out)
{
	return unit_of_octets(key, out);
}

static enum db_table table_of(struct slice key)
{
	return key.n == 4 ? DB_published : DB_published6;
}

static bool read_row(struct slice value, struct published *out)
{
	uint32_t expires;
	if (value.n < ROW_SIZE || value.p[0] != ROW_VERSION) return false;
	memcpy(&expires, value.p + 4, sizeof expires);
	out->classes = (uint8_t)value.p[1];
	out->grade = (uint8_t)value.p[2];
	out->flags = (uint8_t)value.p[3];
	out->expires = be32toh(expires);
	return true;
}

static void write_row(const struct published *p, char out[ROW_SIZE])
{
	uint32_t expires = htobe32(p->expires);
	out[0] = ROW_VERSION;
	out[1] = (char)p->classes;
	out[2] = (char)p->grade;
	out[3] = (char)p->flags;
	memcpy(out + 4, &expires, sizeof expires);
}

static bool is_over(const struct published *p, int64_t now)
{
	return p->expires && p->expires <= now;
}

bool published_get(struct db_txn *t, struct slice key, int64_t now, struct published *out)
{
	struct slice value;
	return db_get(t, table_of(key), key, &value) == ERR_OK && read_row(value, out) && !is_over(out, now);
}

/* ---- the whole list ----------------------------------------------------------------------------------------------- */

struct walk {
	int64_t now;
	published_take *take;
	void *arg;
	bool enough;
};

static enum error each_in(struct db_txn *t, enum db_table table, struct slice after, struct walk *w)
{
	struct db_cursor *c;
	struct slice key, value;
	struct published p;
	enum error err = db_cursor_open(t, table, &c);
	if (err) return err;
	err = db_cursor_seek(c, after, &key, &value);
	if (!err && after.n && slice_equal(key, after)) err = db_cursor_next(c, &key, &value);
	for (; !err && !w->enough; err = db_cursor_next(c, &key, &value))
		if (read_row(value, &p) && !is_over(&p, w->now)) w->enough = !w->take(key, &p, w->arg);
	db_cursor_close(c);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

enum error published_each(struct db_txn *t, struct slice after, int64_t now, published_take *take, void *arg)
{
	struct walk w = {now, take, arg, false};
	enum error err = ERR_OK;
	if (after.n <= 4) err = each_in(t, DB_published, after, &w);
	if (!err && !w.enough) err = each_in(t, DB_published6, after.n > 4 ? after : SLICE_EMPTY, &w);
	return err;
}

uint64_t published_count(struct db_txn *t)
{
	return db_count(t, DB_published) + db_count(t, DB_published6);
}

/* ---- the serial and the journal ----------------------------------------------------------------------------------- */

static uint32_t serial_of(uint64_t changes)
{
	return (uint32_t)(1 + changes % SERIALS);
}

uint32_t published_serial(struct db_txn *t)
{
	uint64_t changes;
	meta_get(t, changes_name, &changes);
	return serial_of(changes);
}

static void put_journal_row(struct octet_writer *w, const struct published *p)
{
	static const struct published none;
	char row[ROW_SIZE];
	write_row(p ? p : &none, row);
	octet_put(w, row, sizeof row);
}

static enum error journal(struct db_txn *t, struct slice key, const struct published *before,
                          const struct published *after)
{
	char row[2 + ROW_SIZE * 2 + PUBLISHED_KEY_MOST];
	struct octet_writer w = octet_writer(row, sizeof row);
	uint64_t changes;
	enum error err = meta_get(t, changes_name, &changes);
	if (!err) err = meta_put(t, changes_name, ++changes);
	octet_put_u8(&w, JOURNAL_VERSION);
	octet_put_u8(&w, (uint8_t)((before ? 1 : 0) | (after ? 2 : 0)));
	put_journal_row(&w, before);
	put_journal_row(&w, after);
	octet_put(&w, key.p, key.n);
	uint64_t number = htobe64(changes);
	if (!err) err = db_append(t, DB_list_journal, slice_of(&number, 8), octet_written(&w));
	if (err || changes <= PUBLISHED_JOURNAL) return err;
	number = htobe64(changes - PUBLISHED_JOURNAL);
	err = db_delete(t, DB_list_journal, slice_of(&number, 8));
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

enum error publish_set(struct db_txn *t, const struct ip *ip, const struct published *after, struct publish_change *out)
{
	struct unit_key k = unit_key(ip);
	struct slice key = slice_of(k.octets + 1, k.n ? k.n - 1 : 0), value;
	char row[ROW_SIZE], old[ROW_SIZE];
	*out = (struct publish_change){.ip = *ip, .has = after != NULL};
	if (k.n == 0) return ERR_INVALID;
	enum error err = db_get(t, table_of(key), key, &value);
	if (err && err != ERR_NOT_FOUND) return err;
	out->had = !err;
	if (out->had && !read_row(value, &out->before)) return ERR_VERSION;
	if (!out->had && !after) return ERR_OK;
	if (after) write_row(after, row);
	if (after) out->after = *after;
	if (out->had) write_row(&out->before, old);
	if (out->had && after && memcmp(row, old, sizeof row) == 0) return ERR_OK;
	out->is = true;
	return after ? db_put_ordered(t, table_of(key), key, slice_of(row, sizeof row))
	             : db_delete(t, table_of(key), key);
}

enum error publish_note(struct db_txn *t, const struct publish_change *c)
{
	struct unit_key k = unit_key(&c->ip);
	if (!c->is) return ERR_OK;
	return journal(t, slice_of(k.octets + 1, k.n - 1), c->had ? &c->before : NULL, c->has ? &c->after : NULL);
}

enum error publish_row(struct db_txn *t, const struct ip *ip, const struct published *after)
{
	struct publish_change c;
	enum error err = publish_set(t, ip, after, &c);
	return err ? err : publish_note(t, &c);
}

static bool read_change(struct slice key, struct slice value, struct published_change *c)
{
	uint64_t number;
	struct octet_reader r = octet_reader(value);
	*c = (struct published_change){0};
	if (key.n != 8 || octet_get_u8(&r) != JOURNAL_VERSION) return false;
	memcpy(&number, key.p, 8);
	c->serial = serial_of(be64toh(number));
	uint8_t flags = octet_get_u8(&r);
	c->had = flags & 1;
	c->has = flags & 2;
	return read_row(octet_get(&r, ROW_SIZE), &c->before) && read_row(octet_get(&r, ROW_SIZE), &c->after) &&
	       !r.failed && (c->key = r.rest).n > 0;
}

enum error published_changes(struct db_txn *t, uint32_t since, published_take_change *take, void *arg)
{
	struct db_cursor *c;
	struct slice key, value;
	struct published_change change;
	uint64_t changes;
	enum error err = meta_get(t, changes_name, &changes);
	if (err) return err;
	if (since == 0) return ERR_NOT_FOUND;
	uint64_t behind = ((uint64_t)serial_of(changes) + SERIALS - since) % SERIALS;
	if (behind == 0) return ERR_OK;
	if (behind > changes || behind > PUBLISHED_JOURNAL) return ERR_NOT_FOUND;
	uint64_t first = htobe64(changes - behind + 1);
	if ((err = db_cursor_open(t, DB_list_journal, &c))) return err;
	err = db_cursor_seek(c, slice_of(&first, 8), &key, &value);
	bool whole = !err && slice_equal(key, slice_of(&first, 8));
	for (bool more = whole; more && !err; more = more && !(err = db_cursor_next(c, &key, &value))) {
		if (!read_change(key, value, &change))
			err = ERR_VERSION;
		else
			more = take(&change, arg);
	}
	db_cursor_close(c);
	return whole ? err == ERR_NOT_FOUND ? ERR_OK : err : ERR_NOT_FOUND;
}
