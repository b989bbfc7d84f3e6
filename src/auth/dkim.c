/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dkim - see dkim.h
 *
 * A signature's result is `pass` while nothing speaks against it. It is judged in the order of RFC 6376 6.1: the
 * field, the key, the body, the signature; what is found first is the result. RFC 6376's PERMFAIL becomes `fail`
 * where the message is not the one that was signed or the signature's time is over, else `permerror` (RFC 8601
 * 2.7.1). What the standards forbid us to accept though it may be sound is `policy`: SHA-1 and short keys (RFC 8301
 * 3).
 */
#include "auth/dkim.h"

#include "auth/base64.h"
#include "auth/bodyhash.h"
#include "auth/fields.h"
#include "auth/keyrecord.h"
#include "auth/sigfield.h"

#define MIN_RSA_BITS    1024 /* RFC 8301 3.2 */
#define SIGNATURE_LEAST 8    /* characters, RFC 6008 4 */

struct candidate {
	uint32_t index; /* of the field */
	struct sigfield field;
	const void *wanted; /* of the body's hashes */
	struct key_query *query;
	struct dkim_signature *out;
};

struct dkim_verifier {
	struct arena *arena;
	struct dkim_options options;
	struct fields *fields;
	struct bodyhash *body;
	size_t count, query_count;
	bool asked;
	struct candidate candidates[DKIM_SIGNATURES_MOST];
	struct key_query queries[DKIM_SIGNATURES_MOST];
	struct dkim_signature signatures[DKIM_SIGNATURES_MOST];
};

static void settle(struct dkim_signature *out, enum auth_result result, const char *problem)
{
	out->result = result;
	out->problem = problem;
}

/* ---- the fields ------------------------------------------------------------------------------------------------ */

static void copy_field(const struct sigfield *from, struct dkim_signature *to)
{
	to->result = from->result;
	to->problem = from->problem;
	to->domain = from->domain;
	to->selector = from->selector;
	to->identity = from->identity;
	to->algorithm = from->algorithm;
	to->signed_at = from->signed_at;
}

/* What our own rules say, without a key. */
static void judge_field(const struct dkim_options *o, const struct sigfield *s, struct dkim_signature *out)
{
	/* RFC 6376 3.5: signatures from the future may be ignored. Clocks differ, so a little future is let pass. */
	if (!o->at_any_time && s->signed_at > o->now && s->signed_at - o->now > DKIM_CLOCK_SKEW)
		settle(out, AUTH_fail, "t= is in the future");
	else if (!o->at_any_time && s->expires < o->now)
		settle(out, AUTH_fail, "the signature has expired (x=)");
	else if (s->hash == HASH_SHA1 && !o->allow_sha1)
		settle(out, AUTH_policy, "SHA-1 is not accepted"); /* RFC 8301 3.1 */
}

static enum error add(struct dkim_verifier *v, uint32_t index)
{
	struct candidate *c = &v->candidates[v->count];
	struct header_field f = fields_at(v->fields, index);
	*c = (struct candidate){.index = index, .out = &v->signatures[v->count]};
	v->count++;
	bool good = sigfield_read(v->arena, SIGFIELD_DKIM, &f, &c->field);
	copy_field(&c->field, c->out);
	if (good) judge_field(&v->options, &c->field, c->out);
	if (c->out->result != AUTH_pass) return ERR_OK;
	c->query = &v->queries[v->query_count++];
	*c->query = (struct key_query){.domain = c->field.domain, .selector = c->field.selector};
	if (v->options.header_only) return ERR_OK;
	return bodyhash_want(v->body, c->field.body, c->field.hash, c->field.length, &c->wanted);
}

