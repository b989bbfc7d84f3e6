/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/hosts.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct endpoint at(unsigned i)
{
	return (struct endpoint){.ip = {.family = AF_INET,
	                                .octets = {10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}},
	                         .port = 25};
}

static void failures_are_remembered_for_a_while(void **state)
{
	(void)state;
	struct hosts *h = hosts_new();
	struct endpoint a = at(1), b = at(2), other_port = at(1);
	other_port.port = 2525;
	hosts_failed(h, &a, 1000);
	assert_true(hosts_avoid(h, &a, 1001));
	assert_false(hosts_avoid(h, &b, 1001));
	assert_false(hosts_avoid(h, &other_port, 1001));
	assert_false(hosts_plain(h, &a, 1001));
	assert_false(hosts_avoid(h, &a, 1000 + HOSTS_AVOID_MS));
	hosts_failed(h, &a, 5000);
	hosts_worked(h, &a);
	assert_false(hosts_avoid(h, &a, 5001));
	hosts_free(h);
}

static void tls_failures_stand_by_themselves(void **state)
{
	(void)state;
	struct hosts *h = hosts_new();
	struct endpoint a = at(1);
	hosts_tls_failed(h, &a, 1000);
	hosts_worked(h, &a); /* it worked in the clear: that is no reason to try TLS again */
	assert_true(hosts_plain(h, &a, 1001));
	assert_false(hosts_avoid(h, &a, 1001));
	assert_false(hosts_plain(h, &a, 1000 + HOSTS_PLAIN_MS));
	hosts_free(h);
}

static void more_hosts_than_there_is_room_for(void **state)
{
	(void)state;
	struct hosts *h = hosts_new();
	for (unsigned i = 0; i < 100000; i++) {
		struct endpoint a = at(i);
		hosts_failed(h, &a, 1000 + i);
		assert_true(hosts_avoid(h, &a, 1001 + i));
	}
	hosts_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failures_are_remembered_for_a_while),
		cmocka_unit_test(tls_failures_stand_by_themselves),
		cmocka_unit_test(more_hosts_than_there_is_room_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
