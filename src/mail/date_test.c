/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mail/date.h"

static const struct {
	int64_t unix_time;
	const char *text;
} written[] = {
	{1795472220, "Mon, 23 Nov 2026 22:17:00 +0000"},   {0, "Thu, 1 Jan 1970 00:00:00 +0000"},
	{-1, "Wed, 31 Dec 1969 23:59:59 +0000"},           {951782400, "Tue, 29 Feb 2000 00:00:00 +0000"},
	{1709251199, "Thu, 29 Feb 2024 23:59:59 +0000"},   {4107542400, "Mon, 1 Mar 2100 00:00:00 +0000"},
	{253402300799, "Fri, 31 Dec 9999 23:59:59 +0000"}, {INT64_MAX, "Fri, 31 Dec 9999 23:59:59 +0000"},
	{INT64_MIN, "Mon, 1 Jan 0001 00:00:00 +0000"},
};

static void test_write(void **state)
{
	char text[DATE_TEXT_SIZE];
	for (size_t i = 0; i < sizeof written / sizeof *written; i++)
		assert_string_equal(date_rfc5322(text, written[i].unix_time), written[i].text);
}

static const struct {
	const char *name, *text;
	int64_t unix_time;
} read[] = {
	{"ordinary", "Mon, 23 Nov 2026 22:17:00 +0000", 1795472220},
	{"zone east", "Mon, 23 Nov 2026 23:17:00 +0100", 1795472220},
	{"zone west with minutes", "Mon, 23 Nov 2026 18:47:00 -0330", 1795472220},
	{"no day name", "23 Nov 2026 22:17:00 +0000", 1795472220},
	{"wrong day name", "Fri, 23 Nov 2026 22:17:00 +0000", 1795472220},
	{"no seconds", "Mon, 23 Nov 2026 22:17 +0000", 1795472220},
	{"RFC 5322 A.5 comments and folding",
         "Thu,\r\n      13\r\n        Feb\r\n          1969\r\n      23:32\r\n               -0330 (Newfoundland Time)",
         -27723480},
	{"RFC 5322 A.6.2 two-digit year, named zone", "21 Nov 97 09:55:06 GMT", 880106106},
	{"nested comment", "Mon (a (b) \\) c), 23 Nov 2026 22:17:00 +0000", 1795472220},
	{"blanks in the time", "23 Nov 2026 22 : 17 : 00 +0000", 1795472220},
	{"EST", "Mon, 23 Nov 2026 17:17:00 EST", 1795472220},
	{"PDT in lower case", "Mon, 23 Nov 2026 15:17:00 pdt", 1795472220},
	{"military letter", "Mon, 23 Nov 2026 22:17:00 Z", 1795472220},
	{"military letter other than Z means nothing", "Mon, 23 Nov 2026 22:17:00 K", 1795472220},
	{"no zone", "Mon, 23 Nov 2026 22:17:00", 1795472220},
	{"zone and name", "Mon, 23 Nov 2026 22:17:00 +0000 (UTC)", 1795472220},
	{"full month name", "23 November 2026 22:17:00 +0000", 1795472220},
	{"year 99", "31 Dec 99 23:59:59 +0000", 946684799},
	{"year 49", "1 Jan 49 00:00:00 +0000", 2493072000},
	{"three-digit year", "1 Jan 100 00:00:00 +0000", 946684800},
	{"leap second", "31 Dec 2016 23:59:60 +0000", 1483228800},
	{"leap day", "29 Feb 2024 00:00:00 +0000", 1709164800},
};

static void test_read(void **state)
{
	for (size_t i = 0; i < sizeof read / sizeof *read; i++) {
		int64_t t = 42;
		if (!date_parse(slice_str(read[i].text), &t) || t != read[i].unix_time)
			fail_msg("%s: %lld", read[i].name, (long long)t);
	}
}

static void test_refuse(void **state)
{
	static const char *const bad[] = {
		"",
		"yesterday",
		"Mon, 23 Nov",
		"32 Nov 2026 22:17:00 +0000",
		"0 Nov 2026 22:17:00 +0000",
		"31 Nov 2026 22:17:00 +0000",
		"29 Feb 2023 00:00:00 +0000",
		"29 Feb 1900 00:00:00 +0000",
		"23 Foo 2026 22:17:00 +0000",
		"23 Nov 20260 22:17:00 +0000",
		"23 Nov 2026 24:17:00 +0000",
		"23 Nov 2026 22:60:00 +0000",
		"23 Nov 2026 22:17:61 +0000",
		"23 Nov 2026 22.17 +0000",
		"23 Nov 2026 22:17:00 +00",
		"23 Nov 2026 22:17:00 +0060",
		"Mon, (23 Nov 2026 22:17:00 +0000",
		"23 Nov 0 22:17:00 +0000",
		"23 Nov 0000 22:17:00 +0000",
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		int64_t t = 42;
		if (date_parse(slice_str(bad[i]), &t) || t != 42) fail_msg("%s", bad[i]);
	}
}

static void test_what_is_written_is_read(void **state)
{
	char text[DATE_TEXT_SIZE];
	/* A step of about 97 days with a prime number of seconds, over years 1 to 9999. */
	for (int64_t t = -62135596800; t < 253402300800; t += 8400013) {
		int64_t back = 0;
		if (!date_parse(slice_str(date_rfc5322(text, t)), &back) || back != t) fail_msg("%s", text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_write), cmocka_unit_test(test_read),
	                                   cmocka_unit_test(test_refuse),
	                                   cmocka_unit_test(test_what_is_written_is_read)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
