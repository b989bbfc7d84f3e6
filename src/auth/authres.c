/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/authres.h"

#include <limits.h>

#include "mail/mailtext.h"

#define COLUMNS 78

/* ---- writing ---------------------------------------------------------------------------------------------------------------------- */

struct writer {
	struct mailtext text;
	struct arena *arena;
	size_t line; /* where the line began */
};

static size_t column(const struct writer *w)
{
	return w->text.n - w->line;
}

static void fold(struct writer *w)
{
	mailtext_raw(&w->text, "\r\n");
	w->line = w->text.n;
	mailtext_raw(&w->text, "\t");
}

/* A token of RFC 2045 5.1. */
static bool is_token(char c)
{
	return c > ' ' && c < 0x7f && !strchr("()<>@,;:\\\"/[]?=", c);
}

static bool all_token(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_token(s.p[i])) return false;
	return s.n > 0;
}

/* RFC 8601 2.2, pvalue: a token, local@domain, or @domain may stand as they are. */
static bool plain(struct slice s)
{
	size_t at = slice_find_last(s, '@');
	if (at == s.n) return all_token(s);
	return (at == 0 || all_token(slice_sub(s, 0, at))) && all_token(slice_sub(s, at + 1, s.n));
}

/* What came from outside goes through mailtext_verbatim(), which knows no control characters; here it gets its quotes. */
static struct slice value_text(struct arena *a, struct slice s)
{
	size_t n = 0;
	if (plain(s)) return s;
	char *out = arena_alloc(a, s.n * 2 + 2);
	if (!out) return (struct slice){NULL, 0};
	out[n++] = '"';
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\') out[n++] = '\\';
		out[n++] = s.p[i];
	}
	out[n++] = '"';
	return slice_of(out, n);
}

static void put_value(struct writer *w, struct slice s)
{
	/* mailtext would cut a longer text off, and its closing quote with it. */
	struct slice text = value_text(w->arena, slice_sub(s, 0, MAILTEXT_MOST / 2 - 2));
	if (!text.p) w->text.failed = true;
	mailtext_verbatim(&w->text, text);
}

static void put_property(struct writer *w, const char *name, struct slice value)
{
	if (value.n == 0) return;
	if (column(w) + strlen(name) + value.n + 2 > COLUMNS)
		fold(w);
	else
		mailtext_raw(&w->text, " ");
	mailtext_raw(&w->text, name);
	mailtext_raw(&w->text, "=");
	put_value(w, value);
}

/* "method=result", on a line of its own but for the first. */
static void put_method(struct writer *w, const char *method, enum auth_result result, const char *reason)
{
	if (w->text.n > 0) {
		mailtext_raw(&w->text, ";");
		fold(w);
	} else {
		mailtext_raw(&w->text, " ");
	}
	mailtext_raw(&w->text, method);
	mailtext_raw(&w->text, "=");
	mailtext_raw(&w->text, auth_result_text(result));
	if (reason) put_property(w, "reason", slice_str(reason));
}

static void put_spf(struct writer *w, const struct authres *r)
{
	put_method(w, "spf", r->spf->result, r->spf->problem);
	if (r->spf->helo || r->mail_from.n == 0)
		put_property(w, "smtp.helo", r->helo);
	else
		put_property(w, "smtp.mailfrom", r->mail_from);
}

static void put_dkim(struct writer *w, const struct dkim_verdict *v)
{
	if (v->count == 0) put_method(w, "dkim", AUTH_none, NULL);
	for (size_t i = 0; i < v->count; i++) {
		const struct dkim_signature *s = &v->signatures[i];
		put_method(w, "dkim", s->result, s->problem);
		put_property(w, "header.d", s->domain);
		/* The identity says more than d= only where it is not just "@" and d=. */
		struct slice host = s->identity.n > 0 ? slice_sub(s->identity, 1, s->identity.n) : SLICE_EMPTY;
		if (!slice_equal_nocase(host, s->domain)) put_property(w, "header.i", s->identity);
		put_property(w, "header.s", s->selector);
		put_property(w, "header.b", s->signature); /* RFC 6008: tells signatures of one domain apart */
	}
}

