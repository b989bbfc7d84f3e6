/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mail/utf8.h"

static const struct {
	const char *name;
	struct slice text;
	size_t length;
	bool valid;
} cases[] = {
	{"empty", {"", 0}, 0, true},
	{"ascii", {"a", 1}, 1, true},
	{"nul is ascii", {"\0", 1}, 1, true},
	{"two octets", {"\xC3\xA9", 2}, 2, true},
	{"three octets", {"\xE2\x82\xAC", 3}, 3, true},
	{"four octets", {"\xF0\x9F\x93\xA7", 4}, 4, true},
	{"U+10FFFF", {"\xF4\x8F\xBF\xBF", 4}, 4, true},
	{"beyond U+10FFFF", {"\xF4\x90\x80\x80", 4}, 0, false},
	{"overlong slash, two octets", {"\xC0\xAF", 2}, 0, false},
	{"overlong slash, three octets", {"\xE0\x80\xAF", 3}, 0, false},
	{"overlong, four octets", {"\xF0\x80\x80\xAF", 4}, 0, false},
	{"surrogate", {"\xED\xA0\x80", 3}, 0, false},
	{"cut off", {"\xE2\x82", 2}, 0, false},
	{"continuation alone", {"\x80", 1}, 0, false},
	{"not a continuation", {"\xE2\x82g", 3}, 0, false},
	{"latin-1 after good text", {"ok \xE9", 4}, 1, false},
};

static void test_table(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		if (utf8_length(cases[i].text) != cases[i].length || utf8_valid(cases[i].text) != cases[i].valid)
			fail_msg("%s", cases[i].name);
	}
}

static void test_ascii(void **state)
{
	assert_true(utf8_is_ascii(SLICE("plain \x7F")));
	assert_false(utf8_is_ascii(SLICE("caf\xC3\xA9")));
	assert_true(utf8_is_ascii(SLICE_EMPTY));
}

/* At every place of the octets that are looked at together. */
static void test_ascii_run(void **state)
{
	char text[] = "abcdefghijklmnopqrstabcdefghijklmnopqrstabcdefghijklmnopqrstabcdefghijklmnopqrst";
	for (size_t i = 0; i < sizeof text - 1; i++) {
		char kept = text[i];
		text[i] = '\x80';
		assert_int_equal(utf8_ascii_run(slice_str(text)), i);
		assert_false(utf8_is_ascii(slice_str(text)));
		assert_false(utf8_valid(slice_str(text)));
		text[i] = kept;
	}
	assert_int_equal(utf8_ascii_run(slice_str(text)), sizeof text - 1);
}

static void test_encode(void **state)
{
	static const struct {
		uint32_t character;
		const char *text;
	} rows[] = {{'a', "a"},
	            {0x7F, "\x7F"},
	            {0x80, "\xC2\x80"},
	            {0x7FF, "\xDF\xBF"},
	            {0x800, "\xE0\xA0\x80"},
	            {0xFFFF, "\xEF\xBF\xBF"},
	            {0x10000, "\xF0\x90\x80\x80"},
	            {0x10FFFF, "\xF4\x8F\xBF\xBF"},
	            {0x110000, "\xEF\xBF\xBD"},
	            {0xD800, "\xEF\xBF\xBD"},
	            {0xDFFF, "\xEF\xBF\xBD"}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char out[4];
		struct slice text = slice_of(out, utf8_encode(out, rows[i].character));
		if (!slice_equal(text, slice_str(rows[i].text))) fail_msg("U+%X", rows[i].character);
	}
}

static void test_cut(void **state)
{
	struct slice text = SLICE("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x93\xA7");
	static const size_t lengths[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) assert_int_equal(utf8_cut(text, i).n, lengths[i]);
	assert_int_equal(utf8_cut(SLICE("\x80\x80\x80\x80\x80\x80"), 5).n, 5); /* no UTF-8: cut anywhere */
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_table), cmocka_unit_test(test_ascii),
	                                   cmocka_unit_test(test_ascii_run), cmocka_unit_test(test_encode),
	                                   cmocka_unit_test(test_cut)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
