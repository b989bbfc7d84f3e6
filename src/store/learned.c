/* SPDX-License-Identifier: Apache-2.0 */
#include "store/learned.h"

#include "base/octets.h"
#include "store/directory_table.h"

#define ROW_VERSION 1
#define ROW_MOST    (1 + 3 * 8 + 4 + 2 + LEARNED_WORDS)
#define EXPIRE_MOST 256 /* keys that are held at a time */

/* ---- rows --------------------------------------------------------------------------------------------------------- */

static bool make_key(struct directory_key *k, const struct learned_name *n)
{
	char folded[DIRECTORY_LOCAL_MOST];
	struct slice local = n->local;
	if (local.n == 0 || local.n > DIRECTORY_LOCAL_MOST || n->domain.n == 0 || n->domain.n > DIRECTORY_DOMAIN_MOST)
		return false;
	if (!n->case_sensitive) {
		directory_fold(local, folded);
		local = slice_of(folded, local.n);
	}
	directory_key(k, n->tenant, n->domain, local);
	return true;
}

static enum error read_row(struct slice value, struct learned *out)
{
	struct octet_reader r = octet_reader(value);
	uint8_t version = octet_get_u8(&r);
	*out = (struct learned){.first = (int64_t)octet_get_u64(&r)};
	out->last = (int64_t)octet_get_u64(&r);
	out->expires = (int64_t)octet_get_u64(&r);
	out->times = octet_get_u32(&r);
	struct slice words = octet_get_string(&r);
	if (version > ROW_VERSION) return ERR_VERSION;
	if (r.failed || words.n > LEARNED_WORDS) return ERR_CORRUPT;
	out->words_size = (uint32_t)words.n;
	if (words.n) memcpy(out->words, words.p, words.n);
	return ERR_OK;
}

static enum error put_row(struct db_txn *t, const struct directory_key *k, const struct learned *l)
{
	char row[ROW_MOST];
	struct octet_writer w = octet_writer(row, sizeof row);
	octet_put_u8(&w, ROW_VERSION);
	octet_put_u64(&w, (uint64_t)l->first);
	octet_put_u64(&w, (uint64_t)l->last);
	octet_put_u64(&w, (uint64_t)l->expires);
	octet_put_u32(&w, l->times);
	octet_put_string(&w, learned_words(l));
	return db_put(t, DB_learned, directory_key_slice(k), octet_written(&w));
}

static enum error get_row(struct db_txn *t, const struct directory_key *k, struct learned *out)
{
	struct slice value;
	enum error err = db_get(t, DB_learned, directory_key_slice(k), &value);
	return err ? err : read_row(value, out);
}

/* ---- saying ------------------------------------------------------------------------------------------------------- */

static bool remembered(const struct learned *l, int64_t now)
{
	return now < l->expires + LEARNED_MEMORY;
}

static int64_t term_of(uint32_t times)
{
	static const int64_t terms[] = LEARNED_TERMS;
	size_t n = sizeof terms / sizeof *terms;
	return terms[times > n ? n - 1 : times - 1];
}

enum error learned_say(struct db_txn *t, const struct learned_name *n, struct slice words, int64_t now,
                       struct learned *out, bool *fresh)
{
	struct directory_key k;
	struct learned l;
	if (slice_equal_nocase(n->local, SLICE("postmaster")) || !make_key(&k, n)) return ERR_INVALID;
	enum error err = get_row(t, &k, &l);
	if (err == ERR_VERSION) return err;
	bool known = !err && remembered(&l, now);
	if (err && db_count(t, DB_learned) >= LEARNED_MOST) return ERR_LIMIT;
	*fresh = !known || l.expires <= now;
	bool again = known && now - l.last >= LEARNED_APART;
	if (!known) l = (struct learned){.first = now};
	if (!known || again) {
		if (l.times < UINT32_MAX) l.times++;
		l.last = now;
		l.expires = now + term_of(l.times);
		words = slice_sub(words, 0, LEARNED_WORDS);
		l.words_size = (uint32_t)words.n;
		if (words.n) memcpy(l.words, words.p, words.n);
	}
	if (out) *out = l;
	return known && !again ? ERR_OK : put_row(t, &k, &l);
}

/* ---- forgetting --------------------------------------------------------------------------------------------------- */

enum error learned_erase(struct db_txn *t, const struct learned_name *n)
{
	struct directory_key k;
	return make_key(&k, n) ? db_delete(t, DB_learned, directory_key_slice(&k)) : ERR_NOT_FOUND;
}

static enum error erase(struct db_txn *t, void *arg)
{
	return learned_erase(t, arg);
}

enum error learned_forget(struct db *state, const struct learned_name *n)
{
	return db_update(state, erase, (void *)n);
}

struct forgetting {
	uint32_t tenant;
	uint64_t n;
};

