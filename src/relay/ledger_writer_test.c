/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/ledger_writer.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "store/fingerprint.h"
#include "store/spool.h"
#include "store/store_test.h"

#define DAY 86400

static const struct ledger_bounds wide = {.lifetime = 30 * DAY, .size = (uint64_t)1 << 30};

struct test {
	struct store_test *store;
	struct ledger_writer *writer;
	int64_t written, dropped, expired; /* of the counters, before */
};

static void start(struct test *t)
{
	char why[256];
	if (ledger_writer_start(t->store->db, &wide, &t->writer, why)) fail_msg("%s", why);
}

static int setup(void **state)
{
	struct test *t = calloc(1, sizeof *t);
	assert_non_null(t);
	t->store = store_test_begin(DB_LEDGER);
	t->written = metric_get(METRIC_ledger_written);
	t->dropped = metric_get(METRIC_ledger_dropped);
	t->expired = metric_get(METRIC_ledger_expired);
	start(t);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct test *t = *state;
	ledger_writer_stop(t->writer);
	store_test_end(t->store);
	free(t);
	return 0;
}

/* Ids as spool_new_id() makes them, but of any time. */
static uint64_t id_at(int64_t time)
{
	static _Atomic unsigned counter;
	return (uint64_t)time * 1000 << 20 | atomic_fetch_add(&counter, 1);
}

static uint64_t add(struct ledger_writer *w, int64_t time, const char *message_id)
{
	struct ledger_passage p = {.id = id_at(time),
	                           .time = time,
	                           .message_id = slice_str(message_id),
	                           .return_path = SLICE("a@example.org"),
	                           .result = LEDGER_delivered};
	ledger_passage_recipient(&p, SLICE("b@example.net"));
	ledger_writer_add(w, &p);
	return p.id;
}

static bool count(const struct ledger_passage *p, void *arg)
{
	(*(size_t *)arg)++;
	return true;
}

static size_t count_all(struct db *db)
{
	size_t n = 0;
	assert_int_equal(ledger_each(db, count, &n), ERR_OK);
	return n;
}

static void test_written_within_moments(void **state)
{
	struct test *t = *state;
	uint64_t id = add(t->writer, clock_unix(), "<1@example.org>");
	int64_t deadline = clock_deadline(10000);
	struct ledger_passage p;
	struct arena a;
	arena_init(&a, 1 << 16);
	while (ledger_get(t->store->db, id, &a, &p) == ERR_NOT_FOUND && clock_now_ms() < deadline) usleep(1000);
	assert_int_equal(ledger_get(t->store->db, id, &a, &p), ERR_OK);
	assert_true(slice_equal(p.message_id, SLICE("<1@example.org>")));
	ledger_writer_flush(t->writer); /* it counts after it has written */
	assert_int_equal(metric_get(METRIC_ledger_written) - t->written, 1);
	arena_free(&a);
}

static void test_stop_writes_what_waits(void **state)
{
	struct test *t = *state;
	size_t n = 0;
	for (int i = 0; i < 300; i++) add(t->writer, clock_unix(), "<m@example.org>");
	ledger_writer_stop(t->writer);
	t->writer = NULL;
	assert_int_equal(ledger_each_by_message_id(t->store->db, SLICE("m@example.org"), count, &n), ERR_OK);
	assert_int_equal(n, 300);
	assert_int_equal(metric_get(METRIC_ledger_written) - t->written, 300);
}

static void test_ids_are_new(void **state)
{
	struct test *t = *state;
	uint64_t id = add(t->writer, clock_unix() + 3600, "<1@example.org>"); /* before the clock was set back */
	ledger_writer_stop(t->writer);
	assert_true(spool_new_id(clock_unix_ms()) < id);
	start(t);
	assert_true(spool_new_id(clock_unix_ms()) > id);
}

static void *add_many(void *arg)
{
	for (int i = 0; i < 2000; i++) add(arg, clock_unix(), "<m@example.org>");
	return NULL;
}

/* Several sessions' threads at once, and fingerprints written beside: all of it arrives. */
static void test_threads(void **state)
{
	struct test *t = *state;
	pthread_t threads[4];
	struct fingerprint f;
	for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&threads[i], NULL, add_many, t->writer), 0);
	for (int i = 0; i < 200; i++) {
		fingerprint_make(SLICE("a"), SLICE("b"), slice_of(&i, sizeof i), SLICE("c"), &f);
		assert_int_equal(fingerprint_put(t->store->db, &f, 1, FINGERPRINT_DELIVERED, clock_unix()), ERR_OK);
	}
	for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
	ledger_writer_flush(t->writer);
	assert_int_equal(count_all(t->store->db), 8000);
	assert_int_equal(metric_get(METRIC_ledger_dropped), t->dropped);
}

