/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "bounce/literals.h"
#include "bounce/wordsets.h"

#define H "backstop-rules 1\n"

struct bench {
	struct rules *rules;
	struct literals *literals;
	struct literals_lexicon *lexicon;
	struct wordsets *sets;
};

static void open_bench(struct bench *b, const char *text)
{
	char problem[RULES_PROBLEM];
	if (rules_read(slice_str(text), &b->rules, problem) != ERR_OK) fail_msg("%s", problem);
	assert_int_equal(literals_new(b->rules, PLACE_BODY, &b->literals), ERR_OK);
	b->sets = wordsets_new();
	assert_non_null(b->sets);
	b->lexicon = literals_lexicon_new();
	assert_non_null(b->lexicon);
}

static void close_bench(struct bench *b)
{
	literals_lexicon_free(b->lexicon);
	literals_free(b->literals);
	wordsets_free(b->sets);
	rules_free(b->rules);
}

static void found(void *context, uint32_t phrase, size_t end)
{
	const struct bench *b = context;
	assert_int_equal(b->rules->tells[phrase].kind, RULE_WORD);
	wordsets_found(b->sets, b->rules->tells[phrase].number, end);
}

/* Does signal `a`, the first of the bundle, fire? */
static bool fires(struct bench *b, struct slice text)
{
	struct signal_set fired = {0};
	wordsets_begin(b->sets, b->rules, text, &fired);
	literals_scan(b->literals, b->lexicon, text, found, b);
	wordsets_end(b->sets);
	return signal_fired(&fired, b->rules->signal_count - 1);
}

static const struct {
	const char *lines, *text;
	bool fires;
} cases[] = {
	{"& 20 mail & not\n", "\nmail not\n", true},
	{"& 20 mail & not\n", "\nnot mail\n", true},
	{"& 20 mail & not\n", "\nmail\nnot\n", false},
	{"& 20 mail & not\n", "\nmail 1234567890 123 not\n", true},
	{"& 20 mail & not\n", "\nmail 1234567890 12345 not\n", false},
	{"& 20 mail & not\n", "\nmail 1234567890 12345 not mail\n", true},
	{"& 20 mail & not & sent\n", "\nmail not\n", false},
	{"& 20 mail & not & sent\n", "\nmail not sent\n", true},
	{"& 20 mail & not & sent\n", "\nnot not sent sent mail\n", true},
	{"& 20 mail|the one you sent & not\n", "\nnot the one you sent\n", true},
	{"& 9 mail & not\n& 9 mail & sent\n", "\nmail sent\n", true},
	/* a long word begins before a short one that ends before it */
	{"& 6 a b c d e f g h i & =c d\n", "\na b c d e f g h i\n", false},
	{"& 12 a b c d e f g h i & =c d\n", "\na b c d e f g h i\n", true},
	{"& 12 a b c d e f g h i & =fg\n", "\na b c d e f g h i fg\n", true},
	{"& 9 *nachricht & nach\n", "\nnachricht\n", true},
	{"& 4 *nachricht & nach\n", "\nnachricht\n", false},
	{"& 40 mail & email\n", "\nmail\n", false},
	{"& 40 *mail & email\n", "\nemail\n", true},
};

static void together(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct bench b;
		char rules[400];
		snprintf(rules, sizeof rules, H "signal a\nin body\n%s", cases[i].lines);
		open_bench(&b, rules);
		for (int round = 0; round < 2; round++) /* nothing is left of the text before */
			if (fires(&b, slice_str(cases[i].text)) != cases[i].fires) fail_msg("case %zu", i);
		assert_false(fires(&b, SLICE("\nnot\n")));
		assert_false(fires(&b, SLICE("\nmail\n")) && !cases[i].fires);
		close_bench(&b);
	}
}

/* More words than there is room for: what stands together at the end, or in the middle, is found. */
static void many_words(void **state)
{
	static char text[60000];
	struct bench b;
	open_bench(&b, H "signal a\nin body\n& 20 mail|mai|ma|=mail|*mail|*ail & not & sent\n");
	for (size_t at = 100; at <= sizeof text - 100; at += sizeof text - 200) {
		text[0] = '\n';
		for (size_t i = 1; i < sizeof text; i++) text[i] = "mail "[i % 5];
		text[sizeof text - 1] = '\n';
		assert_false(fires(&b, slice_of(text, sizeof text)));
		memcpy(text + at, " not sent ", 10);
		assert_true(fires(&b, slice_of(text, sizeof text)));
		memcpy(text + at, " not\nsent ", 10);
		assert_false(fires(&b, slice_of(text, sizeof text)));
	}
	close_bench(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(together),
		cmocka_unit_test(many_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
