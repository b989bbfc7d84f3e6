/* SPDX-License-Identifier: Apache-2.0 */
#include "list/round.h"

#include "store/acts.h"
#include "store/due.h"
#include "store/listings.h"
#include "store/unit_key.h"

static void note(struct round *r, enum round_change_kind kind, const struct weighed *row)
{
	struct round_change *c = &r->changes[r->changed++];
	c->kind = kind;
	c->row = *row;
	weigh_reason(row, c->reason);
	c->row.reason = slice_str(c->reason);
}

static void compare(struct round *r, const struct weighed *before, const struct weighed *after)
{
	if (after->listed != before->listed)
		note(r, after->listed ? ROUND_listed : ROUND_delisted, after);
	else if (after->listed &&
	         (after->classes != before->classes || after->grade != before->grade || after->any != before->any))
		note(r, ROUND_changed, after);
}

static bool is_forgotten(const struct weighed *w, int64_t now)
{
	return !w->listed && w->due <= now;
}

static enum error weigh_one(struct db_txn *t, struct round *r, const struct prefix *unit, bool afresh, bool dry)
{
	struct weighed before, after;
	char reason[WEIGHED_REASON_MOST + 1];
	bool known;
	enum error err = assess(t, unit, r->rules, afresh, r->now, r->skew, &after, &known);
	if (err) return err;
	r->taken++;
	if (!known && !after.listed) return ERR_OK;
	err = weighed_get(t, &unit->ip, &before);
	if (err && err != ERR_NOT_FOUND) return err;
	compare(r, &before, &after);
	if (dry) return ERR_OK;
	if (is_forgotten(&after, r->now)) return weighed_drop(t, &unit->ip);
	after.reason = slice_str(weigh_reason(&after, reason));
	return weighed_put(t, &after);
}

/* ---- what is new or due ------------------------------------------------------------------------------------------- */

static enum error work_new(struct db_txn *t, struct round *r)
{
	struct prefix units[ROUND_UNITS];
	size_t n;
	enum error err = acts_take_new(t, units, ROUND_UNITS, &n);
	for (size_t i = 0; i < n && !err; i++) err = weigh_one(t, r, &units[i], false, false);
	return err;
}

static enum error work_due(struct db_txn *t, struct round *r)
{
	struct due due[ROUND_UNITS];
	size_t n;
	enum error err = due_take(t, r->now, due, ROUND_UNITS, &n);
	for (size_t i = 0; i < n && !err; i++) {
		if (due[i].manual) {
			err = listings_expire(t, &due[i].unit.ip, r->now);
			r->expired++;
			r->taken++;
		} else {
			err = weigh_one(t, r, &due[i].unit, false, false);
		}
	}
	return err;
}

/* May be run again by db_update(): counts begin anew. */
static enum error work(struct db_txn *t, void *arg)
{
	struct round *r = arg;
	r->taken = r->expired = r->changed = 0;
	enum error err = work_new(t, r);
	return err ? err : work_due(t, r);
}

static bool is_idle(struct db *state, int64_t now)
{
	struct db_txn *t;
	struct due due;
	if (db_begin_read(state, &t)) return false; /* the write says what is wrong */
	bool idle = db_count(t, DB_acts_new) == 0 && (due_first(t, &due) || due.when > now);
	db_end_read(t);
	return idle;
}

enum error round_work(struct round *r)
{
	r->taken = r->expired = r->changed = 0;
	return is_idle(r->state, r->now) ? ERR_OK : db_update(r->state, work, r);
}

int64_t round_next(struct db *state)
{
	struct db_txn *t;
	struct due due = {0};
	if (db_begin_read(state, &t)) return 0;
	if (due_first(t, &due)) due.when = 0;
	db_end_read(t);
	return due.when;
}

/* ---- all ---------------------------------------------------------------------------------------------------------- */

struct next {
	struct prefix unit;
	bool found;
};

static bool take_act(const struct act *a, void *arg)
{
	*(struct next *)arg = (struct next){a->unit, true};
	return false;
}

static bool take_weighed(const struct weighed *w, void *arg)
{
	*(struct next *)arg = (struct next){w->unit, true};
	return false;
}

/* The next unit of either table. */
static enum error next_unit(struct db_txn *t, const struct prefix *after, struct next *out)
{
	struct next weighed = {0};
	*out = (struct next){0};
	enum error err = acts_each_after(t, after, take_act, out);
	if (!err) err = weighed_each(t, after, take_weighed, &weighed);
	if (err || !weighed.found) return err;
	struct unit_key a = unit_key(&out->unit.ip), b = unit_key(&weighed.unit.ip);
	if (!out->found || slice_compare(unit_key_slice(&b), unit_key_slice(&a)) < 0) *out = weighed;
	return ERR_OK;
}

struct stretch {
	struct round *round;
	struct prefix *at, from;
	bool afresh, dry;
};

static enum error weigh_stretch(struct db_txn *t, void *arg)
{
	struct stretch *s = arg;
	struct round *r = s->round;
	struct next next;
	r->taken = r->expired = r->changed = 0;
	*s->at = s->from;
	for (size_t i = 0; i < ROUND_UNITS; i++) {
		enum error err = next_unit(t, s->at, &next);
		if (err) return err;
		*s->at = next.unit; /* family 0 at the end */
		if (!next.found) return ERR_OK;
		if ((err = weigh_one(t, r, &next.unit, s->afresh, s->dry))) return err;
	}
	return ERR_OK;
}

enum error round_all(struct round *r, struct prefix *at, bool afresh, bool dry)
{
	struct stretch s = {r, at, *at, afresh, dry};
	struct db_txn *t;
	if (!dry) return db_update(r->state, weigh_stretch, &s);
	enum error err = db_begin_read(r->state, &t);
	if (err) return err;
	err = weigh_stretch(t, &s);
	db_end_read(t);
	return err;
}
