/* SPDX-License-Identifier: Apache-2.0 */
#include "store/publish.h"

#include "base/octets.h"
#include "store/due.h"
#include "store/listings.h"
#include "store/meta.h"
#include "store/weighed.h"

#define DAY         86400LL
#define DUE_VERSION 1
#define FORMAT      1 /* of the tables together: 0 is an older release's, which had only listings */

static const struct slice format_name = SLICE("list_format");

/* ---- the row of a unit -------------------------------------------------------------------------------------------- */

static uint32_t later(uint32_t a, int64_t b)
{
	if (a == 0 || b == 0) return 0; /* never */
	return b > UINT32_MAX ? UINT32_MAX : b > a ? (uint32_t)b : a;
}

enum error publish_unit_set(struct db_txn *t, const struct ip *ip, struct publish_change *out)
{
	struct published p = {.expires = 1};
	struct listing manual;
	struct weighed weighed;
	enum error err = listings_get(t, ip, &manual);
	bool by_hand = !err;
	if (err && err != ERR_NOT_FOUND) return err;
	err = weighed_get(t, ip, &weighed);
	if (err && err != ERR_NOT_FOUND) return err;
	bool by_keeper = !err && weighed.listed;
	if (!by_hand && !by_keeper) return publish_set(t, ip, NULL, out);
	if (by_keeper) {
		p.classes = weighed.classes;
		p.grade = (uint8_t)weighed.grade;
		p.flags = weighed.any ? PUBLISHED_ANY : 0;
		/* Up to the day's end: a listing that each act makes a little longer changes once a day, for secondaries
		 * and the journal. The keeper takes it away on time. */
		p.expires = later(p.expires, (weighed.expires + DAY - 1) / DAY * DAY);
	}
	if (by_hand) {
		p.flags |= PUBLISHED_MANUAL;
		p.expires = later(p.expires, manual.expires);
	}
	return publish_set(t, ip, &p, out);
}

enum error publish_unit(struct db_txn *t, const struct ip *ip)
{
	struct publish_change c;
	enum error err = publish_unit_set(t, ip, &c);
	return err ? err : publish_note(t, &c);
}

/* ---- what an older release left ----------------------------------------------------------------------------------- */

struct upgrade {
	struct db_txn *txn;
	enum error err;
};

static bool publish_old(const struct listing *l, void *arg)
{
	struct upgrade *u = arg;
	struct unit_key k = unit_key(&l->unit.ip);
	u->err = publish_unit(u->txn, &l->unit.ip);
	if (!u->err) u->err = due_move(u->txn, DUE_MANUAL, &k, 0, l->expires);
	return !u->err;
}

enum error publish_upgrade(struct db_txn *t)
{
	uint64_t format;
	struct upgrade u = {.txn = t};
	enum error err = meta_get(t, format_name, &format);
	if (err) return err;
	if (format > FORMAT) return ERR_VERSION;
	if (format == FORMAT) return ERR_OK;
	err = listings_each_in(t, publish_old, &u);
	if (!err) err = u.err;
	return err ? err : meta_put(t, format_name, FORMAT);
}

/* ---- due times ---------------------------------------------------------------------------------------------------- */

static struct slice due_key(int64_t when, enum due_kind kind, const struct unit_key *unit, char out[9 + UNIT_KEY_MOST])
{
	uint64_t at = htobe64((uint64_t)when);
	memcpy(out, &at, 8);
	out[8] = (char)kind;
	memcpy(out + 9, unit->octets, unit->n);
	return slice_of(out, 9 + unit->n);
}

enum error due_move(struct db_txn *t, enum due_kind kind, const struct unit_key *unit, int64_t from, int64_t to)
{
	static const char version = DUE_VERSION;
	char room[9 + UNIT_KEY_MOST];
	enum error err = ERR_OK;
	if (from == to) return ERR_OK;
	if (from) err = db_delete(t, DB_list_due, due_key(from, kind, unit, room));
	if (err && err != ERR_NOT_FOUND) return err;
	return to ? db_put(t, DB_list_due, due_key(to, kind, unit, room), slice_of(&version, 1)) : ERR_OK;
}

static bool read_due(struct slice key, struct due *out)
{
	uint64_t at;
	if (key.n < 9 || !unit_of_key(slice_of(key.p + 9, key.n - 9), &out->unit)) return false;
	memcpy(&at, key.p, 8);
	out->when = (int64_t)be64toh(at);
	out->manual = key.p[8] == DUE_MANUAL;
	return true;
}

enum error due_first(struct db_txn *t, struct due *out)
{
	struct db_cursor *c;
	struct slice key, value;
	enum error err = db_cursor_open(t, DB_list_due, &c);
	if (!err) err = db_cursor_seek(c, SLICE_EMPTY, &key, &value);
	if (!err && !read_due(key, out)) err = ERR_CORRUPT;
	db_cursor_close(c);
	return err;
}

enum error due_take(struct db_txn *t, int64_t now, struct due *out, size_t n, size_t *taken)
{
	enum error err = ERR_OK;
	for (*taken = 0; *taken < n && !(err = due_first(t, &out[*taken])) && out[*taken].when <= now; ++*taken) {
		struct unit_key k = unit_key(&out[*taken].unit.ip);
		err = due_move(t, out[*taken].manual ? DUE_MANUAL : DUE_WEIGHED, &k, out[*taken].when, 0);
		if (err) return err;
	}
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}
