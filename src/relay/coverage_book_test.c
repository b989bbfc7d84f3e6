/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/coverage_book.h"

#include "store/coverages.h"
#include "store/store_test.h"
#include "store/tenants.h"

#define NOW  INT64_C(1800000000)
#define HOUR COVERAGE_STORM_S

struct fixture {
	struct store_test *store;
	struct coverage_book *book;
	uint32_t acme, other;
	unsigned number; /* of Message-IDs */
};

static uint32_t add_tenant(struct db *db, const char *name, const char *domain)
{
	struct tenant_domain d = {.name = domain};
	struct tenant t = {.name = name, .domains = &d, .domain_count = 1, .enabled = true};
	char why[256];
	uint32_t id;
	assert_int_equal(tenants_put(db, &t, &id, why), ERR_OK);
	return id;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	f->store = store_test_begin(DB_STATE);
	f->acme = add_tenant(f->store->db, "acme", "acme.test");
	f->other = add_tenant(f->store->db, "other", "other.test");
	f->book = coverage_book_new(f->store->db);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	coverage_book_free(f->book);
	store_test_end(f->store);
	free(f);
	return 0;
}

/* n reports, each about a message of its own; the originals from so many networks in turn. Returns how many counted. */
static int add(struct fixture *f, uint32_t tenant, enum coverage_case what, int n, int networks, int64_t now)
{
	int counted = 0;
	for (int i = 0; i < n; i++) {
		char about[32];
		snprintf(about, sizeof about, "<%u@acme.test>", f->number++);
		struct coverage_event e = {.tenant = tenant, .what = what, .about = slice_str(about)};
		if (networks)
			e.origin = (struct ip){.family = AF_INET,
			                       .octets = {198, 51, (uint8_t)(i % networks), (uint8_t)i}};
		counted += coverage_book_add(f->book, &e, now);
	}
	return counted;
}

static struct coverage_sum stored(struct fixture *f, uint32_t tenant, int64_t now)
{
	char room[COVERAGES_MOST];
	size_t n;
	struct coverage c = {0};
	assert_int_equal(coverage_book_flush(f->book), ERR_OK);
	if (coverages_get(f->store->db, tenant, room, &n) == ERR_OK)
		assert_true(coverage_unpack(slice_of(room, n), &c));
	return coverage_sum(&c, now);
}

static void check(struct fixture *f, int64_t now, uint64_t ordinary, uint64_t confirmed)
{
	struct coverage_sum s = stored(f, f->acme, now);
	assert_int_equal(s.ordinary, ordinary);
	assert_int_equal(s.confirmed, confirmed);
}

static void what_is_counted_is_kept(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(add(f, f->acme, COVERAGE_NOT_COUNTED, 3, 0, NOW), 0);
	check(f, NOW, 0, 0);
	assert_int_equal(add(f, f->acme, COVERAGE_STRONG, 49, 0, NOW), 49);
	assert_false(coverage_book_complete(f->book, f->acme, true, NOW));
	assert_int_equal(add(f, f->acme, COVERAGE_WEAK, 1, 0, NOW), 1);
	assert_int_equal(add(f, f->other, COVERAGE_STRONG, 2, 0, NOW), 2);
	assert_true(coverage_book_complete(f->book, f->acme, true, NOW));
	assert_true(coverage_book_complete(f->book, f->acme, false, NOW)); /* 49 of 50 by strong witnesses */
	assert_false(coverage_book_complete(f->book, f->other, true, NOW));
	check(f, NOW, 50, 50);
	assert_int_equal(stored(f, f->other, NOW).strong, 2);
	coverage_book_free(f->book); /* as if the relay was started anew */
	f->book = coverage_book_new(f->store->db);
	assert_true(coverage_book_complete(f->book, f->acme, true, NOW));
	add(f, f->acme, COVERAGE_UNCONFIRMED, 3, 1, NOW + 1);
	assert_false(coverage_book_complete(f->book, f->acme, true, NOW + 1));
	check(f, NOW + 1, 53, 50);
	assert_false(coverage_book_complete(f->book, f->acme, true, NOW + 40 * INT64_C(86400)));
}