static enum error forget(struct db_txn *t, void *arg)
{
	struct forgetting *f = arg;
	struct directory_key k;
	struct db_cursor *c;
	struct slice key;
	directory_key(&k, f->tenant, (struct slice){NULL, 0}, (struct slice){NULL, 0});
	f->n = 0;
	enum error err = db_cursor_open(t, DB_learned, &c);
	if (err) return err;
	err = db_cursor_seek(c, directory_key_slice(&k), &key, NULL);
	while (!err && slice_starts(key, directory_key_slice(&k))) {
		err = db_cursor_delete(c);
		f->n++;
		if (!err) err = db_cursor_next(c, &key, NULL);
	}
	db_cursor_close(c);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

enum error learned_forget_tenant(struct db_txn *t, uint32_t tenant)
{
	struct forgetting f = {.tenant = tenant};
	return forget(t, &f);
}

enum error learned_forget_all(struct db *state, uint32_t tenant, uint64_t *n)
{
	struct forgetting f = {.tenant = tenant};
	enum error err = db_update(state, forget, &f);
	*n = f.n;
	return err;
}

/* ---- expiring ----------------------------------------------------------------------------------------------------- */

struct expiry {
	int64_t now;
	size_t n;
	struct directory_key keys[EXPIRE_MOST];
};

/* A read first: as a rule nothing is to be written. */
static enum error find_expired(struct db *state, struct expiry *e, size_t most)
{
	struct db_txn *t;
	struct db_cursor *c;
	struct slice key, value;
	struct learned l;
	enum error err = db_begin_read(state, &t);
	if (err) return err;
	err = db_cursor_open(t, DB_learned, &c);
	if (!err) {
		err = db_cursor_seek(c, SLICE_EMPTY, &key, &value);
		for (; !err && e->n < most; err = db_cursor_next(c, &key, &value)) {
			if (key.n > DIRECTORY_KEY_MOST || read_row(value, &l) || remembered(&l, e->now)) continue;
			struct directory_key *k = &e->keys[e->n++];
			memcpy(k->octets, key.p, key.n);
			k->n = key.n;
		}
		db_cursor_close(c);
	}
	db_end_read(t);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static enum error expire(struct db_txn *t, void *arg)
{
	const struct expiry *e = arg;
	struct learned l;
	enum error err = ERR_OK;
	for (size_t i = 0; i < e->n && !err; i++) {
		err = get_row(t, &e->keys[i], &l); /* it may have been said again meanwhile */
		if (!err && !remembered(&l, e->now)) err = db_delete(t, DB_learned, directory_key_slice(&e->keys[i]));
		if (err == ERR_NOT_FOUND) err = ERR_OK;
	}
	return err;
}

enum error learned_expire(struct db *state, int64_t now, size_t most, size_t *removed)
{
	struct expiry e = {.now = now};
	enum error err = find_expired(state, &e, most < EXPIRE_MOST ? most : EXPIRE_MOST);
	if (!err && e.n) err = db_update(state, expire, &e);
	*removed = err ? 0 : e.n;
	return err;
}

/* ---- asking ------------------------------------------------------------------------------------------------------- */

/* Of a customer's list that is at least as new nothing is doubted. */
static bool list_is_newer(struct db_txn *t, const struct learned_name *n, const struct learned *l)
{
	struct directory_domain row;
	return !directory_domain_get(t, n->tenant, n->domain, &row) && row.imported >= l->last;
}

bool learned_dead(struct db *state, const struct learned_name *n, bool listed, int64_t now, struct learned *out)
{
	struct directory_key k;
	struct learned l;
	struct db_txn *t;
	if (!make_key(&k, n) || db_begin_read(state, &t)) return false;
	bool dead = !get_row(t, &k, &l) && now < l.expires && !(listed && list_is_newer(t, n, &l));
	db_end_read(t);
	if (dead && out) *out = l;
	return dead;
}

enum error learned_get(struct db *state, const struct learned_name *n, struct learned *out)
{
	struct directory_key k;
	struct db_txn *t;
	if (!make_key(&k, n)) return ERR_NOT_FOUND;
	enum error err = db_begin_read(state, &t);
	if (err) return err;
	err = get_row(t, &k, out);
	db_end_read(t);
	return err;
}

enum error learned_each(struct db *state, uint32_t tenant,
                        bool (*each)(struct slice domain, struct slice local, const struct learned *, void *arg),
                        void *arg)
{
	struct directory_key k;
	struct db_txn *t;
	struct db_cursor *c;
	struct slice key, value, domain, local;
	struct learned l;
	enum error err = db_begin_read(state, &t);
	if (err) return err;
	directory_key(&k, tenant, (struct slice){NULL, 0}, (struct slice){NULL, 0});
	err = db_cursor_open(t, DB_learned, &c);
	if (!err) {
		err = db_cursor_seek(c, directory_key_slice(&k), &key, &value);
		for (; !err && directory_key_parts(key, tenant, &domain, &local);
		     err = db_cursor_next(c, &key, &value)) {
			err = read_row(value, &l);
			if (err || !each(domain, local, &l, arg)) break;
		}
		db_cursor_close(c);
	}
	db_end_read(t);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}
