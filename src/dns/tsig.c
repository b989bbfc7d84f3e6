/* SPDX-License-Identifier: Apache-2.0 */
#include "dns/tsig.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <pthread.h>
#include <stdio.h>

#include "auth/base64.h"

#define FUDGE      300 /* seconds; recommended by RFC 8945 10 */
#define RR_FIXED   10  /* type, class, TTL, length */
#define TSIG_FIXED 16  /* time, fudge, three lengths or codes, original id */

/* ---- keys ------------------------------------------------------------------------------------------------------------ */

static const struct {
	const char *name, *hash;
	uint8_t size;
} algorithms[] = {
#define X(id, name, hash, size) {name, hash, size},
	TSIG_ALGORITHM_TABLE(X)
#undef X
};

const char *tsig_algorithm_name(enum tsig_algorithm a)
{
	return algorithms[a].name;
}

const char *tsig_error_name(unsigned error)
{
	switch (error) {
	case 0: return "NOERROR";
	case RCODE_BADSIG: return "BADSIG";
	case RCODE_BADKEY: return "BADKEY";
	case RCODE_BADTIME: return "BADTIME";
	case RCODE_BADTRUNC: return "BADTRUNC";
	}
	return "unknown";
}

enum error tsig_keys_read(const struct config_tsig *from, size_t n, struct arena *a, struct tsig_keys *out)
{
	*out = (struct tsig_keys){arena_zalloc(a, n ? n * sizeof *out->keys : 1), n};
	if (!out->keys) return ERR_NO_MEMORY;
	for (size_t i = 0; i < n; i++) {
		struct tsig_key *k = &out->keys[i];
		k->text = from[i].name;
		k->algorithm = from[i].algorithm;
		if (!wire_name_parse(from[i].name, strlen(from[i].name), &k->name)) return ERR_SYNTAX;
		enum error e = base64_decode(a, slice_str(from[i].secret), &k->secret);
		if (e != ERR_OK) return e;
		if (k->secret.n == 0) return ERR_SYNTAX;
	}
	return ERR_OK;
}

const struct tsig_key *tsig_key_find(const struct tsig_keys *keys, const char *name)
{
	for (size_t i = 0; i < keys->n; i++)
		if (strcmp(keys->keys[i].text, name) == 0) return &keys->keys[i];
	return NULL;
}

static bool is_algorithm(const struct wire_name *name, enum tsig_algorithm a)
{
	struct wire_name own;
	return wire_name_parse(algorithms[a].name, strlen(algorithms[a].name), &own) && wire_name_equal(name, &own);
}

/* ---- the record -------------------------------------------------------------------------------------------------------- */

/* RFC 8945 4.2. */
struct record {
	struct wire_name name, algorithm;
	uint64_t time;
	uint16_t fudge, original_id, error, other_n;
	uint16_t mac_n;
	const uint8_t *mac, *other;
	size_t at; /* where it begins in the message */
};

static uint64_t take_u48(struct wire_reader *r)
{
	uint64_t high = wire_take_u16(r);
	return high << 32 | wire_take_u32(r);
}

static void put_u48(struct wire_writer *w, uint64_t v)
{
	wire_put_u16(w, (uint16_t)(v >> 32));
	wire_put_u32(w, (uint32_t)v);
}

/* The algorithm's name must not be compressed, so it is read out of the RDATA alone, where a pointer has nowhere to go. */
static bool read_rdata(const struct wire_record *rr, struct record *out)
{
	struct wire_reader r = wire_read(rr->rdata, rr->length);
	if (!wire_take_name(&r, &out->algorithm) || r.at != out->algorithm.n) return false;
	out->time = take_u48(&r);
	out->fudge = wire_take_u16(&r);
	out->mac_n = wire_take_u16(&r);
	out->mac = wire_take(&r, out->mac_n);
	out->original_id = wire_take_u16(&r);
	out->error = wire_take_u16(&r);
	out->other_n = wire_take_u16(&r);
	out->other = wire_take(&r, out->other_n);
	return !r.failed && r.at == r.n;
}

/* 5.1: one TSIG, the last record of the additional section. */
static enum tsig_result find_record(const uint8_t *message, size_t n, struct record *out)
{
	struct wire_reader r = wire_read(message, n);
	struct wire_header h;
	struct wire_record rr = {0};
	struct wire_name owner;
	if (!wire_take_header(&r, &h)) return TSIG_FORMERR;
	for (unsigned i = 0; i < h.questions; i++)
		if (!wire_skip_name(&r) || !wire_take(&r, 4)) return TSIG_FORMERR;
	unsigned before = h.answers + h.authorities, records = before + h.additionals;
	for (unsigned i = 0; i < records; i++) {
		bool last = i + 1 == records;
		if (!wire_take_record(&r, last ? &owner : NULL, &rr)) return TSIG_FORMERR;
		if (rr.type != RR_TSIG) continue;
		if (!last || h.additionals == 0 || rr.class != RR_CLASS_ANY || rr.ttl != 0 || r.at != n)
			return TSIG_FORMERR;
		out->name = owner;
		out->at = rr.at;
		return read_rdata(&rr, out) ? TSIG_GOOD : TSIG_FORMERR;
	}
	return TSIG_NONE;
}

