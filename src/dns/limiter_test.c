/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dns/limiter.h"

#define SECOND 1000000ULL

static struct ip v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	return (struct ip){.family = AF_INET, .octets = {a, b, c, d}};
}

static unsigned take(struct limiter *l, struct ip client, uint32_t rate, uint64_t now, unsigned n)
{
	unsigned taken = 0;
	for (unsigned i = 0; i < n; i++) taken += limiter_take(l, &client, rate, now);
	return taken;
}

static void test_rate(void **state)
{
	struct limiter *l = limiter_new(1000);
	uint64_t t = 5 * SECOND;
	assert_int_equal(take(l, v4(192, 0, 2, 1), 100, t, 1000), 100); /* a second's worth at once */
	assert_int_equal(take(l, v4(192, 0, 2, 200), 100, t, 10), 0);   /* the same /24 */
	assert_int_equal(take(l, v4(192, 0, 3, 1), 100, t, 10), 10);
	assert_int_equal(take(l, v4(192, 0, 2, 1), 100, t + SECOND / 10, 1000), 10);
	assert_int_equal(take(l, v4(192, 0, 2, 1), 100, t + 100 * SECOND, 1000), 100);
	assert_int_equal(take(l, v4(192, 0, 2, 1), 1, t + 200 * SECOND, 1000), 1);
	assert_int_equal(take(l, v4(192, 0, 2, 1), 1000000, t + 300 * SECOND, 5000), 5000);
	limiter_free(l);
}

static void test_ipv6_by_56(void **state)
{
	struct limiter *l = limiter_new(1000);
	struct ip a = {.family = AF_INET6, .octets = {0x20, 1, 0xd, 0xb8, 0, 1, 2, 0}}, b = a, c = a;
	b.octets[7] = 0xff;
	c.octets[6] = 3;
	assert_int_equal(take(l, a, 10, SECOND, 20), 10);
	assert_int_equal(take(l, b, 10, SECOND, 20), 0);
	assert_int_equal(take(l, c, 10, SECOND, 20), 10);
	limiter_free(l);
}

/* The clock of a bucket goes round; neither then nor after half a turn of silence is anybody locked out. */
static void test_the_turn(void **state)
{
	struct limiter *l = limiter_new(4);
	uint64_t turn = 1ULL << 40;
	for (uint64_t t = turn - SECOND / 2; t < turn + SECOND; t += SECOND / 4)
		assert_int_equal(take(l, v4(10, 0, 0, 1), 100, t, 25), 25);
	for (uint64_t t = 2 * turn + turn / 2; t < 5 * turn; t += turn / 7)
		assert_int_equal(take(l, v4(10, 0, 0, 1), 10, t, 10), 10);
	limiter_free(l);
}

/* Many networks at once: those that were told apart stay so, and a full table lets pass rather than lock out. */
static void test_full(void **state)
{
	struct limiter *l = limiter_new(64);
	unsigned passed = 0;
	for (unsigned i = 0; i < 10000; i++) passed += take(l, v4(10, (uint8_t)(i >> 8), (uint8_t)i, 1), 2, SECOND, 1);
	assert_int_equal(passed, 10000);
	limiter_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_ipv6_by_56),
		cmocka_unit_test(test_the_turn),
		cmocka_unit_test(test_full),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