/* The chain of a name goes upward: the last DKIM_SIGNATURES_MOST of it are the first in the header. */
static enum error find_signatures(struct dkim_verifier *v)
{
	uint32_t top[DKIM_SIGNATURES_MOST];
	size_t count = 0;
	uint32_t i = fields_lowest(v->fields, SLICE("DKIM-Signature"));
	for (; i != FIELDS_NONE; i = fields_above(v->fields, i)) top[count++ % DKIM_SIGNATURES_MOST] = i;
	for (size_t n = 0; n < count && n < DKIM_SIGNATURES_MOST; n++) {
		enum error e = add(v, top[(count - 1 - n) % DKIM_SIGNATURES_MOST]);
		if (e) return e;
	}
	return ERR_OK;
}

enum error dkim_verify_begin(struct arena *a, struct slice header, const struct dkim_options *o,
                             struct dkim_verifier **out)
{
	struct dkim_verifier *v = ARENA_NEW(a, struct dkim_verifier);
	*out = NULL;
	if (!v) return ERR_NO_MEMORY;
	v->arena = a;
	v->options = *o;
	if (v->options.min_rsa_bits == 0) v->options.min_rsa_bits = MIN_RSA_BITS;
	v->body = bodyhash_new(a);
	enum error e = v->body ? fields_read(a, header, &v->fields) : ERR_NO_MEMORY;
	if (!e) e = find_signatures(v);
	if (e) return ERR_NO_MEMORY; /* a header of 4 GiB counts as that */
	*out = v;
	return ERR_OK;
}

size_t dkim_verify_count(const struct dkim_verifier *v)
{
	return v->count;
}

/* ---- what comes from elsewhere --------------------------------------------------------------------------------- */

void dkim_verify_keys(struct dkim_verifier *v, struct resolver *r, int64_t deadline)
{
	key_query_all(v->arena, r, v->queries, v->query_count, deadline);
	v->asked = true;
}

void dkim_verify_records(struct dkim_verifier *v, dkim_record_fn *find, void *arg)
{
	for (size_t i = 0; i < v->query_count; i++) {
		struct key_query *q = &v->queries[i];
		struct slice text;
		bool found = find(arg, q->domain, q->selector, &text);
		key_query_answer(v->arena, found ? &text : NULL, q);
	}
	v->asked = true;
}

void dkim_verify_body(struct dkim_verifier *v, struct slice piece)
{
	if (!v->options.header_only) bodyhash_put(v->body, piece);
}

/* ---- the verdict ----------------------------------------------------------------------------------------------- */

/* Is the body the one that was signed? */
static bool judge_body(const struct dkim_verifier *v, const struct candidate *c)
{
	struct bodyhash_result body;
	struct slice wanted = c->field.body_hash;
	if (v->options.header_only) return true;
	if (!bodyhash_get(v->body, c->wanted, &body)) {
		settle(c->out, AUTH_temperror, "out of memory");
		return false;
	}
	c->out->partial = body.length > c->field.length;
	if (body.cut) /* RFC 6376 3.5, l=: it must not be longer than the body, so some of that is gone */
		settle(c->out, AUTH_fail, "the body is shorter than l=");
	else if (!slice_equal(slice_of(body.hash, hash_size(c->field.hash)), wanted))
		settle(c->out, AUTH_fail, "the body was changed");
	return c->out->result == AUTH_pass;
}

/* May this key verify this signature? NULL, or why not (RFC 6376 6.1.2). */
static const char *key_problem(const struct candidate *c, const struct key_record *key)
{
	bool hash_allowed = c->field.hash == HASH_SHA1 ? key->sha1 : key->sha256;
	if (!hash_allowed) return "the key record does not allow the hash (h=)";
	if (key->strict && c->field.below) return "the key record does not allow i= below d= (t=s)";
	return NULL;
}

static void judge_signature(struct dkim_verifier *v, const struct candidate *c, const struct key_record *record)
{
	struct public_key key;
	unsigned char hash[DIGEST_MOST];
	struct header_field own = fields_at(v->fields, c->index);
	const char *problem = publickey_read(record->kind, record->key, &key);
	if (problem)
		settle(c->out, AUTH_permerror, problem);
	else if (!sigfield_hash(v->fields, c->index, &own, &c->field, hash))
		settle(c->out, AUTH_temperror, "out of memory");
	else if (!publickey_verify(&key, c->field.hash, hash, c->field.signature))
		settle(c->out, AUTH_fail, "the signature does not match the header");
	publickey_free(&key);
}