static void take_off(uint8_t *message, size_t *n, const struct record *r)
{
	unsigned additionals = (unsigned)(message[10] << 8 | message[11]) - 1;
	message[10] = (uint8_t)(additionals >> 8);
	message[11] = (uint8_t)additionals;
	*n = r->at;
}

/* ---- the MAC ------------------------------------------------------------------------------------------------------------- */

static EVP_MAC *hmac;
static pthread_once_t hmac_once = PTHREAD_ONCE_INIT;

static void hmac_fetch(void) /* once a process: a look-up costs more than hashing a question */
{
	hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
}

static EVP_MAC_CTX *mac_begin(const struct tsig_key *key)
{
	pthread_once(&hmac_once, hmac_fetch);
	EVP_MAC_CTX *c = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
	OSSL_PARAM how[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
	                                                     (char *)(uintptr_t)algorithms[key->algorithm].hash, 0),
	                    OSSL_PARAM_construct_end()};
	if (c && EVP_MAC_init(c, (const unsigned char *)key->secret.p, key->secret.n, how)) return c;
	EVP_MAC_CTX_free(c);
	return NULL;
}

/* What is signed besides messages: the fields of the record, or, in the later messages of an answer, its timers (5.3.1). */
static bool put_variables(EVP_MAC_CTX *c, const struct record *r, bool timers_only)
{
	uint8_t room[2 * WIRE_NAME_MOST + 32];
	struct wire_writer w = wire_write(room, sizeof room);
	struct wire_name name = r->name, algorithm = r->algorithm;
	wire_name_lower(&name);
	wire_name_lower(&algorithm);
	if (!timers_only) {
		wire_put_name_plain(&w, &name);
		wire_put_u16(&w, RR_CLASS_ANY);
		wire_put_u32(&w, 0);
		wire_put_name_plain(&w, &algorithm);
	}
	put_u48(&w, r->time);
	wire_put_u16(&w, r->fudge);
	if (!timers_only) {
		wire_put_u16(&w, r->error);
		wire_put_u16(&w, r->other_n);
	}
	return !w.full && EVP_MAC_update(c, room, w.n) &&
	       (timers_only || r->other_n == 0 || EVP_MAC_update(c, r->other, r->other_n));
}

/* A message without its TSIG record, under the id that it was signed with (4.3.2). */
static bool put_message(EVP_MAC_CTX *c, const uint8_t *message, size_t n, uint16_t id)
{
	const uint8_t octets[] = {(uint8_t)(id >> 8), (uint8_t)id};
	return n >= WIRE_HEADER_SIZE && EVP_MAC_update(c, octets, 2) && EVP_MAC_update(c, message + 2, n - 2);
}

/* 4.3.1: the MAC of the request, or of the message before. */
static bool put_prior(EVP_MAC_CTX *c, const struct tsig *t)
{
	const uint8_t length[] = {0, t->mac_n};
	return t->mac_n == 0 || (EVP_MAC_update(c, length, 2) && EVP_MAC_update(c, t->mac, t->mac_n));
}

/* Of the message at n octets with the record r; t holds key and prior MAC. */
static bool mac_compute(const struct tsig *t, const uint8_t *message, size_t n, const struct record *r,
                        uint8_t out[TSIG_MAC_MOST])
{
	EVP_MAC_CTX *c = mac_begin(t->key);
	size_t got = 0;
	bool done = c && put_prior(c, t) && put_message(c, message, n, r->original_id) &&
	            put_variables(c, r, t->later) && EVP_MAC_final(c, out, &got, TSIG_MAC_MOST);
	EVP_MAC_CTX_free(c);
	return done && got == algorithms[t->key->algorithm].size;
}

static bool in_time(uint64_t signed_at, uint16_t fudge, int64_t now)
{
	uint64_t clock = (uint64_t)now;
	return (clock > signed_at ? clock - signed_at : signed_at - clock) <= fudge;
}

/* 5.2: key, MAC, time, truncation, in this order. The error, or 0; t->key is set. message: without the record. */
static uint16_t check(struct tsig *t, const uint8_t *message, size_t n, const struct record *r, int64_t now)
{
	uint8_t mac[TSIG_MAC_MOST];
	if (!mac_compute(t, message, n, r, mac) || CRYPTO_memcmp(mac, r->mac, r->mac_n) != 0) return RCODE_BADSIG;
	if (!in_time(r->time, r->fudge, now)) return RCODE_BADTIME;
	return r->mac_n < algorithms[t->key->algorithm].size ? RCODE_BADTRUNC : 0;
}

/* 5.2.2.1: what a MAC's length may be at all. */
static bool mac_length_good(enum tsig_algorithm a, size_t n)
{
	size_t full = algorithms[a].size, half = full / 2;
	return n <= full && n >= (half > 10 ? half : 10);
}

/* ---- requests to us ------------------------------------------------------------------------------------------------------- */

