/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bounce/coverage.h"

#define DAY INT64_C(86400)
#define NOW (20000 * DAY + 1000)

static void add(struct coverage *c, enum coverage_case what, unsigned times, int64_t now)
{
	while (times-- > 0) coverage_add(c, what, now);
}

static const struct {
	const char *name;
	unsigned unconfirmed, weak, strong, not_counted;
	bool with_ledger, without;
} cases[] = {
	{"nothing yet", 0, 0, 0, 0, false, false},
	{"too few", 0, 0, 49, 0, false, false},
	{"enough", 0, 0, 50, 0, true, true},
	{"one of fifty is missing", 1, 0, 49, 0, true, true},
	{"two of fifty are missing", 2, 0, 48, 0, false, false},
	{"just the share", 20, 0, 980, 0, true, true},
	{"just not the share", 21, 0, 979, 0, false, false},
	{"by the ledger", 1, 99, 0, 0, true, false},
	{"by the ledger, mostly", 0, 50, 50, 0, true, false},
	{"by the ledger, hardly", 0, 2, 98, 0, true, true},
	{"what is not counted", 0, 0, 50, 1000, true, true},
	{"what is not counted alone", 0, 0, 0, 1000, false, false},
	{"none confirmed", 1000, 0, 0, 0, false, false},
};

static void complete_is_a_high_share_of_enough(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct coverage c = {0};
		add(&c, COVERAGE_UNCONFIRMED, cases[i].unconfirmed, NOW);
		add(&c, COVERAGE_WEAK, cases[i].weak, NOW);
		add(&c, COVERAGE_STRONG, cases[i].strong, NOW);
		add(&c, COVERAGE_NOT_COUNTED, cases[i].not_counted, NOW);
		if (coverage_complete(&c, true, NOW) != cases[i].with_ledger ||
		    coverage_complete(&c, false, NOW) != cases[i].without)
			fail_msg("%s", cases[i].name);
	}
	assert_false(coverage_complete(NULL, true, NOW));
}

static void it_decays(void **state)
{
	struct coverage c = {0};
	for (int day = 0; day < 20; day++) add(&c, COVERAGE_STRONG, 3, NOW + day * DAY);
	int64_t last = NOW + 19 * DAY;
	assert_int_equal(coverage_sum(&c, last).ordinary, 60);
	assert_true(coverage_complete(&c, false, last + 10 * DAY)); /* the first day is just still in */
	assert_int_equal(coverage_sum(&c, last + 11 * DAY).ordinary, 57);
	assert_true(coverage_complete(&c, false, last + 13 * DAY));
	assert_false(coverage_complete(&c, false, last + 14 * DAY));
	assert_int_equal(coverage_sum(&c, last + 29 * DAY).ordinary, 3);
	assert_int_equal(coverage_sum(&c, last + 30 * DAY).ordinary, 0);
	assert_int_equal(coverage_sum(&c, INT64_MAX).ordinary, 0);
	coverage_add(&c, COVERAGE_UNCONFIRMED, last + 30 * DAY);
	assert_int_equal(coverage_sum(&c, last + 30 * DAY).ordinary, 1);
	coverage_add(&c, COVERAGE_STRONG, last + 31 * DAY);
	assert_int_equal(coverage_sum(&c, last + 31 * DAY).ordinary, 2);
	assert_int_equal(coverage_sum(&c, last + 31 * DAY).strong, 1);
}

static void a_tenant_that_begins_to_send_elsewhere_is_not_covered_any_more(void **state)
{
	struct coverage c = {0};
	int64_t now = NOW;
	for (; now < NOW + 30 * DAY; now += DAY) add(&c, COVERAGE_STRONG, 10, now);
	assert_true(coverage_complete(&c, false, now));
	add(&c, COVERAGE_UNCONFIRMED, 5, now);
	assert_true(coverage_complete(&c, false, now));
	add(&c, COVERAGE_UNCONFIRMED, 1, now);
	assert_false(coverage_complete(&c, false, now));
}

static void clocks_go_back(void **state)
{
	struct coverage c = {0};
	add(&c, COVERAGE_STRONG, 50, NOW);
	add(&c, COVERAGE_STRONG, 1, NOW - 100 * DAY);
	assert_int_equal(coverage_sum(&c, NOW).ordinary, 51);
	assert_int_equal(coverage_sum(&c, NOW - 100 * DAY).ordinary, 51);
	coverage_add(&c, COVERAGE_STRONG, INT64_MIN);
	assert_int_equal(coverage_sum(&c, NOW).ordinary, 52);
}

static void it_survives_storage(void **state)
{
	struct coverage c = {0}, d;
	char octets[COVERAGE_PACKED];
	struct ip reporter = {.family = AF_INET, .octets = {192, 0, 2, 1}};
	add(&c, COVERAGE_STRONG, 70, NOW);
	add(&c, COVERAGE_WEAK, 300, NOW + DAY);
	add(&c, COVERAGE_UNCONFIRMED, 2, NOW + 2 * DAY);
	assert_int_equal(coverage_pack(&c, octets), COVERAGE_COUNTS);
	assert_int_equal(octets[0], 1); /* as older programs wrote it */
	assert_true(coverage_unpack(slice_of(octets, COVERAGE_COUNTS), &d));
	assert_memory_equal(&c, &d, sizeof c);
	assert_false(coverage_unpack(slice_of(octets, COVERAGE_COUNTS - 1), &d));
	assert_int_equal(coverage_sum(&d, NOW).ordinary, 0);
	assert_false(coverage_unpack(slice_of(octets, COVERAGE_COUNTS + 1), &d));
	octets[0] = 2;
	assert_false(coverage_unpack(slice_of(octets, COVERAGE_COUNTS), &d));
	reporters_add(&c.reporters, &reporter, &reporter, NOW);
	size_t n = coverage_pack(&c, octets);
	assert_int_equal(n, COVERAGE_COUNTS + 1 + REPORTER_PACKED);
	assert_true(coverage_unpack(slice_of(octets, n), &d));
	assert_memory_equal(&c, &d, sizeof c);
	octets[0] = 3;
	assert_false(coverage_unpack(slice_of(octets, n), &d));
	memset(octets, 0xFF, sizeof octets);
	octets[0] = 1;
	assert_false(coverage_unpack(slice_of(octets, COVERAGE_COUNTS), &d));
	assert_false(coverage_unpack(SLICE_EMPTY, &d));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(complete_is_a_high_share_of_enough),
		cmocka_unit_test(it_decays),
		cmocka_unit_test(a_tenant_that_begins_to_send_elsewhere_is_not_covered_any_more),
		cmocka_unit_test(clocks_go_back),
		cmocka_unit_test(it_survives_storage),
	};
	return cmocka_run_group_tests_name("bounce/coverage", tests, NULL, NULL);
}
