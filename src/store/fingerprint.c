/* SPDX-License-Identifier: Apache-2.0 */
#include "store/fingerprint.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdatomic.h>

#include "base/octets.h"

#define ROW_VERSION 1
#define ROW_SIZE    10
#define ROWS_LOOKED 4096 /* at most in one call of fingerprint_expire */

/* ---- making ------------------------------------------------------------------------------------------------------- */

/* The length goes in front, so that ("ab", "c") and ("a", "bc") differ. */
static bool add_part(EVP_MD_CTX *ctx, struct slice part)
{
	uint32_t n = htobe32((uint32_t)part.n);
	return EVP_DigestUpdate(ctx, &n, sizeof n) == 1 && EVP_DigestUpdate(ctx, part.p, part.n) == 1;
}

void fingerprint_make(struct slice return_path, struct slice recipient, struct slice message_id, struct slice body_hash,
                      struct fingerprint *out)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 && add_part(ctx, return_path) &&
	          add_part(ctx, recipient) && add_part(ctx, message_id) && add_part(ctx, body_hash) &&
	          EVP_DigestFinal_ex(ctx, digest, &n) == 1;
	EVP_MD_CTX_free(ctx);
	memset(out, 0, sizeof *out);
	if (ok) memcpy(out->octets, digest, FINGERPRINT_SIZE);
}

/* Without memory there was no digest. All messages sharing this one would be taken for each other, so it is never stored. */
static bool is_void(const struct fingerprint *f)
{
	static const struct fingerprint none;
	return memcmp(f, &none, sizeof none) == 0;
}

/* ---- rows --------------------------------------------------------------------------------------------------------- */

static bool read_row(struct slice value, enum fingerprint_state *state, int64_t *when)
{
	struct octet_reader r = octet_reader(value);
	if (octet_get_u8(&r) != ROW_VERSION) return false;
	bool delivered = octet_get_u8(&r) == FINGERPRINT_DELIVERED;
	*when = (int64_t)octet_get_u64(&r);
	*state = FINGERPRINT_DELIVERED;
	return delivered && !r.failed;
}

static bool is_old(int64_t when, int64_t now)
{
	return when < now - FINGERPRINT_LIFETIME;
}

enum fingerprint_state fingerprint_get(struct db *ledger, const struct fingerprint *f, int64_t now, int64_t *when)
{
	struct db_txn *t;
	enum fingerprint_state state = FINGERPRINT_NONE;
	int64_t then = 0;
	if (is_void(f) || db_begin_read(ledger, &t)) return FINGERPRINT_NONE;
	struct slice value;
	enum error err = db_get(t, DB_fingerprints, slice_of(f->octets, sizeof f->octets), &value);
	/* What cannot be read is no reason to swallow a message: a duplicate is better than a loss. */
	if (err || !read_row(value, &state, &then) || is_old(then, now)) state = FINGERPRINT_NONE;
	db_end_read(t);
	if (when) *when = then;
	return state;
}

struct put {
	const struct fingerprint *f;
	size_t n;
	enum fingerprint_state state;
	int64_t now;
};

static enum error put(struct db_txn *t, void *arg)
{
	const struct put *p = arg;
	char row[ROW_SIZE];
	struct octet_writer w = octet_writer(row, sizeof row);
	octet_put_u8(&w, ROW_VERSION);
	octet_put_u8(&w, (uint8_t)p->state);
	octet_put_u64(&w, (uint64_t)p->now);
	assert(!w.failed);
	enum error err = ERR_OK;
	for (size_t i = 0; !err && i < p->n; i++) {
		struct slice key = slice_of(p->f[i].octets, sizeof p->f[i].octets);
		if (is_void(&p->f[i])) continue;
		if (p->state != FINGERPRINT_NONE)
			err = db_put(t, DB_fingerprints, key, octet_written(&w));
		else if ((err = db_delete(t, DB_fingerprints, key)) == ERR_NOT_FOUND)
			err = ERR_OK;
	}
	return err;
}

enum error fingerprint_put(struct db *ledger, const struct fingerprint *f, size_t n, enum fingerprint_state state,
                           int64_t now)
{
	struct put p = {.f = f, .n = n, .state = state, .now = now};
	return n ? db_update(ledger, put, &p) : ERR_OK;
}

/* ---- expiry ------------------------------------------------------------------------------------------------------- */

/* Keys are hashes and say nothing of age: each call looks at a stretch of the table and the next call goes on where it ended. */
static _Atomic uint64_t next_stretch;

struct expire {
	int64_t now;
	size_t most, removed;
	uint64_t from;
};

static enum error expire_from(struct expire *e, struct db_cursor *c)
{
	struct slice key, value;
	uint64_t from = htobe64(e->from);
	enum error err = db_cursor_seek(c, slice_of(&from, sizeof from), &key, &value);
	for (size_t looked = 0; !err && looked < ROWS_LOOKED && e->removed < e->most; looked++) {
		enum fingerprint_state state;
		int64_t when;
		if (!read_row(value, &state, &when) || is_old(when, e->now)) {
			err = db_cursor_delete(c);
			e->removed++;
		}
		if (!err) err = db_cursor_next(c, &key, &value);
		if (!err && key.n >= sizeof from) memcpy(&from, key.p, sizeof from);
	}
	e->from = err == ERR_NOT_FOUND ? 0 : be64toh(from);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static enum error expire(struct db_txn *t, void *arg)
{
	struct expire *e = arg;
	struct db_cursor *c;
	e->removed = 0;
	e->from = atomic_load(&next_stretch);
	enum error err = db_cursor_open(t, DB_fingerprints, &c);
	if (err) return err;
	err = expire_from(e, c);
	db_cursor_close(c);
	return err;
}

enum error fingerprint_expire(struct db *ledger, int64_t now, size_t most, size_t *removed)
{
	struct expire e = {.now = now, .most = most};
	enum error err = db_update(ledger, expire, &e);
	if (!err) atomic_store(&next_stretch, e.from);
	*removed = err ? 0 : e.removed;
	return err;
}
