/* SPDX-License-Identifier: Apache-2.0 */
#include "bounce/required.h"

#define DEPTH_MOST 4  /* of groups in groups: each takes 20 KiB of a stack, which may be a fiber's */
#define CLASS_MOST 10 /* octets of a class that are listed: digits */
#define ENDLESS    ((size_t)1 << 30)

struct octets {
	uint64_t bits[4];
};

struct parser {
	struct slice rest;
	unsigned depth;
	struct octets certain; /* octets that it cannot do without, whatever stands in its groups */
	bool edges;            /* it asks what stands around */
	bool failed;           /* something that is not understood */
};

/* All that a part of the expression can be; or, not known, anything of so many octets at most. */
struct part {
	bool known;
	struct required all;
	size_t most;
};

/* ---- sets of literals ------------------------------------------------------------------------------------------------ */

static void only_empty(struct required *r)
{
	r->count = 1;
	r->literals[0].n = 0;
}

static bool add(struct required *r, struct slice before, struct slice behind)
{
	if (r->count == REQUIRED_MOST || before.n + behind.n > REQUIRED_LENGTH) return false;
	memcpy(r->literals[r->count].octets, before.p, before.n);
	memcpy(r->literals[r->count].octets + before.n, behind.p, behind.n);
	r->literals[r->count++].n = (uint8_t)(before.n + behind.n);
	return true;
}

static bool add_all(struct required *to, const struct required *from)
{
	for (size_t i = 0; i < from->count; i++)
		if (!add(to, required_literal(from, i), SLICE_EMPTY)) return false;
	return true;
}

/* Each of a followed by each of b. */
static bool multiply(struct required *a, const struct required *b)
{
	struct required all = {0};
	for (size_t i = 0; i < a->count; i++)
		for (size_t k = 0; k < b->count; k++)
			if (!add(&all, required_literal(a, i), required_literal(b, k))) return false;
	*a = all;
	return true;
}

static size_t shortest(const struct required *r)
{
	size_t n = r->count ? SIZE_MAX : 0;
	for (size_t i = 0; i < r->count; i++)
		if (r->literals[i].n < n) n = r->literals[i].n;
	return n;
}

/* The longer the better, then the fewer. */
static void prefer(struct required *best, const struct required *r)
{
	size_t a = shortest(best), b = shortest(r);
	if (b >= REQUIRED_LEAST && (b > a || (b == a && r->count < best->count))) *best = *r;
}

/* ---- atoms ----------------------------------------------------------------------------------------------------------- */

static int peek(const struct parser *p)
{
	return p->rest.n > 0 ? (unsigned char)p->rest.p[0] : -1;
}

static int take(struct parser *p)
{
	int c = peek(p);
	if (c >= 0) p->rest = slice_sub(p->rest, 1, p->rest.n);
	return c;
}

/* What follows a backslash, but for \d: the octet, or -1 for several; others than the usual ones are not understood. */
static int take_escaped(struct parser *p)
{
	int c = take(p);
	if (c == 'n') return '\n';
	if (c == 'b' || c == 'B') p->edges = true;
	if (c == 'D' || c == 'w' || c == 'W' || c == 's' || c == 'S' || c == 'b' || c == 'B') return -1;
	if (c < 0 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) p->failed = true;
	return c;
}

static void list_octet(struct part *out, int c)
{
	char octet = (char)c;
	out->known =
		out->known && c >= 0 && out->all.count < CLASS_MOST && add(&out->all, slice_of(&octet, 1), SLICE_EMPTY);
}

/* What a backslash and what follows it stand for. */
static void list_escaped(struct parser *p, struct part *out)
{
	if (peek(p) != 'd') {
		list_octet(out, take_escaped(p));
		return;
	}
	take(p);
	for (int c = '0'; c <= '9'; c++) list_octet(out, c);
}

/* Up to what comes next; of octets that have been listed up to `from`. */
static void take_range(struct parser *p, int from, struct part *out)
{
	int to = take(p);
	if (from == '\\' || to == '\\') {
		if (to == '\\') take_escaped(p);
		out->known = false;
	}
	for (int c = from + 1; c <= to && out->known; c++) list_octet(out, c);
}

static void take_class(struct parser *p, struct part *out)
{
	*out = (struct part){.known = true, .most = 1};
	if (peek(p) == '^') {
		take(p);
		out->known = false;
	}
	for (bool first = true; first || peek(p) != ']'; first = false) {
		int c = take(p);
		if (c < 0 || (c == '[' && peek(p) == ':')) p->failed = true;
		if (p->failed) return;
		if (c == '\\')
			list_escaped(p, out);
		else
			list_octet(out, c);
		if (peek(p) != '-' || p->rest.n < 2 || p->rest.p[1] == ']') continue;
		take(p); /* a range */
		take_range(p, c, out);
	}
	take(p);
}

static void take_alternatives(struct parser *p, struct part *out, struct required *best);

static void take_group(struct parser *p, struct part *out, struct required *inside)
{
	if (peek(p) == '?') {
		take(p);
		if (take(p) != ':') p->failed = true;
	}
	if (++p->depth > DEPTH_MOST) p->failed = true;
	if (p->failed) return;
	take_alternatives(p, out, inside);
	p->depth--;
	if (take(p) != ')') p->failed = true;
}

/* inside: what a group needs, although it may not be known what it can be. */
static void take_atom(struct parser *p, struct part *out, struct required *inside)
{
	int c = take(p);
	*out = (struct part){.known = true, .most = 1};
	inside->count = 0;
	if (c == '^' || c == '$') p->edges = true;
	if (c == '(') {
		take_group(p, out, inside);
	} else if (c == '[') {
		take_class(p, out);
	} else if (c == '.' || c == '^' || c == '$') {
		out->known = false; /* an octet or none */
	} else if (c == '*' || c == '+' || c == '?' || c == '{') {
		p->failed = true;
	} else if (c == '\\') {
		list_escaped(p, out);
	} else {
		list_octet(out, c);
	}
}

