/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/learner.h"

#include "base/clock.h"
#include "base/metrics.h"
#include "store/store_test.h"

struct test {
	struct store_test *store;
	struct learner *learner;
};

static int setup(void **state)
{
	struct test *t = calloc(1, sizeof *t);
	t->store = store_test_begin(DB_STATE);
	assert_int_equal(learner_start(t->store->db, &t->learner), ERR_OK);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct test *t = *state;
	learner_stop(t->learner);
	store_test_end(t->store);
	free(t);
	return 0;
}

static struct learned_name name(uint32_t tenant, const char *local)
{
	return (struct learned_name){.tenant = tenant, .domain = SLICE("list.test"), .local = slice_str(local)};
}

static bool dead(struct test *t, struct learned_name n)
{
	learner_flush(t->learner);
	return learned_dead(t->store->db, &n, false, clock_unix(), NULL);
}

static void what_is_said_is_written(void **state)
{
	struct test *t = *state;
	struct learned_name n = name(7, "Gone"), other = name(7, "here");
	struct learned l;
	learner_dead(t->learner, &n, "acme", SLICE("5.1.1 user unknown"), 1);
	learner_dead(t->learner, &n, "acme", SLICE("5.1.1 user unknown"), 2);
	assert_true(dead(t, n));
	assert_false(dead(t, other));
	assert_int_equal(learned_get(t->store->db, &n, &l), ERR_OK);
	assert_int_equal(l.times, 1);
	learner_lives(t->learner, &n, "acme");
	learner_lives(t->learner, &other, "acme");
	assert_false(dead(t, n));
}

static void what_waits_is_written_at_stop(void **state)
{
	struct test *t = *state;
	struct learned_name n = name(7, "gone");
	learner_dead(t->learner, &n, "acme", SLICE_EMPTY, 1);
	learner_stop(t->learner);
	t->learner = NULL;
	assert_true(learned_dead(t->store->db, &n, false, clock_unix(), NULL));
}

/* A server that has lost its directory. */
static void one_tenant_does_not_learn_too_much(void **state)
{
	struct test *t = *state;
	char local[16];
	size_t refused = 0;
	int64_t dropped = metric_get(METRIC_learned_dropped);
	for (int i = 0; i < LEARNER_HOURLY + 200; i++) {
		snprintf(local, sizeof local, "u%d", i);
		struct learned_name n = name(7, local);
		learner_dead(t->learner, &n, "acme", SLICE_EMPTY, 1);
		if (i % 50 == 0) learner_flush(t->learner);
	}
	for (int i = 0; i < LEARNER_HOURLY + 200; i++) {
		snprintf(local, sizeof local, "u%d", i);
		refused += dead(t, name(7, local));
	}
	/* those of one transaction go together */
	assert_true(refused >= LEARNER_HOURLY && refused < LEARNER_HOURLY + 64);
	assert_int_equal(metric_get(METRIC_learned_dropped) - dropped, LEARNER_HOURLY + 200 - refused);
	struct learned_name other = name(8, "gone"), again = name(7, "u0");
	learner_dead(t->learner, &other, "other", SLICE_EMPTY, 1);
	assert_true(dead(t, other));
	learner_lives(t->learner, &again, "acme");
	assert_false(dead(t, again));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_said_is_written),
		TEST(what_waits_is_written_at_stop),
		TEST(one_tenant_does_not_learn_too_much),
	};
	return cmocka_run_group_tests_name("relay/learner", tests, NULL, NULL);
}
