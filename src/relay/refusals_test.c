/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "relay/refusals.h"

static void a_refusal_is_remembered_for_its_tenant_and_time(void **state)
{
	(void)state;
	struct arena a;
	struct reply said = {.code = 552, .enhanced = "5.2.2", .text = SLICE("mailbox full")}, got = {0};
	arena_init(&a, 10000);
	refusals_remember(7, SLICE("joe@example.net"), &said, 1000);
	assert_true(refusals_find(7, SLICE("Joe@Example.net"), 2000, &a, &got));
	assert_int_equal(got.code, 552);
	assert_string_equal(got.enhanced, "5.2.2");
	assert_true(slice_equal(got.text, SLICE("mailbox full")));
	assert_false(refusals_find(8, SLICE("joe@example.net"), 2000, &a, &got));
	assert_false(refusals_find(7, SLICE("jim@example.net"), 2000, &a, &got));
	assert_false(refusals_find(7, SLICE("joe@example.net"), 1000 + REFUSALS_KEEP_MS, &a, &got));
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_refusal_is_remembered_for_its_tenant_and_time)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
