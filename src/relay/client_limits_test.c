/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "relay/client_limits.h"

static struct ip ip_of(const char *text)
{
	struct ip ip;
	assert_true(ip_parse(slice_str(text), &ip));
	return ip;
}

static void sessions_of_a_unit_are_counted_together(void **state)
{
	(void)state;
	struct limits *l = limits_new();
	struct config c = {.relay = {.session_limit = 100, .client_session_limit = 2}};
	struct ip a = ip_of("2001:db8::1"), b = ip_of("2001:db8::2"), other = ip_of("2001:db8:0:1::1");
	assert_int_equal(limits_enter(l, &c, &a, false, 0), REASON_ok);
	assert_int_equal(limits_enter(l, &c, &b, false, 0), REASON_ok);
	assert_int_equal(limits_enter(l, &c, &a, false, 0), REASON_too_many_connections);
	assert_int_equal(limits_enter(l, &c, &other, false, 0), REASON_ok);
	assert_int_equal(limits_sessions(l), 3);
	limits_leave(l, &b);
	assert_int_equal(limits_enter(l, &c, &a, false, 0), REASON_ok);
	limits_free(l);
}

static void the_limit_of_all_sessions_is_told_as_busy(void **state)
{
	(void)state;
	struct limits *l = limits_new();
	struct config c = {.relay = {.session_limit = 1}};
	struct ip a = ip_of("192.0.2.1"), b = ip_of("192.0.2.2");
	assert_int_equal(limits_enter(l, &c, &a, false, 0), REASON_ok);
	assert_int_equal(limits_enter(l, &c, &b, false, 0), REASON_too_busy);
	limits_leave(l, &a);
	assert_int_equal(limits_enter(l, &c, &b, false, 0), REASON_ok);
	limits_free(l);
}

static void rates_refill_with_time(void **state)
{
	(void)state;
	struct limits *l = limits_new();
	struct config c = {.relay = {.session_limit = 100, .client_session_rate = 6, .client_message_rate = 2}};
	struct ip a = ip_of("192.0.2.1"), b = ip_of("192.0.2.2");
	int64_t now = 1000;
	for (int i = 0; i < 6; i++) assert_int_equal(limits_enter(l, &c, &a, false, now), REASON_ok);
	assert_int_equal(limits_enter(l, &c, &a, false, now), REASON_too_fast);
	assert_int_equal(limits_enter(l, &c, &b, false, now), REASON_ok);
	assert_int_equal(limits_enter(l, &c, &a, true, now), REASON_ok); /* a tenant's own server */
	assert_int_equal(limits_enter(l, &c, &a, false, now + 9000),
	                 REASON_too_fast); /* six a minute: one in ten seconds */
	assert_int_equal(limits_enter(l, &c, &a, false, now + 10000), REASON_ok);
	assert_int_equal(limits_message(l, &c, &a, now), REASON_ok);
	assert_int_equal(limits_message(l, &c, &a, now), REASON_ok);
	assert_int_equal(limits_message(l, &c, &a, now), REASON_too_fast);
	assert_int_equal(limits_message(l, &c, &a, now + 30000), REASON_ok);
	limits_free(l);
}

static void units_not_seen_are_forgotten(void **state)
{
	(void)state;
	struct limits *l = limits_new();
	struct config c = {.relay = {.session_limit = 100, .client_session_rate = 1}};
	struct ip a = ip_of("192.0.2.1");
	assert_int_equal(limits_enter(l, &c, &a, false, 0), REASON_ok);
	limits_leave(l, &a);
	for (int i = 0; i < 5000; i++) { /* each sweeps one bucket */
		struct ip other = {.family = AF_INET, .octets = {10, 0, (uint8_t)(i >> 8), (uint8_t)i}};
		limits_enter(l, &c, &other, false, 10000000);
		limits_leave(l, &other);
	}
	assert_int_equal(limits_enter(l, &c, &a, false, 10000000), REASON_ok);
	limits_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sessions_of_a_unit_are_counted_together),
		cmocka_unit_test(the_limit_of_all_sessions_is_told_as_busy),
		cmocka_unit_test(rates_refill_with_time),
		cmocka_unit_test(units_not_seen_are_forgotten),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
