/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/spf_record.h"

#include "auth/spf_macro.h"

static const struct slice version = {"v=spf1", 6};

bool spf_is_record(struct slice text)
{
	return slice_starts_nocase(text, version) && (text.n == version.n || text.p[version.n] == ' ');
}

/* ---- prefix lengths ------------------------------------------------------------------------------------------------------------------- */

/* Takes "/DIGITS" off the end of *text. False when there is none, or it is no number up to most without leading zeros. */
static bool take_length(struct slice *text, unsigned most, uint8_t *out, bool *present)
{
	size_t from = text->n;
	while (from > 0 && text->p[from - 1] >= '0' && text->p[from - 1] <= '9') from--;
	*present = from > 0 && from < text->n && text->p[from - 1] == '/';
	if (!*present) return true;
	unsigned value = 0;
	for (size_t i = from; i < text->n; i++) {
		value = value * 10 + (unsigned)(text->p[i] - '0');
		if (value > most) return false;
	}
	if (text->p[from] == '0' && text->n - from > 1) return false; /* RFC 7208 12: no leading zeros */
	*out = (uint8_t)value;
	text->n = from - 1;
	return true;
}

/* dual-cidr-length = [ ip4-cidr-length ] [ "/" ip6-cidr-length ], off the end. */
static bool take_dual_length(struct slice *text, struct spf_term *t)
{
	struct slice before = *text;
	bool present;
	if (!take_length(text, 128, &t->cidr6, &present)) return false;
	if (present && text->n > 0 && text->p[text->n - 1] == '/') {
		text->n--;
	} else { /* it was the length for IPv4 */
		*text = before;
		t->cidr6 = 128;
	}
	return take_length(text, 32, &t->cidr4, &present);
}

/* ---- mechanisms ------------------------------------------------------------------------------------------------------------------------- */

/* An IPv4-mapped address after ip6 stays IPv6: it is an IPv6 network, if a strange one. */
static bool read_address(struct slice text, int family, uint8_t out[16])
{
	struct ip ip;
	bool six = slice_find(text, ':') < text.n;
	if (six != (family == AF_INET6) || !ip_parse(text, &ip)) return false;
	if (six && ip.family == AF_INET) {
		out[10] = out[11] = 0xff;
		memcpy(out + 12, ip.octets, 4);
	} else {
		memcpy(out, ip.octets, sizeof ip.octets);
	}
	return true;
}

static const char *read_network(struct slice rest, int family, struct spf_term *t)
{
	static const char problem[] = "an address in the record is malformed";
	bool present;
	if (rest.n == 0 || *rest.p != ':') return problem;
	rest = slice_sub(rest, 1, rest.n);
	if (family == AF_INET ? !take_length(&rest, 32, &t->cidr4, &present)
	                      : !take_length(&rest, 128, &t->cidr6, &present))
		return "a prefix length in the record is wrong";
	return read_address(rest, family, t->network) ? NULL : problem;
}

static const char *read_domain(struct slice rest, bool required, struct spf_term *t)
{
	if (rest.n == 0 && !required) return NULL;
	if (rest.n == 0 || *rest.p != ':') return "a mechanism's argument is malformed";
	t->domain = slice_sub(rest, 1, rest.n);
	return spf_macro_check(t->domain, SPF_DOMAIN_SPEC) ? NULL : "a domain in the record is malformed";
}

static const char *read_domain_and_length(struct slice rest, struct spf_term *t)
{
	if (!take_dual_length(&rest, t)) return "a prefix length in the record is wrong";
	return read_domain(rest, false, t);
}

/* clang-format off */
static const struct {
	struct slice name;
	enum spf_kind kind;
} mechanisms[] = {
	{{"a", 1}, SPF_A},     {{"mx", 2}, SPF_MX},           {{"ip4", 3}, SPF_IP4},       {{"include", 7}, SPF_INCLUDE},
	{{"all", 3}, SPF_ALL}, {{"ip6", 3}, SPF_IP6},         {{"ptr", 3}, SPF_PTR},       {{"exists", 6}, SPF_EXISTS},
};
/* clang-format on */

