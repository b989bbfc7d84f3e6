/* SPDX-License-Identifier: Apache-2.0 */
#include "store/keys.h"

#include <openssl/rand.h>

#include "base/arena.h"
#include "base/octets.h"
#include "store/keys_row.h"
#include "store/meta.h"

#define META_GENERATION SLICE("keys_generation")
#define MEMORY          ((size_t)64 * 1024 * 1024)

const char *key_kind_text(enum key_kind k)
{
	switch (k) {
#define X(name, text, number)                                                                                          \
	case KEY_##name: return text;
		KEY_KIND_TABLE(X)
#undef X
	}
	return "unknown";
}

enum key_state key_state(const struct key *k, int64_t now)
{
	if (k->active_from > now) return KEY_NEXT;
	if (k->expires && k->expires <= now) return KEY_EXPIRED;
	return k->retired && k->retired <= now ? KEY_RETIRED : KEY_ACTIVE;
}

const char *key_state_text(enum key_state s)
{
	static const char *const texts[] =
		{[KEY_NEXT] = "next", [KEY_ACTIVE] = "active", [KEY_RETIRED] = "retired", [KEY_EXPIRED] = "expired"};
	return texts[s];
}

/* ---- rows --------------------------------------------------------------------------------------------------------- */

static enum error write_row(struct db_txn *t, const struct key *k)
{
	struct keys_name n;
	void *room;
	if (!keys_row_storable(k) || !keys_row_name(&n, k)) return ERR_INVALID;
	enum error err = db_reserve(t, DB_keys, n.s, keys_row_size(k), &room);
	if (!err) keys_row_write(k, room);
	return err;
}

static enum error delete_row(struct db_txn *t, const struct key *k)
{
	struct keys_name n;
	return keys_row_name(&n, k) ? db_delete(t, DB_keys, n.s) : ERR_INVALID;
}

/* ---- several rows ------------------------------------------------------------------------------------------------- */

