/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/format.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void spans_are_read(void **state)
{
	static const struct {
		const char *text;
		bool good;
		int64_t seconds;
	} cases[] = {
		{"90s", true, 90},      {"5m", true, 300},     {"2h", true, 7200},
		{"30d", true, 2592000}, {"4w", true, 2419200}, {"17", true, 17},
		{"", false, 0},         {"d", false, 0},       {"0", false, 0},
		{"-1d", false, 0},      {"1.5h", false, 0},    {"5 m", false, 0},
		{"5x", false, 0},       {"100000d", false, 0}, {"99999999999999999999w", false, 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int64_t seconds = 0;
		if (format_parse_span(cases[i].text, &seconds) != cases[i].good) fail_msg("%s", cases[i].text);
		assert_int_equal(seconds, cases[i].seconds);
	}
}

static void spans_are_shown(void **state)
{
	static const struct {
		int64_t seconds;
		const char *text;
	} cases[] = {{0, "0s"},      {119, "119s"}, {120, "2m"},
	             {7199, "119m"}, {7200, "2h"},  {172799, "47h"},
	             {172800, "2d"}, {-300, "-5m"}, {INT64_MIN, "-999999999d"}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char out[FORMAT_SPAN_SIZE];
		assert_string_equal(format_span(cases[i].seconds, out), cases[i].text);
	}
}

static void times_are_utc(void **state)
{
	char out[FORMAT_TIME_SIZE];
	assert_string_equal(format_time(1700000000, out), "2023-11-14 22:13:20Z");
	assert_string_equal(format_time(0, out), "-");
	assert_string_equal(format_time(INT64_MAX, out), "-");
}

static void nothing_reaches_the_terminal_that_moves_it(void **state)
{
	static const struct {
		const char *text, *shown;
		size_t size;
	} cases[] = {
		{"plain", "plain", 20},
		{"a\x1b[2Jb\r\nc\x7f", "a?[2Jb??c?", 20},
		{"\xc2\x9bx", "??x", 20}, /* CSI as one character */
		{"gr\xc3\xb6\xc3\x9f", "gr\xc3\xb6\xc3\x9f", 20},
		{"gr\xc3\xb6\xc3\x9f", "gr\xc3\xb6", 6}, /* not half a character */
		{"abc", "ab", 3},
		{"", "", 3},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char out[20];
		assert_string_equal(format_safe(slice_str(cases[i].text), out, cases[i].size), cases[i].shown);
	}
}

static void ids_are_read_with_their_stamps(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
		{"1m8an2ksx0001", true},
		{"1m8an2ksx0001-p9fnf8k1t4y1w0fy4f75qzjwf1r5d86", true},
		{"1M8AN2KSX0001-whatever", true},
		{"1m8an2ksx000", false},
		{"-p9fnf8k1t4y1w0fy4f75qzjwf1r5d86", false},
		{"", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint64_t id = 0, want = 0;
		if (format_parse_id(cases[i].text, &id) != cases[i].good) fail_msg("%s", cases[i].text);
		assert_true(format_parse_id("1m8an2ksx0001", &want));
		if (cases[i].good) assert_int_equal(id, want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spans_are_read),
		cmocka_unit_test(spans_are_shown),
		cmocka_unit_test(ids_are_read_with_their_stamps),
		cmocka_unit_test(times_are_utc),
		cmocka_unit_test(nothing_reaches_the_terminal_that_moves_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
