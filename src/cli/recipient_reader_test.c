/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/recipient_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void assert_read(const char *name, const char *file, size_t n, const char *expected)
{
	struct recipient_reader r;
	char out[2000] = "";
	struct slice address;
	uint64_t line;
	int more;
	FILE *f = fmemopen((void *)file, n, "r");
	assert_non_null(f);
	recipient_reader_init(&r, f);
	while ((more = recipient_reader_next(&r, &address, &line)) > 0) {
		size_t at = strlen(out);
		snprintf(out + at, sizeof out - at, "%d:%.*s|", (int)line, address.n > 40 ? 40 : (int)address.n,
		         address.p);
	}
	assert_int_equal(more, 0);
	recipient_reader_free(&r);
	fclose(f);
	if (strcmp(out, expected)) fail_msg("%s: %s", name, out);
}

static void lines_are_numbered(void **state)
{
	static const struct {
		const char *name, *file, *expected;
	} cases[] = {
		{"plain", "joe@a.org\nann@a.org\n", "1:joe@a.org|2:ann@a.org|"},
		{"no last end", "# x\n\njoe@a.org", "3:joe@a.org|"},
		{"field over lines", "joe@a.org,\"one\ntwo\nthree\"\nann@a.org\n", "1:joe@a.org|4:ann@a.org|"},
		{"stray quote at the end", "joe@a.org\n\"ann@a.org\nzoe@a.org\n",
	         "1:joe@a.org|2:\"ann@a.org|3:zoe@a.org|"},
		{"only a quote", "\"", "1:\"|"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_read(cases[i].name, cases[i].file, strlen(cases[i].file), cases[i].expected);
}

static void a_stray_quote_costs_one_line(void **state)
{
	char file[1000] = "\"joe@a.org\n", expected[2000] = "1:\"joe@a.org|";
	for (int i = 2; i <= 40; i++) {
		snprintf(file + strlen(file), sizeof file - strlen(file), "u%d@a.org\n", i);
		snprintf(expected + strlen(expected), sizeof expected - strlen(expected), "%d:u%d@a.org|", i, i);
	}
	assert_read("stray", file, strlen(file), expected);
}

static void long_lines_lose_their_end(void **state)
{
	size_t n = 500000;
	char *file = malloc(n);
	assert_non_null(file);
	memset(file, 'x', n);
	memcpy(file + n - 12, "\njoe@a.org\n\n", 12);
	assert_read("long", file, n, "1:xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx|2:joe@a.org|");
	free(file);
}

static void many_lines_cross_the_blocks(void **state)
{
	size_t room = 2 << 20, n = 0;
	char *file = malloc(room);
	assert_non_null(file);
	for (int i = 0; i < 80000; i++) n += (size_t)snprintf(file + n, room - n, "user%d@example.org\r\n", i);
	struct recipient_reader r;
	struct slice address;
	uint64_t line, count = 0;
	FILE *f = fmemopen(file, n, "r");
	recipient_reader_init(&r, f);
	while (recipient_reader_next(&r, &address, &line) > 0) {
		char expected[64];
		snprintf(expected, sizeof expected, "user%d@example.org", (int)count);
		assert_true(slice_equal(address, slice_str(expected)));
		assert_int_equal(line, ++count);
	}
	assert_int_equal(count, 80000);
	recipient_reader_free(&r);
	fclose(f);
	free(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_numbered),
		cmocka_unit_test(a_stray_quote_costs_one_line),
		cmocka_unit_test(long_lines_lose_their_end),
		cmocka_unit_test(many_lines_cross_the_blocks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
