/* SPDX-License-Identifier: Apache-2.0 */
/* Rounds of the keeper on a real state: what is written, what is told, and what a keeper that was killed finds. */
#include "list/round.h"

#include "store/list_test.h"
#include "store/listings.h"

#define DAY 86400LL
#define NOW (20833 * DAY + 3600)

static struct assess_rules lab_rules(void)
{
	struct assess_rules rules = {.policy = weigh_policy_default, .list_reserved = true};
	rules.policy.any_senders = 0;
	return rules;
}

static void bounce(struct db *db, const char *from, uint64_t target, int64_t time)
{
	struct act a = {.unit = list_test_unit(from),
	                .class = ACT_bounce,
	                .witness = WITNESSED_trap,
	                .time = time,
	                .target = target};
	assert_int_equal(acts_add(db, &a, 1), ERR_OK);
}

static struct round *round_at(struct db *db, const struct assess_rules *rules, int64_t now)
{
	static struct round r;
	r = (struct round){.state = db, .rules = rules, .now = now};
	assert_int_equal(round_work(&r), ERR_OK);
	return &r;
}

static bool is_published(struct db *db, const char *unit, int64_t now, struct published *out)
{
	struct prefix p = list_test_unit(unit);
	char key[PUBLISHED_KEY_MOST];
	size_t n = published_key(&p.ip, key);
	struct db_txn *t = list_test_read(db);
	bool found = published_get(t, slice_of(key, n), now, out);
	db_end_read(t);
	return found;
}

static void evidence_becomes_a_listing_and_decays(void **state)
{
	struct store_test *s = *state;
	struct assess_rules rules = lab_rules();
	struct published p;
	bounce(s->db, "192.0.2.1", 1, NOW);
	bounce(s->db, "192.0.2.1", 2, NOW);
	struct round *r = round_at(s->db, &rules, NOW);
	assert_int_equal(r->taken, 1);
	assert_int_equal(r->changed, 0);
	assert_false(is_published(s->db, "192.0.2.1", NOW, &p));
	bounce(s->db, "192.0.2.1", 3, NOW + 1);
	r = round_at(s->db, &rules, NOW + 1);
	assert_int_equal(r->changed, 1);
	assert_int_equal(r->changes[0].kind, ROUND_listed);
	assert_string_equal(r->changes[0].reason, "bounces to 3 addresses on 1 day");
	assert_true(is_published(s->db, "192.0.2.1", NOW + 1, &p));
	assert_int_equal(p.classes, 1 << ACT_bounce);
	assert_int_equal(p.grade, GRADE_only);
	int64_t off = NOW + 1 + 7 * DAY;
	assert_int_equal(round_next(s->db), off);
	r = round_at(s->db, &rules, off - 1);
	assert_int_equal(r->taken, 0);
	r = round_at(s->db, &rules, off);
	assert_int_equal(r->changed, 1);
	assert_int_equal(r->changes[0].kind, ROUND_delisted);
	assert_int_equal(r->changes[0].row.as, WEIGHED_expired);
	assert_false(is_published(s->db, "192.0.2.1", NOW, &p));
	/* Its history is forgotten a year later. */
	assert_int_equal(round_next(s->db), off + WEIGHED_MEMORY);
	round_at(s->db, &rules, off + WEIGHED_MEMORY);
	assert_int_equal(round_next(s->db), 0);
	struct db_txn *t = list_test_read(s->db);
	assert_int_equal(db_count(t, DB_list_weighed), 0);
	db_end_read(t);
}

/* The queue is emptied by the commit that lists, so who reads it again, after a kill or not, finds nothing to do twice. */
static enum error weigh_and_fail(struct db_txn *t, void *arg)
{
	struct prefix units[8];
	size_t n;
	assert_int_equal(acts_take_new(t, units, 8, &n), ERR_OK);
	assert_int_equal(n, 1);
	return ERR_SYSTEM; /* as if it was killed here */
}

static void a_round_that_is_cut_off_is_done_by_the_next_keeper(void **state)
{
	struct store_test *s = *state;
	struct assess_rules rules = lab_rules();
	struct published p;
	for (unsigned i = 1; i <= 3; i++) bounce(s->db, "2001:db8::1", i, NOW);
	assert_int_equal(db_update(s->db, weigh_and_fail, NULL), ERR_SYSTEM);
	struct round *r = round_at(s->db, &rules, NOW);
	assert_int_equal(r->changed, 1);
	assert_true(is_published(s->db, "2001:db8::ffff", NOW, &p));
	r = round_at(s->db, &rules, NOW);
	assert_int_equal(r->taken, 0);
}

