/* SPDX-License-Identifier: Apache-2.0 */
/* Verification of a chain, in the steps of RFC 8617 5.2. Sealing is in arc_seal.c. */
#include "auth/arc.h"

#include "auth/arc_chain.h"
#include "auth/bodyhash.h"
#include "auth/keyrecord.h"

#define MIN_RSA_BITS 1024 /* RFC 8301 3.2 */
#define OLDER_MOST   10   /* message signatures below the newest that are checked */

struct arc_verifier {
	struct arena *arena;
	struct arc_chain *chain;
	int64_t now;
	struct bodyhash *body;
	unsigned count; /* sets to be checked */
	bool asked;
	struct key_query *queries; /* two for each set: of its seal, of its message signature */
	const void *wanted[ARC_SETS_MOST], *relaxed[ARC_SETS_MOST]; /* relaxed: set where c= is absent */
};

static struct arc_chain_set *set_at(const struct arc_verifier *v, unsigned instance)
{
	return v->chain->sets[instance - 1];
}

/* What the field itself says against a signature; NULL: nothing. */
static const char *field_problem(const struct arc_verifier *v, const struct sigfield *s)
{
	if (s->problem) return s->problem;
	if (s->hash == HASH_SHA1) return "SHA-1 is not accepted"; /* RFC 8301 3.1 */
	return s->expires < v->now ? "a signature has expired (x=)" : NULL;
}

/* Message signatures of older sets may be broken, and mostly are: the newest one has to be sound. Its problem ends it here. */
static const char *form_problem(const struct arc_verifier *v)
{
	const struct arc_chain *c = v->chain;
	if (c->problem) return c->problem;
	for (unsigned i = 1; i <= c->count; i++) {
		const char *problem = field_problem(v, &set_at(v, i)->seal_field);
		if (problem) return problem;
	}
	return field_problem(v, &set_at(v, c->count)->message_field);
}

/* Notes which keys and hashes are needed. */
static enum error prepare(struct arc_verifier *v)
{
	v->count = v->chain->count;
	v->queries = arena_zalloc(v->arena, 2 * v->count * sizeof *v->queries);
	if (!v->queries) return ERR_NO_MEMORY;
	for (unsigned i = 1; i <= v->count; i++) {
		const struct arc_chain_set *set = set_at(v, i);
		const struct sigfield *seal = &set->seal_field, *message = &set->message_field;
		if (field_problem(v, message) || i + OLDER_MOST < v->count) message = seal; /* is not looked at */
		v->queries[2 * i - 2] = (struct key_query){.domain = seal->domain, .selector = seal->selector};
		v->queries[2 * i - 1] = (struct key_query){.domain = message->domain, .selector = message->selector};
		if (message == seal) continue;
		enum error e = bodyhash_want(v->body, message->body, message->hash, message->length, &v->wanted[i - 1]);
		if (!e && message->without_c)
			e = bodyhash_want(v->body, CANONICAL_RELAXED, message->hash, message->length,
			                  &v->relaxed[i - 1]);
		if (e) return e;
	}
	return ERR_OK;
}

enum error arc_verify_begin(struct arena *a, struct slice header, int64_t now, struct arc_verifier **out)
{
	struct arc_verifier *v = ARENA_NEW(a, struct arc_verifier);
	*out = NULL;
	if (!v) return ERR_NO_MEMORY;
	v->arena = a;
	v->now = now;
	v->body = bodyhash_new(a);
	enum error e = v->body ? arc_chain_read(a, header, &v->chain) : ERR_NO_MEMORY;
	if (!e && v->chain->count > 0 && !form_problem(v)) e = prepare(v);
	if (e)
		bodyhash_free(v->body);
	else
		*out = v;
	return e;
}

unsigned arc_verify_count(const struct arc_verifier *v)
{
	return v->count;
}

void arc_verify_keys(struct arc_verifier *v, struct resolver *r, int64_t deadline)
{
	if (v->count > 0) key_query_all(v->arena, r, v->queries, 2 * (size_t)v->count, deadline);
	v->asked = true;
}

void arc_verify_body(struct arc_verifier *v, struct slice piece)
{
	if (v->count > 0) bodyhash_put(v->body, piece);
}

/* ---- signatures --------------------------------------------------------------------------------------------------------------- */

/* With one key record; NULL: it verifies. */
static const char *try_key(const struct sigfield *s, const struct key_record *record, const unsigned char *hash)
{
	struct public_key key;
	if (record->problem) return record->problem;
	if (record->kind != s->key) return "a key is of another kind than a= (k=)";
	if (!record->sha256) return "a key record does not allow the hash (h=)";
	const char *problem = publickey_read(record->kind, record->key, &key);
	if (problem) return problem;
	if (key.kind == KEY_RSA && key.bits < MIN_RSA_BITS)
		problem = "an RSA key is too short";
	else if (!publickey_verify(&key, s->hash, hash, s->signature))
		problem = "a signature does not match";
	publickey_free(&key);
	return problem;
}

