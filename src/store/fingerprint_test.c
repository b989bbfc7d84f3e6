/* SPDX-License-Identifier: Apache-2.0 */
#include "store/fingerprint.h"

#include "store/store_test.h"

static int setup(void **state)
{
	*state = store_test_begin(DB_LEDGER);
	return 0;
}

static int teardown(void **state)
{
	store_test_end(*state);
	return 0;
}

static struct fingerprint make(const char *a, const char *b, const char *c, const char *d)
{
	struct fingerprint f;
	fingerprint_make(slice_str(a), slice_str(b), slice_str(c), slice_str(d), &f);
	return f;
}

static void every_part_and_its_place_counts(void **state)
{
	static const char *const parts[][4] = {
		{"a@b", "c@d", "<1@x>", "hash"}, {"a@c", "c@d", "<1@x>", "hash"}, {"a@b", "c@e", "<1@x>", "hash"},
		{"a@b", "c@d", "<2@x>", "hash"}, {"a@b", "c@d", "<1@x>", "hasx"}, {"a@bc", "@d", "<1@x>", "hash"},
		{"", "a@bc@d", "<1@x>", "hash"}, {"a@bc@d", "", "<1@x>", "hash"}, {"", "", "", ""},
	};
	size_t n = sizeof parts / sizeof *parts;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n; k++) {
			struct fingerprint x = make(parts[i][0], parts[i][1], parts[i][2], parts[i][3]);
			struct fingerprint y = make(parts[k][0], parts[k][1], parts[k][2], parts[k][3]);
			assert_int_equal(memcmp(&x, &y, sizeof x) == 0, i == k);
		}
}

static void states_are_kept_until_they_expire(void **state)
{
	struct store_test *s = *state;
	struct fingerprint f[2] = {make("a", "b", "c", "d"), make("a", "b", "c", "e")};
	int64_t when = 0, now = 1700000000;
	assert_int_equal(fingerprint_get(s->db, &f[0], now, &when), FINGERPRINT_NONE);
	assert_int_equal(fingerprint_put(s->db, f, 2, FINGERPRINT_DELIVERED, now), ERR_OK);
	assert_int_equal(fingerprint_get(s->db, &f[1], now, &when), FINGERPRINT_DELIVERED);
	assert_int_equal(when, now);
	assert_int_equal(fingerprint_put(s->db, f, 1, FINGERPRINT_DELIVERED, now + 1), ERR_OK);
	assert_int_equal(fingerprint_get(s->db, &f[0], now + 2, &when), FINGERPRINT_DELIVERED);
	assert_int_equal(when, now + 1);
	assert_int_equal(fingerprint_get(s->db, &f[0], now + 2, NULL), FINGERPRINT_DELIVERED);
	assert_int_equal(fingerprint_get(s->db, &f[0], now + 1 + FINGERPRINT_LIFETIME, NULL), FINGERPRINT_DELIVERED);
	assert_int_equal(fingerprint_get(s->db, &f[0], now + 2 + FINGERPRINT_LIFETIME, NULL), FINGERPRINT_NONE);
	assert_int_equal(fingerprint_put(s->db, f, 2, FINGERPRINT_NONE, now), ERR_OK);
	assert_int_equal(fingerprint_put(s->db, f, 2, FINGERPRINT_NONE, now), ERR_OK);
	assert_int_equal(fingerprint_get(s->db, &f[1], now, NULL), FINGERPRINT_NONE);
	assert_int_equal(fingerprint_put(s->db, NULL, 0, FINGERPRINT_NONE, now), ERR_OK);
}

static uint64_t rows(struct db *db)
{
	struct db_txn *t;
	assert_int_equal(db_begin_read(db, &t), ERR_OK);
	uint64_t n = db_count(t, DB_fingerprints);
	db_end_read(t);
	return n;
}

static void old_rows_go_portion_by_portion(void **state)
{
	struct store_test *s = *state;
	enum { N = 10000 };
	static struct fingerprint f[N];
	int64_t now = 1700000000;
	for (int i = 0; i < N; i++) {
		char id[16];
		snprintf(id, sizeof id, "%d", i);
		f[i] = make("a", "b", id, "d");
	}
	assert_int_equal(fingerprint_put(s->db, f, N / 2, FINGERPRINT_DELIVERED, now - FINGERPRINT_LIFETIME - 1),
	                 ERR_OK);
	assert_int_equal(fingerprint_put(s->db, f + N / 2, N / 2, FINGERPRINT_DELIVERED, now), ERR_OK);
	size_t removed, total = 0;
	int calls = 0;
	for (; calls < 40 && rows(s->db) > N / 2; calls++) {
		assert_int_equal(fingerprint_expire(s->db, now, 500, &removed), ERR_OK);
		assert_true(removed <= 500);
		total += removed;
	}
	assert_int_equal(total, N / 2);
	assert_int_equal(rows(s->db), N / 2);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(fingerprint_expire(s->db, now, 500, &removed), ERR_OK);
		assert_int_equal(removed, 0);
	}
	assert_int_equal(fingerprint_get(s->db, &f[N - 1], now, NULL), FINGERPRINT_DELIVERED);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_part_and_its_place_counts),
		T(states_are_kept_until_they_expire),
		T(old_rows_go_portion_by_portion),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
