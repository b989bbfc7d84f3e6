/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "bounce/reporters.h"

#define NOW INT64_C(1800000000)
#define DAY 86400

static struct ip ip_of(const char *text)
{
	struct ip ip = {0};
	assert_true(text[0] == '\0' || ip_parse(slice_str(text), &ip));
	return ip;
}

/* So many bounces, of originals from so many networks in turn; how many counted. */
static unsigned add(struct reporters *r, const char *reporter, unsigned n, unsigned networks, int64_t now)
{
	unsigned counted = 0;
	struct ip from = ip_of(reporter);
	for (unsigned i = 0; i < n; i++) {
		struct ip origin = {.family = networks ? AF_INET : 0, .octets = {198, 51, 0, (uint8_t)i}};
		if (networks) origin.octets[2] = (uint8_t)(i % networks);
		counted += reporters_add(r, &from, &origin, now);
	}
	return counted;
}

static bool odd(const struct reporters *r, const char *reporter, int64_t now)
{
	struct ip from = ip_of(reporter);
	return reporters_odd(r, &from, now);
}

static const struct {
	const char *name, *reporter;
	unsigned bounces, networks, counted;
	bool odd;
} cases[] = {
	{"one", "192.0.2.1", 1, 1, 1, false},
	{"two", "192.0.2.1", 2, 1, 2, false},
	{"as many as count", "192.0.2.1", 3, 1, 3, true},
	{"more", "192.0.2.1", 1000, 1, 3, true},
	{"more, and whence is not told", "192.0.2.1", 1000, 0, 3, true},
	{"a service with a few servers", "2001:db8::1", 1000, 4, 3, true},
	{"who answers the mail of many strangers", "192.0.2.1", 1000, 5, 3, false},
	{"whoever it was", "", 1000, 1, 1000, false},
};

static void of_one_network_a_few_count(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct reporters r = {0};
		unsigned counted = add(&r, cases[i].reporter, cases[i].bounces, cases[i].networks, NOW);
		if (counted != cases[i].counted || odd(&r, cases[i].reporter, NOW) != cases[i].odd)
			fail_msg("%s: %u counted", cases[i].name, counted);
	}
}

static void networks(void **state)
{
	struct reporters r = {0};
	(void)state;
	assert_int_equal(add(&r, "192.0.2.1", 2, 1, NOW) + add(&r, "192.0.2.200", 2, 1, NOW), 3);
	assert_true(odd(&r, "192.0.2.77", NOW));
	assert_false(odd(&r, "192.0.3.1", NOW));
	assert_int_equal(add(&r, "2001:db8:1::1", 2, 1, NOW) + add(&r, "2001:db8:1:ffff::1", 2, 1, NOW), 3);
	assert_false(odd(&r, "2001:db8:2::1", NOW));
	struct ip list[REPORTERS], first = ip_of("192.0.2.0"), second = ip_of("2001:db8:1::");
	assert_int_equal(reporters_list_odd(&r, NOW, list), 2);
	assert_true(ip_equal(&list[0], &first) && ip_equal(&list[1], &second));
	assert_int_equal(reporters_list_odd(&r, NOW + 31 * DAY, list), 0);
	struct ip none = {0}, one = ip_of("0.0.0.1"), other = ip_of("::1");
	assert_int_equal(reporter_network(&none), 0);
	assert_true(reporter_network(&one) && reporter_network(&one) != reporter_network(&other));
}

/* A server before ours, through which all comes: what it reports is measured as ever. */
static void who_reports_confirmed_ones_too_is_heard_further(void **state)
{
	struct reporters r = {0};
	struct ip front = ip_of("192.0.2.1"), other = ip_of("192.0.3.1");
	(void)state;
	reporters_confirm(&r, &other, NOW); /* not in the list: nothing happens */
	assert_int_equal(add(&r, "192.0.2.1", 10, 1, NOW), 3);
	for (int i = 0; i < 79; i++) reporters_confirm(&r, &front, NOW);
	assert_false(odd(&r, "192.0.2.1", NOW));
	assert_int_equal(add(&r, "192.0.2.1", 100, 1, NOW), 9);
	assert_true(odd(&r, "192.0.2.1", NOW));
	reporters_confirm(&r, &front, NOW);
	assert_int_equal(add(&r, "192.0.2.1", 100, 1, NOW), 1);
	for (int i = 0; i < 70000; i++) reporters_confirm(&r, &front, NOW);
	assert_int_equal(add(&r, "192.0.2.1", 65000, 1, NOW) + 13, 3 + UINT16_MAX / REPORTER_SHARE);
	assert_int_equal(add(&r, "192.0.3.1", 4, 1, NOW), 3);
}

static void it_is_forgotten_after_a_month(void **state)
{
	struct reporters r = {0};
	(void)state;
	add(&r, "192.0.2.1", 5, 1, NOW);
	assert_true(odd(&r, "192.0.2.1", NOW + 30 * DAY));
	assert_true(odd(&r, "192.0.2.1", NOW - 100 * DAY)); /* clocks go back */
	assert_false(odd(&r, "192.0.2.1", NOW + 31 * DAY));
	assert_int_equal(add(&r, "192.0.2.1", 5, 1, NOW + 31 * DAY), 3);
}

/* Who was not heard of for the longest gives way. */
static void there_is_room_for_some(void **state)
{
	struct reporters r = {0};
	char text[32];
	(void)state;
	for (unsigned i = 0; i <= REPORTERS; i++) {
		snprintf(text, sizeof text, "10.0.%u.1", i);
		add(&r, text, 3, 1, NOW + i * 3600);
	}
	assert_false(odd(&r, "10.0.0.1", NOW));
	for (unsigned i = 1; i <= REPORTERS; i++) {
		snprintf(text, sizeof text, "10.0.%u.1", i);
		assert_true(odd(&r, text, NOW + REPORTERS * 3600));
	}
}

static void it_survives_storage(void **state)
{
	struct reporters r = {0}, read;
	char octets[REPORTERS_PACKED];
	(void)state;
	assert_int_equal(reporters_pack(&r, octets), 0);
	add(&r, "192.0.2.1", 2, 2, NOW);
	add(&r, "2001:db8::1", 300, 7, NOW);
	size_t n = reporters_pack(&r, octets);
	assert_int_equal(n, 1 + 2 * REPORTER_PACKED);
	assert_true(reporters_unpack(slice_of(octets, n), &read));
	assert_memory_equal(&r, &read, sizeof r);
	for (size_t i = 0; i < n; i++) assert_false(reporters_unpack(slice_of(octets, i), &read));
	octets[0] = 0;
	assert_false(reporters_unpack(slice_of(octets, 1), &read));
	octets[0] = 2;
	octets[1 + 8 + 4 + 4] = 9; /* more origins than there can be */
	assert_false(reporters_unpack(slice_of(octets, n), &read));
	for (unsigned i = 0; i < REPORTERS; i++) {
		char text[32];
		snprintf(text, sizeof text, "10.0.%u.1", i);
		add(&r, text, 1, 1, NOW + 7200);
	}
	assert_int_equal(reporters_pack(&r, octets), REPORTERS_PACKED);
	assert_true(reporters_unpack(slice_of(octets, sizeof octets), &read));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_one_network_a_few_count),
		cmocka_unit_test(networks),
		cmocka_unit_test(who_reports_confirmed_ones_too_is_heard_further),
		cmocka_unit_test(it_is_forgotten_after_a_month),
		cmocka_unit_test(there_is_room_for_some),
		cmocka_unit_test(it_survives_storage),
	};
	return cmocka_run_group_tests_name("bounce/reporters", tests, NULL, NULL);
}