static const char *signature_problem(const struct sigfield *s, const struct key_query *q, const unsigned char *hash)
{
	const char *problem = q->problem;
	if (q->result != AUTH_pass) return problem ? problem : "a key could not be looked up";
	for (size_t i = 0; i < q->count; i++) {
		problem = try_key(s, &q->records[i], hash);
		if (!problem) return NULL;
	}
	return problem ? problem : "there is no key";
}

static const char *content_problem(const struct arc_verifier *v, unsigned instance, const struct sigfield *s,
                                   const void *wanted)
{
	const struct arc_chain_set *set = set_at(v, instance);
	unsigned char hash[DIGEST_MOST];
	struct bodyhash_result body;
	if (!bodyhash_get(v->body, wanted, &body)) return "out of memory";
	if (body.cut || !slice_equal(slice_of(body.hash, hash_size(s->hash)), s->body_hash))
		return "the body was changed";
	struct header_field own = fields_at(v->chain->fields, set->message);
	if (!sigfield_hash(v->chain->fields, set->message, &own, s, hash)) return "out of memory";
	return signature_problem(s, &v->queries[2 * instance - 1], hash);
}

/* Without c= a signature is simple/simple (RFC 6376 3.5, which RFC 8617 4.1.2 takes over). The public test suite takes
 * it for relaxed/relaxed, which is what seals are. Either passes: nothing is let through that its key did not sign. */
static const char *message_problem(const struct arc_verifier *v, unsigned instance)
{
	struct sigfield s = set_at(v, instance)->message_field;
	const char *problem = field_problem(v, &s);
	if (problem) return problem;
	problem = content_problem(v, instance, &s, v->wanted[instance - 1]);
	if (!problem || !s.without_c) return problem;
	s.header = s.body = CANONICAL_RELAXED;
	return content_problem(v, instance, &s, v->relaxed[instance - 1]) ? problem : NULL;
}

/* A seal signs all sets up to its own, from the first (RFC 8617 5.1.1.3). What one seal signs is the beginning of what the next signs, so
 * the header is hashed once. */
static const char *seals_problem(const struct arc_verifier *v)
{
	struct digest all;
	const char *problem = NULL;
	digest_begin(&all, HASH_SHA256);
	for (unsigned i = 1; i <= v->count && !problem; i++) {
		const struct arc_chain_set *set = set_at(v, i);
		struct header_field results = fields_at(v->chain->fields, set->results);
		struct header_field message = fields_at(v->chain->fields, set->message);
		struct header_field seal = fields_at(v->chain->fields, set->seal);
		struct digest upto;
		unsigned char hash[DIGEST_MOST];
		arc_chain_put(&all, &results, &message);
		digest_copy(&upto, &all);
		arc_chain_put_own(&upto, &seal, set->seal_field.hole);
		if (!digest_end(&upto, hash))
			problem = "out of memory";
		else
			problem = signature_problem(&set->seal_field, &v->queries[2 * i - 2], hash);
		arc_chain_put_seal(&all, &seal);
	}
	digest_end(&all, NULL);
	return problem;
}

/* RFC 8617 5.2, step 5: the oldest set whose message signature, and all after it, are good; 0: all are. Each costs a look at the whole
 * header, so that only some are tried: chains of more than a few sets are not seen in the wild. */
static unsigned oldest_pass(const struct arc_verifier *v)
{
	unsigned i = v->count, tried = 0;
	while (i > 1 && tried++ < OLDER_MOST && !message_problem(v, i - 1)) i--;
	return i > 1 ? i : 0;
}

/* ---- the verdict ------------------------------------------------------------------------------------------------------------ */

static const char *chain_problem(const struct arc_verifier *v)
{
	const char *problem = form_problem(v);
	if (problem) return problem;
	if (!v->asked) return "the keys were not asked for";
	problem = message_problem(v, v->count);
	return problem ? problem : seals_problem(v);
}

static void judge(const struct arc_verifier *v, struct arc_verdict *out)
{
	const struct arc_chain *c = v->chain;
	const struct arc_chain_set *newest = c->count > 0 ? c->sets[c->count - 1] : NULL;
	*out = (struct arc_verdict){.result = AUTH_none,
	                            .sets = c->count,
	                            .sealer = SLICE_EMPTY,
	                            .may_extend = !c->closed && c->count < ARC_SETS_MOST};
	if (newest && newest->seal != FIELDS_NONE) out->sealer = newest->seal_field.domain;
	if (!c->any) return;
	out->problem = c->count > 0 ? chain_problem(v) : c->problem;
	out->result = out->problem ? AUTH_fail : AUTH_pass;
	if (!out->problem) out->oldest_pass = oldest_pass(v);
}

void arc_verify_end(struct arc_verifier *v, struct arc_verdict *out)
{
	if (out) {
		bodyhash_end(v->body);
		judge(v, out);
	}
	bodyhash_free(v->body);
	v->body = NULL;
}
