/* SPDX-License-Identifier: Apache-2.0 */
#include "store/weighed.h"

#include "store/acts.h"
#include "store/list_test.h"
#include "store/listings.h"

#define DAY 86400LL
#define NOW (20833 * DAY)

static enum error put(struct db_txn *t, void *arg)
{
	return weighed_put(t, arg);
}

static struct weighed listed(const char *unit)
{
	return (struct weighed){.unit = list_test_unit(unit),
	                        .listed = true,
	                        .as = WEIGHED_enough,
	                        .grade = GRADE_mostly,
	                        .classes = 1 << ACT_bounce,
	                        .seen = 1 << ACT_bounce | 1 << ACT_callout,
	                        .events = 70000,
	                        .targets = 5,
	                        .days = 3,
	                        .exposure = 1ull << 40,
	                        .first_seen = NOW - 5 * DAY,
	                        .last_seen = NOW,
	                        .listed_at = NOW,
	                        .expires = NOW + 28 * DAY,
	                        .due = NOW + 7 * DAY,
	                        .times = 1,
	                        .reason = SLICE("bounces to 5 traps")};
}

static void keep(struct db *db, const char *unit)
{
	struct weighed w = listed(unit);
	list_test_update(db, put, &w);
}

static struct weighed get(struct db *db, const char *unit)
{
	struct prefix p = list_test_unit(unit);
	struct weighed w;
	struct db_txn *t = list_test_read(db);
	assert_int_equal(weighed_get(t, &p.ip, &w), ERR_OK);
	db_end_read(t);
	return w;
}

static bool published(struct db *db, const char *unit, struct published *out)
{
	struct prefix p = list_test_unit(unit);
	char key[PUBLISHED_KEY_MOST];
	size_t n = published_key(&p.ip, key);
	struct db_txn *t = list_test_read(db);
	bool found = published_get(t, slice_of(key, n), NOW, out);
	db_end_read(t);
	return found;
}

static void a_listing_is_kept_whole_and_published(void **state)
{
	struct store_test *s = *state;
	struct published p;
	keep(s->db, "2001:db8::1");
	struct weighed w = get(s->db, "2001:db8::2"), wanted = listed("2001:db8::");
	assert_true(slice_equal(w.reason, wanted.reason) && ip_equal(&w.unit.ip, &wanted.unit.ip));
	w.reason = wanted.reason;
	w.unit = wanted.unit;
	assert_int_equal(w.listed, wanted.listed);
	assert_int_equal(w.as, wanted.as);
	assert_int_equal(w.grade, wanted.grade);
	assert_int_equal(w.classes, wanted.classes);
	assert_int_equal(w.seen, wanted.seen);
	assert_int_equal(w.events, wanted.events);
	assert_int_equal(w.targets, wanted.targets);
	assert_int_equal(w.days, wanted.days);
	assert_int_equal(w.exposure, wanted.exposure);
	assert_int_equal(w.first_seen, wanted.first_seen);
	assert_int_equal(w.last_seen, wanted.last_seen);
	assert_int_equal(w.listed_at, wanted.listed_at);
	assert_int_equal(w.expires, wanted.expires);
	assert_int_equal(w.due, wanted.due);
	assert_int_equal(w.times, wanted.times);
	assert_true(published(s->db, "2001:db8::3", &p));
	assert_int_equal(p.classes, 1 << ACT_bounce);
	assert_int_equal(p.grade, GRADE_mostly);
	assert_int_equal(p.flags, 0);
	assert_int_equal(p.expires, NOW + 28 * DAY);
}

static void what_is_published_is_the_operators_and_the_keepers_together(void **state)
{
	struct store_test *s = *state;
	struct published p;
	struct listing l = {.unit = list_test_unit("192.0.2.1"),
	                    .flags = LISTING_MANUAL,
	                    .created = NOW,
	                    .expires = NOW + 90 * DAY};
	char reason[256];
	keep(s->db, "192.0.2.1");
	assert_true(listings_lookup(s->db, &l.unit.ip, NOW, &l, reason));
	assert_int_equal(l.flags, LISTING_WEIGHED);
	assert_string_equal(reason, "bounces to 5 traps");
	l = (struct listing){.unit = list_test_unit("192.0.2.1"),
	                     .flags = LISTING_MANUAL,
	                     .created = NOW,
	                     .expires = NOW + 90 * DAY};
	assert_int_equal(listings_add(s->db, &l), ERR_OK);
	assert_true(published(s->db, "192.0.2.1", &p));
	assert_int_equal(p.flags, PUBLISHED_MANUAL);
	assert_int_equal(p.classes, 1 << ACT_bounce);
	assert_int_equal(p.expires, NOW + 90 * DAY);
	assert_true(listings_lookup(s->db, &l.unit.ip, NOW, &l, reason));
	assert_int_equal(l.flags, LISTING_MANUAL);
	assert_int_equal(listings_remove(s->db, &l.unit.ip), ERR_OK);
	assert_true(published(s->db, "192.0.2.1", &p));
	assert_int_equal(p.flags, 0);
	assert_int_equal(p.expires, NOW + 28 * DAY);
	assert_false(listings_lookup(s->db, &l.unit.ip, NOW + 28 * DAY, &l, reason));
}