static void many_units_are_weighed_in_several_rounds(void **state)
{
	struct store_test *s = *state;
	struct assess_rules rules = lab_rules();
	enum { UNITS = ROUND_UNITS + 100 };
	static struct act acts[UNITS * 3];
	for (unsigned i = 0; i < UNITS * 3; i++) {
		acts[i] = (struct act){.unit = list_test_unit("198.18.0.0"), .time = NOW, .target = i % 3};
		acts[i].unit.ip.octets[2] = (uint8_t)(i / 3 / 256);
		acts[i].unit.ip.octets[3] = (uint8_t)(i / 3);
	}
	assert_int_equal(acts_add(s->db, acts, UNITS * 3), ERR_OK);
	size_t listed = 0;
	for (struct round *r; (r = round_at(s->db, &rules, NOW))->taken;) listed += r->changed;
	assert_int_equal(listed, UNITS);
	/* All of them expire in the same second. */
	for (struct round *r; (r = round_at(s->db, &rules, NOW + 7 * DAY))->taken;) listed -= r->changed;
	assert_int_equal(listed, 0);
}

static void listings_by_hand_expire(void **state)
{
	struct store_test *s = *state;
	struct assess_rules rules = lab_rules();
	struct listing l = {.unit = list_test_unit("192.0.2.1"), .created = NOW, .expires = NOW + 10};
	struct published p;
	assert_int_equal(listings_add(s->db, &l), ERR_OK);
	for (unsigned i = 1; i <= 3; i++) bounce(s->db, "192.0.2.1", i, NOW);
	round_at(s->db, &rules, NOW);
	assert_true(is_published(s->db, "192.0.2.1", NOW, &p));
	assert_int_equal(p.flags & PUBLISHED_MANUAL, PUBLISHED_MANUAL);
	struct round *r = round_at(s->db, &rules, NOW + 10);
	assert_int_equal(r->expired, 1);
	assert_true(is_published(s->db, "192.0.2.1", NOW + 10, &p));
	assert_int_equal(p.flags & PUBLISHED_MANUAL, 0);
}

static void who_may_not_be_listed_is_not(void **state)
{
	static const struct {
		const char *unit;
		bool listed;
	} cases[] = {{"192.0.2.1", false}, {"10.0.0.1", false}, {"8.8.4.4", false},
	             {"8.8.8.8", true},    {"9.9.9.9", false},  {"2a00::1", true}};
	struct store_test *s = *state;
	struct ip own = list_test_unit("8.8.4.4").ip;
	struct config_pool pool = {.name = "regular", .sources = &own, .source_count = 1};
	struct config config = {.relay = {.pools = &pool, .pool_count = 1}};
	struct assess_rules rules = {.policy = weigh_policy_default, .config = &config};
	struct exemption e = {.created = NOW};
	struct published p;
	assert_int_equal(prefix_parse(SLICE("9.9.0.0/16"), &e.prefix), ERR_OK);
	assert_int_equal(exemptions_add(s->db, &e, NOW), ERR_OK);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		for (unsigned k = 1; k <= 5; k++) bounce(s->db, cases[i].unit, k, NOW);
	round_at(s->db, &rules, NOW);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(is_published(s->db, cases[i].unit, NOW, &p), cases[i].listed);
	assert_int_equal(exemptions_remove(s->db, &e.prefix), ERR_OK);
	round_at(s->db, &rules, NOW);
	assert_true(is_published(s->db, "9.9.9.9", NOW, &p));
}

