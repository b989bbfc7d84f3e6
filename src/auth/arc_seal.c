/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealing of a chain (RFC 8617 5.1).
 *
 * The tags stand in the order of the alphabet, each signature on one line while a line may be that long: so does dkimpy, from
 * which the public test suite has its expected fields, and equal input makes equal fields.
 */
#include "auth/arc.h"

#include "auth/arc_chain.h"
#include "auth/authres.h"
#include "auth/base64.h"
#include "auth/bodyhash.h"
#include "auth/signing_key.h"
#include "auth/sigwrite.h"

#define COLUMNS   76
#define LINE_MOST 400 /* octets: keys of 2048 bits still sign on one line */

struct arc_sealer {
	struct arena *arena;
	struct arc_sealing sealing;
	unsigned instance; /* 0: it must not extend */
	struct arc_chain *chain;
	struct slice names; /* h= */
	struct bodyhash *body;
	const void *wanted;
};

/* ---- h= ----------------------------------------------------------------------------------------------------------------------- */

/* RFC 8617 4.1.2: ARC's own fields are not signed; neither is what the next handler will remove. */
static bool may_be_signed(struct slice name)
{
	static const char *const never[] = {"ARC-Seal", "ARC-Message-Signature", "ARC-Authentication-Results",
	                                    "Authentication-Results"};
	for (size_t i = 0; i < sizeof never / sizeof *never; i++)
		if (slice_equal_nocase(name, slice_str(never[i]))) return false;
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] <= ' ' || name.p[i] > '~' || name.p[i] == ':' || name.p[i] == ';') return false;
	return name.n > 0;
}

/* Without names given: those of our DKIM signatures, and the signatures that are there, as RFC 8617 4.1.2 wants. */
static struct slice usual_names(struct arena *a, const struct fields *fields)
{
	size_t count = signer_default_header_count;
	struct slice *names = arena_alloc(a, (count + 1) * sizeof *names);
	if (!names) return (struct slice){NULL, 0};
	memcpy(names, signer_default_headers, count * sizeof *names);
	names[count] = SLICE("DKIM-Signature");
	return sigwrite_names(a, fields, names, count + 1, NULL);
}

/* Names as they were given, with what may not be signed left out. */
static struct slice given_names(struct arena *a, const struct signing *s)
{
	size_t size = 1, n = 0;
	for (size_t i = 0; i < s->header_count; i++) size += s->headers[i].n + 1;
	char *text = arena_alloc(a, size);
	if (!text) return (struct slice){NULL, 0};
	for (size_t i = 0; i < s->header_count; i++) {
		if (!may_be_signed(s->headers[i])) continue;
		if (n > 0) text[n++] = ':';
		memcpy(text + n, s->headers[i].p, s->headers[i].n);
		n += s->headers[i].n;
	}
	return n > 0 ? slice_of(text, n) : SLICE("From"); /* RFC 6376 5.4: never without it */
}

/* ---- the fields ----------------------------------------------------------------------------------------------------------------- */

/* text with line ends put in where a line would be longer than most; only after a colon when at_colons. */
static struct slice folded(struct arena *a, struct slice text, size_t most, bool at_colons)
{
	size_t n = 0, column = 0;
	if (!text.p || text.n <= most) return text;
	char *out = arena_alloc(a, text.n * 4);
	if (!out) return (struct slice){NULL, 0};
	while (text.n > 0) {
		size_t word = at_colons ? slice_find(text, ':') + 1 : COLUMNS - 8;
		struct slice part = slice_sub(text, 0, word);
		if (column > 0 && column + part.n > COLUMNS - 8) {
			memcpy(out + n, "\r\n\t", 3);
			n += 3;
			column = 0;
		}
		memcpy(out + n, part.p, part.n);
		n += part.n;
		column += part.n;
		text = slice_sub(text, part.n, text.n);
	}
	return slice_of(out, n);
}

static struct slice base64_line(struct arena *a, struct slice octets)
{
	return folded(a, base64_encode(a, octets), LINE_MOST, false);
}

static const char *algorithm(const struct arc_sealer *g)
{
	return SIGNING_ALGORITHM(signing_key_kind(g->sealing.signing.key));
}

static struct slice write_message_signature(const struct arc_sealer *g, struct slice body_hash, struct slice signature)
{
	const struct signing *s = &g->sealing.signing;
	struct slice names = folded(g->arena, g->names, COLUMNS - 12, true);
	if (!names.p) return names;
	return arena_printf(g->arena,
	                    "ARC-Message-Signature: a=%s;\r\n\tb=%.*s;\r\n\tbh=%.*s; c=relaxed/relaxed;\r\n"
	                    "\td=%.*s;\r\n\th=%.*s;\r\n\ti=%u; s=%.*s; t=%lld\r\n",
	                    algorithm(g), SLICE_ARG(signature), SLICE_ARG(body_hash), SLICE_ARG(s->domain),
	                    SLICE_ARG(names), g->instance, SLICE_ARG(s->selector), (long long)s->now);
}

static struct slice write_seal(const struct arc_sealer *g, struct slice signature)
{
	const struct signing *s = &g->sealing.signing;
	return arena_printf(g->arena, "ARC-Seal: a=%s;\r\n\tb=%.*s; cv=%s;\r\n\td=%.*s; i=%u; s=%.*s;\r\n\tt=%lld\r\n",
	                    algorithm(g), SLICE_ARG(signature), auth_result_text(g->sealing.chain->result),
	                    SLICE_ARG(s->domain), g->instance, SLICE_ARG(s->selector), (long long)s->now);
}

static bool as_field(struct slice text, struct header_field *out)
{
	struct header_iterator it;
	header_begin(&it, text);
	return text.p && header_next(&it, out);
}