static void a_message_counts_once(void **state)
{
	struct fixture *f = *state;
	struct coverage_event e = {.tenant = f->acme, .what = COVERAGE_STRONG, .about = SLICE("<1@acme.test>")};
	assert_true(coverage_book_add(f->book, &e, NOW));
	assert_false(coverage_book_add(f->book, &e, NOW));
	e.tenant = f->other;
	assert_true(coverage_book_add(f->book, &e, NOW));
	e.tenant = f->acme;
	e.about = SLICE_EMPTY;
	assert_true(coverage_book_add(f->book, &e, NOW));
	assert_true(coverage_book_add(f->book, &e, NOW));
	check(f, NOW, 3, 3);
}

static void what_comes_during_a_storm_is_left_out(void **state)
{
	struct fixture *f = *state;
	add(f, f->acme, COVERAGE_STRONG, 100, 0, NOW - HOUR);
	add(f, f->acme, COVERAGE_STRONG, 1, 0, NOW);
	assert_int_equal(add(f, f->acme, COVERAGE_UNCONFIRMED, COVERAGE_STORM, 9, NOW + 60), COVERAGE_STORM);
	assert_false(coverage_book_complete(f->book, f->acme, true, NOW + 60));
	assert_int_equal(add(f, f->acme, COVERAGE_UNCONFIRMED, 1000, 9, NOW + 61), 0);
	assert_true(coverage_book_complete(f->book, f->acme, true, NOW + 61));
	check(f, NOW + 61, 100, 100); /* the hour's own were taken back */
	assert_int_equal(add(f, f->acme, COVERAGE_STRONG, 5, 0, NOW + 62), 0);
	assert_int_equal(add(f, f->other, COVERAGE_UNCONFIRMED, 1, 1, NOW + 62), 1); /* it is not their storm */
	/* the hour after it is calm, and ends it */
	assert_int_equal(add(f, f->acme, COVERAGE_STRONG, 5, 0, NOW + HOUR), 0);
	assert_int_equal(add(f, f->acme, COVERAGE_UNCONFIRMED, 5, 9, NOW + HOUR + 1), 0);
	assert_int_equal(add(f, f->acme, COVERAGE_STRONG, 5, 0, NOW + 2 * HOUR), 5);
	check(f, NOW + 2 * HOUR, 105, 105);
}

static void a_storm_lasts_while_it_blows(void **state)
{
	struct fixture *f = *state;
	for (int hour = 0; hour < 5; hour++) {
		int n = add(f, f->acme, COVERAGE_UNCONFIRMED, 100, 9, NOW + hour * HOUR);
		assert_int_equal(n, hour ? 0 : COVERAGE_STORM);
		assert_int_equal(add(f, f->acme, COVERAGE_STRONG, 1, 0, NOW + hour * HOUR), 0);
	}
	check(f, NOW + 4 * HOUR, 0, 0);
	/* nothing came for a long time */
	assert_int_equal(add(f, f->acme, COVERAGE_STRONG, 1, 0, NOW + 9 * HOUR), 1);
}

/* A service that the tenant uses, and that we do not know of: what it causes must count. */
static void what_one_sender_causes_is_no_storm(void **state)
{
	struct fixture *f = *state;
	add(f, f->acme, COVERAGE_STRONG, 1000, 0, NOW - HOUR);
	assert_int_equal(add(f, f->acme, COVERAGE_UNCONFIRMED, 200, COVERAGE_STORM_ORIGINS - 1, NOW), 200);
	assert_false(coverage_book_complete(f->book, f->acme, true, NOW));
	check(f, NOW, 1200, 1000);
}

