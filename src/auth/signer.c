/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/signer.h"

#include "auth/bodyhash.h"
#include "auth/fields.h"
#include "auth/sigfield.h"
#include "auth/signing_key.h"
#include "auth/sigwrite.h"

#define NAME(text)                                                                                                     \
	{                                                                                                              \
		text, sizeof(text) - 1                                                                                 \
	}

/* RFC 6376 5.4.1, and what tells a reader what the body is. */
const struct slice signer_default_headers[] = {
	NAME("From"),
	NAME("Reply-To"),
	NAME("Sender"),
	NAME("Subject"),
	NAME("Date"),
	NAME("Message-ID"),
	NAME("To"),
	NAME("Cc"),
	NAME("MIME-Version"),
	NAME("Content-Type"),
	NAME("Content-Transfer-Encoding"),
	NAME("In-Reply-To"),
	NAME("References"),
	NAME("Auto-Submitted"),
	NAME("Resent-Date"),
	NAME("Resent-From"),
	NAME("Resent-To"),
	NAME("Resent-Cc"),
	NAME("List-Id"),
	NAME("List-Help"),
	NAME("List-Unsubscribe"),
	NAME("List-Unsubscribe-Post"),
	NAME("List-Subscribe"),
	NAME("List-Post"),
	NAME("List-Owner"),
	NAME("List-Archive"),
};
const size_t signer_default_header_count = sizeof signer_default_headers / sizeof *signer_default_headers;

struct signer {
	struct arena *arena;
	struct signing signing;
	struct fields *fields;
	struct slice names; /* h= */
	struct bodyhash *body;
	const void *wanted;
};

enum error signer_begin(struct arena *a, struct slice header, const struct signing *s, struct signer **out)
{
	struct signer *g = ARENA_NEW(a, struct signer);
	*out = NULL;
	if (!g) return ERR_NO_MEMORY;
	*g = (struct signer){.arena = a, .signing = *s, .body = bodyhash_new(a)};
	if (!s->headers) {
		g->signing.headers = signer_default_headers;
		g->signing.header_count = signer_default_header_count;
	}
	enum error e = g->body ? fields_read(a, header, &g->fields) : ERR_NO_MEMORY;
	if (e) return ERR_NO_MEMORY;
	if (fields_named(g->fields, SLICE("From")) != 1) return ERR_SYNTAX; /* RFC 5322 3.6 */
	g->names = sigwrite_names(a, g->fields, g->signing.headers, g->signing.header_count, NULL);
	if (!g->names.p) return ERR_NO_MEMORY;
	e = bodyhash_want(g->body, CANONICAL_RELAXED, HASH_SHA256, BODYHASH_ALL, &g->wanted);
	if (!e) *out = g;
	return e;
}

void signer_body(struct signer *g, struct slice piece)
{
	bodyhash_put(g->body, piece);
}

/* The field but for its signature. */
static struct slice write_field(const struct signer *g, struct sigwrite *w, const struct bodyhash_result *body)
{
	const struct signing *s = &g->signing;
	sigwrite_begin(w, g->arena, "DKIM-Signature");
	sigwrite_tag(w, "v", SLICE("1"));
	sigwrite_tag(w, "a", slice_str(SIGNING_ALGORITHM(signing_key_kind(s->key))));
	sigwrite_tag(w, "c", SLICE("relaxed/relaxed"));
	sigwrite_tag(w, "d", s->domain);
	sigwrite_tag(w, "s", s->selector);
	if (s->now > 0) sigwrite_number(w, "t", s->now);
	if (s->lifetime > 0) sigwrite_number(w, "x", s->now + s->lifetime);
	sigwrite_list(w, "h", g->names);
	sigwrite_octets(w, "bh", slice_of(body->hash, hash_size(HASH_SHA256)));
	return sigwrite_unsigned(w);
}

static enum error sign(struct signer *g, struct slice *out)
{
	struct sigwrite w;
	struct bodyhash_result body;
	struct header_iterator it;
	struct header_field own;
	unsigned char hash[DIGEST_MOST];
	struct sigfield what = {.hash = HASH_SHA256, .header = CANONICAL_RELAXED, .names = g->names};
	bodyhash_end(g->body);
	if (!bodyhash_get(g->body, g->wanted, &body)) return ERR_SYSTEM;
	struct slice text = write_field(g, &w, &body);
	if (!text.p) return ERR_NO_MEMORY;
	header_begin(&it, text);
	header_next(&it, &own);
	if (!sigfield_hash(g->fields, FIELDS_NONE, &own, &what, hash)) return ERR_SYSTEM;
	struct slice signature = signing_key_sign(g->arena, g->signing.key, hash);
	if (!signature.p) return ERR_SYSTEM;
	*out = sigwrite_signed(&w, signature);
	return out->p ? ERR_OK : ERR_NO_MEMORY;
}

enum error signer_end(struct signer *g, struct slice *field)
{
	enum error e = field ? sign(g, field) : ERR_OK;
	bodyhash_free(g->body);
	g->body = NULL;
	return e;
}