static enum error each_row(struct db_txn *t, uint32_t tenant, bool (*each)(const struct key *, void *arg), void *arg)
{
	char from[4];
	struct octet_writer w = octet_writer(from, sizeof from);
	struct db_cursor *c;
	struct slice name, value;
	struct key k;
	if (tenant != KEYS_ALL) octet_put_u32(&w, tenant);
	enum error err = db_cursor_open(t, DB_keys, &c);
	if (err) return err;
	err = db_cursor_seek(c, octet_written(&w), &name, &value);
	for (; !err; err = db_cursor_next(c, &name, &value)) {
		if (!slice_starts(name, octet_written(&w))) break;
		err = keys_row_read(name, value, &k);
		if (err || !each(&k, arg)) break;
	}
	db_cursor_close(c);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

enum error keys_each(struct db *state, uint32_t tenant, bool (*each)(const struct key *, void *arg), void *arg)
{
	struct db_txn *t;
	enum error err = db_begin_read(state, &t);
	if (err) return err;
	err = each_row(t, tenant, each, arg);
	db_end_read(t);
	return err;
}

/* Copies of rows, to be changed one by one: changing moves what a cursor sees. */
struct rows {
	struct arena arena;
	const struct key *group; /* only keys of its group; NULL: all */
	struct row {
		struct row *next;
		struct key key;
	} * first;
};

static bool same_group(const struct key *a, const struct key *b)
{
	return a->tenant == b->tenant && a->kind == b->kind && slice_equal(a->domain, b->domain);
}

static bool copy_row(const struct key *k, void *arg)
{
	struct rows *rows = arg;
	if (rows->group && !same_group(rows->group, k)) return true;
	struct row *r = ARENA_NEW(&rows->arena, struct row);
	if (!r) return false;
	*r = (struct row){.next = rows->first, .key = *k};
	r->key.domain = arena_copy(&rows->arena, k->domain);
	r->key.selector = arena_copy(&rows->arena, k->selector);
	r->key.secret = arena_copy(&rows->arena, k->secret);
	r->key.record = arena_copy(&rows->arena, k->record);
	rows->first = r;
	return !arena_exhausted(&rows->arena);
}

static enum error rows_get(struct rows *rows, struct db_txn *t, uint32_t tenant, const struct key *group)
{
	*rows = (struct rows){.group = group};
	arena_init(&rows->arena, MEMORY);
	enum error err = each_row(t, tenant, copy_row, rows);
	if (!err && arena_exhausted(&rows->arena)) err = ERR_NO_MEMORY;
	return err;
}

/* ---- purge and forget --------------------------------------------------------------------------------------------- */

static enum error purge_one(struct db_txn *t, struct key *k)
{
	if (k->kind != KEY_DKIM) return delete_row(t, k);
	k->secret = SLICE_EMPTY;
	return write_row(t, k);
}

static enum error purge_in(struct db_txn *t, int64_t now, bool *any)
{
	struct rows rows;
	enum error err = rows_get(&rows, t, KEYS_ALL, NULL);
	for (struct row *r = rows.first; !err && r; r = r->next) {
		if (key_state(&r->key, now) != KEY_EXPIRED || r->key.secret.n == 0) continue;
		err = purge_one(t, &r->key);
		*any = true;
	}
	arena_free(&rows.arena);
	return err;
}

static enum error purge(struct db_txn *t, void *arg)
{
	const int64_t *now = arg;
	bool any = false;
	enum error err = purge_in(t, *now, &any);
	return err || !any ? err : meta_bump(t, META_GENERATION);
}

enum error keys_purge(struct db *state, int64_t now)
{
	return db_update(state, purge, &now);
}

enum error keys_forget(struct db_txn *t, uint32_t tenant)
{
	struct rows rows;
	enum error err = rows_get(&rows, t, tenant, NULL);
	for (struct row *r = rows.first; !err && r; r = r->next) err = delete_row(t, &r->key);
	bool any = rows.first != NULL;
	arena_free(&rows.arena);
	return err || !any ? err : meta_bump(t, META_GENERATION);
}

/* ---- rotate ------------------------------------------------------------------------------------------------------- */

struct rotation {
	struct key *fresh;
	int64_t lifetime;
};

static bool number_taken(const struct rows *rows, uint32_t number)
{
	for (const struct row *r = rows->first; r; r = r->next)
		if (r->key.number == number) return true;
	return false;
}

static enum error give_number(const struct rows *rows, struct key *fresh)
{
	const struct key *newest = NULL;
	uint32_t highest = 0;
	if (fresh->kind == KEY_DKIM) return ERR_OK;
	for (const struct row *r = rows->first; r; r = r->next) {
		if (!newest || r->key.created >= newest->created) newest = &r->key;
		if (r->key.number > highest) highest = r->key.number;
	}
	if (fresh->kind == KEY_SRS) {
		fresh->number = highest + 1;
		return highest < UINT32_MAX ? ERR_OK : ERR_BUSY;
	}
	for (uint32_t i = 0; i < KEYS_BATV_NUMBERS; i++) {
		fresh->number = ((newest ? newest->number + 1 : 0) + i) % KEYS_BATV_NUMBERS;
		if (!number_taken(rows, fresh->number)) return ERR_OK;
	}
	return ERR_BUSY;
}

static enum error retire(struct db_txn *t, const struct rotation *rotation, struct key *k)
{
	const struct key *fresh = rotation->fresh;
	if (fresh->kind == KEY_DKIM && slice_equal(k->selector, fresh->selector)) return ERR_EXISTS;
	if (k->active_from > fresh->created) return delete_row(t, k);
	if (k->retired && k->retired <= fresh->created) return ERR_OK;
	k->retired = fresh->active_from;
	k->expires = fresh->active_from + rotation->lifetime;
	return write_row(t, k);
}

static enum error rotate(struct db_txn *t, void *arg)
{
	const struct rotation *rotation = arg;
	struct rows rows;
	bool any;
	enum error err = purge_in(t, rotation->fresh->created, &any);
	if (err) return err;
	err = rows_get(&rows, t, rotation->fresh->tenant, rotation->fresh);
	for (struct row *r = rows.first; !err && r; r = r->next) err = retire(t, rotation, &r->key);
	if (!err) err = give_number(&rows, rotation->fresh);
	arena_free(&rows.arena);
	if (!err) err = write_row(t, rotation->fresh);
	return err ? err : meta_bump(t, META_GENERATION);
}

enum error keys_rotate(struct db *state, struct key *fresh, int64_t lifetime)
{
	struct rotation rotation = {fresh, lifetime};
	return fresh->secret.n ? db_update(state, rotate, &rotation) : ERR_INVALID;
}

/* ---- put and remove ----------------------------------------------------------------------------------------------- */

static enum error put(struct db_txn *t, void *arg)
{
	enum error err = write_row(t, arg);
	return err ? err : meta_bump(t, META_GENERATION);
}

enum error keys_put(struct db *state, const struct key *k)
{
	return db_update(state, put, (void *)k);
}

struct removal {
	const struct key *name;
	int64_t now;
};

/* The newest of those that are left signs again. */
static enum error reinstate(struct db_txn *t, const struct rows *rows, const struct key *gone, int64_t now)
{
	struct key newest = {.active_from = INT64_MIN};
	for (const struct row *r = rows->first; r; r = r->next) {
		bool gone_itself = r->key.number == gone->number && slice_equal(r->key.selector, gone->selector);
		if (!gone_itself && r->key.active_from > newest.active_from) newest = r->key;
	}
	if (newest.active_from > gone->active_from || newest.secret.n == 0 || newest.retired == 0) return ERR_OK;
	if (key_state(&newest, now) == KEY_EXPIRED) return ERR_OK;
	newest.retired = newest.expires = 0;
	return write_row(t, &newest);
}

static enum error drop(struct db_txn *t, void *arg)
{
	const struct removal *removal = arg;
	struct keys_name n;
	struct slice value;
	struct key gone;
	struct rows rows;
	if (!keys_row_name(&n, removal->name)) return ERR_NOT_FOUND;
	enum error err = db_get(t, DB_keys, n.s, &value);
	if (!err) err = keys_row_read(n.s, value, &gone);
	if (err) return err;
	err = rows_get(&rows, t, gone.tenant, &gone);
	if (!err) err = db_delete(t, DB_keys, n.s);
	if (!err) err = reinstate(t, &rows, &gone, removal->now);
	arena_free(&rows.arena);
	return err ? err : meta_bump(t, META_GENERATION);
}

enum error keys_remove(struct db *state, const struct key *name, int64_t now)
{
	struct removal removal = {name, now};
	return db_update(state, drop, &removal);
}

/* ---- keys that there must be -------------------------------------------------------------------------------------- */

struct search {
	enum key_kind kind;
	int64_t now;
	bool found;
};

/* One that is yet to come counts: when the clock was set back that is the one in use, and what it made must stay good. */
static bool find_usable(const struct key *k, void *arg)
{
	struct search *s = arg;
	enum key_state state = key_state(k, s->now);
	s->found = k->kind == s->kind && (state == KEY_ACTIVE || state == KEY_NEXT);
	return !s->found;
}

static enum error ensure_in(struct db_txn *t, void *arg)
{
	struct rotation *rotation = arg;
	struct search s = {.kind = rotation->fresh->kind, .now = rotation->fresh->created};
	enum error err = each_row(t, rotation->fresh->tenant, find_usable, &s);
	return err || s.found ? err : rotate(t, arg);
}

static enum error ensure(struct db *state, uint32_t tenant, enum key_kind kind, int64_t lifetime, int64_t now)
{
	uint8_t secret[KEYS_SECRET_SIZE];
	struct search s = {.kind = kind, .now = now};
	enum error err = keys_each(state, tenant, find_usable, &s); /* as a rule it is there, and nothing is written */
	if (err || s.found) return err;
	if (RAND_bytes(secret, sizeof secret) != 1) return ERR_SYSTEM;
	struct key fresh = {.tenant = tenant,
	                    .kind = kind,
	                    .created = now,
	                    .active_from = now,
	                    .secret = slice_of(secret, sizeof secret)};
	struct rotation rotation = {&fresh, lifetime};
	return db_update(state, ensure_in, &rotation);
}

enum error keys_ensure_srs(struct db *state, int64_t now)
{
	return ensure(state, KEYS_RELAY, KEY_SRS, KEYS_SRS_LIFETIME, now);
}

enum error keys_ensure_tags(struct db *state, uint32_t tenant, int64_t now)
{
	return ensure(state, tenant, KEY_BATV, KEYS_TAG_LIFETIME, now);
}

uint64_t keys_generation(struct db *state)
{
	return meta_read(state, META_GENERATION);
}