/* With one key of the right kind; the body is not looked at before the key is known to be one. */
static void judge_with(struct dkim_verifier *v, const struct candidate *c, const struct key_record *record)
{
	const char *problem = key_problem(c, record);
	settle(c->out, AUTH_pass, NULL);
	c->out->testing = record->testing;
	c->out->key_bits = publickey_bits(record->kind, record->key);
	if (problem)
		settle(c->out, AUTH_permerror, problem);
	else if (c->out->key_bits == 0)
		settle(c->out, AUTH_permerror, "the key is not an RSA key");
	else if (record->kind == KEY_RSA && c->out->key_bits < v->options.min_rsa_bits)
		settle(c->out, AUTH_policy, "the RSA key is too short"); /* RFC 8301 3.2 */
	else if (judge_body(v, c))
		judge_signature(v, c, record);
}

/* Tries the keys that fit until one verifies; else the first of them tells why not. */
static void judge(struct dkim_verifier *v, const struct candidate *c)
{
	const struct key_query *q = c->query;
	struct dkim_signature first = *c->out;
	bool tried = false;
	c->out->secure = q->secure;
	if (q->result != AUTH_pass) {
		settle(c->out, q->result, q->problem);
		return;
	}
	settle(c->out, AUTH_permerror, q->records[0].problem);
	for (size_t i = 0; i < q->count; i++) {
		if (q->records[i].problem) continue;
		if (q->records[i].kind != c->field.key) {
			if (!tried) settle(c->out, AUTH_permerror, "the key is of another kind than a= (k=)");
			continue;
		}
		judge_with(v, c, &q->records[i]);
		if (c->out->result == AUTH_pass) return;
		if (!tried) first = *c->out;
		tried = true;
	}
	if (tried) *c->out = first;
}

/* RFC 6008 4: as many characters of each as tell it from those of the others. */
static void name_signatures(struct dkim_verifier *v)
{
	struct slice text[DKIM_SIGNATURES_MOST];
	for (size_t i = 0; i < v->count; i++) text[i] = base64_encode(v->arena, v->candidates[i].field.signature);
	for (size_t i = 0; i < v->count; i++) {
		size_t wanted = SIGNATURE_LEAST;
		for (size_t j = 0; j < v->count; j++) {
			size_t same = 0;
			if (slice_equal(text[i], text[j])) continue;
			while (same < text[i].n && same < text[j].n && text[i].p[same] == text[j].p[same]) same++;
			if (same >= wanted) wanted = same + 1;
		}
		v->signatures[i].signature = slice_sub(text[i], 0, wanted);
	}
}

static enum auth_result overall(const struct dkim_verifier *v)
{
	static const enum auth_result order[] = {AUTH_pass,   AUTH_temperror, AUTH_fail,
	                                         AUTH_policy, AUTH_neutral,   AUTH_permerror};
	for (size_t i = 0; i < sizeof order / sizeof *order; i++)
		for (size_t j = 0; j < v->count; j++)
			if (v->signatures[j].result == order[i]) return order[i];
	return AUTH_none;
}

void dkim_verify_end(struct dkim_verifier *v, struct dkim_verdict *out)
{
	if (out) {
		if (!v->options.header_only) bodyhash_end(v->body);
		for (size_t i = 0; i < v->count; i++) {
			const struct candidate *c = &v->candidates[i];
			if (!c->query) continue;
			if (v->asked)
				judge(v, c);
			else
				settle(c->out, AUTH_temperror, "the key was not asked for");
		}
		name_signatures(v);
		*out = (struct dkim_verdict){.result = overall(v), .signatures = v->signatures, .count = v->count};
	}
	bodyhash_free(v->body);
	v->body = NULL;
}
