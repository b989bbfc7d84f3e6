/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check_host() of RFC 7208 4. A redirect goes on with another record in the same loop; an include calls it again, at most
 * SPF_TERMS_MAX deep, since every include counts as a term that asks. The text of a record stays in its DNS answer while it
 * is evaluated, unless it came in several strings.
 */
#include "auth/spf.h"

#include "auth/spf_internal.h"
#include "mail/address.h"

#define EXPLANATION_MAX 4096

/* ---- records (RFC 7208 4.4, 4.5) ------------------------------------------------------------------------------------------------------- */

/* The strings of a TXT record as one text (3.3); {NULL, 0} when it is malformed or memory is out. */
static struct slice joined(struct arena *a, struct slice rdata)
{
	size_t first = rdata.n > 0 ? (unsigned char)*rdata.p : 0;
	if (rdata.n > 0 && first + 1 == rdata.n) return slice_of(rdata.p + 1, first);
	char *text = arena_alloc(a, rdata.n), *to = text;
	while (text && rdata.n > 0) {
		size_t n = (unsigned char)*rdata.p;
		if (n >= rdata.n) return (struct slice){NULL, 0};
		memcpy(to, rdata.p + 1, n);
		to += n;
		rdata = slice_sub(rdata, n + 1, rdata.n);
	}
	return slice_of(text, (size_t)(to - text));
}

/* Only the beginning is looked at, so that what is not SPF costs no memory. */
static bool begins_like_record(struct slice rdata)
{
	char head[8];
	size_t n = 0;
	while (n < 7 && rdata.n > 0) {
		struct slice string = slice_sub(rdata, 1, (size_t)(unsigned char)*rdata.p + 1);
		rdata = slice_sub(rdata, string.n + 1, rdata.n);
		for (size_t i = 0; i < string.n && n < 7; i++) head[n++] = string.p[i];
	}
	return spf_is_record(slice_of(head, n));
}

struct page { /* a domain's record; text points into answer or the arena */
	struct dns_answer *answer;
	struct slice text;
};

/* AUTH_pass: *out has it and the answer is to be freed. none, temperror, permerror: there is none to be used. */
static enum auth_result find_record(struct spf_check *c, struct slice domain, struct page *out)
{
	const struct slice *found = NULL;
	enum error e = spf_ask(c, domain, DNS_TXT, &out->answer);
	if (e == ERR_DNS_NODATA) return AUTH_none;
	if (e != ERR_OK) {
		c->problem = "a question for a record was not answered";
		return AUTH_temperror;
	}
	enum auth_result result = AUTH_none;
	for (size_t i = 0; i < out->answer->count && result != AUTH_permerror; i++) {
		if (!begins_like_record(out->answer->rr[i])) continue;
		result = found ? AUTH_permerror : AUTH_pass;
		found = &out->answer->rr[i];
	}
	if (result == AUTH_permerror) c->problem = "a domain has more than one record";
	if (result == AUTH_pass) {
		out->text = joined(c->arena, *found);
		if (!out->text.p) result = AUTH_temperror;
	}
	if (result != AUTH_pass) dns_answer_free(out->answer);
	return result;
}

/* ---- evaluation (RFC 7208 4.6) ---------------------------------------------------------------------------------------------------------- */

static enum auth_result check_host(struct spf_check *c, struct slice domain, unsigned depth);

static bool asks(enum spf_kind kind)
{
	return kind == SPF_INCLUDE || kind == SPF_A || kind == SPF_MX || kind == SPF_PTR || kind == SPF_EXISTS;
}

/* Counts a term that asks (4.6.4). */
static bool count_term(struct spf_check *c)
{
	c->term_void = false;
	if (++c->terms <= SPF_TERMS_MAX) return true;
	c->problem = "more than 10 terms ask DNS";
	return false;
}

static bool count_void(struct spf_check *c)
{
	c->voids += c->term_void;
	c->term_void = false;
	if (c->voids <= SPF_VOIDS_MAX) return true;
	c->problem = "more than 2 terms found nothing in DNS";
	return false;
}

/* RFC 7208 5.2 */
static enum spf_match include(struct spf_check *c, const struct spf_term *t, unsigned depth)
{
	struct spf_name target;
	struct slice domain = c->macros.domain;
	if (!spf_expand(c, t->domain, &target)) {
		if (c->local_utf8 && spf_macro_uses(t->domain, "sl")) return SPF_NO_MATCH;
		c->problem = "an include has no domain";
		return SPF_PERMERROR;
	}
	enum auth_result result = check_host(c, slice_of(target.octets, target.n), depth + 1);
	c->macros.domain = domain;
	c->term_void = false; /* what was in there has been counted */
	switch (result) {
	case AUTH_pass: return SPF_MATCH;
	case AUTH_temperror: return SPF_TEMPERROR;
	case AUTH_none: c->problem = "a domain that is included has no record"; return SPF_PERMERROR;
	case AUTH_permerror: return SPF_PERMERROR;
	default: return SPF_NO_MATCH;
	}
}

