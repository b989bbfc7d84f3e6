/* SPDX-License-Identifier: Apache-2.0 */
#include "list/reserved.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void only_public_addresses_are_not_reserved(void **state)
{
	static const struct {
		const char *ip;
		bool reserved;
	} cases[] = {
		{"0.0.0.1", true},
		{"9.255.255.255", false},
		{"10.0.0.0", true},
		{"10.255.255.255", true},
		{"11.0.0.0", false},
		{"100.63.255.255", false},
		{"100.64.0.0", true},
		{"100.127.255.255", true},
		{"100.128.0.0", false},
		{"127.0.0.1", true},
		{"128.0.0.1", false},
		{"169.254.1.1", true},
		{"172.15.255.255", false},
		{"172.16.0.0", true},
		{"172.31.255.255", true},
		{"172.32.0.0", false},
		{"192.0.0.8", true},
		{"192.0.1.1", false},
		{"192.0.2.1", true},
		{"192.88.99.1", true},
		{"192.168.1.1", true},
		{"192.169.0.1", false},
		{"198.17.255.255", false},
		{"198.19.0.1", true},
		{"198.20.0.1", false},
		{"198.51.100.7", true},
		{"203.0.113.7", true},
		{"203.0.114.1", false},
		{"223.255.255.255", false},
		{"224.0.0.1", true},
		{"255.255.255.255", true},
		{"8.8.8.8", false},
		{"::", true},
		{"::1", true},
		{"fe80::1", true},
		{"fc00::1", true},
		{"ff02::1", true},
		{"64:ff9b::1", true},
		{"2001::1", true},
		{"2001:1ff::1", true},
		{"2001:200::1", false},
		{"2001:db8::1", true},
		{"2001:db9::1", false},
		{"3fff::1", true},
		{"3fff:1000::1", false},
		{"2a00:1450::1", false},
		{"4000::1", true},
		{"::ffff:8.8.8.8", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct ip ip;
		assert_true(ip_parse(slice_str(cases[i].ip), &ip));
		if ((reserved_for(&ip) != NULL) != cases[i].reserved) fail_msg("%s", cases[i].ip);
	}
	struct ip none = {0};
	assert_non_null(reserved_for(&none));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(only_public_addresses_are_not_reserved)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