static void other_rules_weigh_everything_again(void **state)
{
	struct store_test *s = *state;
	struct assess_rules rules = lab_rules(), strict = lab_rules();
	struct published p;
	strict.policy.score = 1000;
	assert_true(assess_fingerprint(&rules) != assess_fingerprint(&strict));
	for (unsigned i = 1; i <= 3; i++) bounce(s->db, "192.0.2.1", i, NOW);
	for (unsigned i = 1; i <= 12; i++) bounce(s->db, "2001:db8::", i, NOW);
	struct round *r = round_at(s->db, &rules, NOW);
	assert_int_equal(r->changed, 2);
	struct prefix at = {0};
	r->rules = &strict;
	assert_int_equal(round_all(r, &at, true, true), ERR_OK); /* what would it be? */
	assert_int_equal(r->changed, 1);
	assert_true(is_published(s->db, "192.0.2.1", NOW, &p));
	at = (struct prefix){0};
	assert_int_equal(round_all(r, &at, true, false), ERR_OK);
	assert_int_equal(at.ip.family, 0);
	assert_int_equal(r->taken, 2);
	assert_int_equal(r->changed, 1);
	assert_int_equal(r->changes[0].kind, ROUND_delisted);
	assert_int_equal(r->changes[0].row.as, WEIGHED_too_little);
	assert_false(is_published(s->db, "192.0.2.1", NOW, &p));
	assert_true(is_published(s->db, "2001:db8::", NOW, &p));
}

static void who_was_removed_on_request_has_half_the_way_back(void **state)
{
	struct store_test *s = *state;
	struct assess_rules rules = lab_rules();
	struct prefix unit = list_test_unit("192.0.2.1");
	struct published p;
	int64_t again;
	for (unsigned i = 1; i <= 3; i++) bounce(s->db, "192.0.2.1", i, NOW);
	round_at(s->db, &rules, NOW);
	assert_int_equal(weighed_remove(s->db, &unit.ip, NOW + 1, false, &again), ERR_OK);
	assert_false(is_published(s->db, "192.0.2.1", NOW + 1, &p));
	bounce(s->db, "192.0.2.1", 1, NOW + 2);
	round_at(s->db, &rules, NOW + 2);
	assert_false(is_published(s->db, "192.0.2.1", NOW + 2, &p));
	bounce(s->db, "192.0.2.1", 2, NOW + 3);
	struct round *r = round_at(s->db, &rules, NOW + 3);
	assert_true(is_published(s->db, "192.0.2.1", NOW + 3, &p));
	assert_int_equal(r->changes[0].row.as, WEIGHED_again);
	assert_int_equal(r->changes[0].row.expires, NOW + 3 + 28 * DAY);
	assert_int_equal(r->changes[0].row.times, 2);
}

static void addresses_of_one_64_are_one_sender(void **state)
{
	struct store_test *s = *state;
	struct assess_rules rules = lab_rules();
	struct published p;
	for (unsigned i = 1; i <= 3; i++) {
		char ip[40];
		snprintf(ip, sizeof ip, "2a00:1:2:3:%x::1", i);
		bounce(s->db, ip, i, NOW);
		snprintf(ip, sizeof ip, "2a00:1:2:%x::1", 0x10 + i);
		bounce(s->db, ip, i, NOW);
	}
	struct round *r = round_at(s->db, &rules, NOW);
	assert_int_equal(r->taken, 4);
	assert_int_equal(r->changed, 1);
	assert_true(is_published(s->db, "2a00:1:2:3:ffff::", NOW, &p));
	assert_false(is_published(s->db, "2a00:1:2:11::1", NOW, &p));
}

static void one_ordinary_message_takes_a_sender_out_of_any(void **state)
{
	struct store_test *s = *state;
	struct assess_rules rules = lab_rules();
	struct published p;
	struct exposure_count one = {list_test_unit("192.0.2.1"), 1};
	for (unsigned i = 0; i < 30; i++) bounce(s->db, "192.0.2.1", i, NOW + i / 10 * DAY);
	round_at(s->db, &rules, NOW + 2 * DAY);
	assert_true(is_published(s->db, "192.0.2.1", NOW + 2 * DAY, &p));
	assert_int_equal(p.flags, PUBLISHED_ANY);
	assert_int_equal(exposure_add(s->db, &one, 1, NOW + 2 * DAY), ERR_OK);
	struct round *r = round_at(s->db, &rules, NOW + 2 * DAY);
	assert_int_equal(r->changed, 1);
	assert_int_equal(r->changes[0].kind, ROUND_changed);
	assert_true(is_published(s->db, "192.0.2.1", NOW + 2 * DAY, &p));
	assert_int_equal(p.flags, 0);
	assert_int_equal(p.grade, GRADE_mostly);
}

