/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/evidence_writer.h"

#include "base/clock.h"
#include "base/metrics.h"
#include "store/exposure.h"
#include "store/store_test.h"

#define NOW 1795600000

struct test {
	struct store_test *store;
	struct evidence_writer *writer;
	int64_t acts, dropped, counted, uncounted; /* of the counters, before */
};

static int setup(void **state)
{
	struct test *t = calloc(1, sizeof *t);
	assert_non_null(t);
	t->store = store_test_begin(DB_STATE);
	t->acts = metric_get(METRIC_evidence_acts);
	t->dropped = metric_get(METRIC_evidence_dropped);
	t->counted = metric_get(METRIC_exposure_counted);
	t->uncounted = metric_get(METRIC_exposure_dropped);
	assert_int_equal(evidence_writer_start(t->store->db, &t->writer), ERR_OK);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct test *t = *state;
	evidence_writer_stop(t->writer);
	store_test_end(t->store);
	free(t);
	return 0;
}

static struct ip address(const char *text)
{
	struct ip ip;
	assert_true(ip_parse(slice_str(text), &ip));
	return ip;
}

static struct act act_of(const char *source, int64_t time)
{
	struct ip ip = address(source);
	return (struct act){.unit = ip_unit(&ip),
	                    .class = ACT_autoreply,
	                    .witness = WITNESSED_trap,
	                    .time = time,
	                    .reporter = SLICE_EMPTY,
	                    .specimen = SLICE("Subject: Vacation ...\n")};
}

struct seen {
	size_t n, acts;
	struct act last;
	uint64_t targets[8];
};

static bool see(const struct act *a, void *arg)
{
	struct seen *s = arg;
	if (s->n < 8) s->targets[s->n] = a->target;
	s->n++;
	s->acts += a->count;
	s->last = *a;
	assert_true(slice_equal(a->specimen, SLICE("Subject: Vacation ...\n")));
	return true;
}

static struct seen acts_of(struct test *t, const char *source)
{
	struct seen s = {0};
	struct db_txn *txn;
	struct ip ip = address(source);
	struct prefix unit = ip_unit(&ip);
	assert_int_equal(db_begin_read(t->store->db, &txn), ERR_OK);
	assert_int_equal(acts_each_of(txn, &unit, see, &s), ERR_OK);
	db_end_read(txn);
	return s;
}

static uint64_t messages_of(struct test *t, const char *source)
{
	struct exposure e;
	struct db_txn *txn;
	struct ip ip = address(source);
	struct prefix unit = ip_unit(&ip);
	assert_int_equal(db_begin_read(t->store->db, &txn), ERR_OK);
	assert_int_equal(exposure_get(txn, &unit, &e), ERR_OK);
	db_end_read(txn);
	return exposure_recent(&e, clock_unix());
}

static void acts_are_written_with_their_target_hashed(void **state)
{
	struct test *t = *state;
	struct act a = act_of("192.0.2.1", NOW), b = act_of("2001:db8::1", NOW);
	evidence_writer_add(t->writer, &a, SLICE("anna@trap.example.net"));
	evidence_writer_add(t->writer, &a, SLICE("Anna@Trap.example.net"));
	evidence_writer_add(t->writer, &a, SLICE("berta@trap.example.net"));
	evidence_writer_add(t->writer, &b, SLICE("anna@trap.example.net"));
	evidence_writer_flush(t->writer);
	struct seen one = acts_of(t, "192.0.2.1"), two = acts_of(t, "2001:db8::ffff");
	assert_int_equal(one.n, 2); /* anna and berta */
	assert_int_equal(one.acts, 3);
	assert_int_equal(two.n, 1);
	assert_true(one.targets[0] != one.targets[1]);
	assert_true(two.targets[0] == one.targets[0] && one.targets[0] != 0);
	assert_int_equal(one.last.class, ACT_autoreply);
	assert_int_equal(one.last.witness, WITNESSED_trap);
	assert_int_equal(one.last.time, NOW);
	assert_int_equal(metric_get(METRIC_evidence_acts) - t->acts, 4);
	assert_int_equal(metric_get(METRIC_evidence_dropped) - t->dropped, 0);
}

