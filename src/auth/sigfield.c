/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/sigfield.h"

#include "auth/base64.h"
#include "auth/bodyhash.h"
#include "auth/taglist.h"
#include "mail/address.h"

#define DIGITS_MOST   12 /* of a time; more count as never (RFC 6376 3.5) */
#define INSTANCE_MOST 50 /* RFC 8617 4.2.1 */

static const struct {
	const char *name;
	enum key_kind key;
	enum hash_kind hash;
} algorithms[] = {
	{"rsa-sha256", KEY_RSA, HASH_SHA256},
	{"ed25519-sha256", KEY_ED25519, HASH_SHA256},
	{"rsa-sha1", KEY_RSA, HASH_SHA1},
};

struct reading {
	struct arena *arena;
	enum sigfield_kind kind;
	struct taglist tags;
	struct sigfield *out;
};

/* ---- values ---------------------------------------------------------------------------------------------------- */

static bool is_digits(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9') return false;
	return s.n > 0;
}

/* A time of any length; one beyond DIGITS_MOST is SIGFIELD_NEVER. */
static bool read_time(struct slice s, int64_t *out)
{
	uint64_t value = 0;
	if (!is_digits(s)) return false;
	while (s.n > 1 && s.p[0] == '0') s = slice_sub(s, 1, s.n);
	*out = SIGFIELD_NEVER;
	if (s.n <= DIGITS_MOST && slice_to_u64(s, &value)) *out = (int64_t)value;
	return true;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9') return c - '0';
	c |= 0x20; /* letters of a grammar stand for both cases (RFC 5234 2.3) */
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* DKIM-Quoted-Printable (RFC 6376 2.11): white space does not count, =XX is an octet. {NULL, 0}: malformed, no
 * memory. */
static struct slice unquote(struct arena *a, struct slice s)
{
	size_t n = 0;
	char *out = arena_alloc(a, s.n);
	for (size_t i = 0; out && i < s.n; i++) {
		char c = s.p[i];
		if (c == ' ' || c == '\t' || c == '\r' || c == '\n') continue;
		if (c == '=') {
			int high = s.n - i > 2 ? hex(s.p[i + 1]) : -1, low = high < 0 ? -1 : hex(s.p[i + 2]);
			if (low < 0) return (struct slice){NULL, 0};
			c = (char)(high << 4 | low);
			i += 2;
		}
		out[n++] = c;
	}
	return slice_of(out, out ? n : 0);
}

/* ---- tags, one function each: NULL, or the problem ------------------------------------------------------------- */

/* d= and s=. Both are domain names in form; letters of any script are turned into A-labels (RFC 8616 5). */
static const char *read_names(struct reading *r)
{
	struct slice domain, selector;
	bool has_domain = taglist_find(&r->tags, "d", &domain), has_selector = taglist_find(&r->tags, "s", &selector);
	if (domain_valid(domain)) r->out->domain = domain_canonical(r->arena, domain);
	if (domain_valid(selector)) r->out->selector = domain_canonical(r->arena, selector);
	if (!has_domain) return "d= is missing";
	if (r->out->domain.n == 0) return "d= is not a domain";
	if (!has_selector) return "s= is missing";
	return r->out->selector.n == 0 ? "s= is not a selector" : NULL;
}

/* RFC 6376 3.5: i= is in the domain of d= or below it. */
static const char *read_identity(struct reading *r)
{
	struct slice value, domain = r->out->domain;
	if (!taglist_find(&r->tags, "i", &value)) {
		r->out->identity = arena_printf(r->arena, "@%.*s", SLICE_ARG(domain));
		return NULL;
	}
	struct slice identity = unquote(r->arena, value);
	size_t at = identity.p ? slice_find_last(identity, '@') : 0;
	struct slice own = slice_sub(identity, at + 1, identity.n);
	if (!identity.p || at == identity.n || !domain_valid(own)) return "i= is not an address";
	r->out->identity = identity;
	own = domain_canonical(r->arena, own);
	r->out->below = !slice_equal(own, domain);
	return own.p && domain_within(own, domain) ? NULL : "i= is not in the domain of d=";
}

static const char *read_instance(struct reading *r)
{
	struct slice value;
	uint64_t instance = 0;
	if (!taglist_find(&r->tags, "i", &value)) return "i= is missing";
	if (!slice_to_u64(value, &instance) || instance < 1 || instance > INSTANCE_MOST)
		return "i= is not a number from 1 to 50";
	r->out->instance = (unsigned)instance;
	return NULL;
}

static const char *read_algorithm(struct reading *r)
{
	struct slice value;
	if (!taglist_find(&r->tags, "a", &value)) return "a= is missing";
	for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++) {
		if (!slice_equal_nocase(value, slice_str(algorithms[i].name))) continue;
		r->out->algorithm = algorithms[i].name;
		r->out->key = algorithms[i].key;
		r->out->hash = algorithms[i].hash;
		return NULL;
	}
	/* RFC 8601 2.7.1: signed, "but not otherwise able to be processed": there may be nothing wrong with it. */
	r->out->result = AUTH_neutral;
	return "a= is an algorithm that is not known";
}

