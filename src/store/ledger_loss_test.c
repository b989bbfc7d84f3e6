/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ledger_loss.h"

#include "store/store_test.h"

#define NOW 1700000000

static enum error empty(struct db_txn *t, void *arg)
{
	(void)arg;
	return db_delete(t, DB_ledger_meta, SLICE("mark"));
}

static enum error newer(struct db_txn *t, void *arg)
{
	(void)arg;
	return db_put(t, DB_ledger_meta, SLICE("mark"), SLICE("\2 of a newer version"));
}

static int64_t check(struct store_test *state, struct store_test *ledger, int64_t now)
{
	int64_t lost = -1;
	assert_int_equal(ledger_loss_check(state->db, ledger->db, now, &lost), ERR_OK);
	assert_int_equal(ledger_loss_time(state->db), lost);
	return lost;
}

/* A new installation has lost nothing; what was lost stays known; another ledger is not the one that there was. */
static void a_ledger_that_is_gone_is_noticed(void **unused)
{
	struct store_test *state = store_test_begin(DB_STATE), *ledger = store_test_begin(DB_LEDGER);
	struct store_test *other = store_test_begin(DB_LEDGER);
	(void)unused;
	assert_int_equal(ledger_loss_time(state->db), 0);
	assert_int_equal(check(state, ledger, NOW), 0);
	assert_int_equal(check(state, ledger, NOW + 1), 0);
	assert_int_equal(db_update(ledger->db, empty, NULL), ERR_OK);
	assert_int_equal(check(state, ledger, NOW + 2), NOW + 2);
	assert_int_equal(check(state, ledger, NOW + 3), NOW + 2);
	assert_int_equal(check(state, other, NOW + 4), NOW + 4);
	assert_int_equal(check(state, ledger, NOW + 5), NOW + 5);
	store_test_end(other);
	store_test_end(ledger);
	store_test_end(state);
}

static void a_newer_mark_stays(void **unused)
{
	struct store_test *state = store_test_begin(DB_STATE), *ledger = store_test_begin(DB_LEDGER);
	int64_t lost = -1;
	(void)unused;
	assert_int_equal(db_update(ledger->db, newer, NULL), ERR_OK);
	assert_int_equal(ledger_loss_check(state->db, ledger->db, NOW, &lost), ERR_VERSION);
	assert_int_equal(lost, 0);
	store_test_end(ledger);
	store_test_end(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_ledger_that_is_gone_is_noticed),
		cmocka_unit_test(a_newer_mark_stays),
	};
	return cmocka_run_group_tests_name("store/ledger_loss", tests, NULL, NULL);
}
