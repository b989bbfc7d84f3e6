/* SPDX-License-Identifier: Apache-2.0 */
#include "store/exposure.h"

#include "store/acts.h"
#include "store/list_test.h"
#include "store/weighed.h"

#define WEEK  (7 * 86400LL)
#define START (2900 * WEEK)

static void add(struct db *db, const char *unit, uint32_t messages, int64_t now)
{
	struct exposure_count c = {list_test_unit(unit), messages};
	assert_int_equal(exposure_add(db, &c, 1, now), ERR_OK);
}

static struct exposure get(struct db *db, const char *unit)
{
	struct prefix p = list_test_unit(unit);
	struct exposure e;
	struct db_txn *t = list_test_read(db);
	assert_int_equal(exposure_get(t, &p, &e), ERR_OK);
	db_end_read(t);
	return e;
}

/* Of whom nobody accuses it is of no use to know that he tried, and there are many. */
static void who_only_tried_is_remembered_where_there_is_evidence(void **state)
{
	struct store_test *s = *state;
	struct act a = {.unit = list_test_unit("192.0.2.2"),
	                .class = ACT_bounce,
	                .witness = WITNESSED_trap,
	                .target = 1,
	                .time = START};
	add(s->db, "192.0.2.1", 0, START);
	assert_int_equal(get(s->db, "192.0.2.1").first, 0);
	assert_int_equal(acts_add(s->db, &a, 1), ERR_OK);
	add(s->db, "192.0.2.2", 0, START);
	struct exposure e = get(s->db, "192.0.2.2");
	assert_int_equal(e.first, START);
	assert_int_equal(exposure_recent(&e, START), 0);
}

static void weeks_are_counted_and_forgotten(void **state)
{
	struct store_test *s = *state;
	static const struct {
		int64_t add_at, ask_at;
		uint32_t messages;
		uint64_t recent;
	} steps[] = {
		{START, START, 5, 5},
		{START + 60, START + 60, 7, 12},
		{START + WEEK, START + WEEK, 100, 112},
		{START + WEEK, START + 7 * WEEK, 1, 113},
		{START + 7 * WEEK, START + 8 * WEEK, 1, 102}, /* the first week is over */
		{START + 20 * WEEK, START + 20 * WEEK, 3, 3},
		{START + 27 * WEEK, START + 27 * WEEK, 4, 7},
		{START + 28 * WEEK, START + 28 * WEEK, 4, 8},
		{START + 28 * WEEK, START + 99 * WEEK, 4, 0},
	};
	assert_int_equal(get(s->db, "192.0.2.1").first, 0);
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		add(s->db, "192.0.2.1", steps[i].messages, steps[i].add_at);
		struct exposure e = get(s->db, "192.0.2.1");
		assert_int_equal(exposure_recent(&e, steps[i].ask_at), steps[i].recent);
		assert_int_equal(e.first, START);
		assert_int_equal(e.last, steps[i].add_at);
	}
	struct exposure none = get(s->db, "192.0.2.2");
	assert_int_equal(exposure_recent(&none, START), 0);
}

static void a_clock_that_was_set_back_and_full_counters_do_no_harm(void **state)
{
	struct store_test *s = *state;
	add(s->db, "2001:db8::1", UINT32_MAX, START + WEEK);
	add(s->db, "2001:db8::2", UINT32_MAX, START);
	struct exposure e = get(s->db, "2001:db8::3");
	assert_int_equal(exposure_recent(&e, START + WEEK), UINT32_MAX);
	assert_int_equal(e.last, START + WEEK);
}

struct drop {
	int64_t than;
	size_t most, dropped;
	struct prefix at;
};

static enum error drop_older(struct db_txn *t, void *arg)
{
	struct drop *d = arg;
	return exposure_drop_older(t, d->than, d->most, &d->at, &d->dropped);
}

static void old_rows_are_dropped_little_by_little(void **state)
{
	struct store_test *s = *state;
	char text[64];
	size_t dropped = 0, calls = 0;
	for (int i = 0; i < 20; i++) {
		snprintf(text, sizeof text, i % 2 ? "192.0.2.%d" : "2001:db8:0:%d::", i);
		add(s->db, text, 1, i % 3 ? START : START + 10 * WEEK);
	}
	struct drop d = {.than = START + WEEK, .most = 3};
	do {
		list_test_update(s->db, drop_older, &d);
		dropped += d.dropped;
		assert_true(d.dropped <= 3 && ++calls < 10);
	} while (d.at.ip.family);
	assert_int_equal(dropped, 13);
	assert_int_equal(get(s->db, "192.0.2.3").first, START + 10 * WEEK);
	assert_int_equal(get(s->db, "192.0.2.1").first, 0);
	struct db_txn *t = list_test_read(s->db);
	assert_int_equal(db_count(t, DB_exposure), 7);
	db_end_read(t);
}

static enum error put_weighed(struct db_txn *t, void *arg)
{
	return weighed_put(t, arg);
}

static enum error take_new(struct db_txn *t, void *arg)
{
	struct prefix unit;
	return acts_take_new(t, &unit, 1, arg);
}

static void ordinary_mail_of_who_is_said_to_send_none_is_told_to_the_keeper(void **state)
{
	struct store_test *s = *state;
	struct weighed w = {.unit = list_test_unit("192.0.2.1"), .listed = true, .any = true, .expires = START + WEEK};
	size_t taken;
	list_test_update(s->db, put_weighed, &w);
	w.unit = list_test_unit("192.0.2.2");
	w.any = false;
	list_test_update(s->db, put_weighed, &w);
	add(s->db, "192.0.2.2", 1, START);
	list_test_update(s->db, take_new, &taken);
	assert_int_equal(taken, 0);
	add(s->db, "192.0.2.1", 1, START);
	list_test_update(s->db, take_new, &taken);
	assert_int_equal(taken, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LIST_TEST(weeks_are_counted_and_forgotten),
		LIST_TEST(who_only_tried_is_remembered_where_there_is_evidence),
		LIST_TEST(a_clock_that_was_set_back_and_full_counters_do_no_harm),
		LIST_TEST(old_rows_are_dropped_little_by_little),
		LIST_TEST(ordinary_mail_of_who_is_said_to_send_none_is_told_to_the_keeper),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
