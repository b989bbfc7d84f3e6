/* SPDX-License-Identifier: Apache-2.0 */
#include "store/acts.h"

#include "store/list_test.h"

#define DAY  86400LL
#define NOON (20000 * DAY + DAY / 2)

static struct act bounce(const char *from, uint64_t target, int64_t time)
{
	return (struct act){.unit = list_test_unit(from),
	                    .class = ACT_bounce,
	                    .witness = WITNESSED_trap,
	                    .time = time,
	                    .target = target};
}

static void add(struct db *db, struct act a)
{
	assert_int_equal(acts_add(db, &a, 1), ERR_OK);
}

struct seen {
	struct act rows[300];
	char specimens[300][64];
	size_t n, stop_at;
};

static bool see(const struct act *a, void *arg)
{
	struct seen *s = arg;
	assert_true(s->n < sizeof s->rows / sizeof *s->rows);
	snprintf(s->specimens[s->n], 64, "%.*s", SLICE_ARG(a->specimen));
	s->rows[s->n++] = *a;
	return s->n != s->stop_at;
}

static size_t all_of(struct db *db, const char *unit, struct seen *out)
{
	struct prefix p = list_test_unit(unit);
	struct db_txn *t = list_test_read(db);
	*out = (struct seen){0};
	assert_int_equal(acts_each_of(t, &p, see, out), ERR_OK);
	db_end_read(t);
	return out->n;
}

static size_t all(struct db *db)
{
	struct seen s = {0};
	struct db_txn *t = list_test_read(db);
	assert_int_equal(acts_each(t, see, &s), ERR_OK);
	db_end_read(t);
	return s.n;
}

struct taking {
	struct prefix units[8];
	size_t n, taken;
};

static enum error take_new(struct db_txn *t, void *arg)
{
	struct taking *x = arg;
	return acts_take_new(t, x->units, x->n, &x->taken);
}

static struct taking take(struct db *db, size_t n)
{
	struct taking x = {.n = n};
	list_test_update(db, take_new, &x);
	return x;
}

static void an_act_is_kept_with_all_that_is_known(void **state)
{
	struct store_test *s = *state;
	struct seen seen;
	struct act a = {.unit = list_test_unit("192.0.2.1"),
	                .class = ACT_challenge,
	                .witness = WITNESSED_report,
	                .time = NOON,
	                .target = 42,
	                .reporter = SLICE("acme"),
	                .specimen = SLICE("From: <>\n")};
	assert_int_equal(acts_add(s->db, &a, 1), ERR_OK);
	assert_int_equal(all_of(s->db, "192.0.2.1", &seen), 1);
	const struct act *row = &seen.rows[0];
	assert_int_equal(row->class, ACT_challenge);
	assert_int_equal(row->witness, WITNESSED_report);
	assert_int_equal(row->strength, 60);
	assert_int_equal(row->time, NOON);
	assert_int_equal(row->last, NOON);
	assert_int_equal(row->count, 1);
	assert_int_equal(row->target, 42);
	assert_int_equal(row->id, a.id);
	assert_int_equal(row->id >> 20, NOON * 1000);
	assert_true(ip_equal(&row->unit.ip, &a.unit.ip));
	assert_string_equal(seen.specimens[0], "From: <>\n");
	assert_int_equal(all_of(s->db, "192.0.2.2", &seen), 0);
}

static void the_same_on_a_day_is_one_row_with_a_count(void **state)
{
	struct store_test *s = *state;
	struct seen seen;
	add(s->db, bounce("192.0.2.1", 1, NOON));
	add(s->db, bounce("192.0.2.1", 1, NOON + 60));
	add(s->db, bounce("192.0.2.1", 2, NOON + 60));
	struct act many = bounce("192.0.2.1", 1, NOON + 30);
	many.count = 10;
	add(s->db, many);
	add(s->db, bounce("192.0.2.1", 1, NOON + DAY));
	struct act other = bounce("192.0.2.1", 1, NOON + 90);
	other.reporter = SLICE("x");
	add(s->db, other);
	assert_int_equal(all_of(s->db, "192.0.2.1", &seen), 4);
	assert_int_equal(seen.rows[0].count, 12);
	assert_int_equal(seen.rows[0].time, NOON);
	assert_int_equal(seen.rows[0].last, NOON + 60);
	assert_int_equal(seen.rows[1].target, 2);
	assert_int_equal(seen.rows[2].reporter.n, 1);
	assert_int_equal(seen.rows[3].time, NOON + DAY);
}

