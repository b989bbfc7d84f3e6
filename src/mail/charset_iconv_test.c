/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mail/charset_iconv.h"
#include "mail/utf8.h"

#define BAD "\xEF\xBF\xBD"
#define TEXT(literal)                                                                                                  \
	{                                                                                                              \
		literal, sizeof(literal) - 1                                                                           \
	}

/* What becomes of text when the C library has no such converter. */
static const struct {
	const char *name;
	uint16_t eight_bit; /* not 0: shifted */
	struct slice in;
	const char *out;
} cases[] = {
	{"ASCII", 0, TEXT("hello\n"), "hello\n"},
	{"two octets", 0, TEXT("a\x82\xC9\x82\xE1z"), "a" BAD BAD "z"},
	{"cut off", 0, TEXT("a\x82"), "a" BAD},
	{"cut off at a line end", 0, TEXT("\x82\nb"), BAD "\nb"},
	{"ISO-2022-JP", 932, TEXT("a\x1B$B$K$c\x1B(Bz"), "a" BAD BAD "z"},
	{"ISO-2022-JP, four octets", 932, TEXT("\x1B$(D0!\x1B(Bz"), BAD "z"},
	{"ISO-2022-JP, a line ends it", 932, TEXT("\x1B$B$K\nz"), BAD "\nz"},
	{"ISO-2022-KR", 949, TEXT("\x1B$)Ca\x0EGQ\x0Fz"), "a" BAD "z"},
	{"an escape at the end", 932, TEXT("a\x1B"), "a"},
	{"a sequence cut off", 932, TEXT("a\x1B$"), "a"},
};

static void test_without_converter(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct charset_iconv none = {.names = "",
		                             .converter = "x-no-such-charset",
		                             .eight_bit = cases[i].eight_bit};
		char text[64];
		struct slice out = slice_of(text, charset_iconv_convert(&none, cases[i].in, text, sizeof text));
		if (!slice_equal(out, slice_str(cases[i].out))) fail_msg("%s: [%.*s]", cases[i].name, SLICE_ARG(out));
		assert_true(charset_iconv_convert(&none, cases[i].in, text, 2) <= 2);
	}
}

/* Text that is none of its charset is given up after a number of repairs, and still all of it is read. */
static void test_many_repairs(void **state)
{
	static char in[10000], out[30000];
	memset(in, 0xFF, sizeof in);
	in[sizeof in - 1] = 'z';
	assert_int_equal(charset_iconv_prepare(), 0);
	for (size_t i = 0; i < charset_iconv_count; i++) {
		size_t n = charset_iconv_convert(&charset_iconv_table[i], slice_of(in, sizeof in), out, sizeof out);
		struct slice text = slice_of(out, n);
		if (!utf8_valid(text) || n < sizeof in) fail_msg("%s: %zu octets", charset_iconv_table[i].converter, n);
		n = charset_iconv_convert(&charset_iconv_table[i], slice_of(in, sizeof in), out, 100);
		assert_true(n <= 100 && utf8_valid(slice_of(out, n)));
	}
}

/* Whatever a text left a converter in, the next one is read as if it were the first. */
static void test_one_after_another(void **state)
{
	static const struct slice befores[] = {TEXT("\x1B$B$K"), TEXT("\x1B$)C\x0EGQ"), TEXT("\x82"),
	                                       TEXT("\x1B$"),    TEXT("\xA4\xC6\xFF"),  TEXT("")};
	static const struct slice texts[] = {TEXT("$K$c GQ"), TEXT("\xA4\xC6\xA4\xB9"), TEXT("\x1B$B$K$c\x1B(Bz"),
	                                     TEXT("\x1B$)C\x0EGQ\x0Fz")};
	for (size_t i = 0; i < charset_iconv_count; i++)
		for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
			const struct charset_iconv *c = &charset_iconv_table[i];
			char first[64], text[64];
			/* not of the table: opened and closed */
			struct charset_iconv other = {.names = "",
			                              .converter = c->converter,
			                              .eight_bit = c->eight_bit};
			struct slice want =
				slice_of(first, charset_iconv_convert(&other, texts[t], first, sizeof first));
			for (size_t b = 0; b < sizeof befores / sizeof *befores; b++) {
				charset_iconv_convert(c, befores[b], text, b % 2 ? sizeof text : 1);
				struct slice got =
					slice_of(text, charset_iconv_convert(c, texts[t], text, sizeof text));
				if (!slice_equal(got, want))
					fail_msg("%s: [%.*s], not [%.*s]", c->converter, SLICE_ARG(got),
					         SLICE_ARG(want));
			}
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_without_converter),
	                                   cmocka_unit_test(test_many_repairs),
	                                   cmocka_unit_test(test_one_after_another)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