static const char *read_signature(struct reading *r)
{
	const struct tag *b = taglist_tag(&r->tags, "b");
	if (!b) return "b= is missing";
	r->out->hole = b->whole;
	if (base64_decode(r->arena, b->value, &r->out->signature) != ERR_OK) return "b= is not base64";
	return r->out->signature.n == 0 ? "b= is empty" : NULL;
}

static const char *read_body_hash(struct reading *r)
{
	struct slice value;
	if (!taglist_find(&r->tags, "bh", &value)) return "bh= is missing";
	if (base64_decode(r->arena, value, &r->out->body_hash) != ERR_OK) return "bh= is not base64";
	return r->out->body_hash.n == hash_size(r->out->hash) ? NULL : "bh= is not a hash of the algorithm in a=";
}

static bool read_way(struct slice word, enum canonical *out)
{
	*out = slice_equal_nocase(word, SLICE("relaxed")) ? CANONICAL_RELAXED : CANONICAL_SIMPLE;
	return *out == CANONICAL_RELAXED || slice_equal_nocase(word, SLICE("simple"));
}

/* RFC 6376 3.5: simple/simple when absent; one word is the header's, the body's is then simple. */
static const char *read_canonicalization(struct reading *r)
{
	struct slice body;
	r->out->without_c = !taglist_find(&r->tags, "c", &body);
	if (r->out->without_c) body = SLICE("simple");
	struct slice header = slice_split(&body, '/');
	if (!body.p) body = SLICE("simple");
	return read_way(header, &r->out->header) && read_way(body, &r->out->body) ? NULL : "c= is not known";
}

/* A field name: printable ASCII but colon and semicolon (RFC 6376 3.5, h=). */
static bool is_field_name(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 33 || s.p[i] > 126) return false;
	return s.n > 0;
}

static const char *read_fields(struct reading *r)
{
	struct slice rest, name;
	bool from = false, seal = false, arc = r->kind == SIGFIELD_ARC_MESSAGE;
	if (!taglist_find(&r->tags, "h", &r->out->names)) return "h= is missing";
	for (rest = r->out->names; taglist_word(&rest, &name);) {
		/* An empty name signs nothing. RFC 8617 has no rule about it, and the public test suite lets it
		 * pass. */
		if (!is_field_name(name) && !(arc && name.n == 0)) return "h= is not a list of field names";
		from = from || slice_equal_nocase(name, SLICE("From"));
		seal = seal || slice_equal_nocase(name, SLICE("ARC-Seal"));
	}
	if (arc && seal) return "h= names ARC-Seal"; /* RFC 8617 4.1.2 */
	/* RFC 6376 5.4. RFC 8617 asks for no field: what a chain vouches for is told by its results. */
	return from || arc ? NULL : "h= does not name From";
}

static const char *read_length(struct reading *r)
{
	struct slice value;
	uint64_t length;
	if (!taglist_find(&r->tags, "l", &value)) return NULL;
	if (!is_digits(value) || value.n > 76) return "l= is not a number";
	while (value.n > 1 && value.p[0] == '0') value = slice_sub(value, 1, value.n);
	/* No body is that long. */
	r->out->length = slice_to_u64(value, &length) && length < BODYHASH_ALL ? length : BODYHASH_ALL - 1;
	return NULL;
}

static const char *read_times(struct reading *r)
{
	struct slice value;
	if (taglist_find(&r->tags, "t", &value) && !read_time(value, &r->out->signed_at)) return "t= is not a time";
	if (!taglist_find(&r->tags, "x", &value)) return NULL;
	if (!read_time(value, &r->out->expires)) return "x= is not a time";
	bool ordered = r->out->expires > r->out->signed_at || r->out->expires == SIGFIELD_NEVER;
	return ordered ? NULL : "x= is not after t="; /* RFC 6376 3.5 */
}

static const char *read_version(struct reading *r)
{
	struct slice value;
	if (!taglist_find(&r->tags, "v", &value)) return "v= is missing";
	return slice_equal(value, SLICE("1")) ? NULL : "v= is not 1";
}