static void removal_on_request_takes_off_and_is_granted_ever_more_rarely(void **state)
{
	static const struct {
		int64_t at;
		bool force;
		enum error err;
		int64_t again;
	} steps[] = {
		{NOW, false, ERR_OK, 0},
		{NOW + DAY - 1, false, ERR_BUSY, NOW + DAY},
		{NOW + DAY, false, ERR_OK, 0},
		{NOW + 2 * DAY, false, ERR_BUSY, NOW + 8 * DAY},
		{NOW + 2 * DAY, true, ERR_OK, 0},
		{NOW + 9 * DAY, false, ERR_BUSY, NOW + 30 * DAY},
		{NOW + 30 * DAY, false, ERR_OK, 0},
	};
	struct store_test *s = *state;
	struct prefix unit = list_test_unit("192.0.2.1");
	struct published p;
	unsigned strikes = 0;
	int64_t again, removed = 0;
	assert_int_equal(weighed_remove(s->db, &unit.ip, NOW, false, &again), ERR_NOT_FOUND);
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		struct weighed w = listed("192.0.2.1");
		w.strikes = (uint8_t)strikes;
		w.removed = removed;
		list_test_update(s->db, put, &w);
		assert_int_equal(weighed_remove(s->db, &unit.ip, steps[i].at, steps[i].force, &again), steps[i].err);
		if (steps[i].err) {
			assert_int_equal(again, steps[i].again);
			assert_true(published(s->db, "192.0.2.1", &p));
			continue;
		}
		w = get(s->db, "192.0.2.1");
		assert_int_equal(w.strikes, ++strikes);
		assert_int_equal(w.removed, removed = steps[i].at);
		assert_int_equal(w.as, WEIGHED_removed);
		assert_true(slice_equal(w.reason, SLICE("bounces to 5 traps")));
		assert_false(published(s->db, "192.0.2.1", &p));
		assert_int_equal(weighed_remove(s->db, &unit.ip, steps[i].at, true, &again), ERR_NOT_FOUND);
	}
}

static void exempt(struct db *db, const char *text)
{
	struct exemption e = {.created = NOW, .reason = SLICE("ours")};
	assert_int_equal(prefix_parse(slice_str(text), &e.prefix), ERR_OK);
	assert_int_equal(exemptions_add(db, &e, NOW), ERR_OK);
}

static bool is_exempt(struct db *db, const char *text)
{
	struct prefix p = list_test_unit(text);
	struct exemption e = {0};
	struct db_txn *t = list_test_read(db);
	bool found = exemptions_has(t, &p.ip, &e);
	if (found) assert_true(slice_equal(e.reason, SLICE("ours")) && prefix_contains(&e.prefix, &p.ip));
	db_end_read(t);
	return found;
}

static bool count(const struct exemption *e, void *arg)
{
	++*(int *)arg;
	return true;
}

static enum error take_new(struct db_txn *t, void *arg)
{
	struct prefix units[8];
	return acts_take_new(t, units, 8, arg);
}

static void exemptions_take_off_what_is_within_and_only_that(void **state)
{
	struct store_test *s = *state;
	static const char *const units[] = {"192.0.2.0",   "192.0.2.1",      "192.0.2.255", "192.0.3.0",
	                                    "191.255.0.1", "2001:db8:0:1::", "2001:db8:1::"};
	struct published p;
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) keep(s->db, units[i]);
	exempt(s->db, "192.0.2.0/24");
	exempt(s->db, "2001:db8:0:1::5/128");
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		bool within = i < 3 || i == 5;
		assert_int_equal(is_exempt(s->db, units[i]), within);
		assert_int_equal(published(s->db, units[i], &p), !within);
		if (within) assert_int_equal(get(s->db, units[i]).as, WEIGHED_exempt);
	}
	assert_true(is_exempt(s->db, "2001:db8:0:1::9"));
	struct db_txn *t = list_test_read(s->db);
	int n = 0;
	assert_int_equal(exemptions_each(t, count, &n), ERR_OK);
	assert_int_equal(n, 2);
	db_end_read(t);
}

static void who_is_not_exempt_any_more_is_weighed_again(void **state)
{
	struct store_test *s = *state;
	struct prefix p;
	size_t taken;
	struct act a = {.unit = list_test_unit("192.0.2.1"), .time = NOW};
	exempt(s->db, "192.0.0.0/16");
	assert_int_equal(acts_add(s->db, &a, 1), ERR_OK);
	list_test_update(s->db, take_new, &taken);
	assert_int_equal(prefix_parse(SLICE("192.0.0.0/16"), &p), ERR_OK);
	assert_int_equal(exemptions_remove(s->db, &p), ERR_OK);
	assert_int_equal(exemptions_remove(s->db, &p), ERR_NOT_FOUND);
	assert_false(is_exempt(s->db, "192.0.2.1"));
	list_test_update(s->db, take_new, &taken);
	assert_int_equal(taken, 1);
}

static void every_outcome_has_a_name_and_a_sentence(void **state)
{
	for (enum weighed_as a = 0; a < WEIGHED_AS_COUNT; a++)
		assert_true(*weighed_as_name(a) && *weighed_as_sentence(a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LIST_TEST(a_listing_is_kept_whole_and_published),
		LIST_TEST(what_is_published_is_the_operators_and_the_keepers_together),
		LIST_TEST(removal_on_request_takes_off_and_is_granted_ever_more_rarely),
		LIST_TEST(exemptions_take_off_what_is_within_and_only_that),
		LIST_TEST(who_is_not_exempt_any_more_is_weighed_again),
		cmocka_unit_test(every_outcome_has_a_name_and_a_sentence),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
