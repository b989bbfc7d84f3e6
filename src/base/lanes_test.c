/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/lanes.h"

static lanes sixteen(unsigned seed)
{
	uint8_t octets[LANES];
	for (size_t i = 0; i < LANES; i++) octets[i] = (uint8_t)((seed = seed * 1103515245u + 12345u) >> 16);
	return lanes_load(octets);
}

static void test_masks(void **state)
{
	for (unsigned seed = 0; seed < 2000; seed++) {
		uint8_t octets[LANES];
		unsigned top = 0, a = 0;
		lanes v = sixteen(seed);
		lanes_store(octets, v);
		for (unsigned i = 0; i < LANES; i++) {
			top |= (unsigned)(octets[i] >> 7) << i;
			a |= (unsigned)(octets[i] == octets[seed % LANES]) << i;
		}
		assert_int_equal(lanes_mask(v), top);
		assert_int_equal(lanes_mask_multiplied(v), top);
		assert_int_equal(LANES_MASK(v == octets[seed % LANES]), a);
		assert_int_equal(lanes_first(a), __builtin_ctz(a));
	}
	for (unsigned i = 0; i < LANES; i++) { /* each by itself: none is carried into another */
		uint8_t octets[LANES] = {0};
		octets[i] = 255;
		assert_int_equal(lanes_mask_multiplied(lanes_load(octets)), 1u << i);
	}
}

static void test_within(void **state)
{
	static const uint8_t ranges[][2] = {{0, 0}, {9, 13}, {'A', 'Z'}, {' ', '~'}, {128, 255}, {255, 255}, {0, 255}};
	for (size_t r = 0; r < sizeof ranges / sizeof *ranges; r++)
		for (unsigned seed = 0; seed < 200; seed++) {
			uint8_t octets[LANES], results[LANES];
			lanes v = sixteen(seed);
			lanes_store(octets, v);
			lanes_store(results, lanes_within(v, ranges[r][0], ranges[r][1]));
			for (size_t i = 0; i < LANES; i++)
				assert_int_equal(results[i],
				                 octets[i] >= ranges[r][0] && octets[i] <= ranges[r][1] ? 255 : 0);
		}
}

static void test_some(void **state)
{
	for (size_t n = 0; n <= LANES + 1; n++) {
		uint8_t *octets = malloc(n + !n), all[LANES]; /* of that size: what is behind it is not looked at */
		assert_non_null(octets);
		for (size_t i = 0; i < n; i++) octets[i] = (uint8_t)(0xf1 + i);
		lanes_store(all, lanes_load_some(octets, n));
		for (size_t i = 0; i < LANES; i++) assert_int_equal(all[i], i < n ? octets[i] : 0);
		free(octets);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_masks), cmocka_unit_test(test_within),
	                                   cmocka_unit_test(test_some)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
