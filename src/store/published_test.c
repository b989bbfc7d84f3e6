/* SPDX-License-Identifier: Apache-2.0 */
#include "store/published.h"

#include "store/due.h"
#include "store/list_test.h"
#include "store/listings.h"
#include "store/meta.h"
#include "store/publish.h"

#define NOW 1800000000LL

static void list(struct db *db, const char *unit, int64_t expires)
{
	struct listing l = {.unit = list_test_unit(unit), .flags = LISTING_MANUAL, .created = NOW, .expires = expires};
	assert_int_equal(listings_add(db, &l), ERR_OK);
}

static void unlist(struct db *db, const char *unit)
{
	struct prefix p = list_test_unit(unit);
	assert_int_equal(listings_remove(db, &p.ip), ERR_OK);
}

static uint32_t serial(struct db *db)
{
	struct db_txn *t = list_test_read(db);
	uint32_t n = published_serial(t);
	db_end_read(t);
	return n;
}

static bool get(struct db *db, const char *text, int64_t now, struct published *out)
{
	struct ip ip;
	char key[PUBLISHED_KEY_MOST];
	assert_true(ip_parse(slice_str(text), &ip));
	size_t n = published_key(&ip, key);
	struct db_txn *t = list_test_read(db);
	bool found = published_get(t, slice_of(key, n), now, out);
	db_end_read(t);
	return found;
}

static void keys_are_units(void **state)
{
	static const struct {
		const char *ip;
		size_t n;
		const char *unit;
	} cases[] = {{"192.0.2.1", 4, "192.0.2.1"},
	             {"::ffff:192.0.2.1", 4, "192.0.2.1"},
	             {"2001:db8::1", 8, "2001:db8::"}};
	char key[PUBLISHED_KEY_MOST], text[IP_TEXT_SIZE];
	struct prefix unit;
	struct ip ip;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_true(ip_parse(slice_str(cases[i].ip), &ip));
		size_t n = published_key(&ip, key);
		assert_int_equal(n, cases[i].n);
		assert_true(published_key_unit(slice_of(key, n), &unit));
		assert_string_equal(ip_text(&unit.ip, text), cases[i].unit);
		assert_int_equal(unit.length, n * 8);
	}
	struct ip raw = {.family = AF_INET6, .octets = {[10] = 0xff, [11] = 0xff, 192, 0, 2, 1}}, none = {0};
	assert_int_equal(published_key(&raw, key), 4);
	assert_memory_equal(key, "\xc0\0\2\1", 4);
	assert_int_equal(published_key(&none, key), 0);
	assert_false(published_key_unit(SLICE("12345"), &unit));
}

static void what_is_listed_is_answered_until_its_time_is_over(void **state)
{
	struct store_test *s = *state;
	struct published p;
	list(s->db, "192.0.2.1", 0);
	list(s->db, "2001:db8::1", NOW + 10);
	assert_true(get(s->db, "192.0.2.1", NOW, &p));
	assert_int_equal(p.flags, PUBLISHED_MANUAL);
	assert_int_equal(p.classes, 0);
	assert_int_equal(p.expires, 0);
	assert_true(get(s->db, "2001:db8::ffff", NOW + 9, &p));
	assert_int_equal(p.expires, NOW + 10);
	assert_false(get(s->db, "2001:db8::ffff", NOW + 10, &p));
	assert_false(get(s->db, "2001:db8:0:1::", NOW, &p));
	assert_false(get(s->db, "192.0.2.2", NOW, &p));
	unlist(s->db, "192.0.2.1");
	assert_false(get(s->db, "192.0.2.1", NOW, &p));
}

struct walked {
	char text[512];
	int left;
	char last[PUBLISHED_KEY_MOST];
	size_t last_n;
};

static bool walk(struct slice key, const struct published *p, void *arg)
{
	struct walked *w = arg;
	struct prefix unit;
	char ip[IP_TEXT_SIZE];
	assert_true(published_key_unit(key, &unit));
	strcat(strcat(w->text, ip_text(&unit.ip, ip)), " ");
	memcpy(w->last, key.p, key.n);
	w->last_n = key.n;
	return --w->left != 0;
}

