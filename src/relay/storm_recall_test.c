/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/storm_recall.h"

#include "store/ledger.h"
#include "store/spool.h"
#include "store/store_test.h"

#define NOW    INT64_C(1700000000)
#define NOW_MS INT64_C(5000000)

struct test {
	struct store_test *store; /* its ledger */
	struct db *spool;
	struct storms *storms;
	uint64_t next;
};

static unsigned begun_storms;

static void note(const struct storm_event *e)
{
	begun_storms++;
}

static int setup(void **state)
{
	static const struct storm_limits limits = {.address = 5,
	                                           .domain = 20,
	                                           .share = 90,
	                                           .window = 600000,
	                                           .lull = 900000};
	static const uint64_t key[2] = {1, 2};
	struct test *t = calloc(1, sizeof *t);
	t->store = store_test_begin(DB_LEDGER);
	t->spool = store_test_open(t->store->dir, DB_SPOOL, DB_CREATE);
	t->storms = storms_new(&limits, key);
	t->next = (uint64_t)NOW * 1000 << 20;
	begun_storms = 0;
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct test *t = *state;
	storms_free(t->storms);
	db_close(t->spool);
	store_test_end(t->store);
	free(t);
	return 0;
}

static enum error put(struct db_txn *t, void *arg)
{
	return spool_put(t, arg, SLICE("x"));
}

static void hold(struct test *t, const char *to, int64_t since, bool held)
{
	struct spool_recipient r = {.address = slice_str(to),
	                            .orcpt = SLICE_EMPTY,
	                            .last_reply = SLICE_EMPTY,
	                            .last_remote = SLICE_EMPTY};
	struct spool_message m = {.id = t->next++,
	                          .kind = SPOOL_OUTBOUND,
	                          .pool = POOL_ndr,
	                          .hold = held,
	                          .answer = held,
	                          .held_since = since,
	                          .return_path = SLICE_EMPTY,
	                          .envid = SLICE_EMPTY,
	                          .source = SLICE_EMPTY,
	                          .hold_reason = SLICE_EMPTY,
	                          .message_id = SLICE_EMPTY,
	                          .recipients = &r,
	                          .recipient_count = 1};
	assert_int_equal(db_update(t->spool, put, &m), ERR_OK);
}

static void remember(struct test *t, const char *to, enum ledger_result result)
{
	static const struct ledger_bounds wide = {.lifetime = 30 * 86400, .size = (uint64_t)1 << 30};
	static char room[LEDGER_RECORD_MOST];
	struct ledger_passage p = {.time = NOW - 10,
	                           .outbound = true,
	                           .tenant = 1,
	                           .result = (uint8_t)result,
	                           .return_path = SLICE_EMPTY,
	                           .message_id = SLICE_EMPTY};
	ledger_passage_recipient(&p, slice_str(to));
	struct ledger_row row = {t->next++, ledger_encode(&p, room)};
	assert_int_equal(ledger_put(t->store->db, &wide, &row, 1, NOW), ERR_OK);
}

static void leave(struct test *t, const char *to)
{
	remember(t, to, LEDGER_queued);
}

static bool holds(struct test *t, const char *address)
{
	char against[STORM_NAME];
	storm_recall(t->storms, t->spool, t->store->db, 600000, NOW, NOW_MS, note);
	return storm_holds(t->storms, slice_str(address), NOW_MS, against);
}

static void what_is_held_begins_a_storm_again(void **state)
{
	struct test *t = *state;
	for (int i = 0; i < 10; i++) hold(t, "victim@far.test", NOW - 60, true);
	assert_true(holds(t, "victim@far.test"));
	assert_int_equal(begun_storms, 1);
	char against[STORM_NAME];
	assert_false(storm_holds(t->storms, SLICE("other@far.test"), NOW_MS, against));
}

static void so_does_what_was_discarded(void **state)
{
	struct test *t = *state;
	for (int i = 0; i < 10; i++) remember(t, "victim@far.test", LEDGER_discarded);
	assert_true(holds(t, "victim@far.test"));
}

static void so_do_many_addresses_of_a_domain(void **state)
{
	struct test *t = *state;
	char to[32];
	for (int i = 0; i < 40; i++) {
		snprintf(to, sizeof to, "u%d@far.test", i);
		hold(t, to, NOW - 60, true);
	}
	assert_true(holds(t, "other@far.test"));
}

static void what_is_old_or_not_held_does_not(void **state)
{
	struct test *t = *state;
	for (int i = 0; i < 10; i++) {
		hold(t, "victim@far.test", NOW - 601, true);
		hold(t, "victim@far.test", NOW - 10, false);
	}
	assert_false(holds(t, "victim@far.test"));
}

/* As to a large provider: much is held, and more leaves. */
static void what_left_keeps_the_share_low(void **state)
{
	struct test *t = *state;
	for (int i = 0; i < 10; i++) {
		hold(t, "victim@far.test", NOW - 60, true);
		leave(t, "victim@far.test");
	}
	assert_false(holds(t, "victim@far.test"));
	assert_int_equal(begun_storms, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_held_begins_a_storm_again), TEST(so_does_what_was_discarded),
		TEST(so_do_many_addresses_of_a_domain),  TEST(what_is_old_or_not_held_does_not),
		TEST(what_left_keeps_the_share_low),
	};
	return cmocka_run_group_tests_name("relay/storm_recall", tests, NULL, NULL);
}