/* Who has nothing but traps sees no ordinary mail of anybody, a large provider's neither. */
static void who_sees_little_ordinary_mail_says_of_nobody_that_he_sends_none(void **state)
{
	struct store_test *s = *state;
	struct assess_rules rules = lab_rules();
	struct published p;
	struct exposure_count others[] = {{list_test_unit("198.51.100.1"), 1}, {list_test_unit("198.51.100.2"), 1}};
	rules.policy.any_senders = 2;
	for (unsigned i = 0; i < 30; i++) bounce(s->db, "192.0.2.1", i, NOW + i / 10 * DAY);
	round_at(s->db, &rules, NOW + 2 * DAY);
	assert_true(is_published(s->db, "192.0.2.1", NOW + 2 * DAY, &p));
	assert_int_equal(p.flags, 0);
	assert_int_equal(exposure_add(s->db, others, 2, NOW + 2 * DAY), ERR_OK);
	bounce(s->db, "192.0.2.1", 31, NOW + 3 * DAY);
	round_at(s->db, &rules, NOW + 3 * DAY);
	assert_true(is_published(s->db, "192.0.2.1", NOW + 3 * DAY, &p));
	assert_int_equal(p.flags, PUBLISHED_ANY);
	/* That it tried to send other things is enough to take it out. */
	struct exposure_count tried = {list_test_unit("192.0.2.1"), 0};
	assert_int_equal(exposure_add(s->db, &tried, 1, NOW + 3 * DAY), ERR_OK);
	round_at(s->db, &rules, NOW + 3 * DAY);
	assert_true(is_published(s->db, "192.0.2.1", NOW + 3 * DAY, &p));
	assert_int_equal(p.flags, 0);
}

/* While more acts come each day, what is published changes once a day at most: secondaries are not kept busy. */
static void a_listing_that_only_gets_longer_changes_once_a_day(void **state)
{
	struct store_test *s = *state;
	struct assess_rules rules = lab_rules();
	for (unsigned i = 0; i < 10; i++) bounce(s->db, "192.0.2.1", i, NOW);
	round_at(s->db, &rules, NOW);
	struct db_txn *t = list_test_read(s->db);
	uint32_t serial = published_serial(t);
	db_end_read(t);
	for (unsigned i = 1; i <= 40; i++) {
		bounce(s->db, "192.0.2.1", 100 + i, NOW + 2400 * i); /* into the next day */
		struct round *r = round_at(s->db, &rules, NOW + 2400 * i);
		assert_int_equal(r->taken, 1);
	}
	t = list_test_read(s->db);
	assert_in_range(published_serial(t) - serial, 1, 2);
	db_end_read(t);
}

/* An act later than now does not count yet. */
static void the_time_is_the_one_that_is_given(void **state)
{
	struct store_test *s = *state;
	struct assess_rules rules = lab_rules();
	struct published p;
	for (unsigned i = 1; i <= 3; i++) bounce(s->db, "192.0.2.1", i, NOW + i * DAY);
	struct round *r = round_at(s->db, &rules, NOW + 2 * DAY);
	assert_int_equal(r->changed, 0);
	struct prefix at = {0};
	r->now = NOW + 3 * DAY;
	assert_int_equal(round_all(r, &at, false, false), ERR_OK);
	assert_true(is_published(s->db, "192.0.2.1", r->now, &p));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LIST_TEST(evidence_becomes_a_listing_and_decays),
		LIST_TEST(a_round_that_is_cut_off_is_done_by_the_next_keeper),
		LIST_TEST(many_units_are_weighed_in_several_rounds),
		LIST_TEST(listings_by_hand_expire),
		LIST_TEST(who_may_not_be_listed_is_not),
		LIST_TEST(other_rules_weigh_everything_again),
		LIST_TEST(who_was_removed_on_request_has_half_the_way_back),
		LIST_TEST(addresses_of_one_64_are_one_sender),
		LIST_TEST(one_ordinary_message_takes_a_sender_out_of_any),
		LIST_TEST(who_sees_little_ordinary_mail_says_of_nobody_that_he_sends_none),
		LIST_TEST(a_listing_that_only_gets_longer_changes_once_a_day),
		LIST_TEST(the_time_is_the_one_that_is_given),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