static void a_flood_of_one_day_has_a_bounded_number_of_rows_and_a_whole_count(void **state)
{
	struct store_test *s = *state;
	struct seen seen;
	struct act acts[200];
	for (unsigned i = 0; i < 200; i++) acts[i] = bounce("192.0.2.1", i, NOON + i / 100);
	assert_int_equal(acts_add(s->db, acts, 200), ERR_OK);
	assert_int_equal(all_of(s->db, "192.0.2.1", &seen), ACTS_OF_DAY_REST);
	uint64_t sum = 0;
	for (size_t i = 0; i < seen.n; i++) sum += seen.rows[i].count;
	assert_int_equal(sum, 200);
	assert_int_equal(seen.rows[ACTS_OF_DAY_REST - 1].last, NOON + 1);
	for (size_t i = 1; i < seen.n; i++) assert_true(seen.rows[i].id > seen.rows[i - 1].id);
}

/* Bounces are seen behind however many callouts, and what we see behind whatever others report. */
static void kinds_do_not_crowd_each_other_out(void **state)
{
	struct store_test *s = *state;
	struct seen seen;
	struct act acts[200];
	for (unsigned i = 0; i < 200; i++) {
		acts[i] = bounce("192.0.2.1", i, NOON);
		if (i % 2) acts[i].reporter = SLICE("carl");
		if (i % 2 == 0) acts[i].class = ACT_callout;
	}
	assert_int_equal(acts_add(s->db, acts, 200), ERR_OK);
	add(s->db, bounce("192.0.2.1", 7, NOON + 1));
	add(s->db, bounce("192.0.2.1", 8, NOON + 1));
	assert_int_equal(all_of(s->db, "192.0.2.1", &seen), ACTS_OF_DAY_EACH + ACTS_OF_DAY_REPORTER + 2);
	struct act other = bounce("192.0.2.1", 300, NOON + 2);
	other.reporter = SLICE("anna"); /* a second voice is heard */
	add(s->db, other);
	assert_int_equal(all_of(s->db, "192.0.2.1", &seen), ACTS_OF_DAY_EACH + ACTS_OF_DAY_REPORTER + 3);
	for (unsigned i = 0; i < 200; i++) {
		char name[16];
		snprintf(name, sizeof name, "r%u", i);
		other.reporter = slice_str(name);
		add(s->db, other);
	}
	assert_int_equal(all_of(s->db, "192.0.2.1", &seen), 2 * ACTS_OF_DAY_EACH + 2);
	unsigned own = 0, callouts = 0, reported = 0;
	for (size_t i = 0; i < seen.n; i++) {
		if (seen.rows[i].reporter.n)
			reported += seen.rows[i].count;
		else if (seen.rows[i].class == ACT_callout)
			callouts += seen.rows[i].count;
		else
			own += seen.rows[i].count;
	}
	assert_int_equal(own, 2);
	assert_int_equal(callouts, 100);
	assert_int_equal(reported, 301);
}

static void rows_are_in_order_of_time_whenever_they_came(void **state)
{
	struct store_test *s = *state;
	struct seen seen = {0};
	struct prefix unit = list_test_unit("2001:db8::1");
	add(s->db, bounce("2001:db8::1", 1, NOON));
	add(s->db, bounce("2001:db8::2", 2, NOON - 3 * DAY));
	add(s->db, bounce("2001:db8:0:1::1", 3, NOON));
	assert_int_equal(all_of(s->db, "2001:db8::ffff", &seen), 2);
	assert_int_equal(seen.rows[0].target, 2);
	assert_int_equal(seen.rows[1].target, 1);
	struct db_txn *t = list_test_read(s->db);
	seen = (struct seen){0};
	assert_int_equal(acts_each_since(t, &unit, NOON - DAY, see, &seen), ERR_OK);
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.rows[0].target, 1);
	seen = (struct seen){.stop_at = 1};
	assert_int_equal(acts_each_after(t, &unit, see, &seen), ERR_OK);
	assert_int_equal(seen.rows[0].target, 3);
	db_end_read(t);
}

