/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/list_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/unit.h"

static void lines(void **state)
{
	static const struct {
		const char *line, *unit; /* unit NULL: bad */
		const char *reason;
		int64_t expires;
	} cases[] = {
		{"192.0.2.1", "192.0.2.1", "default", 7},
		{"  192.0.2.1\tspams us \r\n", "192.0.2.1", "spams us", 7},
		{"192.0.2.1 spams us # since May", "192.0.2.1", "spams us", 7},
		{"192.0.2.1#none", "192.0.2.1", "default", 7},
		{"192.0.2.1/32 x", "192.0.2.1", "x", 7},
		{"2001:db8::1 a\x01z", "2001:db8::/64", "a z", 7},
		{"2001:db8:0:1::/64", "2001:db8:0:1::/64", "default", 7},
		{"{\"unit\":\"192.0.2.1\",\"reason\":\"r\",\"expires\":9,\"by\":\"hand\"}", "192.0.2.1", "r", 9},
		{"{\"unit\":\"2001:db8::/64\",\"reason\":\"\",\"expires\":null}", "2001:db8::/64", "default", 7},
		{"{\"unit\":\"192.0.2.1\"}", "192.0.2.1", "default", 7},
		{"{\"unit\":\"192.0.2.1\",\"expires\":-1}", NULL, NULL, 0},
		{"{\"unit\":\"192.0.2.1\",\"expires\":\"soon\"}", NULL, NULL, 0},
		{"{\"unit\":7}", NULL, NULL, 0},
		{"{\"unit\":\"192.0.2.1\"", NULL, NULL, 0},
		{"{}", NULL, NULL, 0},
		{"192.0.2.0/24", NULL, NULL, 0},
		{"mail.example.org", NULL, NULL, 0},
		{"", NULL, NULL, 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct arena texts;
		struct listing l = {.reason = SLICE("default"), .expires = 7};
		char unit[UNIT_TEXT_SIZE];
		arena_init(&texts, 1 << 16);
		const char *why = list_line_parse(&texts, slice_str(cases[i].line), &l);
		if ((why == NULL) != (cases[i].unit != NULL)) fail_msg("%s: %s", cases[i].line, why);
		if (!why) {
			assert_string_equal(unit_text(&l.unit, unit), cases[i].unit);
			assert_true(slice_equal(l.reason, slice_str(cases[i].reason)));
			assert_int_equal(l.expires, cases[i].expires);
		}
		arena_free(&texts);
	}
	assert_true(list_line_is_empty(SLICE(" \n")) && list_line_is_empty(SLICE("  # 192.0.2.1")));
	assert_false(list_line_is_empty(SLICE("192.0.2.1")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(lines)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
