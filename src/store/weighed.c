/* SPDX-License-Identifier: Apache-2.0 */
#include "store/weighed.h"

#include "base/octets.h"
#include "store/publish.h"
#include "store/unit_key.h"

#define ROW_VERSION 1
#define ROW_MOST    (1 + 1 + 5 + 2 + 3 * 4 + 8 + 7 * 8 + 2 + WEIGHED_REASON_MOST)
#define DAY         86400LL

enum { FLAG_LISTED = 1, FLAG_ANY = 2 };

static const struct {
	const char *name, *sentence;
} outcomes[] = {
#define X(name, listed, sentence) {#name, sentence},
	WEIGHED_TABLE(X)
#undef X
};

const char *weighed_as_name(enum weighed_as a)
{
	return a < WEIGHED_AS_COUNT ? outcomes[a].name : "unknown";
}

const char *weighed_as_sentence(enum weighed_as a)
{
	return a < WEIGHED_AS_COUNT ? outcomes[a].sentence : "unknown";
}

/* ---- rows --------------------------------------------------------------------------------------------------------- */

static bool read_row(struct slice value, struct weighed *w)
{
	struct octet_reader r = octet_reader(value);
	if (octet_get_u8(&r) != ROW_VERSION) return false;
	uint8_t flags = octet_get_u8(&r);
	w->listed = flags & FLAG_LISTED;
	w->any = flags & FLAG_ANY;
	w->as = octet_get_u8(&r);
	w->grade = octet_get_u8(&r);
	w->classes = octet_get_u8(&r);
	w->seen = octet_get_u8(&r);
	w->strikes = octet_get_u8(&r);
	w->times = octet_get_u16(&r);
	w->events = octet_get_u32(&r);
	w->targets = octet_get_u32(&r);
	w->days = octet_get_u32(&r);
	w->exposure = octet_get_u64(&r);
	int64_t *const times[] = {&w->first_seen, &w->last_seen, &w->listed_at, &w->expires,
	                          &w->due,        &w->removed,   &w->off_at};
	for (size_t i = 0; i < sizeof times / sizeof *times; i++) *times[i] = (int64_t)octet_get_u64(&r);
	w->reason = octet_get_string(&r);
	return !r.failed;
}

static enum error put_row(struct db_txn *t, const struct unit_key *k, const struct weighed *w)
{
	char row[ROW_MOST];
	struct octet_writer o = octet_writer(row, sizeof row);
	octet_put_u8(&o, ROW_VERSION);
	octet_put_u8(&o, (uint8_t)((w->listed ? FLAG_LISTED : 0) | (w->any ? FLAG_ANY : 0)));
	octet_put_u8(&o, (uint8_t)w->as);
	octet_put_u8(&o, (uint8_t)w->grade);
	octet_put_u8(&o, w->classes);
	octet_put_u8(&o, w->seen);
	octet_put_u8(&o, w->strikes);
	octet_put_u16(&o, w->times);
	octet_put_u32(&o, w->events);
	octet_put_u32(&o, w->targets);
	octet_put_u32(&o, w->days);
	octet_put_u64(&o, w->exposure);
	const int64_t times[] = {w->first_seen, w->last_seen, w->listed_at, w->expires, w->due, w->removed, w->off_at};
	for (size_t i = 0; i < sizeof times / sizeof *times; i++) octet_put_u64(&o, (uint64_t)times[i]);
	octet_put_string(&o, slice_sub(w->reason, 0, WEIGHED_REASON_MOST));
	return db_put_ordered(t, DB_list_weighed, unit_key_slice(k), octet_written(&o));
}

enum error weighed_get(struct db_txn *t, const struct ip *ip, struct weighed *out)
{
	struct unit_key k = unit_key(ip);
	struct slice value;
	*out = (struct weighed){0};
	enum error err = db_get(t, DB_list_weighed, unit_key_slice(&k), &value);
	if (err) return err;
	return unit_of_key(unit_key_slice(&k), &out->unit) && read_row(value, out) ? ERR_OK : ERR_VERSION;
}

