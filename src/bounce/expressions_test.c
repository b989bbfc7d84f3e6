/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "bounce/bundle_internal.h"
#include "bounce/expressions.h"
#include "bounce/fold.h"

#define H "backstop-rules 1\n"

struct bench {
	struct bundle *bundle;
	struct expressions *expressions;
	struct literals_lexicon *lexicon;
	hs_scratch_t *scratch;
	size_t matches;
};

static void open_bench(struct bench *b, struct slice rules)
{
	char problem[BUNDLE_PROBLEM];
	*b = (struct bench){0};
	if (bundle_load(rules, &b->bundle, problem) != ERR_OK) fail_msg("%s", problem);
	b->expressions = expressions_new();
	assert_non_null(b->expressions);
	b->lexicon = literals_lexicon_new();
	assert_non_null(b->lexicon);
	assert_true(expressions_fit(b->expressions, b->bundle));
	for (size_t i = 0; i < b->bundle->expression_count; i++)
		assert_int_equal(hs_alloc_scratch(b->bundle->expressions[i].compiled, &b->scratch), HS_SUCCESS);
}

static void close_bench(struct bench *b)
{
	hs_free_scratch(b->scratch);
	literals_lexicon_free(b->lexicon);
	expressions_free(b->expressions);
	bundle_unref(b->bundle);
}

static void found(void *context, uint32_t phrase, size_t at)
{
	const struct bench *b = context;
	struct rule_tell tell = b->bundle->rules->tells[phrase];
	if (tell.kind == RULE_GATE) expressions_gate(b->expressions, tell.number, at);
}

static int matched(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *context)
{
	return 1;
}

/* All of them, of all the text. */
static void ask_all(struct bench *b, enum place place, struct slice text, struct signal_set *fired)
{
	for (size_t i = 0; i < b->bundle->expression_count; i++) {
		uint16_t signal = b->bundle->rules->expressions[i].signal;
		unsigned n = (unsigned)text.n;
		if (!(b->bundle->rules->signals[signal].places & 1u << place)) continue;
		if (hs_scan_vector(b->bundle->expressions[i].compiled, &text.p, &n, 1, 0, b->scratch, matched, NULL) ==
		    HS_SUCCESS)
			continue;
		signal_set(fired, signal);
		b->matches++;
	}
}

static void compare(struct bench *b, enum place place, struct slice text)
{
	struct signal_set fired = {0}, expected = {0};
	expressions_begin(b->expressions, b->bundle, place, text);
	literals_lexicon_forget(b->lexicon);
	if (b->bundle->literals[place]) literals_scan(b->bundle->literals[place], b->lexicon, text, found, b);
	expressions_end(b->expressions, &fired);
	ask_all(b, place, text, &expected);
	for (size_t i = 0; i < b->bundle->rules->signal_count; i++)
		if (signal_fired(&fired, i) != signal_fired(&expected, i))
			fail_msg("%.*s, %d of %zu octets: %.60s", SLICE_ARG(b->bundle->rules->signals[i].name),
			         signal_fired(&fired, i), text.n, text.p);
}

/* What each matches, at every place of texts of many lengths, with and without what it needs elsewhere. */
static const struct {
	const char *expression, *match;
} cases[] = {
	{"(abcd|efgh)[^\\n]{0,40} [0-9]", "efgh ijkl mnop 5"},
	{"[0-9] [^\\n]{0,40}(abcd|efgh)", "5 ijkl mnop abcd"},
	{"[a-z]{2}\\?( [a-z]{1,30})?x", "ab? bx"},
	{"[a-z]{2}\\?[^\\n]{0,60}x", "ab? bx"},
	{"<[^<> ]{1,30}@[^<> ]{1,30}>:", "<a@b>:"},
	{"(to|for) abcd[: ]{1,3}<?[^<> \\n]{1,30}@", "to abcd: <ef@"},
	{"^\\n[ *=-]{0,9}abcd", "\n * abcd"},
	{"^\\n[ *=-]{0,9}[a-c]de", "\n * ade"},
	{"[a-c]{3}\\?d", "abc?d"},
	{"abcd\\b", "abcd "},
	{"abcd$", "abcd"},
	{"[xy]{30}z", "xyxyxyxyxyxyxyxyxyxyxyxyxyxyxyz"},
};

static void test_cases(void **state)
{
	static char text[2400];
	static const size_t lengths[] = {64, 65, 200, 1023, 1024, 1025, sizeof text};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct bench b;
		char rules[200];
		size_t n = strlen(cases[i].match);
		snprintf(rules, sizeof rules, H "signal a\nin body\n~ %s\n", cases[i].expression);
		open_bench(&b, slice_str(rules));
		for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
			size_t step = lengths[k] > 300 ? 13 : 1;
			for (size_t at = 0; at + n <= lengths[k]; at += step) {
				for (size_t c = 0; c < lengths[k]; c++)
					text[c] = at % 2 ? '.' : "abcd @? efgh\n"[c % 13];
				memcpy(text + at, cases[i].match, n);
				compare(&b, PLACE_BODY, slice_of(text, lengths[k]));
			}
		}
		assert_true(b.matches > 0);
		close_bench(&b);
	}
}

static struct slice fold(struct slice text, char *buffer, size_t room)
{
	struct fold f;
	fold_begin(&f, buffer, room);
	fold_text(&f, text);
	return fold_end(&f);
}

/* The samples of the default bundle, as texts of all places, alone and among others. */
static void default_bundle(void **state)
{
	static char buffer[FOLD_ROOM(65536)];
	struct bench b;
	open_bench(&b, bundle_default_text());
	const struct rules *r = b.bundle->rules;
	for (size_t i = 0; i < r->sample_count; i++) {
		struct slice one = r->samples[i].message;
		size_t before = i % 8, behind = i / 8 % 4;
		if (i < before || i + behind >= r->sample_count) continue;
		const char *from = r->samples[i - before].message.p, *to = r->samples[i + behind].message.p;
		struct slice many = slice_of(from, (size_t)(to - from)); /* they lie one behind the other */
		for (size_t place = 0; place < PLACE_COUNT; place++) {
			compare(&b, (enum place)place, fold(one, buffer, sizeof buffer));
			if (many.n <= 65536) compare(&b, (enum place)place, fold(many, buffer, sizeof buffer));
		}
		while (one.p) {
			struct slice line = slice_split(&one, '\n');
			for (size_t place = 0; place < PLACE_COUNT && line.n > 0; place++)
				compare(&b, (enum place)place, fold(line, buffer, sizeof buffer));
		}
	}
	assert_true(b.matches > 1000);
	close_bench(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(default_bundle),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
