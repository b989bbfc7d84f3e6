/* SPDX-License-Identifier: Apache-2.0 */
#include "store/acts.h"

#include <sys/random.h>

#include "base/octets.h"
#include "store/meta.h"
#include "store/unit_key.h"

#define ROW_VERSION 1
#define ROW_MOST    (1 + 1 + 1 + 1 + 8 + 8 + 4 + 8 + 2 + ACT_REPORTER_MOST + 2 + ACT_SPECIMEN_MOST)
#define KEY_MOST    (UNIT_KEY_MOST + 8)
#define DAY         86400
#define QUEUE_LOOK  4096 /* rows looked at in one call of acts_take_new */

/* ---- names -------------------------------------------------------------------------------------------------------- */

const char *act_class_name(enum act_class c)
{
	static const char *const names[] = {
#define X(name, code, word) #name,
		ACT_CLASS_TABLE(X)
#undef X
	};
	return c < ACT_CLASS_COUNT ? names[c] : "unknown";
}

const char *act_class_word(enum act_class c)
{
	static const char *const words[] = {
#define X(name, code, word) word,
		ACT_CLASS_TABLE(X)
#undef X
	};
	return c < ACT_CLASS_COUNT ? words[c] : "unknown";
}

unsigned act_class_code(enum act_class c)
{
	static const uint8_t codes[] = {
#define X(name, code, word) code,
		ACT_CLASS_TABLE(X)
#undef X
	};
	return c < ACT_CLASS_COUNT ? codes[c] : 0;
}

bool act_class_parse(struct slice name, enum act_class *out)
{
	for (enum act_class c = 0; c < ACT_CLASS_COUNT; c++) {
		if (!slice_equal(name, slice_str(act_class_name(c)))) continue;
		*out = c;
		return true;
	}
	return false;
}

static const struct {
	const char *name, *sentence;
	uint8_t strength;
} witnesses[] = {
#define X(name, strength, sentence) {#name, sentence, strength},
	WITNESSED_TABLE(X)
#undef X
};

const char *witnessed_name(enum witnessed w)
{
	return w < WITNESSED_COUNT ? witnesses[w].name : "unknown";
}

const char *witnessed_sentence(enum witnessed w)
{
	return w < WITNESSED_COUNT ? witnesses[w].sentence : "unknown";
}

unsigned witnessed_strength(enum witnessed w)
{
	return w < WITNESSED_COUNT ? witnesses[w].strength : 0;
}

bool witnessed_parse(struct slice name, enum witnessed *out)
{
	for (enum witnessed w = 0; w < WITNESSED_COUNT; w++) {
		if (!slice_equal(name, slice_str(witnesses[w].name))) continue;
		*out = w;
		return true;
	}
	return false;
}

/* ---- targets ------------------------------------------------------------------------------------------------------ */

static const struct slice key_names[2] = {SLICE("target_key_0"), SLICE("target_key_1")};

static enum error read_target_key(struct db_txn *t, uint64_t key[2])
{
	enum error err = meta_get(t, key_names[0], &key[0]);
	return err ? err : meta_get(t, key_names[1], &key[1]);
}

static enum error make_target_key(struct db_txn *t, void *arg)
{
	uint64_t *key = arg, fresh[2];
	enum error err = read_target_key(t, key);
	if (err || key[0] || key[1]) return err; /* another process was faster */
	if (getrandom(fresh, sizeof fresh, 0) != (ssize_t)sizeof fresh) return ERR_SYSTEM;
	memcpy(key, fresh, sizeof fresh);
	err = meta_put(t, key_names[0], key[0]);
	return err ? err : meta_put(t, key_names[1], key[1]);
}

enum error act_target(struct db *state, struct slice address, uint64_t *out)
{
	struct db_txn *t;
	uint64_t key[2] = {0};
	*out = 0;
	enum error err = db_begin_read(state, &t);
	if (err) return err;
	err = read_target_key(t, key);
	db_end_read(t);
	if (!err && !key[0] && !key[1]) err = db_update(state, make_target_key, key);
	if (!err) *out = slice_hash_keyed(address, key, true);
	return err;
}

