/* SPDX-License-Identifier: Apache-2.0 */
#include "store/digests.h"

#include "store/store_test.h"

struct told {
	uint32_t tenant;
	int64_t when;
};

static enum error tell(struct db_txn *t, void *arg)
{
	struct told *x = arg;
	return digests_put(t, x->tenant, x->when);
}

static enum error damage(struct db_txn *t, void *arg)
{
	return db_put(t, DB_digests, SLICE("\0\0\0\x09"), *(struct slice *)arg);
}

static int setup(void **state)
{
	*state = store_test_begin(DB_SPOOL);
	return 0;
}

static int teardown(void **state)
{
	store_test_end(*state);
	return 0;
}

static void what_was_told_last_is_known_per_tenant(void **state)
{
	struct store_test *s = *state;
	static const struct told told[] = {{1, 1700000000}, {256, 1700000001}, {1, 1700086400}, {UINT32_MAX, 5}};
	static const struct told expected[] = {{1, 1700086400}, {2, 0}, {256, 1700000001}, {UINT32_MAX, 5}};
	int64_t when = -1;
	assert_int_equal(digests_last(s->db, 1, &when), ERR_OK);
	assert_int_equal(when, 0);
	for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
		struct told x = told[i];
		assert_int_equal(db_update(s->db, tell, &x), ERR_OK);
	}
	for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
		assert_int_equal(digests_last(s->db, expected[i].tenant, &when), ERR_OK);
		assert_int_equal(when, expected[i].when);
	}
}

static void a_damaged_row_is_an_error(void **state)
{
	struct store_test *s = *state;
	static const struct {
		struct slice value;
		enum error error;
	} cases[] = {
		{{"", 0}, ERR_CORRUPT},
		{{"\1\0\0\0\0\0\0\0", 8}, ERR_CORRUPT},
		{{"\1\0\0\0\0\0\0\0\1x", 10}, ERR_CORRUPT},
		{{"\0\0\0\0\0\0\0\0\1", 9}, ERR_CORRUPT},
		{{"\2\0\0\0\0\0\0\0\1", 9}, ERR_VERSION},
		{{"\1\0\0\0\0\0\0\0\1", 9}, ERR_OK},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int64_t when;
		struct slice value = cases[i].value;
		assert_int_equal(db_update(s->db, damage, &value), ERR_OK);
		assert_int_equal(digests_last(s->db, 9, &when), cases[i].error);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {T(what_was_told_last_is_known_per_tenant), T(a_damaged_row_is_an_error)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