/* Whoever makes up bounces does not end the coverage; and what comes from there is not judged by silence. */
static void few_count_of_one_reporter(void **state)
{
	struct fixture *f = *state;
	struct coverage_event e = {.tenant = f->acme, .what = COVERAGE_UNCONFIRMED, .about = SLICE_EMPTY};
	unsigned counted = 0;
	assert_true(ip_parse(SLICE("203.0.113.9"), &e.reporter));
	add(f, f->acme, COVERAGE_STRONG, 200, 0, NOW);
	assert_false(coverage_book_odd(f->book, f->acme, &e.reporter, NOW));
	for (int i = 0; i < 1000; i++) counted += coverage_book_add(f->book, &e, NOW + i * HOUR / 100);
	assert_int_equal(counted, REPORTER_CASES);
	assert_true(coverage_book_complete(f->book, f->acme, true, NOW + 10 * HOUR));
	check(f, NOW + 10 * HOUR, 203, 200);
	coverage_book_free(f->book); /* as if the relay was started anew */
	f->book = coverage_book_new(f->store->db);
	assert_true(coverage_book_odd(f->book, f->acme, &e.reporter, NOW + 10 * HOUR));
	assert_false(coverage_book_odd(f->book, f->other, &e.reporter, NOW + 10 * HOUR));
	assert_false(coverage_book_add(f->book, &e, NOW + 10 * HOUR));
	e.what = COVERAGE_STRONG;
	for (int i = 0; i < REPORTER_SHARE; i++) assert_true(coverage_book_add(f->book, &e, NOW + 10 * HOUR));
	e.what = COVERAGE_UNCONFIRMED;
	assert_false(coverage_book_odd(f->book, f->acme, &e.reporter, NOW + 10 * HOUR));
	assert_true(coverage_book_add(f->book, &e, NOW + 10 * HOUR));
}

/* A storm says nothing of its reporters. */
static void a_storm_makes_nobody_odd(void **state)
{
	struct fixture *f = *state;
	struct ip reporter;
	assert_true(ip_parse(SLICE("203.0.113.9"), &reporter));
	for (unsigned i = 0; i < 100; i++) {
		struct coverage_event e = {.tenant = f->acme,
		                           .what = COVERAGE_UNCONFIRMED,
		                           .about = SLICE_EMPTY,
		                           .reporter = reporter,
		                           .origin = {.family = AF_INET, .octets = {198, 51, (uint8_t)i, 1}}};
		coverage_book_add(f->book, &e, NOW);
	}
	assert_false(coverage_book_odd(f->book, f->acme, &reporter, NOW));
	check(f, NOW, 0, 0);
}

static void what_a_newer_release_wrote_is_left(void **state)
{
	struct fixture *f = *state;
	char room[COVERAGES_MOST];
	size_t n;
	struct coverages_row row = {f->acme, SLICE("\3newer")};
	assert_int_equal(coverages_put(f->store->db, &row, 1), ERR_OK);
	assert_int_equal(add(f, f->acme, COVERAGE_STRONG, 60, 0, NOW), 0);
	assert_false(coverage_book_complete(f->book, f->acme, true, NOW));
	assert_int_equal(coverage_book_flush(f->book), ERR_OK);
	assert_int_equal(coverages_get(f->store->db, f->acme, room, &n), ERR_OK);
	assert_memory_equal(room, "\3newer", 6);
}

static void many_tenants(void **state)
{
	struct fixture *f = *state;
	for (uint32_t tenant = 200; tenant > 100; tenant--)
		assert_int_equal(add(f, tenant, COVERAGE_STRONG, 50, 0, NOW), 50);
	for (uint32_t tenant = 101; tenant <= 200; tenant++)
		assert_true(coverage_book_complete(f->book, tenant, true, NOW));
	assert_false(coverage_book_complete(f->book, 201, true, NOW));
	assert_int_equal(coverage_book_flush(f->book), ERR_OK); /* there are no such tenants: nothing is kept */
	char room[COVERAGES_MOST];
	size_t n;
	assert_int_equal(coverages_get(f->store->db, 150, room, &n), ERR_NOT_FOUND);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {T(what_is_counted_is_kept),
	                                   T(a_message_counts_once),
	                                   T(what_comes_during_a_storm_is_left_out),
	                                   T(a_storm_lasts_while_it_blows),
	                                   T(what_one_sender_causes_is_no_storm),
	                                   T(few_count_of_one_reporter),
	                                   T(a_storm_makes_nobody_odd),
	                                   T(what_a_newer_release_wrote_is_left),
	                                   T(many_tenants)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