static void a_flood_is_counted(void **state)
{
	struct test *t = *state;
	struct act a = act_of("192.0.2.1", NOW);
	for (int i = 0; i < 1000; i++) evidence_writer_add(t->writer, &a, SLICE("a@example.net"));
	evidence_writer_flush(t->writer);
	struct seen seen = acts_of(t, "192.0.2.1");
	assert_int_equal(seen.acts, 1000);
	assert_int_equal(seen.n, 1);
}

static void what_is_too_much_is_dropped(void **state)
{
	struct test *t = *state;
	static char specimen[1 << 20];
	struct act a = act_of("192.0.2.1", NOW);
	a.specimen = slice_of(specimen, sizeof specimen);
	for (int i = 0; i < 64; i++) evidence_writer_add(t->writer, &a, SLICE("a@example.net"));
	evidence_writer_flush(t->writer);
	int64_t written = metric_get(METRIC_evidence_acts) - t->acts;
	assert_true(written >= 7);
	assert_int_equal(written + metric_get(METRIC_evidence_dropped) - t->dropped, 64);
}

static void ordinary_mail_is_added_up(void **state)
{
	struct test *t = *state;
	struct ip a = address("192.0.2.1"), b = address("2001:db8::1"), c = address("2001:db8::2");
	for (int i = 0; i < 100; i++) evidence_writer_expose(t->writer, &a, true);
	evidence_writer_expose(t->writer, &b, true);
	evidence_writer_expose(t->writer, &c, true);
	assert_int_equal(messages_of(t, "192.0.2.1"), 0); /* gathered */
	evidence_writer_flush(t->writer);
	evidence_writer_expose(t->writer, &a, true);
	evidence_writer_flush(t->writer);
	assert_int_equal(messages_of(t, "192.0.2.1"), 101);
	assert_int_equal(messages_of(t, "2001:db8::9"), 2);
	assert_int_equal(messages_of(t, "192.0.2.2"), 0);
	assert_int_equal(metric_get(METRIC_exposure_counted) - t->counted, 103);
}

static void what_waits_is_written_at_stop(void **state)
{
	struct test *t = *state;
	struct ip ip = address("192.0.2.1");
	struct act a = act_of("192.0.2.1", NOW);
	evidence_writer_expose(t->writer, &ip, true);
	evidence_writer_add(t->writer, &a, SLICE("a@example.net"));
	evidence_writer_stop(t->writer);
	t->writer = NULL;
	assert_int_equal(acts_of(t, "192.0.2.1").n, 1);
	assert_int_equal(messages_of(t, "192.0.2.1"), 1);
}

static void many_sources_are_bounded(void **state)
{
	struct test *t = *state;
	struct ip ip = {.family = AF_INET, .octets = {10}};
	for (uint32_t i = 0; i < 3 * EXPOSURE_UNITS; i++) {
		ip.octets[1] = (uint8_t)(i >> 16);
		ip.octets[2] = (uint8_t)(i >> 8);
		ip.octets[3] = (uint8_t)i;
		evidence_writer_expose(t->writer, &ip, true);
	}
	evidence_writer_flush(t->writer);
	assert_int_equal(metric_get(METRIC_exposure_counted) - t->counted + metric_get(METRIC_exposure_dropped) -
	                         t->uncounted,
	                 3 * EXPOSURE_UNITS);
	assert_true(metric_get(METRIC_exposure_counted) - t->counted >= EXPOSURE_UNITS);
	assert_int_equal(messages_of(t, "10.0.0.0"), 1);
	assert_int_equal(messages_of(t, "10.0.47.255"), 1); /* the last of the first EXPOSURE_UNITS */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(acts_are_written_with_their_target_hashed, setup, teardown),
		cmocka_unit_test_setup_teardown(a_flood_is_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_too_much_is_dropped, setup, teardown),
		cmocka_unit_test_setup_teardown(ordinary_mail_is_added_up, setup, teardown),
		cmocka_unit_test_setup_teardown(what_waits_is_written_at_stop, setup, teardown),
		cmocka_unit_test_setup_teardown(many_sources_are_bounded, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
