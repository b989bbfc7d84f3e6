/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "store/published_words.h"

#define BIT(name) (1u << ACT_##name)

static void codes_of_classes(void **state)
{
	static const struct {
		struct published row;
		size_t count;
		uint8_t codes[PUBLISHED_CODES_MOST];
	} cases[] = {
		{{.classes = BIT(bounce)}, 1, {2}},
		{{.classes = BIT(bounce) | BIT(autoreply)}, 2, {2, 3}},
		{{.classes = BIT(callout), .flags = PUBLISHED_MANUAL}, 2, {6, 9}},
		{{.flags = PUBLISHED_MANUAL}, 1, {9}},
		{{.classes = 0xff, .flags = PUBLISHED_MANUAL}, 6, {2, 3, 4, 5, 6, 9}},
		{{.classes = 0}, 1, {9}},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint8_t codes[PUBLISHED_CODES_MOST];
		assert_int_equal(published_codes(&cases[i].row, codes), cases[i].count);
		assert_memory_equal(codes, cases[i].codes, cases[i].count);
	}
	(void)state;
}

static void sentences(void **state)
{
	static const struct {
		struct published row;
		const char *unit, *site, *text;
	} cases[] = {
		{{.classes = BIT(bounce), .grade = GRADE_mostly},
	         "192.0.2.1",
	         "https://bl.example.net",
	         "192.0.2.1 sends bounces to people who never wrote to it; mostly backscatter, some real mail. Refuse "
	         "its "
	         "bounces only. https://bl.example.net/lookup/192.0.2.1"},
		{{.classes = BIT(bounce) | BIT(autoreply) | BIT(challenge),
	          .grade = GRADE_only,
	          .flags = PUBLISHED_ANY},
	         "2001:db8::/64",
	         "",
	         "2001:db8::/64 sends bounces, auto-replies and challenges to people who never wrote to it; nothing "
	         "but "
	         "backscatter was seen from it. Why: backstop lookup 2001:db8::"},
		{{.flags = PUBLISHED_MANUAL},
	         "192.0.2.1",
	         "https://x.test",
	         "192.0.2.1 was listed by hand by the operator of this list. Refuse its bounces only. "
	         "https://x.test/lookup/192.0.2.1"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char out[PUBLISHED_SENTENCE_MOST];
		size_t n = published_sentence(&cases[i].row, slice_str(cases[i].unit), slice_str(cases[i].site), out);
		assert_int_equal(n, strlen(cases[i].text));
		assert_memory_equal(out, cases[i].text, n);
	}
	(void)state;
}

static void too_long_is_cut(void **state)
{
	char site[600], out[PUBLISHED_SENTENCE_MOST];
	memset(site, 'a', sizeof site);
	struct published row = {.classes = 0xff, .grade = 200, .flags = 0xff};
	size_t n = published_sentence(&row, slice_str("192.0.2.1"), (struct slice){site, sizeof site}, out);
	assert_int_equal(n, sizeof out);
	assert_memory_equal(out, "192.0.2.1 sends bounces, auto-replies, challenges, virus notices and callouts to",
	                    80);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codes_of_classes),
		cmocka_unit_test(sentences),
		cmocka_unit_test(too_long_is_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
