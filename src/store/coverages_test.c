/* SPDX-License-Identifier: Apache-2.0 */
#include "store/coverages.h"

#include "store/store_test.h"
#include "store/tenants.h"

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

static uint32_t add_tenant(struct db *db, const char *name, const char *domain)
{
	struct tenant_domain d = {.name = domain};
	struct tenant t = {.name = name, .domains = &d, .domain_count = 1, .enabled = true};
	char why[256];
	uint32_t id;
	assert_int_equal(tenants_put(db, &t, &id, why), ERR_OK);
	return id;
}

static void check(struct db *db, uint32_t tenant, const char *expected)
{
	char room[COVERAGES_MOST];
	size_t n;
	enum error err = coverages_get(db, tenant, room, &n);
	assert_int_equal(err, expected ? ERR_OK : ERR_NOT_FOUND);
	assert_int_equal(n, expected ? strlen(expected) : 0);
	if (expected) assert_memory_equal(room, expected, n);
}

static void rows_are_kept_per_tenant_and_go_with_it(void **state)
{
	struct db *db = ((struct store_test *)*state)->db;
	uint32_t acme = add_tenant(db, "acme", "acme.test"), other = add_tenant(db, "other", "other.test");
	check(db, acme, NULL);
	struct coverages_row rows[] = {{acme, SLICE("\1one")}, {99, SLICE("\1lost")}, {other, SLICE("\1two")}};
	assert_int_equal(coverages_put(db, rows, 3), ERR_OK);
	check(db, acme, "\1one");
	check(db, other, "\1two");
	check(db, 99, NULL); /* there is no such tenant */
	rows[0].octets = SLICE("\1three");
	assert_int_equal(coverages_put(db, rows, 1), ERR_OK);
	check(db, acme, "\1three");
	check(db, other, "\1two");
	assert_int_equal(tenants_remove(db, SLICE("acme")), ERR_OK);
	check(db, acme, NULL);
	assert_int_equal(tenants_remove(db, SLICE("other")), ERR_OK);
	assert_int_equal(coverages_put(db, rows, 3), ERR_OK);
	check(db, other, NULL);
}

static void a_row_that_is_too_long_is_told(void **state)
{
	struct db *db = ((struct store_test *)*state)->db;
	uint32_t acme = add_tenant(db, "acme", "acme.test");
	char large[COVERAGES_MOST + 1] = {1}, room[COVERAGES_MOST];
	size_t n;
	struct coverages_row row = {acme, slice_of(large, sizeof large)};
	assert_int_equal(coverages_put(db, &row, 1), ERR_OK);
	assert_int_equal(coverages_get(db, acme, room, &n), ERR_LIMIT);
	row.octets.n--;
	assert_int_equal(coverages_put(db, &row, 1), ERR_OK);
	assert_int_equal(coverages_get(db, acme, room, &n), ERR_OK);
	assert_int_equal(n, COVERAGES_MOST);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {T(rows_are_kept_per_tenant_and_go_with_it),
	                                   T(a_row_that_is_too_long_is_told)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
