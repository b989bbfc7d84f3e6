/* SPDX-License-Identifier: Apache-2.0 */
#include "mail/address.h"

#include <idn2.h>
#include <stdlib.h>

#include "base/endpoint.h"
#include "mail/utf8.h"

/* RFC 5321 4.5.3.1.1 says 64 for the local part, and that limits are best avoided; SRS, VERP and BATV make longer ones
 * of addresses that were near it, and refusing those would lose mail. */
#define LOCAL_MAX  255
#define DOMAIN_MAX 255                              /* RFC 5321 4.5.3.1.2 */
#define PATH_MAX_  (LOCAL_MAX + 1 + DOMAIN_MAX + 2) /* RFC 5321 4.5.3.1.3 says 256, with the angle brackets */
#define LABEL_MAX  63                               /* RFC 1035 2.3.4 */

const char *address_error_text(enum address_error e)
{
	switch (e) {
	case ADDRESS_OK: return "the address is well formed";
	case ADDRESS_SYNTAX: return "it is not an address in the form <local@domain>";
	case ADDRESS_LOCAL_TOO_LONG: return "the local part is longer than 255 octets";
	case ADDRESS_DOMAIN_TOO_LONG: return "the domain is longer than 255 octets";
	case ADDRESS_PATH_TOO_LONG: return "the address is longer than 513 octets";
	case ADDRESS_BAD_DOMAIN: return "the domain has characters or labels that no domain has";
	case ADDRESS_BAD_LITERAL: return "the address literal is not [192.0.2.1] or [IPv6:2001:db8::1]";
	case ADDRESS_BAD_UTF8: return "the address is not valid UTF-8";
	case ADDRESS_NEEDS_SMTPUTF8: return "the address has characters beyond ASCII, which needs SMTPUTF8";
	case ADDRESS_NO_MEMORY: return "there is not enough memory";
	}
	return "unknown";
}