static void wait_for(enum metric m, int64_t value)
{
	int64_t deadline = clock_deadline(20000);
	while (metric_get(m) < value && clock_now_ms() < deadline) usleep(5000);
	assert_int_equal(metric_get(m), value);
}

static void test_expiry(void **state)
{
	struct test *t = *state;
	for (int i = 0; i < 10; i++) add(t->writer, clock_unix() - 31 * DAY, "<old@example.org>");
	for (int i = 0; i < 5; i++) add(t->writer, clock_unix() - DAY, "<new@example.org>");
	ledger_writer_flush(t->writer);
	wait_for(METRIC_ledger_expired, t->expired + 10);
	assert_int_equal(count_all(t->store->db), 5);
	ledger_writer_set_bounds(t->writer, &(struct ledger_bounds){.lifetime = DAY / 2, .size = wide.size});
	wait_for(METRIC_ledger_expired, t->expired + 15);
	assert_int_equal(count_all(t->store->db), 0);
}

/* As db_open() does at the first start after a crash of the machine: the environment is emptied, the log stays. */
static void crash(struct test *t)
{
	char path[128];
	snprintf(path, sizeof path, "%s/ledger/data.mdb", t->store->dir);
	ledger_writer_stop(t->writer);
	db_close(t->store->db);
	assert_int_equal(truncate(path, 0), 0);
	t->store->db = store_test_open(t->store->dir, DB_LEDGER, DB_CREATE);
}

static _Atomic bool rebuilt, complete;

static void see_line(struct slice line, void *arg)
{
	if (slice_search(line, SLICE("event=ledger_rebuilt")) == line.n) return;
	atomic_store(&complete, slice_search(line, SLICE("complete=true")) < line.n);
	atomic_store(&rebuilt, true);
}

static void test_filled_again_after_a_crash(void **state)
{
	struct test *t = *state;
	size_t n = 0;
	for (int i = 0; i < 1000; i++) add(t->writer, clock_unix(), "<m@example.org>");
	for (int i = 0; i < 10; i++) add(t->writer, clock_unix() - 40 * DAY, "<old@example.org>");
	crash(t);
	assert_int_equal(count_all(t->store->db), 0);
	atomic_store(&rebuilt, false);
	log_capture(see_line, NULL);
	start(t);
	add(t->writer, clock_unix(), "<meanwhile@example.org>");
	ledger_writer_flush(t->writer);
	log_capture(NULL, NULL);
	assert_true(atomic_load(&rebuilt) && atomic_load(&complete));
	assert_int_equal(ledger_each_by_message_id(t->store->db, SLICE("m@example.org"), count, &n), ERR_OK);
	assert_int_equal(n, 1000);
	assert_int_equal(count_all(t->store->db), 1001);
	/* The next start finds all there and does nothing. */
	ledger_writer_stop(t->writer);
	atomic_store(&rebuilt, false);
	log_capture(see_line, NULL);
	start(t);
	ledger_writer_flush(t->writer);
	log_capture(NULL, NULL);
	assert_false(atomic_load(&rebuilt));
	assert_int_equal(count_all(t->store->db), 1001);
}

/* The relay was killed in the middle of it: some are there, and the mark says that it is not all. */
static void test_filling_is_finished_later(void **state)
{
	struct test *t = *state;
	char room[LEDGER_RECORD_MOST];
	for (int i = 0; i < 300; i++) add(t->writer, clock_unix(), "<m@example.org>");
	crash(t);
	struct ledger_passage p = {.id = id_at(clock_unix()), .time = clock_unix()};
	struct ledger_row row = {p.id, ledger_encode(&p, room)};
	assert_int_equal(ledger_rebuild_mark(t->store->db, true), ERR_OK);
	assert_int_equal(ledger_put(t->store->db, &wide, &row, 1, clock_unix()), ERR_OK);
	for (int i = 0; i < 2; i++) { /* the second time there is nothing left to do */
		atomic_store(&rebuilt, false);
		log_capture(see_line, NULL);
		start(t);
		ledger_writer_flush(t->writer);
		log_capture(NULL, NULL);
		assert_int_equal(atomic_load(&rebuilt), i == 0);
		assert_int_equal(count_all(t->store->db), 301);
		ledger_writer_stop(t->writer);
	}
	t->writer = NULL;
}