/* ---- rows --------------------------------------------------------------------------------------------------------- */

struct row_key {
	char octets[KEY_MOST];
	size_t n;
};

static struct row_key row_key(const struct unit_key *unit, uint64_t id)
{
	struct row_key k = {.n = unit->n + 8};
	memcpy(k.octets, unit->octets, unit->n);
	id = htobe64(id);
	memcpy(k.octets + unit->n, &id, 8);
	return k;
}

static struct slice row_key_slice(const struct row_key *k)
{
	return slice_of(k->octets, k->n);
}

static bool read_key(struct slice key, struct act *a)
{
	if (key.n < 8 || !unit_of_key(slice_of(key.p, key.n - 8), &a->unit)) return false;
	struct octet_reader r = octet_reader(slice_of(key.p + key.n - 8, 8));
	a->id = octet_get_u64(&r);
	return true;
}

static bool read_row(struct slice key, struct slice value, struct act *a)
{
	struct octet_reader r = octet_reader(value);
	*a = (struct act){0};
	if (!read_key(key, a) || octet_get_u8(&r) != ROW_VERSION) return false;
	a->class = octet_get_u8(&r);
	a->witness = octet_get_u8(&r);
	a->strength = octet_get_u8(&r);
	a->time = (int64_t)octet_get_u64(&r);
	a->last = (int64_t)octet_get_u64(&r);
	a->count = octet_get_u32(&r);
	a->target = octet_get_u64(&r);
	a->reporter = octet_get_string(&r);
	a->specimen = octet_get_string(&r);
	return !r.failed && a->class < ACT_CLASS_COUNT && a->witness < WITNESSED_COUNT;
}

static enum error put_row(struct db_txn *t, const struct unit_key *unit, const struct act *a)
{
	char row[ROW_MOST];
	struct octet_writer w = octet_writer(row, sizeof row);
	struct row_key k = row_key(unit, a->id);
	octet_put_u8(&w, ROW_VERSION);
	octet_put_u8(&w, (uint8_t)a->class);
	octet_put_u8(&w, (uint8_t)a->witness);
	octet_put_u8(&w, a->strength);
	octet_put_u64(&w, (uint64_t)a->time);
	octet_put_u64(&w, (uint64_t)a->last);
	octet_put_u32(&w, a->count);
	octet_put_u64(&w, a->target);
	octet_put_string(&w, slice_sub(a->reporter, 0, ACT_REPORTER_MOST));
	octet_put_string(&w, slice_sub(a->specimen, 0, ACT_SPECIMEN_MOST));
	return db_put(t, DB_acts, row_key_slice(&k), octet_written(&w));
}

/* ---- days: which units have acts of a day, so that old ones are found without a search ------------------------------ */

static size_t day_key(int64_t day, const struct unit_key *unit, char out[4 + UNIT_KEY_MOST])
{
	uint32_t d = htobe32((uint32_t)day);
	memcpy(out, &d, 4);
	memcpy(out + 4, unit->octets, unit->n);
	return 4 + unit->n;
}

static enum error put_day(struct db_txn *t, int64_t day, const struct unit_key *unit)
{
	static const char version = ROW_VERSION;
	char key[4 + UNIT_KEY_MOST];
	size_t n = day_key(day, unit, key);
	return db_put(t, DB_act_days, slice_of(key, n), slice_of(&version, 1));
}