static void the_list_is_walked_in_order_and_in_stretches(void **state)
{
	struct store_test *s = *state;
	static const char whole[] = "1.2.3.4 32.1.13.184 192.0.2.1 2001:db8:: 2001:db8:0:1:: ";
	list(s->db, "2001:db8:0:1::", 0);
	list(s->db, "192.0.2.1", 0);
	list(s->db, "32.1.13.184", 0); /* the first octets of 2001:db8:: */
	list(s->db, "2001:db8::", 0);
	list(s->db, "1.2.3.4", 0);
	list(s->db, "9.9.9.9", NOW - 1);
	struct db_txn *t = list_test_read(s->db);
	assert_int_equal(published_count(t), 6);
	for (int step = 1; step <= 6; step++) {
		struct walked w = {.left = 0};
		size_t before;
		do {
			w.left = step;
			before = strlen(w.text);
			assert_int_equal(published_each(t, slice_of(w.last, w.last_n), NOW, walk, &w), ERR_OK);
		} while (strlen(w.text) > before);
		assert_string_equal(w.text, whole);
	}
	db_end_read(t);
}

struct changes {
	char text[512];
	uint32_t first, last;
};

static bool change(const struct published_change *c, void *arg)
{
	struct changes *x = arg;
	struct prefix unit;
	char ip[IP_TEXT_SIZE];
	assert_true(published_key_unit(c->key, &unit));
	snprintf(x->text + strlen(x->text), sizeof x->text - strlen(x->text), "%s%s%s ", c->had ? "-" : "",
	         c->has ? "+" : "", ip_text(&unit.ip, ip));
	if (!x->first) x->first = c->serial;
	x->last = c->serial;
	return true;
}

static void the_journal_tells_each_change_once_with_its_serial(void **state)
{
	struct store_test *s = *state;
	assert_int_equal(serial(s->db), 1);
	list(s->db, "192.0.2.1", 0);
	list(s->db, "192.0.2.1", 0); /* changes nothing that is published */
	assert_int_equal(serial(s->db), 2);
	list(s->db, "2001:db8::1", 0);
	list(s->db, "192.0.2.1", NOW + 5);
	unlist(s->db, "192.0.2.1");
	assert_int_equal(serial(s->db), 5);
	static const struct {
		uint32_t since;
		enum error err;
		const char *text;
	} cases[] = {
		{1, ERR_OK, "+192.0.2.1 +2001:db8:: -+192.0.2.1 -192.0.2.1 "},
		{3, ERR_OK, "-+192.0.2.1 -192.0.2.1 "},
		{5, ERR_OK, ""},
		{6, ERR_NOT_FOUND, ""},
		{0, ERR_NOT_FOUND, ""},
		{UINT32_MAX, ERR_NOT_FOUND, ""},
	};
	struct db_txn *t = list_test_read(s->db);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct changes x = {0};
		assert_int_equal(published_changes(t, cases[i].since, change, &x), cases[i].err);
		assert_string_equal(x.text, cases[i].text);
		if (*x.text) assert_int_equal(x.first, cases[i].since + 1);
		if (*x.text) assert_int_equal(x.last, 5);
	}
	db_end_read(t);
}

static enum error set_changes(struct db_txn *t, void *arg)
{
	return meta_put(t, SLICE("list_changes"), *(uint64_t *)arg);
}

static void the_serial_wraps_around_and_is_never_0(void **state)
{
	struct store_test *s = *state;
	uint64_t changes = UINT32_MAX - 2;
	list_test_update(s->db, set_changes, &changes);
	assert_int_equal(serial(s->db), UINT32_MAX - 1);
	list(s->db, "192.0.2.1", 0);
	assert_int_equal(serial(s->db), UINT32_MAX);
	list(s->db, "192.0.2.2", 0);
	assert_int_equal(serial(s->db), 1);
	list(s->db, "192.0.2.3", 0);
	struct db_txn *t = list_test_read(s->db);
	struct changes x = {0};
	assert_int_equal(published_changes(t, UINT32_MAX - 1, change, &x), ERR_OK);
	assert_string_equal(x.text, "+192.0.2.1 +192.0.2.2 +192.0.2.3 ");
	assert_int_equal(x.first, UINT32_MAX);
	assert_int_equal(x.last, 2);
	db_end_read(t);
}