static bool find_mechanism(struct slice name, enum spf_kind *kind)
{
	for (size_t i = 0; i < sizeof mechanisms / sizeof *mechanisms; i++) {
		if (!slice_equal_nocase(name, mechanisms[i].name)) continue;
		*kind = mechanisms[i].kind;
		return true;
	}
	return false;
}

static const char *read_mechanism(size_t name, struct spf_term *t)
{
	struct slice rest = slice_sub(t->text, name, t->text.n);
	if (!find_mechanism(slice_sub(t->text, 0, name), &t->kind)) return "there is an unknown mechanism";
	switch (t->kind) {
	case SPF_ALL: return rest.n > 0 ? "all takes no argument" : NULL;
	case SPF_IP4: return read_network(rest, AF_INET, t);
	case SPF_IP6: return read_network(rest, AF_INET6, t);
	case SPF_A:
	case SPF_MX: return read_domain_and_length(rest, t);
	case SPF_PTR: return read_domain(rest, false, t);
	default: return read_domain(rest, true, t);
	}
}

/* ---- modifiers and terms ------------------------------------------------------------------------------------------------------------- */

static const char *read_modifier(size_t name, struct spf_term *t)
{
	struct slice word = slice_sub(t->text, 0, name);
	t->domain = slice_sub(t->text, name + 1, t->text.n);
	if (slice_equal_nocase(word, SLICE("redirect")))
		t->kind = SPF_REDIRECT;
	else if (slice_equal_nocase(word, SLICE("exp")))
		t->kind = SPF_EXP;
	else
		t->kind = SPF_MODIFIER;
	bool ok = spf_macro_check(t->domain, t->kind == SPF_MODIFIER ? SPF_MACRO_STRING : SPF_DOMAIN_SPEC);
	return ok ? NULL : "a modifier's value is malformed";
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_name(char c)
{
	return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

static bool qualifier(char c, enum auth_result *out)
{
	switch (c) {
	case '+': *out = AUTH_pass; return true;
	case '-': *out = AUTH_fail; return true;
	case '~': *out = AUTH_softfail; return true;
	case '?': *out = AUTH_neutral; return true;
	default: return false;
	}
}

/* NULL, or what is wrong with the term. */
static const char *read_term(struct slice text, struct spf_term *t)
{
	*t = (struct spf_term){.result = AUTH_pass, .cidr4 = 32, .cidr6 = 128};
	bool qualified = qualifier(*text.p, &t->result);
	t->text = slice_sub(text, qualified, text.n);
	size_t name = 0;
	while (name < t->text.n && is_name(t->text.p[name])) name++;
	/* RFC 7208 4.6.1: "=" right behind the name and before any ":" or "/" makes it a modifier. */
	if (name == t->text.n || t->text.p[name] != '=') return read_mechanism(name, t);
	if (qualified || name == 0 || !is_letter(*t->text.p)) return "a modifier's name is malformed";
	return read_modifier(name, t);
}

/* RFC 7208 4.6.1: only spaces stand between terms. */
static const char *next_term(struct slice *rest, struct spf_term *t, bool *end)
{
	size_t from = 0;
	while (from < rest->n && rest->p[from] == ' ') from++;
	*end = from == rest->n;
	if (*end) return NULL;
	struct slice text = slice_sub(*rest, from, rest->n);
	text.n = slice_find(text, ' ');
	*rest = slice_sub(*rest, from + text.n, rest->n);
	return read_term(text, t);
}

bool spf_record_next(struct spf_record *r, struct spf_term *out)
{
	bool end;
	return !next_term(&r->rest, out, &end) && !end;
}

bool spf_record_check(struct slice text, struct spf_record *out)
{
	struct spf_term t;
	*out = (struct spf_record){.rest = slice_sub(text, version.n, text.n)};
	struct slice rest = out->rest;
	for (;;) {
		bool end;
		out->problem = next_term(&rest, &t, &end);
		if (out->problem || end) return !out->problem;
		if (t.kind != SPF_REDIRECT && t.kind != SPF_EXP) continue;
		struct slice *modifier = t.kind == SPF_EXP ? &out->exp : &out->redirect;
		if (modifier->n > 0) { /* RFC 7208 6 */
			out->problem = "a modifier stands twice in the record";
			return false;
		}
		*modifier = t.domain;
	}
}