static void what_is_no_act_is_refused_and_nothing_of_its_batch_is_kept(void **state)
{
	struct store_test *s = *state;
	struct act acts[] = {bounce("192.0.2.1", 1, NOON), bounce("192.0.2.1", 1, -1)};
	assert_int_equal(acts_add(s->db, acts, 2), ERR_INVALID);
	acts[1] = bounce("192.0.2.1", 1, NOON);
	acts[1].unit = (struct prefix){0};
	assert_int_equal(acts_add(s->db, acts, 2), ERR_INVALID);
	assert_int_equal(all(s->db), 0);
	assert_int_equal(take(s->db, 8).taken, 0);
}

static void texts_are_cut(void **state)
{
	struct store_test *s = *state;
	struct seen seen;
	static char text[4096];
	memset(text, 'x', sizeof text);
	struct act a = bounce("192.0.2.1", 1, NOON);
	a.reporter = a.specimen = slice_of(text, sizeof text);
	add(s->db, a);
	add(s->db, a); /* is the same act, although its reporter was cut */
	assert_int_equal(all_of(s->db, "192.0.2.1", &seen), 1);
	assert_int_equal(seen.rows[0].reporter.n, ACT_REPORTER_MOST);
	assert_int_equal(seen.rows[0].specimen.n, ACT_SPECIMEN_MOST);
	assert_int_equal(seen.rows[0].count, 2);
}

static void the_queue_gives_each_unit_once_and_the_first_first(void **state)
{
	struct store_test *s = *state;
	add(s->db, bounce("192.0.2.9", 1, NOON));
	add(s->db, bounce("192.0.2.9", 2, NOON));
	add(s->db, bounce("192.0.2.1", 1, NOON));
	add(s->db, bounce("192.0.2.9", 3, NOON));
	add(s->db, bounce("2001:db8::1", 3, NOON));
	struct taking x = take(s->db, 2);
	assert_int_equal(x.taken, 2);
	struct prefix nine = list_test_unit("192.0.2.9"), one = list_test_unit("192.0.2.1");
	assert_true(ip_equal(&x.units[0].ip, &nine.ip));
	assert_true(ip_equal(&x.units[1].ip, &one.ip));
	x = take(s->db, 8);
	assert_int_equal(x.taken, 1);
	assert_int_equal(x.units[0].length, 64);
	assert_int_equal(take(s->db, 8).taken, 0);
	add(s->db, bounce("192.0.2.1", 9, NOON));
	assert_int_equal(take(s->db, 8).taken, 1);
}

static enum error queue_within(struct db_txn *t, void *arg)
{
	return acts_queue_within(t, arg);
}

static void units_of_a_prefix_are_queued_again(void **state)
{
	static const struct {
		const char *prefix;
		size_t units;
	} cases[] = {{"192.0.2.0/24", 2}, {"192.0.2.9", 1}, {"198.51.100.0/24", 0}, {"2001:db8::/32", 2}, {"::/0", 2}};
	struct store_test *s = *state;
	struct prefix p = {0};
	add(s->db, bounce("192.0.2.1", 1, NOON));
	add(s->db, bounce("192.0.2.1", 1, NOON + DAY));
	add(s->db, bounce("192.0.2.9", 1, NOON));
	add(s->db, bounce("192.0.3.0", 1, NOON));
	add(s->db, bounce("2001:db8::1", 1, NOON));
	add(s->db, bounce("2001:db8:1::1", 1, NOON));
	take(s->db, 8);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(prefix_parse(slice_str(cases[i].prefix), &p), ERR_OK);
		list_test_update(s->db, queue_within, &p);
		assert_int_equal(take(s->db, 8).taken, cases[i].units);
	}
	p = (struct prefix){0};
	list_test_update(s->db, queue_within, &p);
	assert_int_equal(take(s->db, 8).taken, 5);
}

struct drop {
	int64_t than;
	size_t most, dropped;
};

static enum error drop_older(struct db_txn *t, void *arg)
{
	struct drop *d = arg;
	return acts_drop_older(t, d->than, d->most, &d->dropped);
}

