/* SPDX-License-Identifier: Apache-2.0 */
#include "mail/mailbox.h"

enum token_kind { END, WORD, QUOTED, LITERAL, SPECIAL, BAD };

struct token {
	enum token_kind kind;
	char special;      /* of SPECIAL: < > @ , ; : . */
	struct slice text; /* with quotes and brackets */
};

/* The words before a special character decides what they are: display name, local part, or name of a group. */
struct phrase {
	struct slice span; /* from the first word to the last, comments between them too */
	char *text;        /* words and dots joined, quoted words unquoted */
	size_t n, words;
	bool after_word; /* the last token was a word, no dot */
	bool dotted;     /* words and dots alternate: may be a local part */
	bool literal;
};

void mailbox_begin(struct mailbox_reader *r, struct arena *a, struct slice value)
{
	*r = (struct mailbox_reader){.arena = a, .value = value};
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_special(char c)
{
	return c != '\0' && strchr("<>@,;:.", c);
}

/* A character of an atom, more than atext has: in a display name much is seen, and what is no domain is found out later. */
static bool is_word(char c)
{
	return (unsigned char)c > ' ' && c != 0x7f && !is_special(c) && !strchr("()[]\"\\", c);
}

/* Steps over a comment, nested ones too (RFC 5322 3.2.2); false when it does not end. */
static bool skip_comment(struct mailbox_reader *r)
{
	size_t depth = 0;
	for (; r->at < r->value.n; r->at++) {
		char c = r->value.p[r->at];
		if (c == '\\')
			r->at++;
		else if (c == '(')
			depth++;
		else if (c == ')' && --depth == 0)
			break;
	}
	if (r->at >= r->value.n) return false;
	r->at++;
	return true;
}

/* Takes what ends in `close`, quoted pairs seen through: a quoted string or a domain literal. */
static bool take_until(struct mailbox_reader *r, char close)
{
	for (r->at++; r->at < r->value.n; r->at++) {
		char c = r->value.p[r->at];
		if (c == '\\')
			r->at++;
		else if (c == close)
			break;
		else if (c == '\0' || (c == '[' && close == ']'))
			return false;
	}
	if (r->at >= r->value.n) return false;
	r->at++;
	return true;
}

static struct token next_token(struct mailbox_reader *r)
{
	struct token t = {.kind = BAD};
	while (r->at < r->value.n && (is_blank(r->value.p[r->at]) || r->value.p[r->at] == '(')) {
		if (r->value.p[r->at] != '(')
			r->at++;
		else if (!skip_comment(r))
			return t;
	}
	size_t from = r->at;
	if (from >= r->value.n) {
		t.kind = END;
		return t;
	}
	char c = r->value.p[from];
	if (is_special(c)) {
		t.kind = SPECIAL;
		t.special = c;
		r->at++;
	} else if (c == '"') {
		if (take_until(r, '"')) t.kind = QUOTED;
	} else if (c == '[') {
		if (take_until(r, ']')) t.kind = LITERAL;
	} else if (is_word(c)) {
		while (r->at < r->value.n && is_word(r->value.p[r->at])) r->at++;
		t.kind = WORD;
	}
	t.text = slice_sub(r->value, from, r->at);
	return t;
}

static bool fail(struct mailbox_reader *r, enum mailbox_error e)
{
	if (r->error == MAILBOX_OK) r->error = e;
	return false;
}

static void append(struct phrase *p, const struct token *t)
{
	struct slice s = t->kind == QUOTED ? slice_sub(t->text, 1, t->text.n - 1) : t->text;
	for (size_t i = 0; i < s.n; i++) {
		if (t->kind == QUOTED && s.p[i] == '\\' && i + 1 < s.n)
			i++;
		else if (s.p[i] == '\r' || s.p[i] == '\n') /* a fold (RFC 5322 2.2.3) */
			continue;
		p->text[p->n++] = s.p[i];
	}
}

/* Words and dots up to another special character or the end, which is returned. p->text has room for all of the value. */
static struct token take_phrase(struct mailbox_reader *r, struct phrase *p, bool domain)
{
	*p = (struct phrase){.text = p->text, .dotted = true, .span = slice_sub(r->value, r->at, r->at)};
	for (;;) {
		struct token t = next_token(r);
		bool dot = t.kind == SPECIAL && t.special == '.';
		bool word = t.kind == WORD || t.kind == QUOTED || (domain && t.kind == LITERAL);
		if (!dot && !word) {
			if (!p->after_word) p->dotted = false;
			return t;
		}
		if (p->words == 0 && p->n == 0) p->span.p = t.text.p;
		p->span.n = (size_t)(t.text.p + t.text.n - p->span.p);
		if (dot == !p->after_word || p->literal || (domain && t.kind == QUOTED)) p->dotted = false;
		if (domain && t.kind == LITERAL) {
			if (p->words > 0) p->dotted = false;
			p->literal = true;
		}
		p->after_word = word;
		p->words += word;
		append(p, &t);
	}
}

static bool is(const struct token *t, char special)
{
	return t->kind == SPECIAL && t->special == special;
}

/* What follows an address: a comma, the end of its group, or the end. */
static bool take_separator(struct mailbox_reader *r, struct token t)
{
	if (is(&t, ';') && r->in_group) {
		r->in_group = false;
		return true;
	}
	if (t.kind == END && !r->in_group) return true;
	return is(&t, ',') || fail(r, MAILBOX_SYNTAX);
}

static struct slice copy(struct mailbox_reader *r, const struct phrase *p)
{
	struct slice s = arena_copy(r->arena, slice_of(p->text, p->n));
	if (!s.p) fail(r, MAILBOX_NO_MEMORY);
	return s;
}

/* After the "@": the domain. *next is what follows it. */
static bool take_domain(struct mailbox_reader *r, struct mailbox *out, struct token *next)
{
	struct phrase p = {.text = r->room};
	*next = take_phrase(r, &p, true);
	if (!p.dotted) return fail(r, MAILBOX_SYNTAX);
	out->literal = p.literal;
	out->domain = copy(r, &p);
	return out->domain.p != NULL;
}

/* "@a,@b:" in angle brackets (RFC 5322 4.4), its first "@" taken: forgotten. */
static bool take_route(struct mailbox_reader *r)
{
	struct mailbox hop;
	struct token next = {.kind = SPECIAL, .special = '@'};
	for (;;) {
		if (!is(&next, '@') || !take_domain(r, &hop, &next)) return fail(r, MAILBOX_SYNTAX);
		if (is(&next, ':')) return true;
		if (!is(&next, ',')) return fail(r, MAILBOX_SYNTAX);
		do next = next_token(r);
		while (is(&next, ','));
	}
}

/* What stands after "<", with the ">" and the separator. */
static bool take_angle(struct mailbox_reader *r, struct mailbox *out)
{
	struct phrase p = {.text = r->room};
	struct token t = take_phrase(r, &p, false);
	if (is(&t, '@') && p.n == 0) {
		if (!take_route(r)) return false;
		t = take_phrase(r, &p, false);
	}
	if (!p.dotted || !is(&t, '@')) return fail(r, MAILBOX_SYNTAX);
	out->local = copy(r, &p);
	if (!out->local.p || !take_domain(r, out, &t)) return false;
	return is(&t, '>') ? take_separator(r, next_token(r)) : fail(r, MAILBOX_SYNTAX);
}

/* The words p are the local part, since "@" follows; unless "<" comes after the domain: then all is a name that should have quotes. */
static bool take_addr_spec(struct mailbox_reader *r, struct phrase *p, struct mailbox *out)
{
	struct token t;
	struct slice name = p->span;
	if (!p->dotted) return fail(r, MAILBOX_SYNTAX);
	out->local = copy(r, p);
	if (!out->local.p || !take_domain(r, out, &t)) return false;
	if (!is(&t, '<')) return take_separator(r, t);
	name.n = (size_t)(t.text.p - name.p);
	out->display = slice_trim(name);
	return take_angle(r, out);
}

/* One mailbox into *out, with *found; or the opening or the end of a group, or an empty place of the list (RFC 5322 4.4), without. */
static bool take_address(struct mailbox_reader *r, struct mailbox *out, bool *found)
{
	struct phrase p = {.text = r->room};
	struct token t = take_phrase(r, &p, false);
	*found = true;
	if (is(&t, '@')) return take_addr_spec(r, &p, out);
	if (is(&t, '<')) {
		out->display = p.span;
		return take_angle(r, out);
	}
	*found = false;
	if (is(&t, ':') && !r->in_group && p.words > 0) return r->in_group = true;
	return p.n == 0 ? take_separator(r, t) : fail(r, MAILBOX_SYNTAX);
}

bool mailbox_next(struct mailbox_reader *r, struct mailbox *out)
{
	bool found = false;
	*out = (struct mailbox){.local = SLICE_EMPTY, .domain = SLICE_EMPTY, .display = SLICE_EMPTY};
	if (r->error) return false;
	if (!r->room) r->room = arena_alloc(r->arena, r->value.n + 1);
	if (!r->room) return fail(r, MAILBOX_NO_MEMORY);
	while (r->at < r->value.n || r->in_group) {
		if (!take_address(r, out, &found)) return false;
		if (found) return true;
	}
	return false;
}
