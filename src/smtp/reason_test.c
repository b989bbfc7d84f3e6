/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "smtp/reason.h"

/* RFC 3463 2: the class agrees with the first digit of the code. */
static void test_rows_are_well_formed(void **state)
{
	for (int i = 0; i < REASON_COUNT; i++) {
		const struct reason_row *r = reason_row((enum reason)i);
		struct slice enhanced = slice_str(r->enhanced);
		size_t parts = 0;
		if (r->code < 200 || r->code > 599 || r->enhanced[0] != '0' + r->code / 100)
			fail_msg("%s: code", r->name);
		for (uint64_t n; enhanced.p; parts++)
			if (!slice_to_u64(slice_split(&enhanced, '.'), &n) || n > 999)
				fail_msg("%s: enhanced", r->name);
		if (parts != 3) fail_msg("%s: enhanced", r->name);
	}
}

static void test_sentences_fit_one_line(void **state)
{
	for (int i = 0; i < REASON_COUNT; i++) {
		const struct reason_row *r = reason_row((enum reason)i);
		size_t n = strlen(r->sentence);
		if (n == 0 || n > 100 || r->sentence[n - 1] == '.') fail_msg("%s", r->name);
		for (size_t k = 0; k < n; k++)
			if (r->sentence[k] < 32 || r->sentence[k] > 126) fail_msg("%s", r->name);
	}
}

static void test_names_are_unique(void **state)
{
	for (int i = 0; i < REASON_COUNT; i++)
		for (int k = 0; k < i; k++)
			assert_string_not_equal(reason_row((enum reason)i)->name, reason_row((enum reason)k)->name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows_are_well_formed),
	                                   cmocka_unit_test(test_sentences_fit_one_line),
	                                   cmocka_unit_test(test_names_are_unique)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
