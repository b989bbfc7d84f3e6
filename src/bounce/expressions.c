/* SPDX-License-Identifier: Apache-2.0 */
#include "bounce/expressions.h"

#include <assert.h>
#include <stdlib.h>

#include "base/lanes.h"
#include "bounce/bundle_internal.h"

/* A text is a row of at most so many blocks, each of 1 << shift octets, so that a set of them is a number. */
#define BLOCKS 64

struct expressions {
	hs_scratch_t *scratch;
	uint64_t serial; /* of the bundle that the scratch is fit for */
	const struct bundle *bundle;
	struct slice text;
	unsigned shift;
	uint64_t all;                            /* blocks of the text */
	uint64_t asked[BUNDLE_EXPRESSION_WORDS]; /* those that can match: their gates are there, or they have none */
	uint64_t gates[RULES_EXPRESSIONS];       /* of those that have: the blocks */
	uint64_t sought[4];                      /* octets that were looked for */
	uint64_t octets[256];                    /* of these: the blocks */
};

struct expressions *expressions_new(void)
{
	return calloc(1, sizeof(struct expressions));
}

void expressions_free(struct expressions *x)
{
	if (!x) return;
	hs_free_scratch(x->scratch);
	free(x);
}

bool expressions_fit(struct expressions *x, const struct bundle *b)
{
	if (x->serial == b->serial) return true;
	for (size_t i = 0; i < b->expression_count; i++)
		if (hs_alloc_scratch(b->expressions[i].compiled, &x->scratch) != HS_SUCCESS) return false;
	x->serial = b->serial;
	return true;
}

void expressions_begin(struct expressions *x, const struct bundle *b, enum place place, struct slice text)
{
	x->bundle = b;
	x->text = text;
	x->shift = 0;
	while ((text.n - 1) >> x->shift >= BLOCKS) x->shift++;
	x->all = UINT64_MAX >> (BLOCKS - 1 - ((text.n - 1) >> x->shift));
	memcpy(x->asked, b->ungated[place], sizeof x->asked);
	memset(x->sought, 0, sizeof x->sought);
}

static uint64_t block_of(const struct expressions *x, size_t at)
{
	return UINT64_C(1) << ((at < x->text.n ? at : x->text.n - 1) >> x->shift);
}

void expressions_gate(struct expressions *x, uint32_t number, size_t at)
{
	uint64_t bit = UINT64_C(1) << number % 64, *asked = &x->asked[number / 64];
	x->gates[number] = block_of(x, at) | (*asked & bit ? x->gates[number] : 0);
	*asked |= bit;
}

/* ---- where ----------------------------------------------------------------------------------------------------------- */

static size_t find_digit(struct slice text, size_t at)
{
	for (; text.n - at >= LANES; at += LANES) {
		unsigned digits = LANES_MASK(lanes_within(lanes_load(text.p + at), '0', '9'));
		if (digits) return at + lanes_first(digits);
	}
	while (at < text.n && !(text.p[at] >= '0' && text.p[at] <= '9')) at++;
	return at;
}

/* The next one from `at` on, or the end. */
static size_t find(struct slice text, size_t at, char octet)
{
	if (octet == REQUIRED_DIGITS[0]) return find_digit(text, at);
	const char *found = memchr(text.p + at, octet, text.n - at);
	return found ? (size_t)(found - text.p) : text.n;
}

/* Each octet is looked for once in a text. */
static uint64_t blocks_of_octet(struct expressions *x, char octet)
{
	unsigned char c = (unsigned char)octet;
	uint64_t bit = UINT64_C(1) << c % 64, blocks = 0;
	if (x->sought[c / 64] & bit) return x->octets[c];
	for (size_t at = find(x->text, 0, octet); at < x->text.n;) {
		size_t block = at >> x->shift, next = (block + 1) << x->shift;
		blocks |= UINT64_C(1) << block;
		at = next < x->text.n ? find(x->text, next, octet) : next;
	}
	x->sought[c / 64] |= bit;
	return x->octets[c] = blocks;
}