enum error weighed_put(struct db_txn *t, const struct weighed *w)
{
	struct unit_key k = unit_key(&w->unit.ip);
	struct weighed old;
	if (k.n == 0) return ERR_INVALID;
	enum error err = publish_upgrade(t);
	if (!err) err = weighed_get(t, &w->unit.ip, &old);
	if (err && err != ERR_NOT_FOUND) return err;
	int64_t due = old.due;
	err = put_row(t, &k, w);
	if (!err) err = due_move(t, DUE_WEIGHED, &k, due, w->due);
	return err ? err : publish_unit(t, &w->unit.ip);
}

enum error weighed_drop(struct db_txn *t, const struct ip *ip)
{
	struct unit_key k = unit_key(ip);
	struct weighed old;
	enum error err = weighed_get(t, ip, &old);
	if (err) return err;
	int64_t due = old.due;
	err = db_delete(t, DB_list_weighed, unit_key_slice(&k));
	if (!err) err = due_move(t, DUE_WEIGHED, &k, due, 0);
	return err ? err : publish_unit(t, ip);
}

enum error weighed_each(struct db_txn *t, const struct prefix *after, weighed_take *take, void *arg)
{
	struct unit_key from = unit_key(&after->ip);
	struct db_cursor *c;
	struct slice key, value;
	struct weighed w;
	enum error err = db_cursor_open(t, DB_list_weighed, &c);
	if (err) return err;
	err = db_cursor_seek(c, unit_key_slice(&from), &key, &value);
	if (!err && from.n && slice_equal(key, unit_key_slice(&from))) err = db_cursor_next(c, &key, &value);
	for (; !err; err = db_cursor_next(c, &key, &value))
		if (unit_of_key(key, &w.unit) && read_row(value, &w) && !take(&w, arg)) break;
	db_cursor_close(c);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* ---- off the list ------------------------------------------------------------------------------------------------- */

/* The row's reason is in the table: it is copied before the table is written. */
static enum error take_off(struct db_txn *t, struct weighed *w, enum weighed_as as, int64_t now)
{
	char reason[WEIGHED_REASON_MOST];
	w->reason = slice_sub(w->reason, 0, sizeof reason);
	memcpy(reason, w->reason.p, w->reason.n);
	w->reason.p = reason;
	w->listed = w->any = false;
	w->as = as;
	w->off_at = now;
	w->due = now + WEIGHED_MEMORY;
	return weighed_put(t, w);
}

struct removal {
	struct ip ip;
	int64_t now, again;
	bool force;
};

static int64_t wait_after(unsigned strikes)
{
	static const int64_t days[] = {0, 1, 7, 28};
	return days[strikes < 4 ? strikes : 3] * DAY;
}

static enum error remove_one(struct db_txn *t, void *arg)
{
	struct removal *r = arg;
	struct weighed w;
	enum error err = weighed_get(t, &r->ip, &w);
	if (err) return err;
	if (!w.listed) return ERR_NOT_FOUND;
	r->again = w.removed + wait_after(w.strikes);
	if (w.strikes && r->now < r->again && !r->force) return ERR_BUSY;
	if (w.strikes < UINT8_MAX) w.strikes++;
	w.removed = r->now;
	return take_off(t, &w, WEIGHED_removed, r->now);
}

enum error weighed_remove(struct db *state, const struct ip *ip, int64_t now, bool force, int64_t *again)
{
	struct removal r = {*ip, now, 0, force};
	enum error err = db_update(state, remove_one, &r);
	*again = r.again;
	return err;
}

/* ---- exemptions --------------------------------------------------------------------------------------------------- */

#define EXEMPT_VERSION 1
#define EXEMPT_KEY     18

/* Family, 16 octets of the address, length: in order of addresses. */
static struct slice exempt_key(const struct prefix *p, char out[EXEMPT_KEY])
{
	memset(out, 0, EXEMPT_KEY);
	out[0] = p->ip.family == AF_INET ? 4 : 6;
	memcpy(out + 1, p->ip.octets, 16);
	out[17] = (char)p->length;
	return slice_of(out, EXEMPT_KEY);
}

static struct prefix cut(const struct prefix *p, uint8_t length)
{
	struct prefix c = {p->ip, length};
	for (unsigned bit = length; bit < 128; bit++) c.ip.octets[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
	return c;
}

static struct prefix of_units(const struct prefix *p)
{
	return p->ip.family == AF_INET6 && p->length > 64 ? cut(p, 64) : *p;
}

static bool read_exemption(struct slice key, struct slice value, struct exemption *e)
{
	struct octet_reader r = octet_reader(value);
	if (key.n != EXEMPT_KEY || octet_get_u8(&r) != EXEMPT_VERSION) return false;
	e->prefix = (struct prefix){.ip.family = key.p[0] == 4 ? AF_INET : AF_INET6, .length = (uint8_t)key.p[17]};
	memcpy(e->prefix.ip.octets, key.p + 1, 16);
	e->created = (int64_t)octet_get_u64(&r);
	e->reason = octet_get_string(&r);
	return !r.failed;
}

struct found {
	struct prefix within, unit;
	bool any;
};

static bool take_listed(const struct weighed *w, void *arg)
{
	struct found *f = arg;
	if (!prefix_contains(&f->within, &w->unit.ip)) return false;
	f->unit = w->unit;
	f->any = w->listed;
	return !f->any;
}

/* All that the keeper lists within the prefix. Rows before it are skipped by beginning at the unit just before. */
static enum error take_off_within(struct db_txn *t, const struct prefix *p, int64_t now)
{
	struct found f = {.within = *p};
	struct weighed w;
	enum error err = weighed_get(t, &p->ip, &w);
	if (!err && w.listed) err = take_off(t, &w, WEIGHED_exempt, now);
	if (err && err != ERR_NOT_FOUND) return err;
	for (f.unit = *p;;) {
		f.any = false;
		if ((err = weighed_each(t, &f.unit, take_listed, &f)) || !f.any) return err;
		if ((err = weighed_get(t, &f.unit.ip, &w)) || (err = take_off(t, &w, WEIGHED_exempt, now))) return err;
	}
}

struct exempting {
	const struct exemption *e;
	int64_t now;
};

static enum error exempt(struct db_txn *t, void *arg)
{
	const struct exempting *x = arg;
	char key[EXEMPT_KEY], row[1 + 8 + 2 + WEIGHED_REASON_MOST];
	struct octet_writer w = octet_writer(row, sizeof row);
	struct prefix p = of_units(&x->e->prefix);
	if (p.ip.family != AF_INET && p.ip.family != AF_INET6) return ERR_INVALID;
	octet_put_u8(&w, EXEMPT_VERSION);
	octet_put_u64(&w, (uint64_t)x->e->created);
	octet_put_string(&w, slice_sub(x->e->reason, 0, WEIGHED_REASON_MOST));
	enum error err = db_put(t, DB_list_exempt, exempt_key(&p, key), octet_written(&w));
	return err ? err : take_off_within(t, &p, x->now);
}

enum error exemptions_add(struct db *state, const struct exemption *e, int64_t now)
{
	struct exempting x = {e, now};
	return db_update(state, exempt, &x);
}

static enum error unexempt(struct db_txn *t, void *arg)
{
	char key[EXEMPT_KEY];
	struct prefix p = of_units(arg);
	enum error err = db_delete(t, DB_list_exempt, exempt_key(&p, key));
	return err ? err : acts_queue_within(t, &p);
}

enum error exemptions_remove(struct db *state, const struct prefix *p)
{
	return db_update(state, unexempt, (void *)p);
}

bool exemptions_has(struct db_txn *t, const struct ip *ip, struct exemption *out)
{
	struct exemption e;
	struct prefix unit = ip_unit(ip);
	char key[EXEMPT_KEY];
	struct slice value;
	if (db_count(t, DB_list_exempt) == 0) return false;
	for (int length = unit.length; length >= 0; length--) {
		struct prefix p = cut(&unit, (uint8_t)length);
		struct slice k = exempt_key(&p, key);
		if (db_get(t, DB_list_exempt, k, &value) || !read_exemption(k, value, &e)) continue;
		if (out) *out = e;
		return true;
	}
	return false;
}

enum error exemptions_each(struct db_txn *t, bool (*take)(const struct exemption *, void *arg), void *arg)
{
	struct db_cursor *c;
	struct slice key, value;
	struct exemption e;
	enum error err = db_cursor_open(t, DB_list_exempt, &c);
	if (err) return err;
	for (err = db_cursor_seek(c, SLICE_EMPTY, &key, &value); !err; err = db_cursor_next(c, &key, &value))
		if (read_exemption(key, value, &e) && !take(&e, arg)) break;
	db_cursor_close(c);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}