static enum error drop_of(struct db_txn *t, void *arg)
{
	return acts_drop_of(t, arg);
}

static void old_days_are_dropped_and_young_ones_stay(void **state)
{
	struct store_test *s = *state;
	struct seen seen;
	for (int day = 0; day < 5; day++)
		for (unsigned target = 0; target < 3; target++) {
			add(s->db, bounce("192.0.2.1", target, NOON + day * DAY));
			add(s->db, bounce("2001:db8::1", target, NOON + day * DAY));
		}
	struct drop d = {.than = NOON + 2 * DAY, .most = 100};
	list_test_update(s->db, drop_older, &d);
	assert_int_equal(d.dropped, 12); /* two whole days of two units */
	assert_int_equal(all_of(s->db, "192.0.2.1", &seen), 9);
	assert_int_equal(seen.rows[0].time, NOON + 2 * DAY);
	d = (struct drop){.than = NOON + 100 * DAY, .most = 1};
	list_test_update(s->db, drop_older, &d);
	assert_in_range(d.dropped, 1, 3);
	struct prefix unit = list_test_unit("2001:db8::1");
	list_test_update(s->db, drop_of, &unit);
	assert_int_equal(all_of(s->db, "2001:db8::1", &seen), 0);
	d = (struct drop){.than = NOON + 100 * DAY, .most = 100};
	list_test_update(s->db, drop_older, &d);
	assert_int_equal(all(s->db), 0);
	struct db_txn *t = list_test_read(s->db);
	assert_int_equal(db_count(t, DB_act_days), 0);
	db_end_read(t);
}

static void targets_are_hashed_with_a_key_of_this_installation(void **state)
{
	struct store_test *s = *state, *other = store_test_begin(DB_STATE);
	uint64_t a, b, c;
	assert_int_equal(act_target(s->db, SLICE("user@example.org"), &a), ERR_OK);
	assert_int_equal(act_target(s->db, SLICE("USER@example.org"), &b), ERR_OK);
	assert_int_equal(act_target(s->db, SLICE("user2@example.org"), &c), ERR_OK);
	assert_true(a == b && a != c);
	db_close(s->db);
	s->db = store_test_open(s->dir, DB_STATE, 0);
	assert_int_equal(act_target(s->db, SLICE("user@example.org"), &b), ERR_OK);
	assert_true(a == b);
	assert_int_equal(act_target(other->db, SLICE("user@example.org"), &b), ERR_OK);
	assert_true(a != b);
	store_test_end(other);
}

static void names_are_read_back(void **state)
{
	enum act_class c;
	enum witnessed w;
	for (enum act_class i = 0; i < ACT_CLASS_COUNT; i++) {
		assert_true(act_class_parse(slice_str(act_class_name(i)), &c) && c == i);
		assert_in_range(act_class_code(i), 2, 8);
		assert_true(*act_class_word(i));
	}
	for (enum witnessed i = 0; i < WITNESSED_COUNT; i++) {
		assert_true(witnessed_parse(slice_str(witnessed_name(i)), &w) && w == i);
		assert_in_range(witnessed_strength(i), 1, 100);
		assert_true(*witnessed_sentence(i));
	}
	assert_false(act_class_parse(SLICE("x"), &c));
	assert_false(witnessed_parse(SLICE(""), &w));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LIST_TEST(an_act_is_kept_with_all_that_is_known),
		LIST_TEST(the_same_on_a_day_is_one_row_with_a_count),
		LIST_TEST(a_flood_of_one_day_has_a_bounded_number_of_rows_and_a_whole_count),
		LIST_TEST(kinds_do_not_crowd_each_other_out),
		LIST_TEST(rows_are_in_order_of_time_whenever_they_came),
		LIST_TEST(what_is_no_act_is_refused_and_nothing_of_its_batch_is_kept),
		LIST_TEST(texts_are_cut),
		LIST_TEST(the_queue_gives_each_unit_once_and_the_first_first),
		LIST_TEST(units_of_a_prefix_are_queued_again),
		LIST_TEST(old_days_are_dropped_and_young_ones_stay),
		LIST_TEST(targets_are_hashed_with_a_key_of_this_installation),
		cmocka_unit_test(names_are_read_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