/* ---- how often ------------------------------------------------------------------------------------------------------- */

struct times {
	uint64_t least, most;
	bool once; /* that, and no more */
	bool optional;
};

/* {5}, {0,5}, {5,} */
static void take_braces(struct parser *p, struct times *out)
{
	size_t end = slice_find(p->rest, '}');
	struct slice most = slice_sub(p->rest, 0, end), least = slice_split(&most, ',');
	p->rest = slice_sub(p->rest, end + 1, p->rest.n);
	if (!slice_to_u64(least, &out->least)) p->failed = true;
	if (!most.p)
		out->most = out->least;
	else if (!slice_to_u64(most, &out->most))
		out->most = ENDLESS;
}

static struct times take_times(struct parser *p)
{
	struct times t = {.least = 1, .most = 1};
	switch (peek(p)) {
	case '?': t.optional = true; break;
	case '*': t.least = 0, t.most = ENDLESS; break;
	case '+': t.most = ENDLESS; break;
	case '{': break;
	default: t.once = true; return t;
	}
	if (take(p) == '{') take_braces(p, &t);
	if (peek(p) == '?' || peek(p) == '+') take(p); /* lazy, possessive: it matches the same */
	return t;
}

/* ---- octets ---------------------------------------------------------------------------------------------------------- */

/* A part that stands in the text as it is. */
static void note_octets(struct octets *o, const struct part *part)
{
	struct slice only = part->known && part->all.count == 1 ? required_literal(&part->all, 0) : SLICE_EMPTY;
	for (size_t i = 0; i < only.n; i++) {
		unsigned char c = (unsigned char)only.p[i];
		o->bits[c / 64] |= UINT64_C(1) << c % 64;
	}
}

static bool has_octet(const struct octets *o, char octet)
{
	unsigned char c = (unsigned char)octet;
	return o->bits[c / 64] >> c % 64 & 1;
}

/* ---- sequences ------------------------------------------------------------------------------------------------------- */

/* What follows run, which is what the octets up to here can be since `best` was asked last. */
static void follow(struct required *run, const struct part *next, struct part *whole, struct required *best)
{
	if (next->known && multiply(run, &next->all)) return;
	whole->known = false;
	prefer(best, run);
	if (next->known)
		*run = next->all;
	else
		only_empty(run);
}

static size_t longer(size_t octets, size_t by, uint64_t times)
{
	return by < ENDLESS && times < ENDLESS && octets + by * times < ENDLESS ? octets + by * times : ENDLESS;
}

static void take_sequence(struct parser *p, struct part *out, struct required *best)
{
	static const struct part anything;
	struct required run, inside;
	only_empty(&run);
	out->known = true;
	out->most = 0;
	while (!p->failed && p->rest.n > 0 && peek(p) != '|' && peek(p) != ')') {
		struct part atom;
		take_atom(p, &atom, &inside);
		struct times t = take_times(p);
		if (p->failed) return;
		if (!t.optional && t.least > 0) prefer(best, &inside);
		if (!t.optional && t.least > 0 && p->depth == 0) note_octets(&p->certain, &atom);
		if (t.optional) atom.known = atom.known && add(&atom.all, SLICE_EMPTY, SLICE_EMPTY);
		if (t.least == 0) atom.known = false;
		out->most = longer(out->most, atom.most, t.most);
		follow(&run, &atom, out, best);
		if (!t.once && !t.optional) follow(&run, &anything, out, best); /* perhaps once more */
	}
	prefer(best, &run);
	out->all = run;
}

/* best: what is needed by each alternative. */
static void take_alternatives(struct parser *p, struct part *out, struct required *best)
{
	bool all_need = true;
	struct required needed = {0};
	*out = (struct part){.known = true};
	do {
		struct part one;
		struct required its = {0};
		take_sequence(p, &one, &its);
		if (p->failed) return;
		out->known = out->known && one.known && add_all(&out->all, &one.all);
		if (one.most > out->most) out->most = one.most;
		all_need = all_need && its.count > 0 && add_all(&needed, &its);
	} while (peek(p) == '|' && take(p));
	if (all_need) *best = needed;
}

char required_octet(struct slice expression)
{
	static const char rare[] = "?@#<>[]$%&=+*!~^;|()\"_/:"; /* of texts, the rarest first */
	struct parser p = {.rest = expression};
	struct part one;
	struct required its = {0};
	take_sequence(&p, &one, &its);
	if (p.failed || p.rest.n > 0)
		return '\0'; /* several alternatives of which each needs the same are not worth a word */
	for (int c = 0x80; c < 0x100; c++)
		if (has_octet(&p.certain, (char)c)) return (char)c;
	for (const char *c = rare; *c; c++)
		if (has_octet(&p.certain, *c)) return *c;
	return '\0';
}

size_t required_width(struct slice expression, bool *begins)
{
	struct parser p = {.rest = expression};
	struct part whole;
	struct required its = {0};
	*begins = peek(&p) == '^' && take(&p);
	if (*begins)
		take_sequence(&p, &whole, &its);
	else
		take_alternatives(&p, &whole, &its);
	return p.failed || p.edges || p.rest.n > 0 || whole.most >= ENDLESS ? 0 : whole.most;
}

bool required_read(struct slice expression, struct required *out)
{
	struct parser p = {.rest = expression};
	struct part whole;
	*out = (struct required){0};
	take_alternatives(&p, &whole, out);
	return !p.failed && p.rest.n == 0 && out->count > 0;
}
