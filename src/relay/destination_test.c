/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/destination.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const char text[] = "hostname = \"mx.example.net\"\n"
			   "relay {\n"
			   "  route \"routed.example\" { to = {\"192.0.2.77:25\"} }\n"
			   "  route \".below.example\" { to = {\"192.0.2.78:25\"} }\n"
			   "}\n";

static struct config *config;
static struct destinations table;

static int setup(void **state)
{
	char why[CONFIG_WHY];
	(void)state;
	if (config_parse("test", slice_str(text), SLICE_EMPTY, SLICE_EMPTY, &config, why)) return 1;
	return destinations_init(&table) != ERR_OK;
}

static int teardown(void **state)
{
	(void)state;
	destinations_free(&table);
	config_unref(config);
	return 0;
}

static struct destination *find(const struct spool_message *m, const char *address)
{
	struct destination *to = NULL;
	assert_int_equal(destination_find(&table, config, m, slice_str(address), m->tenant, &to), ERR_OK);
	return to;
}

static void addresses_that_go_the_same_way_meet(void **state)
{
	(void)state;
	struct spool_message m = {.pool = POOL_regular, .tenant = 3};
	struct destination *to = find(&m, "a@x.example");
	assert_int_equal(to->kind, DESTINATION_MX);
	assert_string_equal(to->domain, "x.example");
	assert_ptr_equal(find(&m, "\"b@c\"@X.EXAMPLE"), to);
	assert_ptr_not_equal(find(&m, "a@y.example"), to);
	assert_ptr_equal(find(&m, "a@p.below.example"), find(&m, "b@q.below.example"));
	to = find(&m, "a@routed.example");
	assert_int_equal(to->kind, DESTINATION_ROUTE);
	m.pool = POOL_ndr;
	assert_ptr_not_equal(find(&m, "a@routed.example"), to);
	m.downstream = true;
	to = find(&m, "a@x.example");
	assert_int_equal(to->kind, DESTINATION_DOWNSTREAM);
	assert_int_equal(to->tenant, 3);
	m.pool = POOL_regular;
	assert_ptr_equal(find(&m, "b@routed.example"), to);
	m.tenant = 4;
	assert_ptr_not_equal(find(&m, "b@routed.example"), to);
}

static void literals_and_nonsense(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "a", "a@", "@", "a@-..-"};
	struct spool_message m = {.pool = POOL_regular};
	struct destination *to;
	assert_string_equal(find(&m, "a@[IPv6:2001:DB8::1]")->domain, "[ipv6:2001:db8::1]");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(destination_find(&table, config, &m, slice_str(bad[i]), m.tenant, &to), ERR_INVALID);
}

static void first_come_first_served(void **state)
{
	(void)state;
	struct spool_message m = {.pool = POOL_regular};
	struct destination *to = find(&m, "a@x.example");
	struct part *p[5];
	for (int i = 0; i < 4; i++) destination_add(to, p[i] = part_new(NULL, to));
	destination_add_first(to, p[4] = part_new(NULL, to));
	assert_int_equal(to->waiting, 5);
	assert_ptr_equal(destination_take(to), p[4]);
	for (int i = 0; i < 4; i++) assert_ptr_equal(destination_take(to), p[i]);
	assert_null(destination_take(to));
	destination_add_first(to, p[0]);
	destination_add(to, p[1]);
	assert_ptr_equal(destination_take_all(to), p[0]);
	assert_ptr_equal(p[0]->next, p[1]);
	assert_int_equal(to->waiting, 0);
	for (int i = 0; i < 5; i++) {
		assert_true(part_add(p[i], 1) && part_add(p[i], 2) && part_add(p[i], 3));
		part_free(p[i]);
	}
}

static void destinations_come_and_go(void **state)
{
	(void)state;
	struct spool_message m = {.pool = POOL_regular};
	char address[64];
	for (int i = 0; i < 3000; i++) {
		snprintf(address, sizeof(address), "a@d%d.example", i);
		find(&m, address);
	}
	assert_int_equal(table.count, 3000);
	struct destination *failing = find(&m, "a@d5.example"), *used = find(&m, "a@d6.example"),
			   *starving = find(&m, "a@d7.example");
	failing->failures = 1;
	failing->not_before = 1000;
	destination_add(used, part_new(NULL, used));
	destination_starve(&table, starving);
	destination_starve(&table, starving);
	destinations_sweep(&table, 2000);
	assert_int_equal(table.count, 3);
	assert_ptr_equal(find(&m, "a@d6.example"), used);
	assert_ptr_equal(destination_unstarve(&table), starving);
	assert_null(destination_unstarve(&table));
	destinations_sweep(&table, 100000);
	assert_int_equal(table.count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(addresses_that_go_the_same_way_meet, setup, teardown),
		cmocka_unit_test_setup_teardown(literals_and_nonsense, setup, teardown),
		cmocka_unit_test_setup_teardown(first_come_first_served, setup, teardown),
		cmocka_unit_test_setup_teardown(destinations_come_and_go, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
