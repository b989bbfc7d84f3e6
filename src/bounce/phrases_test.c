/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bounce/phrases.h"

static const struct {
	const char *name, *phrase, *text;
	bool found;
} searches[] = {
	{"in the middle", "user unknown", "550 user unknown here", true},
	{"the whole text", "user unknown", "user unknown", true},
	{"case and blanks", "user unknown", "User\r\n\t Unknown", true},
	{"a part of a word before", "rbl", "marbl", false},
	{"a part of a word behind", "rbl", "rbls", false},
	{"a word that may go on", "rbl*", "rbls", true},
	{"a short word that may go on", "ts*", "[ts03]", true},
	{"punctuation around", "rbl", "(rbl)", true},
	{"punctuation in front", "[bl21]", "x [bl21] y", true},
	{"punctuation in front that is not there", "[bl21]", "x bl21] y", false},
	{"the end of a domain", "spamhaus.org", "4.3.2.1.zen.spamhaus.org", true},
	{"a mail address's domain", "spamhaus.org", "joe@spamhaus.org", false},
	{"a mail address's local part", "spam", "spam@example.org", false},
	{"without blanks between words, as Japanese", "\345\256\233\345\205\210",
         "\343\201\223\345\256\233\345\205\210\344\270\215\346\230\216", true},
	{"capitals of Russian and German", "\320\275\320\265 \321\217 \303\274", "\320\235\320\225 \320\257 \303\234",
         true},
	{"half a letter at the end", "usage", "usage \320", true},
	{"cut off", "user unknown", "user unknow", false},
	{"empty", "user unknown", "", false},
	{"a word of one letter", "a b", "x a b y", true},
};

static void test_searches(void **state)
{
	for (size_t i = 0; i < sizeof searches / sizeof *searches; i++) {
		struct arena a;
		uint64_t seen[1] = {0};
		arena_init(&a, 1 << 20);
		struct phrases *p = phrases_new(&a, 4);
		uint32_t other = phrases_add(p, SLICE("user"));
		uint32_t id = phrases_add(p, phrases_normalise(&a, slice_str(searches[i].phrase), 100));
		assert_int_not_equal(id, PHRASES_NONE);
		assert_int_not_equal(id, other);
		phrases_search(p, phrases_normalise(&a, slice_str(searches[i].text), 1000), seen);
		if ((seen[0] >> id & 1) != searches[i].found) fail_msg("%s", searches[i].name);
		arena_free(&a);
	}
}

static void test_limits(void **state)
{
	struct arena a;
	char long_text[PHRASE_LENGTH + 1];
	memset(long_text, 'x', sizeof long_text);
	arena_init(&a, 1 << 20);
	struct phrases *p = phrases_new(&a, 2);
	assert_int_equal(phrases_add(p, SLICE("one")), 0);
	assert_int_equal(phrases_add(p, SLICE("one")), 0);
	assert_int_equal(phrases_add(p, SLICE("one*")), 1);
	assert_int_equal(phrases_add(p, SLICE("two")), PHRASES_NONE);
	assert_int_equal(phrases_add(p, SLICE("...")), PHRASES_NONE);
	assert_int_equal(phrases_add(p, SLICE("")), PHRASES_NONE);
	assert_int_equal(phrases_add(p, slice_of(long_text, sizeof long_text)), PHRASES_NONE);
	assert_int_equal(phrases_count(p), 2);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_searches),
		cmocka_unit_test(test_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
