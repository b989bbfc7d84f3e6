/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ledger_index.h"

#include <assert.h>
#include <openssl/rand.h>

#include "base/octets.h"

#define ROW_VERSION 1

#define SECRET     SLICE("secret")
#define GENERATION SLICE("generation")

/* ---- the secret --------------------------------------------------------------------------------------------------- */

enum error ledger_secret_get(struct db_txn *t, struct ledger_secret *out)
{
	struct slice value;
	enum error err = db_get(t, DB_ledger_meta, SECRET, &value);
	if (err) return err;
	struct octet_reader r = octet_reader(value);
	uint8_t version = octet_get_u8(&r);
	if (version > ROW_VERSION) return ERR_VERSION;
	out->key[0] = octet_get_u64(&r);
	out->key[1] = octet_get_u64(&r);
	return r.failed ? ERR_CORRUPT : ERR_OK;
}

enum error ledger_secret_make(struct db_txn *t, struct ledger_secret *out)
{
	enum error err = ledger_secret_get(t, out);
	if (err != ERR_NOT_FOUND) return err;
	char row[1 + sizeof out->key];
	struct octet_writer w = octet_writer(row, sizeof row);
	if (RAND_bytes((unsigned char *)out->key, sizeof out->key) != 1) return ERR_SYSTEM;
	octet_put_u8(&w, ROW_VERSION);
	octet_put_u64(&w, out->key[0]);
	octet_put_u64(&w, out->key[1]);
	return db_put(t, DB_ledger_meta, SECRET, octet_written(&w));
}

uint64_t ledger_hash(const struct ledger_secret *s, enum ledger_kind kind, struct slice text)
{
	uint64_t key[2] = {s->key[0] ^ (uint64_t)kind, s->key[1]};
	return slice_hash_keyed(text, key, kind != LEDGER_MESSAGE_ID);
}

struct slice ledger_bare_message_id(struct slice message_id)
{
	struct slice s = slice_trim(slice_sub(message_id, 0, LEDGER_MESSAGE_ID_SIZE));
	if (s.n && s.p[0] == '<') s = slice_sub(s, 1, s.n);
	if (s.n && s.p[s.n - 1] == '>') s = slice_sub(s, 0, s.n - 1);
	return slice_trim(s);
}

/* ---- keys --------------------------------------------------------------------------------------------------------- */

struct slice ledger_index_pack(const struct ledger_index_key *k, char out[LEDGER_INDEX_KEY])
{
	struct octet_writer w = octet_writer(out, LEDGER_INDEX_KEY);
	octet_put_u64(&w, k->generation);
	octet_put_u64(&w, k->hash);
	octet_put_u64(&w, k->id);
	return octet_written(&w);
}

bool ledger_index_unpack(struct slice key, struct ledger_index_key *out)
{
	struct octet_reader r = octet_reader(key);
	out->generation = octet_get_u64(&r);
	out->hash = octet_get_u64(&r);
	out->id = octet_get_u64(&r);
	return !r.failed && r.rest.n == 0;
}

struct slice ledger_id_key(uint64_t id, char out[8])
{
	id = htobe64(id);
	memcpy(out, &id, 8);
	return slice_of(out, 8);
}

bool ledger_id_of(struct slice key, uint64_t *id)
{
	if (key.n != 8) return false;
	memcpy(id, key.p, 8);
	*id = be64toh(*id);
	return true;
}

/* ---- generations -------------------------------------------------------------------------------------------------- */

struct generation {
	uint64_t name, count;
	int64_t began;
};

static enum error generation_read(struct db_txn *t, struct generation *g)
{
	struct slice value;
	enum error err = db_get(t, DB_ledger_meta, GENERATION, &value);
	*g = (struct generation){0};
	if (err) return err;
	struct octet_reader r = octet_reader(value);
	if (octet_get_u8(&r) > ROW_VERSION) return ERR_VERSION;
	g->name = octet_get_u64(&r);
	g->count = octet_get_u64(&r);
	g->began = (int64_t)octet_get_u64(&r);
	return r.failed ? ERR_CORRUPT : ERR_OK;
}

static enum error generation_write(struct db_txn *t, const struct generation *g)
{
	char row[25];
	struct octet_writer w = octet_writer(row, sizeof row);
	octet_put_u8(&w, ROW_VERSION);
	octet_put_u64(&w, g->name);
	octet_put_u64(&w, g->count);
	octet_put_u64(&w, (uint64_t)g->began);
	assert(!w.failed);
	return db_put(t, DB_ledger_meta, GENERATION, octet_written(&w));
}

/* Greater than the ids of all passages, and than the name before. */
static enum error new_name(struct db_txn *t, uint64_t before, uint64_t *out)
{
	struct db_cursor *c;
	struct slice key;
	uint64_t last = 0;
	enum error err = db_cursor_open(t, DB_passages, &c);
	if (err) return err;
	err = db_cursor_seek_back(c, SLICE_EMPTY, &key, NULL);
	if (!err) ledger_id_of(key, &last);
	db_cursor_close(c);
	*out = (last > before ? last : before) + 1;
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

enum error ledger_generation(struct db_txn *t, uint64_t most, int64_t age, size_t n, int64_t now, uint64_t *out)
{
	struct generation g;
	enum error err = generation_read(t, &g);
	if (err && err != ERR_NOT_FOUND) return err;
	if (err || g.count >= most || now - g.began >= age || now < g.began) {
		err = new_name(t, g.name, &g.name);
		if (err) return err;
		g.count = 0;
		g.began = now;
	}
	g.count += n;
	*out = g.name;
	return generation_write(t, &g);
}
