/* SPDX-License-Identifier: Apache-2.0 */
#include "store/listings.h"

#include <stdio.h>

#include "store/octets.h"

#define ROW_VERSION 1
#define ROW_MOST    (1 + 4 + 8 + 8 + 2 + 255)
#define BATCH       64

struct listing_key {
	char octets[9];
	size_t n; /* 5 or 9; 0: no address */
};

static struct listing_key key_of(const struct ip *ip)
{
	struct listing_key k = {.n = 0};
	if (ip->family == AF_INET) {
		k.octets[0] = 4;
		k.n = 5;
	} else if (ip->family == AF_INET6) {
		k.octets[0] = 6;
		k.n = 9;
	}
	if (k.n) memcpy(k.octets + 1, ip->octets, k.n - 1);
	return k;
}

static struct slice key_slice(const struct listing_key *k)
{
	return slice_of(k->octets, k->n);
}

static bool read_key(struct slice key, struct prefix *out)
{
	*out = (struct prefix){0};
	if (key.n == 5 && key.p[0] == 4) {
		out->ip.family = AF_INET;
		out->length = 32;
	} else if (key.n == 9 && key.p[0] == 6) {
		out->ip.family = AF_INET6;
		out->length = 64;
	} else {
		return false;
	}
	memcpy(out->ip.octets, key.p + 1, key.n - 1);
	return true;
}

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

static enum error add(struct db_txn *t, void *arg)
{
	const struct listing *l = arg;
	struct listing_key k = key_of(&l->unit.ip);
	char row[ROW_MOST];
	struct octet_writer w = octet_writer(row, sizeof row);
	if (k.n == 0) return ERR_INVALID;
	octet_put_u8(&w, ROW_VERSION);
	octet_put_u32(&w, l->flags);
	octet_put_u64(&w, (uint64_t)l->created);
	octet_put_u64(&w, (uint64_t)l->expires);
	octet_put_string(&w, slice_sub(l->reason, 0, 255));
	return db_put(t, DB_listings, key_slice(&k), octet_written(&w));
}

enum error listings_add(struct db *state, const struct listing *l)
{
	return db_update(state, add, (void *)l);
}

static enum error drop(struct db_txn *t, void *arg)
{
	struct listing_key k = key_of(arg);
	return k.n ? db_delete(t, DB_listings, key_slice(&k)) : ERR_INVALID;
}

enum error listings_remove(struct db *state, const struct ip *ip)
{
	return db_update(state, drop, (void *)ip);
}

bool listings_lookup(struct db *state, const struct ip *ip, int64_t now, struct listing *out, char reason[256])
{
	struct listing_key k = key_of(ip);
	struct db_txn *t;
	struct slice value;
	if (k.n == 0 || db_begin_read(state, &t)) return false;
	bool listed = db_get(t, DB_listings, key_slice(&k), &value) == ERR_OK && read_key(key_slice(&k), &out->unit) &&
	              read_row(value, out) && (out->expires == 0 || out->expires > now);
	if (listed) {
		snprintf(reason, 256, "%.*s", SLICE_ARG(out->reason));
		out->reason = slice_str(reason);
	}
	db_end_read(t);
	return listed;
}

/* Copies of a stretch of the table: the caller may take its time with them while no transaction is open. */
struct batch {
	struct listing rows[BATCH];
	char reasons[BATCH][256];
	size_t count;
	struct listing_key next;
	bool more;
};

static void copy_row(struct batch *b, struct slice key, struct slice value)
{
	struct listing *l = &b->rows[b->count];
	if (!read_key(key, &l->unit) || !read_row(value, l)) return;
	snprintf(b->reasons[b->count], 256, "%.*s", SLICE_ARG(l->reason));
	l->reason = slice_str(b->reasons[b->count]);
	b->count++;
}

static enum error fill_from(struct batch *b, struct db_cursor *c)
{
	struct slice key, value;
	enum error err = db_cursor_seek(c, key_slice(&b->next), &key, &value);
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