/* Who waits for what was just said does not wait for all that was lost, nor for what others say meanwhile. */
static void test_catching_up_does_not_wait_for_the_filling(void **state)
{
	struct test *t = *state;
	for (int i = 0; i < 20000; i++) add(t->writer, clock_unix(), "<m@example.org>");
	crash(t);
	atomic_store(&rebuilt, false);
	log_capture(see_line, NULL);
	start(t);
	uint64_t id = add(t->writer, clock_unix(), "<meanwhile@example.org>");
	assert_true(ledger_writer_catch_up(t->writer, clock_deadline(10000)));
	assert_false(atomic_load(&rebuilt));
	struct ledger_passage p;
	struct arena a;
	arena_init(&a, 1 << 16);
	assert_int_equal(ledger_get(t->store->db, id, &a, &p), ERR_OK);
	arena_free(&a);
	assert_true(ledger_writer_catch_up(t->writer, 0)); /* nothing to wait for */
	ledger_writer_flush(t->writer);
	log_capture(NULL, NULL);
	assert_int_equal(count_all(t->store->db), 20001);
}

/* Told to stop, it does not go on for long, and leaves the rest for later. */
static void test_filling_stops(void **state)
{
	struct test *t = *state;
	for (int i = 0; i < 20000; i++) add(t->writer, clock_unix(), "<m@example.org>");
	crash(t);
	log_capture(see_line, NULL);
	start(t);
	ledger_writer_stop(t->writer);
	start(t);
	ledger_writer_flush(t->writer);
	log_capture(NULL, NULL);
	assert_int_equal(count_all(t->store->db), 20000);
}

struct blocker {
	struct db *db;
	sem_t inside, go_on;
};

static enum error stay(struct db_txn *t, void *arg)
{
	struct blocker *b = arg;
	sem_post(&b->inside);
	sem_wait(&b->go_on);
	return ERR_OK;
}

static void *block(void *arg)
{
	struct blocker *b = arg;
	assert_int_equal(db_update(b->db, stay, b), ERR_OK);
	return NULL;
}

/* While another writer keeps the thread out, the queue fills; what does not go in is counted and keeps nobody waiting. */
static void test_full_queue(void **state)
{
	struct test *t = *state;
	static char text[LEDGER_ADDRESS];
	struct blocker b = {.db = t->store->db};
	pthread_t thread;
	sem_init(&b.inside, 0, 0);
	sem_init(&b.go_on, 0, 0);
	memset(text, 'x', sizeof text);
	struct ledger_passage p = {.id = 0};
	for (int i = 0; i < LEDGER_RECIPIENTS; i++) ledger_passage_recipient(&p, slice_of(text, sizeof text));
	size_t most = LEDGER_QUEUE_MOST / ledger_record_size(&p);

	assert_int_equal(pthread_create(&thread, NULL, block, &b), 0);
	sem_wait(&b.inside);
	for (size_t i = 0; i < most + 100; i++) {
		p.id = id_at(clock_unix());
		ledger_writer_add(t->writer, &p);
	}
	assert_int_equal(metric_get(METRIC_ledger_dropped) - t->dropped, 100);
	assert_int_equal(metric_get(METRIC_ledger_written), t->written);
	sem_post(&b.go_on);
	pthread_join(thread, NULL);
	ledger_writer_flush(t->writer);
	assert_int_equal(metric_get(METRIC_ledger_written) - t->written, most);
	assert_int_equal(metric_get(METRIC_ledger_dropped) - t->dropped, 100);
	add(t->writer, clock_unix(), "<after@example.org>"); /* there is room again */
	ledger_writer_flush(t->writer);
	assert_int_equal(metric_get(METRIC_ledger_written) - t->written, most + 1);
	sem_destroy(&b.inside);
	sem_destroy(&b.go_on);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_written_within_moments, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stop_writes_what_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ids_are_new, setup, teardown),
		cmocka_unit_test_setup_teardown(test_threads, setup, teardown),
		cmocka_unit_test_setup_teardown(test_expiry, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_queue, setup, teardown),
		cmocka_unit_test_setup_teardown(test_filled_again_after_a_crash, setup, teardown),
		cmocka_unit_test_setup_teardown(test_filling_is_finished_later, setup, teardown),
		cmocka_unit_test_setup_teardown(test_catching_up_does_not_wait_for_the_filling, setup, teardown),
		cmocka_unit_test_setup_teardown(test_filling_stops, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
