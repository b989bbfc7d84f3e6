/* SPDX-License-Identifier: Apache-2.0 */
#include "store/listings.h"

#include "store/store_test.h"

static int setup(void **state)
{
	*state = store_test_begin(DB_STATE);
	return 0;
}

static int teardown(void **state)
{
	store_test_end(*state);
	return 0;
}

static struct ip parse(const char *text)
{
	struct ip ip;
	assert_true(ip_parse(slice_str(text), &ip));
	return ip;
}

static void add(struct db *db, const char *text, int64_t expires, const char *reason)
{
	struct ip ip = parse(text);
	struct listing l = {.unit = ip_unit(&ip),
	                    .flags = LISTING_MANUAL,
	                    .created = 100,
	                    .expires = expires,
	                    .reason = slice_str(reason)};
	assert_int_equal(listings_add(db, &l), ERR_OK);
}

static void look_ups_find_the_unit(void **state)
{
	struct store_test *s = *state;
	add(s->db, "192.0.2.1", 0, "spams us");
	add(s->db, "2001:db8:0:1::5", 1000, "");
	static const struct {
		const char *ip;
		int64_t now;
		bool listed;
		const char *reason;
	} cases[] = {
		{"192.0.2.1", 5000, true, "spams us"},        {"192.0.2.2", 5000, false, ""},
		{"::ffff:192.0.2.1", 5000, true, "spams us"}, {"2001:db8:0:1::5", 999, true, ""},
		{"2001:db8:0:1:ffff::", 999, true, ""},       {"2001:db8:0:1::5", 1000, false, ""},
		{"2001:db8:0:2::5", 999, false, ""},          {"::", 999, false, ""},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct ip ip = parse(cases[i].ip);
		struct listing l;
		char reason[256];
		assert_int_equal(listings_lookup(s->db, &ip, cases[i].now, &l, reason), cases[i].listed);
		if (!cases[i].listed) continue;
		assert_string_equal(reason, cases[i].reason);
		assert_int_equal(l.flags, LISTING_MANUAL);
		assert_int_equal(l.created, 100);
		assert_true(prefix_contains(&l.unit, &ip));
	}
	struct ip none = {0};
	struct listing l;
	char reason[256];
	assert_false(listings_lookup(s->db, &none, 0, &l, reason));
	assert_int_equal(listings_remove(s->db, &none), ERR_INVALID);
}

static void listings_are_replaced_and_removed(void **state)
{
	struct store_test *s = *state;
	struct ip ip = parse("192.0.2.1");
	struct listing l;
	char reason[256], lengthy[400];
	memset(lengthy, 'x', sizeof lengthy);
	lengthy[399] = '\0';
	add(s->db, "192.0.2.1", 0, "one");
	add(s->db, "192.0.2.1", 0, lengthy);
	assert_true(listings_lookup(s->db, &ip, 0, &l, reason));
	assert_int_equal(strlen(reason), 255);
	assert_int_equal(listings_remove(s->db, &ip), ERR_OK);
	assert_int_equal(listings_remove(s->db, &ip), ERR_NOT_FOUND);
	assert_false(listings_lookup(s->db, &ip, 0, &l, reason));
}

struct seen {
	unsigned n, stop_at, v6;
};

static bool see(const struct listing *l, void *arg)
{
	struct seen *s = arg;
	s->v6 += l->unit.ip.family == AF_INET6 && l->unit.length == 64;
	return ++s->n != s->stop_at;
}

static void all_are_shown(void **state)
{
	struct store_test *s = *state;
	static const unsigned counts[] = {0, 1, 64, 65, 130};
	unsigned stored = 0;
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		for (; stored < counts[i]; stored++) {
			char text[40];
			snprintf(text, sizeof text, stored % 2 ? "2001:db8:0:%x::" : "192.0.2.%d", stored);
			add(s->db, text, 0, "r");
		}
		struct seen all = {0}, few = {.stop_at = 3};
		assert_int_equal(listings_each(s->db, see, &all), ERR_OK);
		assert_int_equal(all.n, stored);
		assert_int_equal(all.v6, stored / 2);
		assert_int_equal(listings_each(s->db, see, &few), ERR_OK);
		assert_int_equal(few.n, stored < 3 ? stored : 3);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(look_ups_find_the_unit),
		T(listings_are_replaced_and_removed),
		T(all_are_shown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
