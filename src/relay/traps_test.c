/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "relay/accuse.h"
#include "relay/traps.h"

static const char text[] =
	"hostname = mx.test\n"
	"keeper { trap = {trap.test, \"never.tenant.test\"}  trap-address = {\"Old@tenant.test\"} }\n";

static const struct {
	const char *local, *domain;
	bool tenants, trap;
} cases[] = {
	{"a", "trap.test", false, true},         {"a", "sub.sub.trap.test", false, true},
	{"a", "nottrap.test", false, false},     {"a", "test", false, false},
	{"a", "trap.test", true, false}, /* a tenant's domain is no trap */
	{"a", "never.tenant.test", false, true}, {"old", "tenant.test", true, true},
	{"OLD", "tenant.test", true, true},      {"old", "tenant.test", false, true},
	{"old", "sub.tenant.test", true, false}, {"older", "tenant.test", true, false},
	{"ol", "tenant.test", true, false},      {"old@tenant.tes", "t", true, false},
	{"", "tenant.test", true, false},
};

static void addresses_that_are_traps(void **state)
{
	struct config *c;
	char why[CONFIG_WHY];
	(void)state;
	assert_int_equal(config_parse("t", slice_str(text), SLICE_EMPTY, SLICE_EMPTY, &c, why), ERR_OK);
	assert_true(traps_any(c));
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (traps_has(c, slice_str(cases[i].local), slice_str(cases[i].domain), cases[i].tenants) !=
		    cases[i].trap)
			fail_msg("%s@%s", cases[i].local, cases[i].domain);
	config_unref(c);
	assert_int_equal(config_parse("t", SLICE("relay {}\n"), SLICE_EMPTY, SLICE_EMPTY, &c, why), ERR_OK);
	assert_false(traps_any(c));
	config_unref(c);
}

static void classes_that_are_acts(void **state)
{
	static const struct {
		enum bounce_class class;
		bool virus, act;
		enum act_class want;
	} table[] = {
		{CLASS_NDR, false, true, ACT_bounce},
		{CLASS_AUTOREPLY, false, true, ACT_autoreply},
		{CLASS_CHALLENGE, false, true, ACT_challenge},
		{CLASS_OTHER, false, false, 0},
		{CLASS_ARF, false, false, 0},
		{CLASS_NDR, true, true, ACT_virus},
		{CLASS_OTHER, true, true, ACT_virus},
		{CLASS_ARF, true, false, 0},
	};
	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		enum act_class got = ACT_CLASS_COUNT;
		assert_int_equal(accuse_class(table[i].class, table[i].virus, &got), table[i].act);
		if (table[i].act) assert_int_equal(got, table[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(addresses_that_are_traps),
	                                   cmocka_unit_test(classes_that_are_acts)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
