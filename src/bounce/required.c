/* SPDX-License-Identifier: Apache-2.0 */
#include "bounce/required.h"

#define DEPTH_MOST 4  /* of groups in groups: each takes 20 KiB of a stack, which may be a fiber's */
#define CLASS_MOST 10 /* octets of a class that are listed: digits */
#define BEGINNING  8  /* octets, at most, of what is cut short to have room */
#define ENDLESS    ((size_t)1 << 30)

/* An octet that the expression cannot do without, and how many octets of a match are before it. */
struct certain {
	bool there;
	size_t least, most;
};

struct parser {
	struct slice rest;
	unsigned depth;
	struct certain octets[256]; /* whatever stands in groups; DIGIT stands for all of them */
	bool edges;                 /* it asks what stands around */
	bool failed;                /* something that is not understood */
};

/* All that a part of the expression can be; or, not known, anything of so many octets. */
struct part {
	bool known;
	struct required all;
	size_t least, most;
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

/* The first n octets of each, each once. */
static void add_beginnings(struct required *to, const struct required *from, size_t n)
{
	for (size_t i = 0; i < from->count; i++) {
		struct slice s = slice_sub(required_literal(from, i), 0, n);
		size_t k = 0;
		while (k < to->count && !slice_equal(required_literal(to, k), s)) k++;
		if (k == to->count) add(to, s, SLICE_EMPTY);
	}
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

/* ---- which to choose ------------------------------------------------------------------------------------------------- */

/* How often an octet is in folded text, of a thousand. */
static double share(char octet)
{
	static const unsigned char shares[256] = {
		[' '] = 170, ['e'] = 95, ['t'] = 75, ['a'] = 65, ['o'] = 65, ['i'] = 60, ['n'] = 58, ['s'] = 55,
		['r'] = 52,  ['h'] = 40, ['l'] = 35, ['d'] = 32, ['c'] = 25, ['u'] = 24, ['m'] = 22, ['p'] = 18,
		['f'] = 17,  ['g'] = 17, ['y'] = 16, ['w'] = 15, ['b'] = 13, ['.'] = 12, ['v'] = 8,  ['k'] = 7,
		[','] = 8,   ['-'] = 8,  ['\n'] = 8, ['/'] = 6,  [':'] = 5,  ['0'] = 5,  ['1'] = 5,  ['2'] = 5,
		['3'] = 4,   ['4'] = 4,  ['5'] = 4,  ['6'] = 3,  ['7'] = 3,  ['8'] = 3,  ['9'] = 3,
	};
	unsigned char n = shares[(unsigned char)octet];
	return n ? n / 1000. : .001;
}

/* " to ", " for ": what is short and a word is common. */
static bool is_short_word(struct slice s)
{
	return s.n <= 5 && s.p[0] == ' ' && s.p[s.n - 1] == ' ' && slice_find(slice_sub(s, 1, s.n - 1), ' ') == s.n - 2;
}

/* How many of them a text of a million octets will have. */
static double frequency(const struct required *r)
{
	double sum = 0;
	for (size_t i = 0; i < r->count; i++) {
		struct slice s = required_literal(r, i);
		double all = is_short_word(s) ? 2e7 : 1e6;
		for (size_t k = 0; k < s.n; k++) all *= share(s.p[k]);
		sum += all;
	}
	return sum;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_of_word(char c)
{
	return (c >= 'a' && c <= 'z') || is_digit(c);
}

/* Is it soon found? Where a word begins or ends in it, or all of it is of one; or it is of another script. */
static bool is_handy(struct slice s)
{
	bool edge = false, word = s.n > 0 && is_of_word(s.p[0]), other = false;
	for (size_t i = 0; i < s.n; i++) {
		edge |= is_of_word(s.p[i]) != word;
		other |= (unsigned char)s.p[i] >= 0x80;
	}
	return s.n >= REQUIRED_LEAST && (edge || (s.n > REQUIRED_LEAST && (word || other)));
}

static bool are_handy(const struct required *r)
{
	for (size_t i = 0; i < r->count; i++)
		if (!is_handy(required_literal(r, i))) return false;
	return r->count > 0;
}

/* The rarer the better. */
static void prefer(struct required *best, const struct required *r, size_t least, size_t most)
{
	if (!are_handy(r) || (best->count > 0 && frequency(best) <= frequency(r))) return;
	*best = *r;
	best->least = least;
	best->most = most;
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
	*out = (struct part){.known = true, .least = 1, .most = 1};
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
	*out = (struct part){.known = true, .least = 1, .most = 1};
	inside->count = inside->least = inside->most = 0;
	if (c == '(') {
		take_group(p, out, inside);
	} else if (c == '[') {
		take_class(p, out);
	} else if (c == '.') {
		out->known = false;
	} else if (c == '^' || c == '$') {
		p->edges = true;
		*out = (struct part){0};
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
	case '?': t.optional = true, t.least = 0; break;
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

static bool is_a_digit(const struct part *part)
{
	for (size_t i = 0; i < part->all.count; i++)
		if (part->all.literals[i].n != 1 || !is_digit(part->all.literals[i].octets[0])) return false;
	return part->known && part->all.count > 0;
}

static void note_octet(struct parser *p, char octet, size_t least, size_t most)
{
	struct certain *c = &p->octets[(unsigned char)octet];
	if (!c->there) *c = (struct certain){true, least, most};
}

/* A part that stands in the text as it is, behind so many octets. */
static void note_octets(struct parser *p, const struct part *part, size_t least, size_t most)
{
	struct slice only = part->known && part->all.count == 1 ? required_literal(&part->all, 0) : SLICE_EMPTY;
	for (size_t i = 0; i < only.n; i++) note_octet(p, only.p[i], least + i, most + i);
	if (is_a_digit(part)) note_octet(p, REQUIRED_DIGITS[0], least, most);
}

/* ---- sequences ------------------------------------------------------------------------------------------------------- */

/* What the octets can be since it began, behind so many of the sequence. */
struct run {
	struct required all;
	size_t least, most;
};

static void begin_run(struct run *run, const struct part *sequence)
{
	only_empty(&run->all);
	run->least = sequence->least;
	run->most = sequence->most;
}

static void prefer_run(struct required *best, const struct run *run)
{
	prefer(best, &run->all, run->least, run->most);
}

/* What comes next does not fit behind it: but its beginnings may. */
static void prefer_beginnings(struct required *best, const struct run *run, const struct required *next)
{
	for (size_t n = BEGINNING; n > 0; n--) {
		struct run cut = *run;
		struct required beginnings = {0};
		add_beginnings(&beginnings, next, n);
		if (!multiply(&cut.all, &beginnings)) continue;
		prefer_run(best, &cut);
		return;
	}
}

static size_t longer(size_t octets, size_t by, uint64_t times)
{
	return by < ENDLESS && times < ENDLESS && octets + by * times < ENDLESS ? octets + by * times : ENDLESS;
}

/* The sequence goes on with a part. False: it is not known what it can be. */
static bool follow(struct part *sequence, struct run *run, const struct part *next, struct times t,
                   struct required *best)
{
	bool fits = next->known && multiply(&run->all, &next->all);
	if (!fits) prefer_run(best, run);
	if (!fits && next->known) {
		prefer_beginnings(best, run, &next->all);
		begin_run(run, sequence);
		run->all = next->all;
	}
	bool again = !t.once && !t.optional; /* perhaps once more */
	if (next->known && again) prefer_run(best, run);
	sequence->least = longer(sequence->least, next->least, t.least);
	sequence->most = longer(sequence->most, next->most, t.most);
	if (!next->known || again) begin_run(run, sequence);
	return fits && !again;
}

static void take_sequence(struct parser *p, struct part *out, struct required *best)
{
	struct run run;
	out->known = true;
	out->least = out->most = 0;
	begin_run(&run, out);
	while (!p->failed && p->rest.n > 0 && peek(p) != '|' && peek(p) != ')') {
		struct part atom;
		struct required inside;
		take_atom(p, &atom, &inside);
		struct times t = take_times(p);
		if (p->failed) return;
		if (t.least > 0) {
			prefer(best, &inside, out->least + inside.least, out->most + inside.most);
			if (p->depth == 0) note_octets(p, &atom, out->least, out->most);
		}
		if (t.optional) atom.known = atom.known && add(&atom.all, SLICE_EMPTY, SLICE_EMPTY);
		if (t.least == 0 && !t.optional) atom.known = false;
		out->known &= follow(out, &run, &atom, t, best);
	}
	prefer_run(best, &run);
	out->all = run.all;
}

/* best: what is needed by each alternative. */
static void take_alternatives(struct parser *p, struct part *out, struct required *best)
{
	bool all_need = true;
	struct required needed = {0};
	*out = (struct part){.known = true, .least = ENDLESS};
	needed.least = ENDLESS;
	do {
		struct part one;
		struct required its = {0};
		take_sequence(p, &one, &its);
		if (p->failed) return;
		out->known = out->known && one.known && add_all(&out->all, &one.all);
		if (one.least < out->least) out->least = one.least;
		if (one.most > out->most) out->most = one.most;
		all_need = all_need && its.count > 0 && add_all(&needed, &its);
		if (its.least < needed.least) needed.least = its.least;
		if (its.most > needed.most) needed.most = its.most;
	} while (peek(p) == '|' && take(p));
	if (all_need) *best = needed;
}

/* ---- what is told ---------------------------------------------------------------------------------------------------- */

size_t required_octets(struct slice expression, struct required_octet out[REQUIRED_OCTETS])
{
	static const char usual[] =
		"?@#<>[]$%&=+*!~^;|()\"_/:" REQUIRED_DIGITS "zqjx\n"; /* of texts, the rarest first */
	struct parser p = {.rest = expression};
	struct part one;
	struct required its = {0};
	char octets[0x80 + sizeof usual];
	size_t n = 0;
	for (int c = 0x80; c < 0x100; c++) octets[c - 0x80] = (char)c;
	memcpy(octets + 0x80, usual, sizeof usual);
	take_sequence(&p, &one, &its);
	if (p.failed || p.rest.n > 0)
		return 0; /* several alternatives of which each needs the same are not worth a word */
	for (const char *c = octets; *c && n < REQUIRED_OCTETS; c++) {
		const struct certain *at = &p.octets[(unsigned char)*c];
		if (at->there) out[n++] = (struct required_octet){*c, at->least, at->most};
	}
	return n;
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

/* Those in which another one is are not needed. */
static void drop_longer(struct required *r)
{
	size_t n = 0;
	for (size_t i = 0; i < r->count; i++) {
		struct slice s = required_literal(r, i);
		bool needed = true;
		for (size_t k = 0; k < r->count && needed; k++) {
			struct slice other = required_literal(r, k);
			needed = other.n > s.n || i == k || slice_search(s, other) == s.n || (other.n == s.n && k > i);
		}
		if (needed) r->literals[n++] = r->literals[i];
	}
	r->count = n;
}

bool required_read(struct slice expression, struct required *out)
{
	struct parser p = {.rest = expression};
	struct part whole;
	size_t longest = 0;
	*out = (struct required){0};
	take_alternatives(&p, &whole, out);
	if (p.failed || p.rest.n > 0) return false;
	for (size_t i = 0; i < out->count; i++)
		if (out->literals[i].n > longest) longest = out->literals[i].n;
	out->most += longest; /* where it is found may be its end */
	drop_longer(out);
	return out->count > 0;
}
