/* SPDX-License-Identifier: Apache-2.0 */
#include "store/spool.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/log.h"
#include "store/store_test.h"

static struct spool_recipient recipients[] = {
	{.address = {"joe@example.org", 15},
         .orcpt = {"rfc822;joe@example.org", 22},
         .notify = 6,
         .state = RECIPIENT_FAILED,
         .delay_told = true,
         .last_attempt = 1700000000,
         .last_reply = {"550 5.1.1 no such user", 22},
         .last_remote = {"mx.example.org [192.0.2.1]", 26}},
	{.address = {"ann@example.org", 15}, .orcpt = {"", 0}, .last_reply = {"", 0}, .last_remote = {"", 0}},
};

static struct spool_message sample(uint64_t id)
{
	return (struct spool_message){
		.id = id,
		.kind = SPOOL_REPORT,
		.pool = POOL_ndr,
		.ret = 2,
		.body_type = 1,
		.smtputf8 = true,
		.verified = true,
		.hold = true,
		.downstream = true,
		.answer = true,
		.redirected = true,
		.proof = 3,
		.held_since = 1700000200,
		.tenant = 7,
		.attempts = 3,
		.arrived = 1700000000,
		.next_attempt = 1700000300,
		.expires = 1700400000,
		.return_path = SLICE("ann@example.net"),
		.envid = SLICE("QQ314159"),
		.source = SLICE("192.0.2.1 user=joe"),
		.hold_reason = SLICE("by hand"),
		.message_id = SLICE("<1@example.net>"),
		.size = 4096,
		.header_size = 512,
		.body_in_file = false,
		.recipients = recipients,
		.recipient_count = 2,
	};
}

static void assert_slice(struct slice a, struct slice b)
{
	assert_int_equal(a.n, b.n);
	if (a.n) assert_memory_equal(a.p, b.p, a.n);
}

static void assert_same(const struct spool_message *a, const struct spool_message *b)
{
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->pool, b->pool);
	assert_int_equal(a->ret, b->ret);
	assert_int_equal(a->body_type, b->body_type);
	assert_int_equal(a->smtputf8, b->smtputf8);
	assert_int_equal(a->verified, b->verified);
	assert_int_equal(a->hold, b->hold);
	assert_int_equal(a->downstream, b->downstream);
	assert_int_equal(a->answer, b->answer);
	assert_int_equal(a->redirected, b->redirected);
	assert_int_equal(a->proof, b->proof);
	assert_int_equal(a->held_since, b->held_since);
	assert_int_equal(a->body_in_file, b->body_in_file);
	assert_int_equal(a->tenant, b->tenant);
	assert_int_equal(a->attempts, b->attempts);
	assert_int_equal(a->arrived, b->arrived);
	assert_int_equal(a->next_attempt, b->next_attempt);
	assert_int_equal(a->expires, b->expires);
	assert_int_equal(a->size, b->size);
	assert_int_equal(a->header_size, b->header_size);
	assert_slice(a->return_path, b->return_path);
	assert_slice(a->envid, b->envid);
	assert_slice(a->source, b->source);
	assert_slice(a->hold_reason, b->hold_reason);
	assert_slice(a->message_id, b->message_id);
	assert_int_equal(a->recipient_count, b->recipient_count);
	for (size_t i = 0; i < a->recipient_count; i++) {
		const struct spool_recipient *x = &a->recipients[i], *y = &b->recipients[i];
		assert_int_equal(x->notify, y->notify);
		assert_int_equal(x->state, y->state);
		assert_int_equal(x->delay_told, y->delay_told);
		assert_int_equal(x->last_attempt, y->last_attempt);
		assert_slice(x->address, y->address);
		assert_slice(x->orcpt, y->orcpt);
		assert_slice(x->last_reply, y->last_reply);
		assert_slice(x->last_remote, y->last_remote);
	}
}

static void a_record_is_the_same_after_encoding(void **state)
{
	struct arena a;
	arena_init(&a, 1 << 20);
	struct spool_message m = sample(1), out, empty = {0};
	struct slice record = spool_encode(&a, &m);
	assert_non_null(record.p);
	assert_int_equal(spool_decode(&a, record, &out), ERR_OK);
	assert_same(&m, &out);
	record = spool_encode(&a, &empty);
	assert_int_equal(record.n, 66 + 5 * 2 + 4); /* docs/storage.md */
	assert_int_equal(spool_decode(&a, record, &out), ERR_OK);
	assert_int_equal(out.recipient_count, 0);
	arena_free(&a);
}

