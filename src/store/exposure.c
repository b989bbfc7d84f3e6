/* SPDX-License-Identifier: Apache-2.0 */
#include "store/exposure.h"

#include "base/octets.h"
#include "store/acts.h"
#include "store/published.h"
#include "store/unit_key.h"

#define ROW_VERSION 1
#define ROW_SIZE    (1 + 8 + 8 + 4 * EXPOSURE_WEEKS)
#define WEEK        (7 * 86400)

static enum error read_row(struct slice value, struct exposure *out)
{
	struct octet_reader r = octet_reader(value);
	uint8_t version = octet_get_u8(&r);
	out->first = (int64_t)octet_get_u64(&r);
	out->last = (int64_t)octet_get_u64(&r);
	for (int i = 0; i < EXPOSURE_WEEKS; i++) out->week[i] = octet_get_u32(&r);
	return version > ROW_VERSION ? ERR_VERSION : r.failed ? ERR_CORRUPT : ERR_OK;
}

static enum error put_row(struct db_txn *t, const struct unit_key *k, const struct exposure *e)
{
	char row[ROW_SIZE];
	struct octet_writer w = octet_writer(row, sizeof row);
	octet_put_u8(&w, ROW_VERSION);
	octet_put_u64(&w, (uint64_t)e->first);
	octet_put_u64(&w, (uint64_t)e->last);
	for (int i = 0; i < EXPOSURE_WEEKS; i++) octet_put_u32(&w, e->week[i]);
	return db_put(t, DB_exposure, unit_key_slice(k), octet_written(&w));
}

enum error exposure_get(struct db_txn *t, const struct prefix *unit, struct exposure *out)
{
	struct unit_key k = unit_key(&unit->ip);
	struct slice value;
	*out = (struct exposure){0};
	enum error err = db_get(t, DB_exposure, unit_key_slice(&k), &value);
	if (err) return err == ERR_NOT_FOUND ? ERR_OK : err;
	err = read_row(value, out);
	if (err) *out = (struct exposure){0};
	return err;
}

/* The weeks between the newest message and now were silent: their places still hold what is EXPOSURE_WEEKS older. */
static void move_to(struct exposure *e, int64_t now)
{
	int64_t from = e->last / WEEK, to = now / WEEK;
	if (to - from >= EXPOSURE_WEEKS) from = to - EXPOSURE_WEEKS;
	for (int64_t week = from + 1; week <= to; week++) e->week[week % EXPOSURE_WEEKS] = 0;
}

static bool enough(const struct act *a, void *arg)
{
	(void)a;
	*(bool *)arg = true;
	return false;
}

static bool is_accused(struct db_txn *t, const struct prefix *unit)
{
	bool has = false;
	return acts_each_of(t, unit, enough, &has) == ERR_OK && has;
}

static enum error add_one(struct db_txn *t, const struct exposure_count *c, int64_t now)
{
	struct unit_key k = unit_key(&c->unit.ip);
	struct exposure e;
	struct published p;
	if (k.n == 0) return ERR_INVALID;
	enum error err = exposure_get(t, &c->unit, &e);
	if (err) return err;
	if (c->messages == 0 && e.first == 0 && !is_accused(t, &c->unit)) return ERR_OK;
	if (e.last && now < e.last) now = e.last; /* the clock was set back */
	move_to(&e, now);
	uint32_t *week = &e.week[now / WEEK % EXPOSURE_WEEKS];
	*week = c->messages > UINT32_MAX - *week ? UINT32_MAX : *week + c->messages;
	if (e.first == 0) e.first = now;
	e.last = now;
	err = put_row(t, &k, &e);
	bool any = published_get(t, slice_of(k.octets + 1, k.n - 1), now, &p) && p.flags & PUBLISHED_ANY;
	return err || !any ? err : acts_queue(t, &c->unit);
}

struct addition {
	const struct exposure_count *counts;
	size_t n;
	int64_t now;
};

static enum error add_all(struct db_txn *t, void *arg)
{
	const struct addition *a = arg;
	enum error err = ERR_OK;
	for (size_t i = 0; i < a->n && !err; i++) err = add_one(t, &a->counts[i], a->now);
	return err;
}

enum error exposure_add(struct db *state, const struct exposure_count *counts, size_t n, int64_t now)
{
	struct addition a = {counts, n, now};
	return n ? db_update(state, add_all, &a) : ERR_OK;
}

uint64_t exposure_recent(const struct exposure *e, int64_t now)
{
	int64_t last = e->last / WEEK, oldest = now / WEEK - EXPOSURE_WEEKS + 1;
	uint64_t sum = 0;
	if (e->last == 0) return 0;
	for (int64_t week = last; week > last - EXPOSURE_WEEKS && week >= oldest && week >= 0; week--)
		sum += e->week[week % EXPOSURE_WEEKS];
	return sum;
}

static enum error drop_some(struct db_cursor *c, struct unit_key *from, int64_t than, size_t most, struct prefix *at,
                            size_t *dropped)
{
	struct slice key, value;
	enum error err = db_cursor_seek(c, unit_key_slice(from), &key, &value);
	/* The row at *at was seen in the call before. */
	if (!err && from->n && slice_equal(key, unit_key_slice(from))) err = db_cursor_next(c, &key, &value);
	for (size_t looked = 0; !err && looked < most; looked++) {
		struct exposure e = {0};
		if (!unit_of_key(key, at)) return ERR_CORRUPT;
		bool old = read_row(value, &e) == ERR_OK && e.last < than;
		if (old) {
			struct unit_key k = unit_key(&at->ip);
			if ((err = db_cursor_delete(c))) break;
			++*dropped;
			err = db_cursor_seek(c, unit_key_slice(&k), &key, &value);
		} else {
			err = db_cursor_next(c, &key, &value);
		}
	}
	if (err == ERR_NOT_FOUND) *at = (struct prefix){0};
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

enum error exposure_drop_older(struct db_txn *t, int64_t than, size_t most, struct prefix *at, size_t *dropped)
{
	struct unit_key from = unit_key(&at->ip);
	struct db_cursor *c;
	*dropped = 0;
	enum error err = db_cursor_open(t, DB_exposure, &c);
	if (!err) err = drop_some(c, &from, than, most, at, dropped);
	db_cursor_close(c);
	return err;
}