/* RFC 6376 3.5: the query methods that are not known do not count; one must be left. */
static const char *read_methods(struct reading *r)
{
	struct slice value;
	bool known = !taglist_find(&r->tags, "q", &value) || taglist_has_word(value, SLICE("dns/txt"));
	return known ? NULL : "q= has no known way to the key";
}

static const char *read_chain(struct reading *r)
{
	static const char *const words[] = {"none", "pass", "fail"};
	struct slice value;
	if (!taglist_find(&r->tags, "cv", &value)) return "cv= is missing";
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (slice_equal_nocase(value, slice_str(words[i]))) r->out->chain = slice_str(words[i]);
	return r->out->chain.n > 0 ? NULL : "cv= is not known";
}

/* RFC 8617 4.1.3 names the tags of a seal: h= is not among them, t= is. Whether a seal may do without a time is not
 * said; the public test suite does not let it pass. */
static const char *read_seal_tags(struct reading *r)
{
	if (taglist_tag(&r->tags, "h") || taglist_tag(&r->tags, "bh")) return "ARC-Seal has h= or bh=";
	return taglist_tag(&r->tags, "t") ? NULL : "t= is missing";
}

/* ---- the field ------------------------------------------------------------------------------------------------- */

#define DKIM    (1U << SIGFIELD_DKIM)
#define MESSAGE (1U << SIGFIELD_ARC_MESSAGE)
#define SEAL    (1U << SIGFIELD_ARC_SEAL)

/* In the order in which a person wants to hear of them: first what the field is, then who signed. */
static const struct {
	unsigned kinds;
	const char *(*read)(struct reading *r);
} checks[] = {
	{MESSAGE | SEAL, read_instance}, /* the set it belongs to is known however bad it is */
	{DKIM | MESSAGE | SEAL, read_names},
	{DKIM, read_version},
	{DKIM, read_identity},
	{DKIM | MESSAGE | SEAL, read_signature},
	{DKIM | MESSAGE | SEAL, read_times},
	{DKIM | MESSAGE | SEAL, read_algorithm},
	{DKIM | MESSAGE, read_fields},
	{DKIM | MESSAGE, read_canonicalization},
	{DKIM | MESSAGE, read_methods},
	{DKIM | MESSAGE, read_length},
	{DKIM | MESSAGE, read_body_hash},
	{SEAL, read_seal_tags},
	{SEAL, read_chain},
};

bool sigfield_read(struct arena *a, enum sigfield_kind kind, const struct header_field *f, struct sigfield *out)
{
	struct reading r = {.arena = a, .kind = kind, .out = out};
	*out = (struct sigfield){.result = AUTH_permerror, /* RFC 6376 6.1.1 */
	                         .domain = SLICE_EMPTY,
	                         .selector = SLICE_EMPTY,
	                         .identity = SLICE_EMPTY,
	                         .algorithm = "unknown",
	                         .signature = SLICE_EMPTY,
	                         .header = CANONICAL_RELAXED,
	                         .body = CANONICAL_RELAXED,
	                         .length = BODYHASH_ALL,
	                         .expires = SIGFIELD_NEVER,
	                         .body_hash = SLICE_EMPTY,
	                         .names = SLICE_EMPTY,
	                         .chain = SLICE_EMPTY};
	out->problem = taglist_read(f->value, &r.tags) == ERR_OK ? NULL : "the field is not a list of tags";
	for (size_t i = 0; !out->problem && i < sizeof checks / sizeof *checks; i++)
		if (checks[i].kinds & 1U << kind) out->problem = checks[i].read(&r);
	if (!out->problem) out->result = AUTH_pass;
	if (arena_exhausted(a)) {
		out->result = AUTH_temperror;
		out->problem = "out of memory";
	}
	return out->result == AUTH_pass;
}

static void put(void *arg, struct slice octets)
{
	digest_put(arg, octets);
}

bool sigfield_hash(struct fields *fields, uint32_t index, const struct header_field *own, const struct sigfield *s,
                   unsigned char out[DIGEST_MOST])
{
	struct digest digest;
	struct canonical_out canonical;
	struct header_field f;
	struct slice rest = s->names, name;
	digest_begin(&digest, s->hash);
	canonical_begin(&canonical, put, &digest);
	fields_restart(fields);
	while (taglist_word(&rest, &name))
		if (fields_take(fields, name, index, &f)) canonical_field(&canonical, s->header, &f);
	canonical_signature(&canonical, s->header, own, s->hole);
	canonical_flush(&canonical);
	return digest_end(&digest, out);
}
