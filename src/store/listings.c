/* SPDX-License-Identifier: Apache-2.0 */
#include "store/listings.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/octets.h"
#include "store/publish.h"
#include "store/unit_key.h"
#include "store/weighed.h"

#define ROW_VERSION 1
#define ROW_MOST    (1 + 4 + 8 + 8 + 2 + 255)
#define BATCH       64

static bool read_row(struct slice value, struct listing *out)
{
	struct octet_reader r = octet_reader(value);
	if (octet_get_u8(&r) != ROW_VERSION) return false;
	out->flags = octet_get_u32(&r);
	out->created = (int64_t)octet_get_u64(&r);
	out->expires = (int64_t)octet_get_u64(&r);
	out->reason = octet_get_string(&r);
	return !r.failed;
}

enum error listings_get(struct db_txn *t, const struct ip *ip, struct listing *out)
{
	struct unit_key k = unit_key(ip);
	struct slice value;
	enum error err = db_get(t, DB_listings, unit_key_slice(&k), &value);
	if (err) return err;
	return unit_of_key(unit_key_slice(&k), &out->unit) && read_row(value, out) ? ERR_OK : ERR_VERSION;
}

/* ---- changes ------------------------------------------------------------------------------------------------------ */

static enum error put(struct db_txn *t, const struct listing *l)
{
	struct unit_key k = unit_key(&l->unit.ip);
	struct listing old = {0};
	char row[ROW_MOST];
	struct octet_writer w = octet_writer(row, sizeof row);
	if (k.n == 0) return ERR_INVALID;
	enum error err = listings_get(t, &l->unit.ip, &old);
	if (err && err != ERR_NOT_FOUND) return err;
	int64_t before = old.expires;
	octet_put_u8(&w, ROW_VERSION);
	octet_put_u32(&w, l->flags);
	octet_put_u64(&w, (uint64_t)l->created);
	octet_put_u64(&w, (uint64_t)l->expires);
	octet_put_string(&w, slice_sub(l->reason, 0, 255));
	err = db_put_ordered(t, DB_listings, unit_key_slice(&k), octet_written(&w));
	return err ? err : due_move(t, DUE_MANUAL, &k, before, l->expires);
}

struct addition {
	const struct listing *listings;
	size_t n;
	struct publish_change *changes;
};

static enum error put_all(struct db_txn *t, void *arg)
{
	const struct addition *a = arg;
	enum error err = publish_upgrade(t);
	for (size_t i = 0; i < a->n && !err; i++) err = put(t, &a->listings[i]);
	for (size_t i = 0; i < a->n && !err; i++) err = publish_unit_set(t, &a->listings[i].unit.ip, &a->changes[i]);
	for (size_t i = 0; i < a->n && !err; i++) err = publish_note(t, &a->changes[i]);
	return err;
}

enum error listings_add_many(struct db *state, const struct listing *l, size_t n)
{
	struct addition a = {l, n, calloc(n + 1, sizeof *a.changes)};
	enum error err = !a.changes ? ERR_NO_MEMORY : n ? db_update(state, put_all, &a) : ERR_OK;
	free(a.changes);
	return err;
}

enum error listings_add(struct db *state, const struct listing *l)
{
	return listings_add_many(state, l, 1);
}

static enum error drop(struct db_txn *t, const struct listing *l)
{
	struct unit_key k = unit_key(&l->unit.ip);
	int64_t expires = l->expires;
	enum error err = db_delete(t, DB_listings, unit_key_slice(&k));
	if (!err) err = due_move(t, DUE_MANUAL, &k, expires, 0);
	return err ? err : publish_unit(t, &l->unit.ip);
}

static enum error drop_one(struct db_txn *t, void *arg)
{
	struct listing l;
	if (unit_key(arg).n == 0) return ERR_INVALID;
	enum error err = publish_upgrade(t);
	if (!err) err = listings_get(t, arg, &l);
	return err ? err : drop(t, &l);
}

enum error listings_remove(struct db *state, const struct ip *ip)
{
	return db_update(state, drop_one, (void *)ip);
}