static void put_dmarc(struct writer *w, const struct authres *r)
{
	const struct dmarc_verdict *v = r->dmarc;
	put_method(w, "dmarc", v->result, v->result == AUTH_pass ? NULL : v->problem);
	if (v->policy != DMARC_POLICY_ABSENT) {
		mailtext_raw(&w->text, " (p=");
		mailtext_raw(&w->text, dmarc_policy_text(v->policy));
		mailtext_raw(&w->text, " dis=");
		mailtext_raw(&w->text, dmarc_policy_text(v->disposition));
		mailtext_raw(&w->text, ")");
	}
	put_property(w, "header.from", r->from_domain);
	if (v->policy != DMARC_POLICY_ABSENT)
		put_property(w, "policy.dmarc", slice_str(dmarc_policy_text(v->disposition)));
}

static void put_arc(struct writer *w, const struct arc_verdict *v)
{
	put_method(w, "arc", v->result, v->problem);
	if (v->result == AUTH_pass) /* RFC 8617 10.2 */
		put_property(w, "header.oldest-pass", arena_printf(w->arena, "%u", v->oldest_pass));
}

struct slice authres_results(struct arena *a, const struct authres *r)
{
	struct writer w = {.arena = a};
	mailtext_init(&w.text, a, 512);
	w.text.utf8 = r->utf8;
	if (r->spf) put_spf(&w, r);
	if (r->dkim) put_dkim(&w, r->dkim);
	if (r->dmarc) put_dmarc(&w, r);
	if (r->arc) put_arc(&w, r->arc);
	if (w.text.n == 0) mailtext_raw(&w.text, " none");
	return mailtext_result(&w.text);
}

struct slice authres_value(struct arena *a, struct slice authserv_id, struct slice results)
{
	struct slice id = value_text(a, authserv_id);
	if (!id.p || !results.p) return (struct slice){NULL, 0};
	return arena_printf(a, "%.*s;%.*s", SLICE_ARG(id), SLICE_ARG(results));
}

struct slice authres_field(struct arena *a, struct slice authserv_id, const struct authres *r)
{
	struct slice value = authres_value(a, authserv_id, authres_results(a, r));
	return value.p ? arena_printf(a, "Authentication-Results: %.*s\r\n", SLICE_ARG(value)) : value;
}

/* ---- reading ---------------------------------------------------------------------------------------------------------------------- */

struct reader {
	struct slice in;
	size_t at;
	bool bad; /* a comment or quoted string that does not end: sticks */
};

static int peek(const struct reader *r)
{
	return r->at < r->in.n ? (unsigned char)r->in.p[r->at] : -1;
}

/* Steps over a quoted string (open == close) or a comment, which may have others inside; where it does not end the reader is bad. */
static void skip_nested(struct reader *r, char open, char close)
{
	size_t depth = 0;
	for (; r->at < r->in.n; r->at++) {
		char c = r->in.p[r->at];
		if (c == '\\') {
			r->at++;
		} else if (c == close && depth > 0) {
			if (--depth > 0) continue;
			r->at++;
			return;
		} else if (c == open) {
			depth++;
		}
	}
	r->at = r->in.n;
	r->bad = true;
}

/* CFWS of RFC 5322 3.2.2 */
static void skip_blanks(struct reader *r)
{
	for (int c; (c = peek(r)) >= 0;) {
		if (c == '(')
			skip_nested(r, '(', ')');
		else if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
			r->at++;
		else
			return;
	}
}

static bool take(struct reader *r, char c)
{
	skip_blanks(r);
	if (peek(r) != c) return false;
	r->at++;
	return true;
}

static struct slice take_token(struct reader *r)
{
	skip_blanks(r);
	size_t from = r->at;
	while (r->at < r->in.n && is_token(r->in.p[r->at])) r->at++;
	return slice_sub(r->in, from, r->at);
}