static bool is_alnum(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* atext of RFC 5322 3.2.3 */
static bool is_atext(unsigned char c)
{
	return is_alnum(c) || (c != 0 && c < 0x80 && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

/* Where parsing stands. The first error sticks and ends everything. */
struct cursor {
	struct slice in;
	size_t at;
	bool smtputf8;
	enum address_error error;
};

static int peek(const struct cursor *c)
{
	return c->at < c->in.n ? (unsigned char)c->in.p[c->at] : -1;
}

static bool fail(struct cursor *c, enum address_error e)
{
	if (c->error == ADDRESS_OK) c->error = e;
	return false;
}

/* Steps over one character beyond ASCII. */
static bool take_utf8(struct cursor *c)
{
	size_t n = utf8_length(slice_sub(c->in, c->at, c->in.n));
	if (n == 0) return fail(c, ADDRESS_BAD_UTF8);
	if (!c->smtputf8) return fail(c, ADDRESS_NEEDS_SMTPUTF8); /* RFC 6531 3.3 */
	c->at += n;
	return true;
}

/* Dot-string of RFC 5321 4.1.2: atoms with single dots between them. */
static bool take_dot_string(struct cursor *c)
{
	bool atom = false;
	for (int ch; (ch = peek(c)) >= 0;) {
		if (ch >= 0x80) {
			if (!take_utf8(c)) return false;
		} else if (is_atext((unsigned char)ch)) {
			c->at++;
		} else if (ch == '.' && atom) {
			c->at++;
			atom = false;
			continue;
		} else {
			break;
		}
		atom = true;
	}
	return atom || fail(c, ADDRESS_SYNTAX);
}

/* Quoted-string of RFC 5321 4.1.2; `escapes` tells that unquoting must copy. */
static bool take_quoted_string(struct cursor *c, bool *escapes)
{
	c->at++;
	for (int ch; (ch = peek(c)) != '"';) {
		if (ch >= 0x80) {
			if (!take_utf8(c)) return false;
			continue;
		}
		if (ch == '\\') {
			*escapes = true;
			c->at++;
			ch = peek(c);
		}
		if (ch < 32 || ch > 126) return fail(c, ADDRESS_SYNTAX);
		c->at++;
	}
	c->at++;
	return true;
}

static struct slice unescape(struct arena *a, struct slice quoted)
{
	char *out = arena_alloc(a, quoted.n + 1);
	if (!out) return (struct slice){NULL, 0};
	size_t n = 0;
	for (size_t i = 0; i < quoted.n; i++) {
		if (quoted.p[i] == '\\' && i + 1 < quoted.n) i++;
		out[n++] = quoted.p[i];
	}
	return slice_of(out, n);
}

static bool take_local_part(struct cursor *c, struct arena *a, struct slice *local)
{
	size_t from = c->at;
	bool quoted = peek(c) == '"', escapes = false;
	if (!(quoted ? take_quoted_string(c, &escapes) : take_dot_string(c))) return false;
	if (c->at - from > LOCAL_MAX) return fail(c, ADDRESS_LOCAL_TOO_LONG);
	if (!quoted) {
		*local = slice_sub(c->in, from, c->at);
		return true;
	}
	*local = slice_sub(c->in, from + 1, c->at - 1);
	if (escapes) *local = unescape(a, *local);
	return local->p || fail(c, ADDRESS_NO_MEMORY);
}

static bool literal_valid(struct slice inner)
{
	struct ip ip;
	struct slice tag = SLICE("IPv6:");
	if (slice_starts_nocase(inner, tag)) {
		struct slice text = slice_sub(inner, tag.n, inner.n);
		return slice_find(text, ':') < text.n && ip_parse(text, &ip);
	}
	/* RFC 5321 4.1.3: other tags must be registered, and none is. */
	return slice_find(inner, ':') == inner.n && ip_parse(inner, &ip);
}

static bool take_literal(struct cursor *c, struct slice *domain)
{
	struct slice rest = slice_sub(c->in, c->at, c->in.n);
	size_t close = slice_find(rest, ']');
	if (close == rest.n) return fail(c, ADDRESS_BAD_LITERAL);
	if (!literal_valid(slice_sub(rest, 1, close))) return fail(c, ADDRESS_BAD_LITERAL);
	*domain = slice_sub(rest, 0, close + 1);
	c->at += close + 1;
	return true;
}

/* A domain up to one of the characters in `stop`. A trailing dot is tolerated and left out of *domain. */
static bool take_domain(struct cursor *c, const char *stop, struct slice *domain)
{
	size_t from = c->at;
	for (int ch; (ch = peek(c)) >= 0;) {
		if (ch >= 0x80) {
			if (!take_utf8(c)) return false;
			continue;
		}
		if (ch != 0 && strchr(stop, ch)) break;
		c->at++;
	}
	*domain = slice_sub(c->in, from, c->at);
	if (domain->n > 1 && domain->p[domain->n - 1] == '.') domain->n--;
	if (domain->n > DOMAIN_MAX) return fail(c, ADDRESS_DOMAIN_TOO_LONG);
	return domain_valid(*domain) || fail(c, ADDRESS_BAD_DOMAIN);
}

/* "@a,@b:" before the mailbox. It is checked and forgotten: RFC 5321 appendix C. */
static bool take_route(struct cursor *c)
{
	for (;;) {
		struct slice domain;
		if (peek(c) != '@') return fail(c, ADDRESS_SYNTAX);
		c->at++;
		if (!take_domain(c, ",:>", &domain)) return false;
		int separator = peek(c);
		if (separator != ',' && separator != ':') return fail(c, ADDRESS_SYNTAX);
		c->at++;
		if (separator == ':') return true;
	}
}

/* RFC 5321 4.1.2: "Joe" in quotes is Joe, and is passed on with the least quoting possible. Who compares texts then finds
 * the same mailbox. */
static bool drop_quotes(struct arena *a, struct address *out, bool smtputf8)
{
	struct cursor c = {.in = out->local, .smtputf8 = smtputf8};
	if (!take_dot_string(&c) || c.at < c.in.n) return true; /* they are needed */
	out->text = arena_printf(a, "%.*s@%.*s", SLICE_ARG(out->local), SLICE_ARG(out->domain));
	return out->text.p != NULL;
}

/* "[ipv6:2001:DB8:0::1]" as it is written most plainly; {NULL, 0} without memory. */
static struct slice literal_canonical(struct arena *a, struct slice literal)
{
	struct ip ip;
	char text[IP_TEXT_SIZE];
	struct slice tag = SLICE("[IPv6:");
	if (!slice_starts_nocase(literal, tag) || !ip_parse(slice_sub(literal, tag.n, literal.n - 1), &ip))
		return literal;
	return arena_printf(a, "[%s%s]", ip.family == AF_INET6 ? "IPv6:" : "", ip_text(&ip, text));
}

static bool is_lower_case(struct slice domain)
{
	for (size_t i = 0; i < domain.n; i++)
		if ((unsigned char)domain.p[i] >= 0x80 || (domain.p[i] >= 'A' && domain.p[i] <= 'Z')) return false;
	return true;
}

/* A domain has many spellings, and who compares texts must find one. What IDNA forbids stays as it is: it names nobody. */
static bool spell_domain(struct arena *a, struct slice *text, struct slice *domain, bool is_literal)
{
	struct slice local = slice_sub(*text, 0, text->n - domain->n - 1);
	if (!is_literal && is_lower_case(*domain)) return true;
	struct slice spelled = is_literal ? literal_canonical(a, *domain) : domain_canonical(a, *domain);
	if (!spelled.p) return !arena_exhausted(a);
	if (slice_equal(spelled, *domain)) return true;
	*text = arena_printf(a, "%.*s@%.*s", SLICE_ARG(local), SLICE_ARG(spelled));
	*domain = slice_sub(*text, local.n + 1, text->n);
	return text->p != NULL;
}

struct slice address_spelled(struct arena *a, struct slice address)
{
	size_t at = slice_find_last(address, '@');
	if (at + 1 >= address.n) return address;
	struct slice text = address, domain = slice_sub(address, at + 1, address.n);
	if (domain.n > 1 && domain.p[domain.n - 1] == '.') {
		domain.n--;
		text.n--;
	}
	bool spelled = spell_domain(a, &text, &domain, domain.n > 0 && domain.p[0] == '[');
	return spelled ? text : (struct slice){NULL, 0};
}

struct slice address_domain(struct slice address)
{
	return slice_sub(address, slice_find_last(address, '@') + 1, address.n);
}

static bool is_of_address(char c)
{
	return c > ' ' && c != 127 && !strchr("<>()[],;:\"\\@", c);
}

bool address_in_text(struct slice *text, struct slice *out)
{
	struct slice s = *text;
	for (size_t at = slice_find(s, '@'); at < s.n; at += 1 + slice_find(slice_sub(s, at + 1, s.n), '@')) {
		size_t begin = at, end = at + 1;
		while (begin > 0 && is_of_address(s.p[begin - 1])) begin--;
		while (end < s.n && is_of_address(s.p[end])) end++;
		while (begin < at && s.p[begin] == '\'') begin++;
		while (end > at + 1 && (s.p[end - 1] == '.' || s.p[end - 1] == '\'')) end--;
		if (begin == at || end == at + 1) continue;
		*out = slice_sub(s, begin, end);
		*text = slice_sub(s, end, s.n);
		return true;
	}
	*text = slice_sub(s, s.n, s.n);
	return false;
}

static bool take_mailbox(struct cursor *c, struct arena *a, bool bare_postmaster, struct address *out)
{
	size_t from = c->at;
	bool quoted = peek(c) == '"';
	if (!take_local_part(c, a, &out->local)) return false;
	if (peek(c) != '@') {
		out->domain = SLICE_EMPTY;
		out->text = slice_sub(c->in, from, c->at);
		/* RFC 5321 4.1.1.3: "<Postmaster>" needs no domain. */
		return (bare_postmaster && slice_equal_nocase(out->text, SLICE("postmaster"))) ||
		       fail(c, ADDRESS_SYNTAX);
	}
	c->at++;
	out->literal = peek(c) == '[';
	if (!(out->literal ? take_literal(c, &out->domain) : take_domain(c, ">", &out->domain))) return false;
	out->text = slice_of(c->in.p + from, (size_t)(out->domain.p + out->domain.n - (c->in.p + from)));
	out->utf8 = !utf8_is_ascii(out->text);
	if (quoted && !drop_quotes(a, out, c->smtputf8)) return fail(c, ADDRESS_NO_MEMORY);
	return spell_domain(a, &out->text, &out->domain, out->literal) || fail(c, ADDRESS_NO_MEMORY);
}

static bool take_path(struct cursor *c, struct arena *a, bool allow_null, bool bare_postmaster, struct address *out)
{
	if (peek(c) != '<') return fail(c, ADDRESS_SYNTAX);
	c->at++;
	if (allow_null && peek(c) == '>') {
		c->at++;
		out->null = true;
		return true;
	}
	if (peek(c) == '@') {
		out->had_route = true;
		if (!take_route(c)) return false;
	}
	if (!take_mailbox(c, a, bare_postmaster && !out->had_route, out)) return false;
	if (peek(c) != '>') return fail(c, ADDRESS_SYNTAX);
	c->at++;
	return c->at <= PATH_MAX_ || fail(c, ADDRESS_PATH_TOO_LONG);
}

enum address_error address_parse_path(struct arena *a, struct slice in, bool allow_null, bool allow_bare_postmaster,
                                      bool smtputf8, struct address *out, struct slice *rest)
{
	struct cursor c = {.in = in, .smtputf8 = smtputf8};
	*out = (struct address){.text = SLICE_EMPTY, .local = SLICE_EMPTY, .domain = SLICE_EMPTY};
	*rest = SLICE_EMPTY;
	if (!take_path(&c, a, allow_null, allow_bare_postmaster, out)) return c.error;
	*rest = slice_sub(in, c.at, in.n);
	return ADDRESS_OK;
}

enum address_error address_parse(struct arena *a, struct slice in, bool smtputf8, struct address *out)
{
	struct cursor c = {.in = in, .smtputf8 = smtputf8};
	*out = (struct address){.text = SLICE_EMPTY, .local = SLICE_EMPTY, .domain = SLICE_EMPTY};
	if (!take_mailbox(&c, a, false, out)) return c.error;
	if (c.at != in.n) return ADDRESS_SYNTAX;
	if (in.n > PATH_MAX_ - 2) return ADDRESS_PATH_TOO_LONG;
	return ADDRESS_OK;
}

bool address_is_postmaster(const struct address *a)
{
	return slice_equal_nocase(a->local, SLICE("postmaster")); /* RFC 5321 4.5.1 */
}

bool address_is_relay_trick(const struct address *a)
{
	for (size_t i = 0; i < a->local.n; i++) {
		char c = a->local.p[i];
		if (c == '@' || c == '%' || c == '!') return true;
	}
	return false;
}

static bool label_valid(struct slice label)
{
	if (label.n == 0) return false;
	bool ascii = utf8_is_ascii(label);
	/* An U-label's length counts as its A-label, which domain_canonical() makes. */
	if (ascii && label.n > LABEL_MAX) return false;
	if (label.p[0] == '-' || label.p[label.n - 1] == '-') return false;
	for (size_t i = 0; i < label.n; i++) {
		unsigned char c = (unsigned char)label.p[i];
		if (c < 0x80 && !is_alnum(c) && c != '-' && c != '_') return false;
	}
	return ascii || utf8_valid(label);
}

bool domain_valid(struct slice domain)
{
	if (domain.n == 0 || domain.n > DOMAIN_MAX) return false;
	while (domain.p)
		if (!label_valid(slice_split(&domain, '.'))) return false;
	return true;
}

/* UTS #46 non-transitional, as browsers and other mail servers do; {NULL, 0} when IDNA forbids it. */
static struct slice to_a_labels(struct arena *a, struct slice domain)
{
	struct slice result = {NULL, 0};
	char *text = arena_strdup(a, domain);
	uint8_t *ascii = NULL;
	if (!text) return result;
	if (idn2_lookup_u8((uint8_t *)text, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) == IDN2_OK)
		result = arena_copy(a, slice_str((char *)ascii));
	idn2_free(ascii);
	return result;
}

struct slice domain_canonical(struct arena *a, struct slice domain)
{
	struct slice none = {NULL, 0};
	if (domain.n > 1 && domain.p[domain.n - 1] == '.') domain.n--;
	if (!domain_valid(domain)) return none;
	if (!utf8_is_ascii(domain)) {
		domain = to_a_labels(a, domain);
		/* Mapping may turn other full stops into dots, and full-width forms into what no domain has. */
		if (!domain.p || !utf8_is_ascii(domain) || !domain_valid(domain)) return none;
	}
	char *out = arena_alloc(a, domain.n);
	if (!out) return none;
	for (size_t i = 0; i < domain.n; i++)
		out[i] = domain.p[i] >= 'A' && domain.p[i] <= 'Z' ? (char)(domain.p[i] | 0x20) : domain.p[i];
	return slice_of(out, domain.n);
}

struct slice domain_display(struct arena *a, struct slice domain)
{
	struct slice result = {NULL, 0};
	const char *text = arena_strdup(a, domain);
	char *unicode = NULL;
	if (!text) return result;
	if (idn2_to_unicode_8z8z(text, &unicode, 0) == IDN2_OK) result = arena_copy(a, slice_str(unicode));
	idn2_free(unicode);
	return result;
}

bool domain_within(struct slice domain, struct slice parent)
{
	if (parent.n == 0 || domain.n < parent.n) return false;
	if (!slice_equal(slice_sub(domain, domain.n - parent.n, domain.n), parent)) return false;
	return domain.n == parent.n || domain.p[domain.n - parent.n - 1] == '.';
}