/* Octets that version 1 wrote: outbound, verified, on hold, tenant 7, one recipient. */
#define VERSION_1                                                                                                      \
	"\x01\x00\x02\x00\x01\x06\x00\x00\x00\x07\x00\x00\x00\x03"                                                     \
	"\x00\x00\x00\x00\x65\x53\xf1\x00\x00\x00\x00\x00\x65\x53\xf2\x2c\x00\x00\x00\x00\x65\x5a\x0b\x80"             \
	"\x00\x00\x00\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00"                             \
	"\x00\x03"                                                                                                     \
	"a@b"                                                                                                          \
	"\x00\x00\x00\x09"                                                                                             \
	"192.0.2.1"                                                                                                    \
	"\x00\x04"                                                                                                     \
	"odd!"                                                                                                         \
	"\x00\x00\x00\x00\x00\x01"                                                                                     \
	"\x04\x00\x01\x00\x00\x00\x00\x65\x53\xf1\x00\x00\x03"                                                         \
	"c@d"                                                                                                          \
	"\x00\x00\x00\x03"                                                                                             \
	"450"                                                                                                          \
	"\x00\x00"

static void a_record_of_version_1_is_understood(void **state)
{
	static const char old[] = VERSION_1;
	struct arena a;
	arena_init(&a, 1 << 20);
	struct spool_message m, again;
	assert_int_equal(spool_decode(&a, slice_of(old, sizeof old - 1), &m), ERR_OK);
	assert_true(m.verified && m.hold && !m.answer && !m.redirected && !m.downstream);
	assert_int_equal(m.proof, 1);
	assert_int_equal(m.held_since, 1700000000); /* it was not kept: the time of its arrival */
	assert_int_equal(m.tenant, 7);
	assert_int_equal(m.attempts, 3);
	assert_int_equal(m.next_attempt, 1700000300);
	assert_slice(m.return_path, SLICE("a@b"));
	assert_slice(m.hold_reason, SLICE("odd!"));
	assert_int_equal(m.recipient_count, 1);
	assert_slice(m.recipients[0].address, SLICE("c@d"));
	assert_slice(m.recipients[0].last_reply, SLICE("450"));
	struct slice record = spool_encode(&a, &m); /* becomes the new version when it is written */
	assert_int_equal(record.p[0], 2);
	assert_int_equal(spool_decode(&a, record, &again), ERR_OK);
	assert_same(&m, &again);
	char flagged[sizeof old];
	memcpy(flagged, old, sizeof old);
	flagged[5] = 0; /* neither verified nor held */
	assert_int_equal(spool_decode(&a, slice_of(flagged, sizeof old - 1), &m), ERR_OK);
	assert_int_equal(m.proof, 0);
	assert_int_equal(m.held_since, 0);
	for (size_t n = 0; n < sizeof old - 1; n++)
		assert_int_equal(spool_decode(&a, slice_of(old, n), &m), ERR_CORRUPT);
	arena_free(&a);
}

static void damaged_records_are_refused(void **state)
{
	struct arena a;
	arena_init(&a, 64 << 20);
	struct spool_message m = sample(1), out;
	struct slice record = spool_encode(&a, &m);
	char *copy = arena_alloc(&a, record.n + 1);
	for (size_t n = 0; n < record.n; n++) {
		memcpy(copy, record.p, n);
		assert_int_equal(spool_decode(&a, slice_of(copy, n), &out), ERR_CORRUPT);
	}
	memcpy(copy, record.p, record.n);
	copy[record.n] = 0;
	assert_int_equal(spool_decode(&a, slice_of(copy, record.n + 1), &out), ERR_CORRUPT);
	static const struct {
		size_t at;
		char value;
		enum error error;
	} cases[] = {
		{0, 3, ERR_VERSION},          {0, 0, ERR_CORRUPT}, {1, 9, ERR_CORRUPT},
		{2, POOL_COUNT, ERR_CORRUPT}, {3, 3, ERR_CORRUPT}, {4, 2, ERR_CORRUPT},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		memcpy(copy, record.p, record.n);
		copy[cases[i].at] = cases[i].value;
		assert_int_equal(spool_decode(&a, slice_of(copy, record.n), &out), cases[i].error);
	}
	arena_free(&a);
}

static void long_texts_are_cut_but_addresses_never(void **state)
{
	struct arena a;
	arena_init(&a, 1 << 20);
	static char text[70000];
	memset(text, 'x', sizeof text);
	struct spool_recipient r = {.address = SLICE("a@b"), .last_reply = {text, sizeof text}};
	struct spool_message m = {.recipients = &r, .recipient_count = 1}, out;
	assert_int_equal(spool_decode(&a, spool_encode(&a, &m), &out), ERR_OK);
	assert_int_equal(out.recipients[0].last_reply.n, 65535);
	r.address = slice_of(text, sizeof text);
	assert_null(spool_encode(&a, &m).p);
	arena_free(&a);
}