static const struct tsig_key *find_key(const struct tsig_keys *keys, const struct record *r)
{
	for (size_t i = 0; i < keys->n; i++)
		if (wire_name_equal(&keys->keys[i].name, &r->name) &&
		    is_algorithm(&r->algorithm, keys->keys[i].algorithm))
			return &keys->keys[i];
	return NULL;
}

enum tsig_result tsig_check_request(uint8_t *query, size_t *n, const struct tsig_keys *keys, int64_t now,
                                    struct tsig *out)
{
	struct record r;
	memset(out, 0, sizeof *out);
	enum tsig_result found = find_record(query, *n, &r);
	if (found != TSIG_GOOD) return found;
	const struct tsig_key *key = find_key(keys, &r);
	if (key && !mac_length_good(key->algorithm, r.mac_n)) return TSIG_FORMERR;
	out->key = key;
	out->name = r.name;
	out->algorithm = r.algorithm;
	out->original_id = r.original_id;
	out->fudge = r.fudge;
	out->time = r.time;
	out->active = true;
	take_off(query, n, &r);
	out->error = key ? check(out, query, *n, &r, now) : RCODE_BADKEY;
	if (out->error == RCODE_BADSIG || out->error == RCODE_BADKEY) {
		out->key = NULL;
	} else {
		memcpy(out->mac, r.mac, r.mac_n);
		out->mac_n = (uint8_t)r.mac_n;
	}
	return out->error ? TSIG_FAILED : TSIG_GOOD;
}

/* ---- signing -------------------------------------------------------------------------------------------------------------- */

static void put_record(struct wire_writer *w, const struct record *r)
{
	wire_put_name_plain(w, &r->name);
	size_t length = wire_begin_rdata(w, RR_TSIG, RR_CLASS_ANY, 0);
	wire_put_name_plain(w, &r->algorithm);
	put_u48(w, r->time);
	wire_put_u16(w, r->fudge);
	wire_put_u16(w, r->mac_n);
	wire_put(w, r->mac, r->mac_n);
	wire_put_u16(w, r->original_id);
	wire_put_u16(w, r->error);
	wire_put_u16(w, r->other_n);
	wire_put(w, r->other, r->other_n);
	wire_end_rdata(w, length);
}

size_t tsig_sign(struct tsig *t, uint8_t *message, size_t n, size_t room, int64_t now)
{
	if (!t->active) return n;
	if (n < WIRE_HEADER_SIZE) return 0;
	uint8_t clock[6], mac[TSIG_MAC_MOST];
	struct record r = {.name = t->name,
	                   .algorithm = t->algorithm,
	                   .time = (uint64_t)now,
	                   .fudge = FUDGE,
	                   .error = t->error,
	                   .original_id = (uint16_t)(message[0] << 8 | message[1])};
	if (t->error == RCODE_BADTIME) { /* 5.2.3: the client's time, and ours besides */
		struct wire_writer w = wire_write(clock, sizeof clock);
		put_u48(&w, (uint64_t)now);
		r.other = clock;
		r.other_n = sizeof clock;
		r.time = t->time;
		r.fudge = t->fudge;
	}
	r.mac_n = t->key ? algorithms[t->key->algorithm].size : 0;
	if (room < n || room - n < (size_t)r.name.n + RR_FIXED + r.algorithm.n + TSIG_FIXED + r.mac_n + r.other_n)
		return 0;
	if (t->key) {
		if (!mac_compute(t, message, n, &r, mac)) return 0;
		r.mac = mac;
		memcpy(t->mac, mac, r.mac_n);
		t->mac_n = (uint8_t)r.mac_n;
	}
	struct wire_writer w = wire_write(message, room);
	w.n = n;
	put_record(&w, &r);
	wire_patch_u16(&w, 10, (uint16_t)((message[10] << 8 | message[11]) + 1));
	t->later = !t->request;
	t->request = false;
	return w.n;
}

/* ---- requests of ours ----------------------------------------------------------------------------------------------------- */

void tsig_begin(struct tsig *t, const struct tsig_key *key)
{
	const char *algorithm = algorithms[key->algorithm].name;
	memset(t, 0, sizeof *t);
	t->active = t->request = true;
	t->key = key;
	t->name = key->name;
	wire_name_parse(algorithm, strlen(algorithm), &t->algorithm);
}

enum error tsig_check_answer(struct tsig *t, uint8_t *answer, size_t *n, int64_t now)
{
	struct record r;
	enum tsig_result found = find_record(answer, *n, &r);
	if (found != TSIG_GOOD) return found == TSIG_NONE ? ERR_PERMISSION : ERR_SYNTAX;
	bool ours = wire_name_equal(&r.name, &t->name) && wire_name_equal(&r.algorithm, &t->algorithm);
	take_off(answer, n, &r);
	t->error = r.error;
	if (!ours || !mac_length_good(t->key->algorithm, r.mac_n)) return ERR_PERMISSION;
	uint16_t error = check(t, answer, *n, &r, now);
	if (error == 0) error = r.error;
	t->error = error;
	memcpy(t->mac, r.mac, r.mac_n);
	t->mac_n = (uint8_t)r.mac_n;
	t->later = true;
	return error ? ERR_PERMISSION : ERR_OK;
}