static enum error drop_day(struct db_txn *t, int64_t day, const struct unit_key *unit)
{
	char key[4 + UNIT_KEY_MOST];
	size_t n = day_key(day, unit, key);
	enum error err = db_delete(t, DB_act_days, slice_of(key, n));
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* ---- the queue ---------------------------------------------------------------------------------------------------- */

static enum error queue_key(struct db_txn *t, struct unit_key *unit)
{
	struct db_cursor *c;
	struct slice key, value;
	char row[1 + UNIT_KEY_MOST] = {ROW_VERSION};
	uint64_t number = 0;
	enum error err = db_cursor_open(t, DB_acts_new, &c);
	if (err) return err;
	memcpy(row + 1, unit->octets, unit->n);
	bool last = db_cursor_seek_back(c, SLICE_EMPTY, &key, &value) == ERR_OK;
	bool waits = last && slice_equal(value, slice_of(row, 1 + unit->n));
	if (last && key.n == 8) memcpy(&number, key.p, 8);
	db_cursor_close(c);
	if (waits) return ERR_OK;
	number = htobe64(be64toh(number) + 1);
	return db_append(t, DB_acts_new, slice_of(&number, 8), slice_of(row, 1 + unit->n));
}

enum error acts_queue(struct db_txn *t, const struct prefix *unit)
{
	struct unit_key k = unit_key(&unit->ip);
	return k.n ? queue_key(t, &k) : ERR_INVALID;
}

static bool is_among(const struct prefix *units, size_t n, const struct prefix *unit)
{
	for (size_t i = 0; i < n; i++)
		if (ip_equal(&units[i].ip, &unit->ip)) return true;
	return false;
}

enum error acts_take_new(struct db_txn *t, struct prefix *units, size_t n, size_t *taken)
{
	struct db_cursor *c;
	struct slice key, value;
	*taken = 0;
	enum error err = db_cursor_open(t, DB_acts_new, &c);
	if (err) return err;
	for (size_t looked = 0; looked < QUEUE_LOOK; looked++) {
		struct prefix unit;
		/* Each time from the first: what was there is deleted. */
		if ((err = db_cursor_seek(c, SLICE_EMPTY, &key, &value))) break;
		if (value.n > 1 && unit_of_key(slice_of(value.p + 1, value.n - 1), &unit) &&
		    !is_among(units, *taken, &unit)) {
			if (*taken == n) break;
			units[(*taken)++] = unit;
		}
		if ((err = db_cursor_delete(c))) break;
	}
	db_cursor_close(c);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* ---- adding ------------------------------------------------------------------------------------------------------- */

static uint64_t id_of_time(int64_t time)
{
	return (uint64_t)time * 1000 << 20;
}

static bool is_same(const struct act *a, const struct act *b)
{
	return a->class == b->class && a->witness == b->witness && a->target == b->target &&
	       slice_equal(a->reporter, slice_sub(b->reporter, 0, ACT_REPORTER_MOST));
}

/* Callouts, what one reporter says, all else. */
static bool is_of_kind(const struct act *a, const struct act *b)
{
	struct slice said = slice_sub(b->reporter, 0, ACT_REPORTER_MOST);
	if (a->reporter.n || said.n) return slice_equal(a->reporter, said);
	return (a->class == ACT_callout) == (b->class == ACT_callout);
}

static unsigned most_of_kind(const struct act *a)
{
	return a->reporter.n ? ACTS_OF_DAY_REPORTER : a->class == ACT_callout ? ACTS_OF_DAY_EACH : ACTS_OF_DAY_REST;
}

struct day_rows {
	unsigned count, of_kind, reported;
	struct act
		joins; /* the row that the act is counted in: the same one, or the last of its kind; its texts are the table's */
	bool same;
	uint64_t next; /* a free id at the act's time */
};

static enum error look_at_day(struct db_txn *t, const struct unit_key *unit, const struct act *a, struct day_rows *out)
{
	struct db_cursor *c;
	struct slice key, value;
	struct act row;
	int64_t day = a->time / DAY * DAY;
	uint64_t end = id_of_time(day + DAY);
	struct row_key from = row_key(unit, id_of_time(day));
	*out = (struct day_rows){.next = id_of_time(a->time)};
	enum error err = db_cursor_open(t, DB_acts, &c);
	if (err) return err;
	for (err = db_cursor_seek(c, row_key_slice(&from), &key, &value); !err && !out->same;
	     err = db_cursor_next(c, &key, &value)) {
		if (!slice_starts(key, unit_key_slice(unit)) || key.n != unit->n + 8) break;
		if (!read_row(key, value, &row)) {
			err = ERR_VERSION;
			break;
		}
		if (row.id >= end) break;
		if (row.time == a->time && row.id >= out->next) out->next = row.id + 1;
		out->count++;
		if (row.reporter.n && ++out->reported && a->reporter.n && !out->of_kind) out->joins = row;
		if (!is_of_kind(&row, a)) continue;
		out->of_kind++;
		out->joins = row;
		out->same = is_same(&row, a);
	}
	db_cursor_close(c);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* Its texts are in the table: they are copied before the table is written. */
static enum error count_in(struct db_txn *t, const struct unit_key *unit, struct act *row, const struct act *a)
{
	char reporter[ACT_REPORTER_MOST], specimen[ACT_SPECIMEN_MOST];
	uint32_t more = a->count ? a->count : 1;
	row->reporter = slice_sub(row->reporter, 0, sizeof reporter);
	row->specimen = slice_sub(row->specimen, 0, sizeof specimen);
	memcpy(reporter, row->reporter.p, row->reporter.n);
	memcpy(specimen, row->specimen.p, row->specimen.n);
	row->reporter.p = reporter;
	row->specimen.p = specimen;
	row->count = more > UINT32_MAX - row->count ? UINT32_MAX : row->count + more;
	if (a->time > row->last) row->last = a->time;
	return put_row(t, unit, row);
}

static enum error add_one(struct db_txn *t, struct act *a)
{
	struct day_rows day;
	struct unit_key unit = unit_key(&a->unit.ip);
	if (unit.n == 0 || a->time < 0 || a->time > UINT32_MAX) return ERR_INVALID;
	enum error err = look_at_day(t, &unit, a, &day);
	if (err) return err;
	bool full = day.of_kind >= most_of_kind(a) || (a->reporter.n && day.reported >= ACTS_OF_DAY_EACH);
	if (day.same || full) {
		a->id = day.joins.id;
		err = count_in(t, &unit, &day.joins, a);
	} else {
		struct act row = *a;
		uint64_t rows = db_count(t, DB_acts);
		if (rows >= ACTS_MOST) return ERR_NO_SPACE;
		if (rows >= ACTS_WITH_SPECIMEN) row.specimen = SLICE_EMPTY;
		row.id = a->id = day.next;
		row.last = a->time;
		if (row.count == 0) row.count = 1;
		if (row.strength == 0) row.strength = (uint8_t)witnessed_strength(a->witness);
		err = put_row(t, &unit, &row);
		if (!err && day.count == 0) err = put_day(t, a->time / DAY, &unit);
	}
	return err ? err : queue_key(t, &unit);
}

struct addition {
	struct act *acts;
	size_t n;
};

static enum error add_all(struct db_txn *t, void *arg)
{
	const struct addition *a = arg;
	enum error err = ERR_OK;
	for (size_t i = 0; i < a->n && !err; i++) err = add_one(t, &a->acts[i]);
	return err;
}

enum error acts_add(struct db *state, struct act *acts, size_t n)
{
	struct addition a = {acts, n};
	return n ? db_update(state, add_all, &a) : ERR_OK;
}

/* ---- reading ------------------------------------------------------------------------------------------------------ */

/* Rows from a key on, as long as their keys begin with a stem. */
static enum error each_from(struct db_txn *t, struct slice from, struct slice stem, acts_take *take, void *arg)
{
	struct db_cursor *c;
	struct slice key, value;
	struct act a;
	enum error err = db_cursor_open(t, DB_acts, &c);
	if (err) return err;
	for (err = db_cursor_seek(c, from, &key, &value); !err; err = db_cursor_next(c, &key, &value)) {
		if (!slice_starts(key, stem)) break;
		if (read_row(key, value, &a) && !take(&a, arg)) break;
	}
	db_cursor_close(c);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

enum error acts_each_since(struct db_txn *t, const struct prefix *unit, int64_t since, acts_take *take, void *arg)
{
	struct unit_key k = unit_key(&unit->ip);
	if (k.n == 0) return ERR_INVALID;
	struct row_key from = row_key(&k, since > 0 ? id_of_time(since) : 0);
	return each_from(t, row_key_slice(&from), unit_key_slice(&k), take, arg);
}

enum error acts_each_of(struct db_txn *t, const struct prefix *unit, acts_take *take, void *arg)
{
	return acts_each_since(t, unit, 0, take, arg);
}

enum error acts_each_after(struct db_txn *t, const struct prefix *after, acts_take *take, void *arg)
{
	struct unit_key k = unit_key(&after->ip);
	struct row_key from = row_key(&k, UINT64_MAX);
	return each_from(t, k.n ? row_key_slice(&from) : SLICE_EMPTY, SLICE_EMPTY, take, arg);
}

enum error acts_each(struct db_txn *t, acts_take *take, void *arg)
{
	return each_from(t, SLICE_EMPTY, SLICE_EMPTY, take, arg);
}

struct first_found {
	struct prefix unit;
	bool found;
};

static bool take_unit(const struct act *a, void *arg)
{
	struct first_found *f = arg;
	f->unit = a->unit;
	f->found = true;
	return false;
}

/* From unit to unit, not from row to row. */
enum error acts_queue_within(struct db_txn *t, const struct prefix *within)
{
	struct unit_key first = unit_key(&within->ip);
	struct first_found f = {0};
	enum error err = each_from(t, unit_key_slice(&first), SLICE_EMPTY, take_unit, &f);
	while (!err && f.found) {
		struct prefix unit = f.unit;
		if (within->ip.family && !prefix_contains(within, &unit.ip)) break;
		f.found = false;
		err = acts_queue(t, &unit);
		if (!err) err = acts_each_after(t, &unit, take_unit, &f);
	}
	return err;
}

/* ---- dropping ----------------------------------------------------------------------------------------------------- */

/* Of the unit's rows those with an id from..to, both included. */
static enum error drop_rows(struct db_txn *t, const struct unit_key *unit, uint64_t from, uint64_t to, size_t *dropped)
{
	struct db_cursor *c;
	struct slice key, value;
	struct row_key first = row_key(unit, from);
	enum error err = db_cursor_open(t, DB_acts, &c);
	while (!err && !(err = db_cursor_seek(c, row_key_slice(&first), &key, &value))) {
		struct act a;
		if (!slice_starts(key, unit_key_slice(unit)) || !read_key(key, &a) || a.id > to) break;
		int64_t day = (int64_t)((a.id >> 20) / 1000 / DAY);
		if (!(err = db_cursor_delete(c))) err = drop_day(t, day, unit);
		++*dropped;
	}
	db_cursor_close(c);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static bool read_day_key(struct slice key, int64_t *day, struct unit_key *unit)
{
	struct prefix p;
	uint32_t d;
	if (key.n < 4 || !unit_of_key(slice_of(key.p + 4, key.n - 4), &p)) return false;
	memcpy(&d, key.p, 4);
	*day = be32toh(d);
	*unit = unit_key(&p.ip);
	return true;
}

enum error acts_drop_older(struct db_txn *t, int64_t than, size_t most, size_t *dropped)
{
	enum error err = ERR_OK;
	*dropped = 0;
	while (!err && *dropped < most) {
		struct db_cursor *c;
		struct slice key, value;
		struct unit_key unit;
		int64_t day;
		if ((err = db_cursor_open(t, DB_act_days, &c))) break;
		err = db_cursor_seek(c, SLICE_EMPTY, &key, &value);
		bool sound = !err && read_day_key(key, &day, &unit);
		db_cursor_close(c);
		if (err) break;
		if (!sound) return ERR_CORRUPT;
		if ((day + 1) * DAY > than) break;
		err = drop_rows(t, &unit, id_of_time(day * DAY), id_of_time((day + 1) * DAY) - 1, dropped);
		if (!err) err = drop_day(t, day, &unit);
	}
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

enum error acts_drop_of(struct db_txn *t, const struct prefix *unit)
{
	struct unit_key k = unit_key(&unit->ip);
	size_t dropped = 0;
	return k.n ? drop_rows(t, &k, 0, UINT64_MAX, &dropped) : ERR_INVALID;
}