static void ids_grow_and_read_back(void **state)
{
	char text[SPOOL_ID_TEXT];
	uint64_t last = 0, back;
	for (int i = 0; i < 1000; i++) {
		uint64_t id = spool_new_id(1700000000000 - i * 10); /* a clock that goes back */
		assert_true(id > last);
		last = id;
		assert_true(spool_id_parse(slice_str(spool_id_text(id, text)), &back));
		assert_int_equal(back, id);
		assert_int_equal(strlen(text), SPOOL_ID_TEXT - 1);
	}
	spool_ids_above(last + 1000);
	assert_int_equal(spool_new_id(0), last + 1001);
	static const struct {
		const char *text;
		bool good;
		uint64_t id;
	} cases[] = {
		{"0000000000000", true, 0},          {"fzzzzzzzzzzzz", true, UINT64_MAX},
		{"FZZZZZZZZZZZZ", true, UINT64_MAX}, {"g000000000000", false, 0},
		{"000000000000", false, 0},          {"00000000000000", false, 0},
		{"00000000000i0", false, 0},         {"", false, 0},
		{"000000000000\xff", false, 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(spool_id_parse(slice_str(cases[i].text), &back), cases[i].good);
		if (cases[i].good) assert_int_equal(back, cases[i].id);
	}
}

/* ---- with a database ---------------------------------------------------------------------------------------------- */

struct store {
	struct spool_message m;
	struct slice body;
};

static enum error store(struct db_txn *t, void *arg)
{
	struct store *s = arg;
	return spool_put(t, &s->m, s->body);
}

static void put(struct db *db, const struct spool_message *m, struct slice body)
{
	struct store s = {*m, body};
	assert_int_equal(db_update(db, store, &s), ERR_OK);
}

static enum error take_away(struct db_txn *t, void *arg)
{
	return spool_remove(t, *(uint64_t *)arg);
}

static enum error replace(struct db_txn *t, void *arg)
{
	return spool_replace(t, arg);
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

static void a_stored_message_is_got_with_its_body(void **state)
{
	struct store_test *s = *state;
	struct arena a;
	struct blob body;
	struct spool_message m = sample(42), out;
	arena_init(&a, 1 << 20);
	put(s->db, &m, SLICE("Subject: x\r\n\r\nhello\r\n"));
	assert_int_equal(spool_get(s->db, 42, &a, &out), ERR_OK);
	assert_int_equal(out.id, 42);
	assert_same(&m, &out);
	assert_int_equal(spool_body(s->db, &out, &body), ERR_OK);
	assert_slice(blob_in_memory(&body), SLICE("Subject: x\r\n\r\nhello\r\n"));
	blob_free(&body);
	assert_int_equal(spool_get(s->db, 43, &a, &out), ERR_NOT_FOUND);

	m.attempts = 4;
	assert_int_equal(db_update(s->db, replace, &m), ERR_OK);
	assert_int_equal(spool_get(s->db, 42, &a, &out), ERR_OK);
	assert_int_equal(out.attempts, 4);
	uint64_t id = 42;
	assert_int_equal(db_update(s->db, take_away, &id), ERR_OK);
	assert_int_equal(db_update(s->db, take_away, &id), ERR_OK);
	assert_int_equal(spool_get(s->db, 42, &a, &out), ERR_NOT_FOUND);
	assert_int_equal(spool_body(s->db, &m, &body), ERR_NOT_FOUND);
	assert_int_equal(db_update(s->db, replace, &m), ERR_NOT_FOUND); /* an update does not bring it back */
	arena_free(&a);
}

static void a_large_body_is_a_file(void **state)
{
	struct store_test *s = *state;
	struct blob made, body;
	struct spool_message m = sample(42), other = sample(99);
	char path[256], content[16];
	size_t got, removed;
	blob_init(&made, 1 << 20, s->dir);
	assert_int_equal(blob_append(&made, SLICE("a large body")), ERR_OK);
	spool_body_path(s->db, 42, path, sizeof path);
	assert_int_equal(blob_link(&made, path), ERR_OK);
	spool_body_path(s->db, 43, path, sizeof path); /* of a message that was never committed */
	assert_int_equal(blob_link(&made, path), ERR_OK);
	blob_free(&made);
	m.body_in_file = true;
	put(s->db, &m, (struct slice){NULL, 0});
	put(s->db, &other, SLICE("inline"));
	assert_int_equal(spool_remove_orphans(s->db, &removed), ERR_OK);
	assert_int_equal(removed, 1);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(spool_body(s->db, &m, &body), ERR_OK);
	assert_int_equal(blob_read(&body, 0, content, sizeof content, &got), ERR_OK);
	assert_slice(slice_of(content, got), SLICE("a large body"));
	blob_free(&body);
	assert_int_equal(spool_edit(s->db, 42, &(struct spool_change){.what = SPOOL_DROP, .now = 0}), ERR_OK);
	spool_body_path(s->db, 42, path, sizeof path);
	assert_int_equal(access(path, F_OK), -1);
}

struct seen {
	uint64_t last;
	size_t n, stop_at;
	struct db *edit;
};

static bool see(const struct spool_message *m, void *arg)
{
	struct seen *s = arg;
	assert_true(m->id > s->last);
	s->last = m->id;
	if (s->edit)
		assert_int_equal(spool_edit(s->edit, m->id, &(struct spool_change){.what = SPOOL_DROP, .now = 0}),
		                 ERR_OK);
	return ++s->n != s->stop_at;
}

static enum error put_rubbish(struct db_txn *t, void *arg)
{
	return db_put(t, DB_messages, slice_of("\0\0\0\0\0\0\0\x05", 8), SLICE("\1rubbish"));
}

static void count_line(struct slice line, void *n)
{
	++*(int *)n;
}

static void each_message_is_seen_once_in_order(void **state)
{
	struct store_test *s = *state;
	static const size_t counts[] = {0, 1, 63, 64, 65, 200};
	size_t stored = 0;
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		for (; stored < counts[i]; stored++) {
			struct spool_message m = sample(1000 + stored * 256);
			put(s->db, &m, SLICE("x"));
		}
		struct seen seen = {0}, early = {.stop_at = 50};
		assert_int_equal(spool_each(s->db, see, &seen), ERR_OK);
		assert_int_equal(seen.n, stored);
		assert_int_equal(spool_each(s->db, see, &early), ERR_OK);
		assert_int_equal(early.n, stored < 50 ? stored : 50);
	}
	/* What cannot be read is told and stays; the rest is seen; and the callback may change the spool. */
	int lines = 0;
	assert_int_equal(db_update(s->db, put_rubbish, NULL), ERR_OK);
	log_capture(count_line, &lines);
	struct seen seen = {.edit = s->db};
	assert_int_equal(spool_each(s->db, see, &seen), ERR_OK);
	assert_int_equal(seen.n, stored);
	assert_int_equal(lines, 1);
	seen = (struct seen){0};
	assert_int_equal(spool_each(s->db, see, &seen), ERR_OK);
	assert_int_equal(seen.n, 0);
	assert_int_equal(lines, 2);
	log_capture(NULL, NULL);
	assert_int_equal(spool_edit(s->db, 5, &(struct spool_change){.what = SPOOL_HOLD, .now = 0}), ERR_CORRUPT);
	assert_int_equal(spool_edit(s->db, 5, &(struct spool_change){.what = SPOOL_DROP, .now = 0}), ERR_OK);
}

static void edits_change_the_record_and_are_noted(void **state)
{
	struct store_test *s = *state;
	struct arena a;
	struct spool_message m = sample(42), out;
	uint64_t ids[4];
	size_t n;
	arena_init(&a, 1 << 20);
	m.hold = false;
	put(s->db, &m, SLICE("x"));
	assert_int_equal(spool_take_changed(s->db, ids, 4, &n), ERR_OK);
	assert_int_equal(n, 0);

	static const struct {
		enum spool_edit what;
		const char *reason;
		bool hold;
		const char *hold_reason;
		int64_t next_attempt;
	} cases[] = {
		{SPOOL_HOLD, "looks odd", true, "looks odd", 1700000300},
		{SPOOL_RETRY, "", true, "looks odd", 1002},
		{SPOOL_RELEASE, "", false, "looks odd", 1003},
		{SPOOL_RETRY, "", false, "looks odd", 1004},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(spool_edit(s->db, 42,
		                            &(struct spool_change){.what = cases[i].what,
		                                                   .now = 1001 + (int64_t)i,
		                                                   .reason = slice_str(cases[i].reason)}),
		                 ERR_OK);
		assert_int_equal(spool_get(s->db, 42, &a, &out), ERR_OK);
		assert_int_equal(out.hold, cases[i].hold);
		assert_slice(out.hold_reason, slice_str(cases[i].hold_reason));
		assert_int_equal(out.next_attempt, cases[i].next_attempt);
		assert_int_equal(spool_take_changed(s->db, ids, 4, &n), ERR_OK);
		assert_int_equal(n, 1);
		assert_int_equal(ids[0], 42);
	}
	assert_int_equal(spool_edit(s->db, 42, &(struct spool_change){.what = SPOOL_DROP, .now = 0}), ERR_OK);
	assert_int_equal(spool_get(s->db, 42, &a, &out), ERR_NOT_FOUND);
	assert_int_equal(spool_take_changed(s->db, ids, 4, &n), ERR_OK);
	assert_int_equal(n, 1);
	assert_int_equal(spool_edit(s->db, 42, &(struct spool_change){.what = SPOOL_RETRY, .now = 0}), ERR_NOT_FOUND);
	assert_int_equal(spool_take_changed(s->db, ids, 4, &n), ERR_OK);
	assert_int_equal(n, 0);
	arena_free(&a);
}

static void a_release_gives_a_fresh_life_and_may_go_elsewhere(void **state)
{
	struct store_test *s = *state;
	static const struct {
		const char *name;
		bool answer, redirected, hold;
		const char *to;
		enum error error;
		size_t recipients;
		uint32_t attempts;
		int64_t expires;
	} cases[] = {
		{"to its recipients", false, false, true, "", ERR_OK, 2, 0, 2000},
		{"elsewhere", false, false, true, "boss@example.net", ERR_OK, 1, 0, 2000},
		{"an answer", true, false, true, "", ERR_PERMISSION, 2, 3, 1700400000},
		{"an answer that is not even held", true, false, false, "", ERR_PERMISSION, 2, 3, 1700400000},
		{"an answer elsewhere", true, false, true, "boss@example.net", ERR_OK, 1, 0, 2000},
		{"an answer that went elsewhere before", true, true, true, "", ERR_OK, 2, 0, 2000},
		{"not held", false, false, false, "", ERR_OK, 2, 3, 1700400000},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct arena a;
		struct spool_message m = sample(100 + i), out;
		struct spool_change c = {.what = SPOOL_RELEASE,
		                         .now = 1000,
		                         .expires = 2000,
		                         .to = slice_str(cases[i].to)};
		arena_init(&a, 1 << 20);
		m.answer = cases[i].answer;
		m.redirected = cases[i].redirected;
		m.downstream = cases[i].redirected;
		m.hold = cases[i].hold;
		put(s->db, &m, SLICE("x"));
		if (spool_edit(s->db, m.id, &c) != cases[i].error) fail_msg("%s", cases[i].name);
		assert_int_equal(spool_get(s->db, m.id, &a, &out), ERR_OK);
		assert_int_equal(out.hold, cases[i].error ? cases[i].hold : false);
		assert_int_equal(out.recipient_count, cases[i].recipients);
		assert_int_equal(out.attempts, cases[i].attempts);
		assert_int_equal(out.expires, cases[i].expires);
		assert_int_equal(out.held_since, m.held_since);
		assert_slice(out.hold_reason, m.hold_reason);
		if (cases[i].to[0]) {
			assert_true(out.redirected && out.downstream);
			assert_slice(out.recipients[0].address, slice_str(cases[i].to));
			assert_int_equal(out.recipients[0].state, RECIPIENT_PENDING);
		}
		arena_free(&a);
	}
}

static void changed_ids_are_taken_in_portions(void **state)
{
	struct store_test *s = *state;
	uint64_t ids[4], last = 0;
	size_t n, total = 0;
	for (uint64_t i = 1; i <= 10; i++) {
		struct spool_message m = sample(i);
		put(s->db, &m, SLICE("x"));
		assert_int_equal(spool_edit(s->db, i, &(struct spool_change){.what = SPOOL_RETRY, .now = 0}), ERR_OK);
	}
	do {
		assert_int_equal(spool_take_changed(s->db, ids, 4, &n), ERR_OK);
		for (size_t i = 0; i < n; i++) {
			assert_int_equal(ids[i], last + 1);
			last = ids[i];
		}
		total += n;
	} while (n > 0);
	assert_int_equal(total, 10);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_is_the_same_after_encoding),
		cmocka_unit_test(a_record_of_version_1_is_understood),
		cmocka_unit_test(damaged_records_are_refused),
		cmocka_unit_test(long_texts_are_cut_but_addresses_never),
		cmocka_unit_test(ids_grow_and_read_back),
		T(a_stored_message_is_got_with_its_body),
		T(a_large_body_is_a_file),
		T(each_message_is_seen_once_in_order),
		T(edits_change_the_record_and_are_noted),
		T(a_release_gives_a_fresh_life_and_may_go_elsewhere),
		T(changed_ids_are_taken_in_portions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