/* Is the text of a quoted string, with its quotes, this? Any case. */
static bool quoted_is(struct slice quoted, struct slice text)
{
	size_t n = 0;
	for (size_t i = 1; i + 1 < quoted.n; i++) {
		if (quoted.p[i] == '\\' && i + 2 < quoted.n) i++;
		if (quoted.p[i] == '\r' || quoted.p[i] == '\n') continue;
		struct slice octet = slice_sub(quoted, i, i + 1);
		if (n >= text.n || !slice_equal_nocase(octet, slice_sub(text, n, n + 1))) return false;
		n++;
	}
	return n == text.n;
}

/* authserv-id and version, up to the ";" or the end. False when they are not there. *same: it is this one. */
static bool take_id(struct reader *r, struct slice id, bool *same)
{
	skip_blanks(r);
	if (peek(r) == '"') {
		size_t from = r->at;
		skip_nested(r, '"', '"');
		*same = quoted_is(slice_sub(r->in, from, r->at), id);
	} else {
		struct slice token = take_token(r);
		if (token.n == 0) return false;
		if (token.n > 1 && token.p[token.n - 1] == '.') token.n--;
		*same = slice_equal_nocase(token, id);
	}
	struct slice version = take_token(r);
	for (size_t i = 0; i < version.n; i++)
		if (version.p[i] < '0' || version.p[i] > '9') return false;
	skip_blanks(r);
	return !r->bad && (peek(r) < 0 || peek(r) == ';');
}

bool authres_claims(const struct header_field *f, struct slice authserv_id)
{
	struct reader r = {.in = f->value};
	bool same = false;
	if (!header_is(f, "Authentication-Results")) return false;
	return !take_id(&r, authserv_id, &same) || same;
}

/* "i=1;" before the authserv-id of ARC-Authentication-Results (RFC 8617 4.1.1). Only digits follow the sign. */
static bool take_instance(struct reader *r, struct slice *number)
{
	struct slice name = take_token(r);
	if (!slice_equal(name, SLICE("i")) || !take(r, '=')) return false;
	*number = take_token(r);
	return take(r, ';') && !r->bad;
}

bool authres_instance(struct slice value, unsigned *out)
{
	struct reader r = {.in = value};
	struct slice text;
	uint64_t number;
	if (!take_instance(&r, &text) || !slice_to_u64(text, &number) || number > UINT_MAX) return false;
	*out = (unsigned)number;
	return true;
}

/* To the ";" that ends a result, seeing through comments and quotes. */
static struct slice take_properties(struct reader *r)
{
	size_t from = r->at;
	for (int c; (c = peek(r)) >= 0 && c != ';';) {
		if (c == '(')
			skip_nested(r, '(', ')');
		else if (c == '"')
			skip_nested(r, '"', '"');
		else
			r->at++;
	}
	return slice_trim(slice_sub(r->in, from, r->at));
}

bool authres_each(struct slice value,
                  bool (*each)(void *arg, struct slice method, struct slice result, struct slice properties), void *arg)
{
	struct reader r = {.in = value};
	struct reader probe = r;
	struct slice number;
	bool same;
	if (take_instance(&probe, &number)) r = probe;
	if (!take_id(&r, SLICE_EMPTY, &same)) return false;
	while (take(&r, ';')) {
		struct slice method = take_token(&r);
		if (method.n == 0 && peek(&r) < 0) break; /* a ";" at the end is often seen */
		if (take(&r, '/')) take_token(&r);        /* the method's version */
		if (!take(&r, '=')) {
			bool none = slice_equal_nocase(method, SLICE("none"));
			skip_blanks(&r);
			if (none && (peek(&r) < 0 || peek(&r) == ';')) continue;
			return false;
		}
		struct slice result = take_token(&r), properties = take_properties(&r);
		if (method.n == 0 || result.n == 0 || r.bad) return false;
		if (!each(arg, method, result, properties)) return true;
	}
	return !r.bad && peek(&r) < 0;
}
