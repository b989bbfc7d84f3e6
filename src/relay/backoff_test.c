/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/backoff.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const int64_t schedule[] = {300000, 600000, 1200000, 3600000};

static void each_wait_is_the_schedules_within_an_eighth(void **state)
{
	(void)state;
	static const struct {
		uint32_t attempt;
		int64_t seconds;
	} cases[] = {{0, 300}, {1, 300}, {2, 600}, {3, 1200}, {4, 3600}, {5, 3600}, {100, 3600}, {UINT32_MAX, 3600}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (uint32_t random = 0; random < 5000; random += 7) {
			int64_t s = backoff_seconds(schedule, 4, cases[i].attempt, random);
			assert_in_range(s, cases[i].seconds - cases[i].seconds / 8,
			                cases[i].seconds + cases[i].seconds / 8);
		}
	}
}

static void waits_differ(void **state)
{
	(void)state;
	assert_int_not_equal(backoff_seconds(schedule, 4, 1, 1), backoff_seconds(schedule, 4, 1, 60));
}

static void odd_schedules_do_no_harm(void **state)
{
	(void)state;
	static const int64_t tiny[] = {1}, huge[] = {INT64_MAX};
	assert_int_equal(backoff_seconds(tiny, 1, 1, 3), 1);
	assert_true(backoff_seconds(huge, 1, 1, UINT32_MAX) > 0);
	assert_in_range(backoff_seconds(NULL, 0, 9, 0), 3000, 3600);
}

static void the_last_attempt_is_at_expiry(void **state)
{
	(void)state;
	assert_int_equal(backoff_next(schedule, 4, 4, 0, 1000, 1100), 1100);
	assert_true(backoff_next(schedule, 4, 1, 0, 1000, 100000) < 1400);
	/* already expired: the caller ends the message; the time must still lie ahead */
	assert_true(backoff_next(schedule, 4, 1, 0, 1000, 900) > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_wait_is_the_schedules_within_an_eighth),
		cmocka_unit_test(waits_differ),
		cmocka_unit_test(odd_schedules_do_no_harm),
		cmocka_unit_test(the_last_attempt_is_at_expiry),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
