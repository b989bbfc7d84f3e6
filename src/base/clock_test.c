/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void deadlines_saturate(void **state)
{
	int64_t before = clock_now_ms(), in_a_second = clock_deadline(1000), after = clock_now_ms();
	assert_true(in_a_second >= before + 1000 && in_a_second <= after + 1000);
	assert_true(clock_deadline(0) >= before);
	assert_true(clock_deadline(-1) == DEADLINE_NEVER);
	assert_true(clock_deadline(INT64_MIN) == DEADLINE_NEVER);
	assert_true(clock_deadline(INT64_MAX) == DEADLINE_NEVER);
	assert_true(clock_deadline(INT64_MAX - 1) == DEADLINE_NEVER);
}

static void clocks_agree_with_themselves(void **state)
{
	int64_t ns = clock_now_ns(), ms = clock_now_ms(), again = clock_now_ns();
	assert_true(ns / 1000000 <= ms && ms <= again / 1000000);
	int64_t s = clock_unix(), unix_ms = clock_unix_ms();
	assert_true(unix_ms / 1000 - s <= 1);
	assert_true(s > 1600000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deadlines_saturate),
		cmocka_unit_test(clocks_agree_with_themselves),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