/* A hundred thousand listings in order: fast, compact, and the journal keeps no more than it may. */
static void many_listings_are_compact_and_the_journal_is_bounded(void **state)
{
	enum { MANY = PUBLISHED_JOURNAL + 5000 };
	struct store_test *s = *state;
	struct listing *all = calloc(MANY, sizeof *all);
	assert_non_null(all);
	for (uint32_t i = 0; i < MANY; i++) {
		uint32_t address = htobe32(0x0a000000 + i);
		all[i] = (struct listing){.unit = {{.family = AF_INET}, 32}, .flags = LISTING_MANUAL, .created = NOW};
		memcpy(all[i].unit.ip.octets, &address, 4);
	}
	assert_int_equal(listings_add_many(s->db, all, MANY), ERR_OK);
	free(all);
	struct db_txn *t = list_test_read(s->db);
	struct changes x = {0};
	assert_int_equal(published_count(t), MANY);
	assert_int_equal(db_count(t, DB_list_journal), PUBLISHED_JOURNAL);
	assert_in_range(db_table_size(t, DB_published), 1, MANY * 24ull);
	assert_int_equal(published_changes(t, 1, change, &x), ERR_NOT_FOUND);
	assert_int_equal(published_changes(t, 5000, change, &x), ERR_NOT_FOUND);
	assert_int_equal(published_changes(t, MANY, change, &x), ERR_OK);
	assert_int_equal(x.last, MANY + 1);
	db_end_read(t);
}

/* What a release that knew no published table left behind. */
static enum error as_before(struct db_txn *t, void *arg)
{
	static const char key[] = {4, (char)192, 0, 2, 7};
	static const char row[] = {1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 'x'};
	return db_put(t, DB_listings, slice_of(key, sizeof key), slice_of(row, sizeof row));
}

static void listings_of_an_older_release_are_published_by_the_first_change(void **state)
{
	struct store_test *s = *state;
	struct published p;
	list_test_update(s->db, as_before, NULL);
	assert_false(get(s->db, "192.0.2.7", NOW, &p));
	list(s->db, "192.0.2.8", 0);
	assert_true(get(s->db, "192.0.2.7", NOW, &p));
	assert_int_equal(serial(s->db), 3);
	assert_int_equal(listings_upgrade(s->db), ERR_OK);
	assert_int_equal(serial(s->db), 3);
}

struct dues {
	int64_t now;
	struct due rows[4];
	size_t n;
};

static enum error take_due(struct db_txn *t, void *arg)
{
	struct dues *d = arg;
	enum error err = due_take(t, d->now, d->rows, 4, &d->n);
	for (size_t i = 0; i < d->n && !err; i++) err = listings_expire(t, &d->rows[i].unit.ip, d->now);
	return err;
}

static void what_expires_is_due_in_order_and_taken_away(void **state)
{
	struct store_test *s = *state;
	struct published p;
	list(s->db, "192.0.2.2", NOW + 20);
	list(s->db, "192.0.2.1", NOW + 10);
	list(s->db, "192.0.2.3", NOW + 10);
	list(s->db, "192.0.2.3", NOW + 30); /* later after all */
	list(s->db, "192.0.2.4", NOW + 10);
	list(s->db, "192.0.2.4", 0);
	list(s->db, "192.0.2.5", NOW + 5);
	unlist(s->db, "192.0.2.5");
	struct dues d = {.now = NOW + 9};
	list_test_update(s->db, take_due, &d);
	assert_int_equal(d.n, 0);
	d.now = NOW + 20;
	list_test_update(s->db, take_due, &d);
	assert_int_equal(d.n, 2);
	assert_int_equal(d.rows[0].when, NOW + 10);
	assert_true(d.rows[0].manual);
	assert_false(get(s->db, "192.0.2.1", 0, &p)); /* not even then */
	assert_true(get(s->db, "192.0.2.3", 0, &p) && get(s->db, "192.0.2.4", 0, &p));
	struct db_txn *t = list_test_read(s->db);
	assert_int_equal(due_first(t, d.rows), ERR_OK);
	assert_int_equal(d.rows[0].when, NOW + 30);
	db_end_read(t);
}

static void every_grade_has_a_name_and_a_sentence(void **state)
{
	for (enum grade g = 0; g < GRADE_COUNT; g++) assert_true(*grade_name(g) && *grade_sentence(g));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_units),
		LIST_TEST(what_is_listed_is_answered_until_its_time_is_over),
		LIST_TEST(the_list_is_walked_in_order_and_in_stretches),
		LIST_TEST(the_journal_tells_each_change_once_with_its_serial),
		LIST_TEST(the_serial_wraps_around_and_is_never_0),
		LIST_TEST(many_listings_are_compact_and_the_journal_is_bounded),
		LIST_TEST(listings_of_an_older_release_are_published_by_the_first_change),
		LIST_TEST(what_expires_is_due_in_order_and_taken_away),
		cmocka_unit_test(every_grade_has_a_name_and_a_sentence),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