static enum spf_match match(struct spf_check *c, const struct spf_term *t, unsigned depth)
{
	if (t->kind == SPF_ALL) return SPF_MATCH;
	if (t->kind >= SPF_REDIRECT) return SPF_NO_MATCH; /* modifiers */
	if (!asks(t->kind)) return spf_mechanism(c, t);
	if (!count_term(c)) return SPF_PERMERROR;
	enum spf_match m = t->kind == SPF_INCLUDE ? include(c, t, depth) : spf_mechanism(c, t);
	if (m == SPF_TEMPERROR && !c->problem) c->problem = "a mechanism's question was not answered";
	if (m == SPF_NO_MATCH && !count_void(c)) return SPF_PERMERROR;
	return m;
}

/* What an include says of itself is of no interest. */
static void remember(struct spf_check *c, const struct spf_record *record, const struct spf_term *t)
{
	c->mechanism = arena_copy(c->arena, t->text);
	if (t->result != AUTH_fail || !c->query->explain || record->exp.n == 0) return;
	c->exp = arena_copy(c->arena, record->exp);
	c->exp_domain = arena_copy(c->arena, c->macros.domain);
}

/* True: *result is the answer. False: nothing matched. */
static bool evaluate(struct spf_check *c, struct spf_record *record, unsigned depth, enum auth_result *result)
{
	struct spf_term t;
	while (spf_record_next(record, &t)) {
		switch (match(c, &t, depth)) {
		case SPF_NO_MATCH: continue;
		case SPF_MATCH: *result = t.result; break;
		case SPF_TEMPERROR: *result = AUTH_temperror; return true;
		case SPF_PERMERROR: *result = AUTH_permerror; return true;
		}
		if (depth == 0) remember(c, record, &t);
		return true;
	}
	return false;
}

/* RFC 7208 6.1. True: *target is where to go on. */
static bool redirect(struct spf_check *c, struct slice spec, struct spf_name *target)
{
	if (!count_term(c)) return false;
	if (spf_expand(c, spec, target)) return true;
	c->problem = "a redirect has no domain";
	return false;
}

/* A record that was found. True: *result is the answer. False: it redirects to *target. */
static bool read_record(struct spf_check *c, struct slice text, unsigned depth, struct spf_name *target,
                        enum auth_result *result)
{
	struct spf_record record;
	*result = AUTH_permerror;
	if (!spf_record_check(text, &record)) {
		c->problem = record.problem;
		return true;
	}
	if (evaluate(c, &record, depth, result)) return true;
	*result = record.redirect.n > 0 ? AUTH_permerror : AUTH_neutral; /* RFC 7208 4.7 */
	return record.redirect.n == 0 || !redirect(c, record.redirect, target);
}

/* A name that may have a record: of several labels (4.3). */
static bool is_usable(struct slice domain)
{
	return spf_name_valid(domain) && slice_find(domain, '.') < domain.n && domain.p[0] != '[';
}

static enum auth_result check_host(struct spf_check *c, struct slice domain, unsigned depth)
{
	struct spf_name here, target;
	for (bool redirected = false;; redirected = true) {
		struct page page;
		enum auth_result result = is_usable(domain) ? find_record(c, domain, &page) : AUTH_none;
		if (result == AUTH_none && redirected) {
			c->problem = "a redirect leads to a domain that has no record";
			return AUTH_permerror; /* RFC 7208 6.1 */
		}
		if (result != AUTH_pass) return result;
		c->macros.domain = domain;
		bool done = read_record(c, page.text, depth, &target, &result);
		dns_answer_free(page.answer);
		if (done) return result;
		here = target;
		domain = slice_of(here.octets, here.n);
	}
}

/* ---- explanation (RFC 7208 6.2) --------------------------------------------------------------------------------------------------------- */

static bool is_printable(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 0x20 || s.p[i] > 0x7e) return false;
	return true;
}