/* ---- signing -------------------------------------------------------------------------------------------------------------------- */

static struct slice sign_hash(const struct arc_sealer *g, const unsigned char *hash)
{
	struct slice signature = signing_key_sign(g->arena, g->sealing.signing.key, hash);
	return signature.p ? base64_line(g->arena, signature) : signature;
}

static enum error sign_message(struct arc_sealer *g, struct slice *out)
{
	struct bodyhash_result body;
	struct header_field own;
	unsigned char hash[DIGEST_MOST];
	const struct sigfield what = {.hash = HASH_SHA256, .header = CANONICAL_RELAXED, .names = g->names};
	bodyhash_end(g->body);
	if (!bodyhash_get(g->body, g->wanted, &body)) return ERR_SYSTEM;
	struct slice body_hash = base64_encode(g->arena, slice_of(body.hash, hash_size(HASH_SHA256)));
	if (!body_hash.p) return ERR_NO_MEMORY;
	if (!as_field(write_message_signature(g, body_hash, SLICE_EMPTY), &own)) return ERR_NO_MEMORY;
	if (!sigfield_hash(g->chain->fields, FIELDS_NONE, &own, &what, hash)) return ERR_SYSTEM;
	struct slice signature = sign_hash(g, hash);
	if (!signature.p) return ERR_SYSTEM;
	*out = write_message_signature(g, body_hash, signature);
	return out->p ? ERR_OK : ERR_NO_MEMORY;
}

/* RFC 8617 5.1.1.3: the sets that are there, and our own. 5.1.2: of a chain that failed only our own, since nobody could tell which of
 * its fields were meant. */
static bool hash_for_seal(const struct arc_sealer *g, const struct arc_set *set, struct slice unsealed,
                          unsigned char *hash)
{
	struct digest d;
	struct header_field results, message, seal;
	bool ok = as_field(set->authentication_results, &results) && as_field(set->message_signature, &message) &&
	          as_field(unsealed, &seal);
	digest_begin(&d, HASH_SHA256);
	for (unsigned i = 1; ok && g->sealing.chain->result == AUTH_pass && i < g->instance; i++) {
		const struct arc_chain_set *old = g->chain->sets[i - 1];
		struct header_field r = fields_at(g->chain->fields, old->results);
		struct header_field m = fields_at(g->chain->fields, old->message);
		struct header_field s = fields_at(g->chain->fields, old->seal);
		arc_chain_put(&d, &r, &m);
		arc_chain_put_seal(&d, &s);
	}
	if (ok) {
		arc_chain_put(&d, &results, &message);
		arc_chain_put_own(&d, &seal, (struct slice){NULL, 0});
	}
	return digest_end(&d, ok ? hash : NULL);
}

static enum error seal(struct arc_sealer *g, struct arc_set *out)
{
	unsigned char hash[DIGEST_MOST];
	struct slice value = authres_value(g->arena, g->sealing.authserv_id, g->sealing.results);
	if (!value.p) return ERR_NO_MEMORY;
	out->authentication_results =
		arena_printf(g->arena, "ARC-Authentication-Results: i=%u; %.*s\r\n", g->instance, SLICE_ARG(value));
	if (!out->authentication_results.p) return ERR_NO_MEMORY;
	enum error e = sign_message(g, &out->message_signature);
	if (e) return e;
	struct slice unsealed = write_seal(g, SLICE_EMPTY);
	if (!unsealed.p) return ERR_NO_MEMORY;
	if (!hash_for_seal(g, out, unsealed, hash)) return ERR_SYSTEM;
	struct slice signature = sign_hash(g, hash);
	if (!signature.p) return ERR_SYSTEM;
	out->seal = write_seal(g, signature);
	return out->seal.p ? ERR_OK : ERR_NO_MEMORY;
}

/* ---- begin, body, end ------------------------------------------------------------------------------------------------------------- */

enum error arc_seal_begin(struct arena *a, struct slice header, const struct arc_sealing *s, struct arc_sealer **out)
{
	struct arc_sealer *g = ARENA_NEW(a, struct arc_sealer);
	*out = NULL;
	if (!g) return ERR_NO_MEMORY;
	g->arena = a;
	g->sealing = *s;
	g->body = bodyhash_new(a);
	enum error e = g->body ? arc_chain_read(a, header, &g->chain) : ERR_NO_MEMORY;
	/* What passed or was not there has to be that still: the same header is meant. */
	bool same = !e && g->chain->count == s->chain->sets && (s->chain->result != AUTH_pass || !g->chain->problem);
	if (!e && same && s->chain->may_extend && g->chain->count < ARC_SETS_MOST) {
		g->instance = g->chain->count + 1;
		g->names = s->signing.headers ? given_names(a, &s->signing) : usual_names(a, g->chain->fields);
		e = g->names.p ? bodyhash_want(g->body, CANONICAL_RELAXED, HASH_SHA256, BODYHASH_ALL, &g->wanted)
		               : ERR_NO_MEMORY;
	}
	if (e)
		bodyhash_free(g->body);
	else
		*out = g;
	return e;
}

void arc_seal_body(struct arc_sealer *g, struct slice piece)
{
	if (g->instance > 0) bodyhash_put(g->body, piece);
}

enum error arc_seal_end(struct arc_sealer *g, struct arc_set *out)
{
	enum error e = ERR_OK;
	if (out) {
		*out = (struct arc_set){SLICE_EMPTY, SLICE_EMPTY, SLICE_EMPTY};
		if (g->instance > 0) e = seal(g, out);
		if (e) *out = (struct arc_set){SLICE_EMPTY, SLICE_EMPTY, SLICE_EMPTY};
	}
	bodyhash_free(g->body);
	g->body = NULL;
	return e;
}