enum error listings_expire(struct db_txn *t, const struct ip *ip, int64_t now)
{
	struct listing l;
	enum error err = listings_get(t, ip, &l);
	if (err) return err == ERR_NOT_FOUND ? ERR_OK : err;
	return l.expires && l.expires <= now ? drop(t, &l) : ERR_OK;
}

static enum error upgrade(struct db_txn *t, void *arg)
{
	return publish_upgrade(t);
}

enum error listings_upgrade(struct db *state)
{
	return db_update(state, upgrade, NULL);
}

/* ---- reading ------------------------------------------------------------------------------------------------------ */

static bool by_keeper(struct db_txn *t, const struct ip *ip, int64_t now, struct listing *out)
{
	struct weighed w;
	if (weighed_get(t, ip, &w) || !w.listed || (w.expires && w.expires <= now)) return false;
	*out = (struct listing){.unit = w.unit,
	                        .flags = LISTING_WEIGHED,
	                        .created = w.listed_at,
	                        .expires = w.expires,
	                        .reason = w.reason};
	return true;
}

bool listings_lookup(struct db *state, const struct ip *ip, int64_t now, struct listing *out, char reason[256])
{
	struct db_txn *t;
	if (db_begin_read(state, &t)) return false;
	bool listed = listings_get(t, ip, out) == ERR_OK && (out->expires == 0 || out->expires > now);
	if (!listed) listed = by_keeper(t, ip, now, out);
	if (listed) {
		snprintf(reason, 256, "%.*s", SLICE_ARG(out->reason));
		out->reason = slice_str(reason);
	}
	db_end_read(t);
	return listed;
}

enum error listings_each_in(struct db_txn *t, bool (*each)(const struct listing *, void *arg), void *arg)
{
	struct db_cursor *c;
	struct slice key, value;
	struct listing l;
	enum error err = db_cursor_open(t, DB_listings, &c);
	if (err) return err;
	for (err = db_cursor_seek(c, SLICE_EMPTY, &key, &value); !err; err = db_cursor_next(c, &key, &value))
		if (unit_of_key(key, &l.unit) && read_row(value, &l) && !each(&l, arg)) break;
	db_cursor_close(c);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* Copies of a stretch of the table: the caller may take its time with them while no transaction is open. */
struct batch {
	struct listing rows[BATCH];
	char reasons[BATCH][256];
	size_t count;
	struct unit_key next;
	bool more;
};

static void copy_row(struct batch *b, struct slice key, struct slice value)
{
	struct listing *l = &b->rows[b->count];
	if (!unit_of_key(key, &l->unit) || !read_row(value, l)) return;
	snprintf(b->reasons[b->count], 256, "%.*s", SLICE_ARG(l->reason));
	l->reason = slice_str(b->reasons[b->count]);
	b->count++;
}

static enum error fill_from(struct batch *b, struct db_cursor *c)
{
	struct slice key, value;
	enum error err = db_cursor_seek(c, unit_key_slice(&b->next), &key, &value);
	b->count = 0;
	b->more = false;
	for (; !err; err = db_cursor_next(c, &key, &value)) {
		if (b->count == BATCH) {
			if (key.n > sizeof b->next.octets) return ERR_CORRUPT;
			memcpy(b->next.octets, key.p, key.n);
			b->next.n = key.n;
			b->more = true;
			return ERR_OK;
		}
		copy_row(b, key, value);
	}
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static enum error fill(struct batch *b, struct db *state)
{
	struct db_txn *t;
	struct db_cursor *c;
	enum error err = db_begin_read(state, &t);
	if (err) return err;
	err = db_cursor_open(t, DB_listings, &c);
	if (!err) err = fill_from(b, c);
	db_cursor_close(c);
	db_end_read(t);
	return err;
}

enum error listings_each(struct db *state, bool (*each)(const struct listing *, void *arg), void *arg)
{
	struct batch b = {.more = true};
	enum error err = ERR_OK;
	bool go_on = true;
	while (go_on && b.more && !(err = fill(&b, state)))
		for (size_t i = 0; go_on && i < b.count; i++) go_on = each(&b.rows[i], arg);
	return err;
}