/* Whatever goes wrong, there is no explanation. */
static struct slice explain(struct spf_check *c)
{
	struct slice none = {NULL, 0};
	struct spf_name name;
	struct dns_answer *a;
	size_t n = 0;
	c->macros.domain = c->exp_domain;
	if (!spf_expand(c, c->exp, &name)) return none;
	if (spf_ask(c, slice_of(name.octets, name.n), DNS_TXT, &a) != ERR_OK) return none;
	struct slice text = a->count == 1 ? joined(c->arena, a->rr[0]) : none;
	char *out = text.p && spf_macro_check(text, SPF_EXPLAIN) ? arena_alloc(c->arena, EXPLANATION_MAX) : NULL;
	if (out && spf_macro_uses(text, "p")) c->macros.validated = spf_validated_name(c);
	bool ok = out && spf_macro_explain(&c->macros, text, out, EXPLANATION_MAX, &n);
	dns_answer_free(a);
	struct slice explanation = slice_of(out, n);
	return ok && n > 0 && is_printable(explanation)
	               ? explanation
	               : none; /* a value may bring octets that a reply must not have */
}

/* ---- beginning and end ------------------------------------------------------------------------------------------------------------------- */

static struct slice without_final_dot(struct slice domain)
{
	return domain.n > 0 && domain.p[domain.n - 1] == '.' ? slice_sub(domain, 0, domain.n - 1) : domain;
}

static bool is_ascii(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] > 0x7f) return false;
	return true;
}

/* RFC 7208 4.3: internationalized domain names are looked up as A-labels. */
static struct slice ascii_domain(struct arena *a, struct slice domain)
{
	if (domain.n > SPF_NAME_MAX * 4 || is_ascii(domain)) return domain;
	struct slice converted = domain_canonical(a, domain);
	return converted.p ? converted : domain;
}

static struct ip unmapped(const struct ip *ip)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct ip v4 = {.family = AF_INET};
	if (ip->family != AF_INET6 || memcmp(ip->octets, mapped, 12) != 0) return *ip;
	memcpy(v4.octets, ip->octets + 12, 4);
	return v4;
}

/* RFC 7208 2.3, 2.4, 4.3: whom to check, and the values of the macros. */
static struct slice begin(struct spf_check *c, struct spf_verdict *out)
{
	const struct spf_query *q = c->query;
	struct spf_macros *m = &c->macros;
	out->helo = q->sender.n == 0;
	m->helo = q->helo;
	m->receiver = q->receiver;
	m->client = unmapped(&q->client);
	m->now = q->now;
	size_t at = out->helo ? 0 : slice_find_last(q->sender, '@');
	bool has_local = at > 0 && at < q->sender.n;
	struct slice given = out->helo          ? q->helo
	                     : at < q->sender.n ? slice_sub(q->sender, at + 1, q->sender.n)
	                                        : q->sender;
	struct slice domain = ascii_domain(c->arena, without_final_dot(given));
	m->local = has_local ? slice_sub(q->sender, 0, at) : SLICE("postmaster");
	c->local_utf8 = !is_ascii(m->local);
	m->sender_domain = domain;
	m->sender = q->sender;
	if (has_local || !is_usable(domain)) return domain;
	char *sender = arena_alloc(c->arena, m->local.n + 1 + domain.n);
	if (!sender) return SLICE_EMPTY;
	memcpy(sender, m->local.p, m->local.n);
	sender[m->local.n] = '@';
	memcpy(sender + m->local.n + 1, domain.p, domain.n);
	m->sender = slice_of(sender, m->local.n + 1 + domain.n);
	return domain;
}

static struct slice lower_copy(struct arena *a, struct slice s)
{
	char *copy = arena_alloc(a, s.n);
	if (!copy) return SLICE_EMPTY;
	for (size_t i = 0; i < s.n; i++) copy[i] = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] | 0x20) : s.p[i];
	return slice_of(copy, s.n);
}

void spf_check(struct arena *a, struct resolver *r, const struct spf_query *q, struct spf_verdict *out)
{
	struct spf_check c = {.arena = a, .resolver = r, .query = q, .mechanism = SLICE_EMPTY};
	*out = (struct spf_verdict){.result = AUTH_none, .domain = SLICE_EMPTY, .mechanism = SLICE_EMPTY};
	struct slice domain = begin(&c, out);
	if (is_usable(domain)) {
		out->domain = lower_copy(a, domain);
		out->result = check_host(&c, domain, 0);
		out->mechanism = c.mechanism;
		if (out->result == AUTH_fail && c.exp.n > 0) out->explanation = explain(&c);
	}
	if (arena_exhausted(a)) {
		out->result = AUTH_temperror;
		c.problem = "out of memory";
	}
	if (out->result == AUTH_temperror || out->result == AUTH_permerror)
		out->problem = c.problem ? c.problem : "a record is malformed";
	out->lookups = c.lookups;
}