/* The blocks, and the n behind each. */
static uint64_t and_behind(uint64_t blocks, size_t n)
{
	for (size_t have = 1, step; n > 0; n -= step, have += step) {
		step = n < have ? n : have;
		blocks |= step < BLOCKS ? blocks << step : 0;
	}
	return blocks;
}

static uint64_t and_before(uint64_t blocks, size_t n)
{
	for (size_t have = 1, step; n > 0; n -= step, have += step) {
		step = n < have ? n : have;
		blocks |= step < BLOCKS ? blocks >> step : 0;
	}
	return blocks;
}

static size_t whole_blocks(const struct expressions *x, size_t octets)
{
	return (octets + ((size_t)1 << x->shift) - 1) >> x->shift;
}

/* Blocks in which a match may begin that has something in these. */
static uint64_t begins_before(const struct expressions *x, uint64_t blocks, struct rule_reach reach)
{
	size_t least = reach.least >> x->shift, most = whole_blocks(x, reach.most);
	return least < BLOCKS ? and_before(blocks >> least, most - least) : 0;
}

/* A match has something in these blocks. False: then there is none. */
static bool narrow(const struct expressions *x, const struct rule_expression *e, uint64_t blocks,
                   struct rule_reach reach, uint64_t *begins)
{
	if (blocks == 0) return false;
	if (e->width > 0) *begins &= begins_before(x, blocks, reach);
	return *begins;
}

/* Blocks in which a match is, if there is one. */
static uint64_t blocks_of(struct expressions *x, size_t number, const struct rule_expression *e)
{
	uint64_t begins = e->begins ? 1 : x->all;
	if (e->gated && !narrow(x, e, x->gates[number], e->gates, &begins)) return 0;
	for (size_t i = 0; i < e->octet_count; i++)
		if (!narrow(x, e, blocks_of_octet(x, e->octets[i].octet), e->octets[i].reach, &begins)) return 0;
	return e->width > 0 ? and_behind(begins, whole_blocks(x, e->width)) & x->all : x->all;
}

/* Takes the first of them, and those next to it. */
static struct slice take_blocks(const struct expressions *x, uint64_t *blocks)
{
	unsigned first = (unsigned)__builtin_ctzll(*blocks);
	uint64_t others = ~(*blocks >> first);
	unsigned end = first + (others ? (unsigned)__builtin_ctzll(others) : BLOCKS);
	*blocks = end < BLOCKS ? *blocks & UINT64_MAX << end : 0;
	return slice_sub(x->text, (size_t)first << x->shift, (size_t)end << x->shift);
}

/* ---- asking ---------------------------------------------------------------------------------------------------------- */

static int matched(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *context)
{
	return 1; /* that is all we want to know */
}

static bool matches(struct expressions *x, size_t number, uint64_t blocks)
{
	const hs_database_t *compiled = x->bundle->expressions[number].compiled;
	while (blocks) {
		struct slice part = take_blocks(x, &blocks);
		unsigned n = (unsigned)part.n;
		hs_error_t told = hs_scan_vector(compiled, &part.p, &n, 1, 0, x->scratch, matched, NULL);
		if (told == HS_SCAN_TERMINATED) return true;
		assert(told == HS_SUCCESS); /* else the scratch is not fit for it: our own mistake */
	}
	return false;
}

void expressions_end(struct expressions *x, struct signal_set *fired)
{
	for (size_t i = 0; i < BUNDLE_EXPRESSION_WORDS; i++) {
		for (uint64_t rest = x->asked[i]; rest; rest &= rest - 1) {
			size_t number = i * 64 + (size_t)__builtin_ctzll(rest);
			const struct rule_expression *e = &x->bundle->rules->expressions[number];
			if (signal_fired(fired, e->signal)) continue;
			if (matches(x, number, blocks_of(x, number, e))) signal_set(fired, e->signal);
		}
	}
}
