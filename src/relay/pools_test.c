/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/pools.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const char text[] = "hostname = \"mx.example.net\"\n"
			   "relay {\n"
			   "  pool \"regular\" { source = {\"192.0.2.1\", \"192.0.2.2\", \"2001:db8::1\"} "
			   "hostname = \"out.example.net\" }\n"
			   "  pool \"ndr\" { source = {\"192.0.2.9\"} }\n"
			   "}\n";

static struct config *config;
static struct pools pools;

static int setup(void **state)
{
	char why[CONFIG_WHY];
	(void)state;
	memset(&pools, 0, sizeof(pools));
	return config_parse("test", slice_str(text), SLICE_EMPTY, SLICE_EMPTY, &config, why) != ERR_OK;
}

static int teardown(void **state)
{
	(void)state;
	config_unref(config);
	return 0;
}

static void expect(enum pool pool, int family, int64_t now, const char *address)
{
	const struct ip *source;
	char buf[IP_TEXT_SIZE];
	size_t index;
	assert_int_equal(pools_source(&pools, config, pool, family, now, &source, &index), POOLS_SOURCE);
	assert_string_equal(ip_text(source, buf), address);
}

static void addresses_of_a_family_take_turns(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		expect(POOL_regular, AF_INET, 0, "192.0.2.1");
		expect(POOL_regular, AF_INET, 0, "192.0.2.2");
	}
	expect(POOL_regular, AF_INET6, 0, "2001:db8::1");
	expect(POOL_regular, AF_INET6, 0, "2001:db8::1");
	expect(POOL_ndr, AF_INET, 0, "192.0.2.9");
}

static void a_pool_without_addresses_leaves_it_to_the_system(void **state)
{
	const struct ip *source;
	size_t index;
	(void)state;
	assert_int_equal(pools_source(&pools, config, POOL_risk, AF_INET, 0, &source, &index), POOLS_SYSTEM);
	assert_null(source);
	assert_true(pools_family(config, POOL_risk, AF_INET6));
}

static void mail_never_leaves_from_an_address_of_another_pool(void **state)
{
	const struct ip *source;
	size_t index;
	(void)state;
	assert_int_equal(pools_source(&pools, config, POOL_ndr, AF_INET6, 0, &source, &index), POOLS_NONE);
	assert_false(pools_family(config, POOL_ndr, AF_INET6));
	assert_true(pools_family(config, POOL_ndr, AF_INET));
	pools_penalize(&pools, POOL_ndr, 0, 1000);
	assert_int_equal(pools_source(&pools, config, POOL_ndr, AF_INET, 1001, &source, &index), POOLS_NONE);
	expect(POOL_ndr, AF_INET, 1000 + POOLS_PENALTY_MS, "192.0.2.9");
}

static void an_address_that_cannot_be_bound_is_left_out(void **state)
{
	(void)state;
	pools_penalize(&pools, POOL_regular, 0, 1000);
	for (int i = 0; i < 3; i++) expect(POOL_regular, AF_INET, 1001, "192.0.2.2");
	pools_reset(&pools);
	expect(POOL_regular, AF_INET, 1001, "192.0.2.1");
}

static void names_of_greeting(void **state)
{
	(void)state;
	assert_string_equal(pools_helo_name(config, POOL_regular), "out.example.net");
	assert_string_equal(pools_helo_name(config, POOL_ndr), "mx.example.net");
	assert_string_equal(pools_helo_name(config, POOL_risk), "mx.example.net");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(addresses_of_a_family_take_turns, setup, teardown),
		cmocka_unit_test_setup_teardown(a_pool_without_addresses_leaves_it_to_the_system, setup, teardown),
		cmocka_unit_test_setup_teardown(mail_never_leaves_from_an_address_of_another_pool, setup, teardown),
		cmocka_unit_test_setup_teardown(an_address_that_cannot_be_bound_is_left_out, setup, teardown),
		cmocka_unit_test_setup_teardown(names_of_greeting, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
