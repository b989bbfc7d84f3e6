/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/writer.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "relay/writer_batch.h"
#include "store/store_test.h"

/* ---- helpers ------------------------------------------------------------------------------------------------------ */

static struct message *make(const char *dir, uint64_t id, size_t size)
{
	struct message *m = message_new();
	assert_non_null(m);
	m->record = (struct spool_message){.id = id,
	                                   .tenant = 1,
	                                   .arrived = 1700000000,
	                                   .next_attempt = 1700000000,
	                                   .expires = 1700400000,
	                                   .return_path = SLICE("ann@example.net"),
	                                   .source = SLICE("192.0.2.1"),
	                                   .size = size,
	                                   .recipient_count = 1};
	m->record.recipients = ARENA_NEW(&m->arena, struct spool_recipient);
	m->record.recipients[0].address = SLICE("joe@example.org");
	blob_init(&m->body, 1 << 20, dir);
	char chunk[4096];
	memset(chunk, (int)(id & 0x7f), sizeof chunk);
	for (size_t n = 0; n < size; n += sizeof chunk)
		assert_int_equal(blob_append(&m->body,
		                             slice_of(chunk, size - n < sizeof chunk ? size - n : sizeof chunk)),
		                 ERR_OK);
	m->body_loaded = true;
	return m;
}

static bool stored_whole(struct db *spool, uint64_t id, size_t size)
{
	struct arena a;
	struct spool_message out;
	struct blob body;
	char c = 0;
	size_t got = 0;
	arena_init(&a, 1 << 20);
	enum error err = spool_get(spool, id, &a, &out);
	if (!err) err = spool_body(spool, &out, &body);
	if (!err) {
		if (body.size != size || blob_read(&body, size - 1, &c, 1, &got) || c != (char)(id & 0x7f))
			err = ERR_CORRUPT;
		blob_free(&body);
	}
	arena_free(&a);
	return !err;
}

struct run {
	struct loop *loop;
	struct writer *writer;
	struct db *spool;
	const char *dir;
	void (*body)(struct run *);
	struct message *m; /* for bodies that need one */
	size_t fibers, each, size;
	_Atomic size_t ok, failed;
	enum error last_error;
	int ack; /* descriptor for acknowledged ids, -1: none */
};

static void main_fiber(void *arg)
{
	struct run *r = arg;
	r->body(r);
	loop_stop(r->loop);
}

static void run_in_fiber(struct run *r, void (*body)(struct run *))
{
	r->body = body;
	r->loop = loop_new();
	assert_non_null(r->loop);
	assert_int_equal(scope_spawn(loop_scope(r->loop), "test", main_fiber, r), ERR_OK);
	loop_run(r->loop);
	loop_free(r->loop);
}

static void store_some(void *arg)
{
	struct run *r = arg;
	for (size_t i = 0; i < r->each; i++) {
		uint64_t id = spool_new_id(clock_unix_ms());
		struct message *m = make(r->dir, id, r->size);
		enum error err = writer_store(r->writer, m);
		if (!err && r->ack >= 0 && write(r->ack, &id, sizeof id) != sizeof id) _exit(9);
		if (err) r->last_error = err;
		err ? r->failed++ : r->ok++;
		message_unref(m);
	}
}

static void store_all(struct run *r)
{
	struct scope s;
	scope_init(&s);
	for (size_t i = 0; i < r->fibers; i++) assert_int_equal(scope_spawn(&s, "session", store_some, r), ERR_OK);
	assert_int_equal(scope_join(&s, DEADLINE_NEVER), ERR_OK);
}

static uint64_t records(struct db *spool)
{
	struct db_txn *t;
	assert_int_equal(db_begin_read(spool, &t), ERR_OK);
	uint64_t n = db_count(t, DB_messages);
	db_end_read(t);
	return n;
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

static struct run begin(struct store_test *s)
{
	struct run r = {.spool = s->db, .dir = s->dir, .fibers = 1, .each = 1, .size = 4096, .ack = -1};
	assert_int_equal(writer_start(s->db, &r.writer), ERR_OK);
	return r;
}

/* ---- tests -------------------------------------------------------------------------------------------------------- */

static void many_stores_share_a_commit(void **state)
{
	struct run r = begin(*state);
	r.fibers = 50;
	r.each = 20;
	int64_t commits = metric_get(METRIC_spool_commits), stored = metric_get(METRIC_spool_stored);
	run_in_fiber(&r, store_all);
	writer_stop(r.writer);
	assert_int_equal(r.ok, 1000);
	assert_int_equal(records(r.spool), 1000);
	assert_int_equal(metric_get(METRIC_spool_stored) - stored, 1000);
	assert_true(metric_get(METRIC_spool_commits) - commits < 500);
}

static void store_sizes(struct run *r)
{
	static const size_t sizes[] = {1, 4096, SPOOL_BODY_INLINE, SPOOL_BODY_INLINE + 1, (1 << 20) + 1, 3 << 20};
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct message *m = make(r->dir, 1000 + i, sizes[i]);
		char path[256];
		assert_int_equal(writer_store(r->writer, m), ERR_OK);
		assert_true(stored_whole(r->spool, 1000 + i, sizes[i]));
		spool_body_path(r->spool, 1000 + i, path, sizeof path);
		assert_int_equal(access(path, F_OK) == 0, sizes[i] > SPOOL_BODY_INLINE);
		assert_int_equal(writer_remove(r->writer, 1000 + i, m->record.body_in_file), ERR_OK);
		assert_int_equal(writer_flush(r->writer), ERR_OK);
		assert_int_equal(access(path, F_OK), -1);
		assert_int_equal(records(r->spool), 0);
		message_unref(m);
	}
}

static void bodies_of_all_sizes_are_stored_and_removed(void **state)
{
	struct run r = begin(*state);
	run_in_fiber(&r, store_sizes);
	writer_stop(r.writer);
}

static void update_and_look(struct run *r)
{
	struct arena a;
	struct spool_message out;
	arena_init(&a, 1 << 20);
	struct message *m = make(r->dir, 7, 100);
	assert_int_equal(writer_store(r->writer, m), ERR_OK);
	m->record.attempts = 2;
	m->record.next_attempt = 1700000600;
	m->record.pool = POOL_ndr; /* not the relay's to change afterwards */
	m->record.recipients[0].state = RECIPIENT_FAILED;
	m->record.recipients[0].last_reply = SLICE("550 no");
	assert_int_equal(writer_update(r->writer, &m->record), ERR_OK);
	m->record.recipients[0].last_reply = SLICE("later"); /* a copy was taken */
	assert_int_equal(writer_flush(r->writer), ERR_OK);
	assert_int_equal(spool_get(r->spool, 7, &a, &out), ERR_OK);
	assert_int_equal(out.attempts, 2);
	assert_int_equal(out.next_attempt, 1700000600);
	assert_int_equal(out.pool, POOL_regular);
	assert_int_equal(out.recipients[0].state, RECIPIENT_FAILED);
	assert_true(slice_equal(out.recipients[0].last_reply, SLICE("550 no")));

	/* What the operator sets meanwhile stays. */
	assert_int_equal(spool_edit(r->spool, 7,
	                            &(struct spool_change){.what = SPOOL_HOLD, .now = 1, .reason = SLICE("odd")}),
	                 ERR_OK);
	m->record.attempts = 3;
	assert_int_equal(writer_update(r->writer, &m->record), ERR_OK);
	assert_int_equal(writer_flush(r->writer), ERR_OK);
	assert_int_equal(spool_get(r->spool, 7, &a, &out), ERR_OK);
	assert_int_equal(out.attempts, 3);
	assert_true(out.hold);
	assert_int_equal(spool_edit(r->spool, 7, &(struct spool_change){.what = SPOOL_RELEASE, .now = 5}), ERR_OK);
	assert_int_equal(writer_update(r->writer, &m->record), ERR_OK);
	assert_int_equal(writer_flush(r->writer), ERR_OK);
	assert_int_equal(spool_get(r->spool, 7, &a, &out), ERR_OK);
	assert_int_equal(out.next_attempt, 5);
	assert_false(out.hold);

	/* Once the relay has seen that, its word counts again; and it may hold by itself. */
	uint64_t ids[4];
	size_t n;
	assert_int_equal(spool_take_changed(r->spool, ids, 4, &n), ERR_OK);
	m->record.hold = true;
	m->record.hold_reason = SLICE("no proof");
	m->record.expires = 1800000000;
	assert_int_equal(writer_update(r->writer, &m->record), ERR_OK);
	assert_int_equal(writer_flush(r->writer), ERR_OK);
	assert_int_equal(spool_get(r->spool, 7, &a, &out), ERR_OK);
	assert_true(out.hold);
	assert_true(slice_equal(out.hold_reason, SLICE("no proof")));
	assert_int_equal(out.expires, 1800000000);

	/* A dropped message does not come back. */
	assert_int_equal(spool_edit(r->spool, 7, &(struct spool_change){.what = SPOOL_DROP, .now = 1}), ERR_OK);
	assert_int_equal(writer_update(r->writer, &m->record), ERR_OK);
	assert_int_equal(writer_flush(r->writer), ERR_OK);
	assert_int_equal(spool_get(r->spool, 7, &a, &out), ERR_NOT_FOUND);
	message_unref(m);
	arena_free(&a);
}

static void updates_leave_alone_what_the_operator_set(void **state)
{
	struct run r = begin(*state);
	run_in_fiber(&r, update_and_look);
	writer_stop(r.writer);
}

static void ignore_line(struct slice line, void *arg)
{
	(void)line;
	(void)arg;
}

static enum error refuse(struct db_txn *t, void *arg)
{
	++*(int *)arg;
	return ERR_INVALID;
}

static void store_about(struct run *r)
{
	struct arena a;
	struct spool_message out;
	int called = 0;
	arena_init(&a, 1 << 20);
	struct message *failed = make(r->dir, 7, 100), *report = make(r->dir, 8, 100), *other = make(r->dir, 9, 100);
	assert_int_equal(writer_store(r->writer, failed), ERR_OK);
	failed->record.recipients[0].state = RECIPIENT_FAILED;
	assert_int_equal(writer_store_about(r->writer, report, &failed->record), ERR_OK);
	assert_true(stored_whole(r->spool, 8, 100));
	assert_int_equal(spool_get(r->spool, 7, &a, &out), ERR_OK);
	assert_int_equal(out.recipients[0].state, RECIPIENT_FAILED);

	/* Sent elsewhere meanwhile: the state of a recipient that is not there any more is nobody's. */
	assert_int_equal(spool_edit(r->spool, 7,
	                            &(struct spool_change){.what = SPOOL_RELEASE,
	                                                   .now = 5,
	                                                   .to = SLICE("boss@a.example")}),
	                 ERR_OK);
	assert_int_equal(writer_update(r->writer, &failed->record), ERR_OK);
	assert_int_equal(writer_flush(r->writer), ERR_OK);
	assert_int_equal(spool_get(r->spool, 7, &a, &out), ERR_OK);
	assert_int_equal(out.recipients[0].state, RECIPIENT_PENDING);
	assert_true(slice_equal(out.recipients[0].address, SLICE("boss@a.example")));

	/* Dropped meanwhile: the report is stored all the same. Refused: nothing is. */
	assert_int_equal(spool_edit(r->spool, 7, &(struct spool_change){.what = SPOOL_DROP, .now = 6}), ERR_OK);
	assert_int_equal(writer_store_about(r->writer, other, &failed->record), ERR_OK);
	assert_true(stored_whole(r->spool, 9, 100));
	assert_int_equal(spool_get(r->spool, 7, &a, &out), ERR_NOT_FOUND);
	failed->record.id = 10;
	assert_int_equal(writer_store_also(r->writer, failed, refuse, &called), ERR_INVALID);
	assert_int_equal(called, 1);
	assert_int_equal(spool_get(r->spool, 10, &a, &out), ERR_NOT_FOUND);
	message_unref(failed);
	message_unref(report);
	message_unref(other);
	arena_free(&a);
}

static void a_message_and_what_it_is_about_share_a_transaction(void **state)
{
	struct run r = begin(*state);
	log_capture(ignore_line, NULL);
	run_in_fiber(&r, store_about);
	writer_stop(r.writer);
	log_capture(NULL, NULL);
}

static void stopping_commits_what_is_waiting(void **state)
{
	struct store_test *s = *state;
	struct run r = begin(s);
	r.each = 10;
	run_in_fiber(&r, store_all);
	for (uint64_t id = 1; id <= 3; id++) assert_int_equal(writer_remove(r.writer, id, false), ERR_OK);
	uint64_t first = 0;
	struct db_txn *t;
	struct db_cursor *c;
	struct slice key;
	assert_int_equal(db_begin_read(r.spool, &t), ERR_OK);
	assert_int_equal(db_cursor_open(t, DB_messages, &c), ERR_OK);
	assert_int_equal(db_cursor_seek(c, SLICE_EMPTY, &key, NULL), ERR_OK);
	for (size_t i = 0; i < 8; i++) first = first << 8 | (uint8_t)key.p[i];
	db_cursor_close(c);
	db_end_read(t);
	assert_int_equal(writer_remove(r.writer, first, false), ERR_OK);
	writer_stop(r.writer);
	assert_int_equal(records(r.spool), 9);
}

static void only_updates_gather(void **state)
{
	struct run r = begin(*state);
	r.each = 1;
	run_in_fiber(&r, store_all);
	int64_t before = metric_get(METRIC_spool_commits), until = clock_now_ms() + 100;
	for (uint64_t id = 1; clock_now_ms() < until; id++) {
		assert_int_equal(writer_remove(r.writer, id, false), ERR_OK);
		usleep(500);
	}
	writer_stop(r.writer);
	int64_t commits = metric_get(METRIC_spool_commits) - before;
	assert_true(commits >= 2 && commits <= 100 / WRITER_LINGER_MS + 2);
}

/* "U1 U2 R1": updates and removals by id, with an update's attempts in their order. */
static void waiting_changes_are_merged(void **state)
{
	static const struct {
		const char *before, *after;
	} cases[] = {
		{"", ""},
		{"U1", "U1.0"},
		{"U2 U1", "U1.1 U2.0"},
		{"U1 U1 U1", "U1.2"},
		{"U1 R1", "R1"},
		{"R1 U1", "R1"},
		{"U3 U1 R2 U1 U3 R3 U4", "U1.3 R2 R3 U4.6"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct writer_change *list = NULL, **end = &list;
		struct slice rest = slice_str(cases[i].before);
		char out[200] = "";
		size_t n = 0, left;
		for (uint32_t at = 0; rest.n; at++) {
			struct slice word = slice_split(&rest, ' ');
			struct spool_message m = {.id = (uint64_t)(word.p[1] - '0'), .attempts = at};
			*end = writer_change_new(m.id, word.p[0] == 'U' ? &m : NULL);
			end = &(*end)->next;
		}
		left = writer_changes_merge(&list);
		for (struct writer_change *c = list, *next; c; c = next) {
			struct spool_message m;
			size_t at = strlen(out);
			if (!c->record.p)
				snprintf(out + at, sizeof out - at, "%sR%d", at ? " " : "", (int)c->id);
			else if (!spool_decode(&c->arena, c->record, &m))
				snprintf(out + at, sizeof out - at, "%sU%d.%u", at ? " " : "", (int)c->id, m.attempts);
			next = c->next;
			writer_change_free(c);
			n++;
		}
		assert_string_equal(out, cases[i].after);
		assert_int_equal(n, left);
	}
}

/* ---- a full disk -------------------------------------------------------------------------------------------------- */

static void note_line(struct slice line, void *arg)
{
	unsigned *seen = arg;
	if (slice_search(line, SLICE("spool_failing")) < line.n) *seen |= 1;
	if (slice_search(line, SLICE("spool_recovered")) < line.n) *seen |= 2;
}

static void a_full_disk_refuses_and_recovers(void **state)
{
	struct store_test *s = *state;
	char mount_point[80], filler[100];
	snprintf(mount_point, sizeof mount_point, "%s/small", s->dir);
	assert_int_equal(mkdir(mount_point, 0750), 0);
	if (mount("none", mount_point, "tmpfs", 0, "size=32m")) skip();
	struct db *db = store_test_open(mount_point, DB_SPOOL, DB_CREATE);
	struct store_test inner = {.db = db};
	snprintf(inner.dir, sizeof inner.dir, "%s", s->dir);
	struct run r = begin(&inner);

	/* The reserve is kept: stores are refused, and so is a large body, while removals go through. */
	r.fibers = 10;
	r.each = 500;
	run_in_fiber(&r, store_all);
	size_t kept = records(db);
	enum error reason = r.last_error;
	uint64_t room = db_free_space(db);
	size_t refused = r.failed, ok = r.ok;
	r.fibers = r.each = 1;
	r.size = 1 << 20;
	r.last_error = ERR_OK;
	run_in_fiber(&r, store_all);
	enum error large = r.last_error;

	/* Now somebody else takes the reserve too. Changes wait and are done when there is room again. */
	unsigned seen = 0;
	log_capture(note_line, &seen);
	snprintf(filler, sizeof filler, "%s/filler", mount_point);
	int fd = open(filler, O_CREAT | O_WRONLY, 0600);
	char zeros[4096] = {0};
	while (fd >= 0 && write(fd, zeros, sizeof zeros) > 0) continue;
	close(fd);
	uint64_t first = 0, n = 0;
	struct db_txn *t;
	struct db_cursor *c;
	struct slice key;
	assert_int_equal(db_begin_read(db, &t), ERR_OK);
	assert_int_equal(db_cursor_open(t, DB_messages, &c), ERR_OK);
	enum error err = db_cursor_seek(c, SLICE_EMPTY, &key, NULL);
	uint64_t ids[600];
	for (; !err && n < 600; err = db_cursor_next(c, &key, NULL)) {
		first = 0;
		for (size_t i = 0; i < 8; i++) first = first << 8 | (uint8_t)key.p[i];
		ids[n++] = first;
	}
	db_cursor_close(c);
	db_end_read(t);
	for (uint64_t i = 0; i < n; i++) writer_remove(r.writer, ids[i], false);
	usleep(100 * 1000);
	unlink(filler);
	for (int i = 0; i < 300 && records(db) > kept - n; i++) usleep(10 * 1000);
	size_t left = records(db);
	assert_int_equal(mount("none", mount_point, "tmpfs", MS_REMOUNT, "size=128m"), 0);
	r.ok = r.failed = 0;
	r.size = 4096;
	r.each = 100;
	run_in_fiber(&r, store_all);
	writer_stop(r.writer);
	log_capture(NULL, NULL);
	size_t ok_after = r.ok;
	db_close(db);
	umount2(mount_point, MNT_DETACH);
	assert_int_equal(reason, ERR_NO_SPACE);
	assert_int_equal(ok, kept);
	assert_int_equal(ok + refused, 5000);
	assert_true(room >= (2 << 20) - (1 << 19)); /* a sixteenth of the disk, less what the last commit took */
	assert_int_equal(large, ERR_NO_SPACE);
	assert_int_equal(left, kept - n);
	assert_int_equal(ok_after, 100);
	assert_true(seen == 0 || seen == 3); /* LMDB may have had free pages enough */
}

/* ---- kill -9 ------------------------------------------------------------------------------------------------------ */

static void store_until_killed(const char *dir, int ack)
{
	char why[256];
	struct run r = {.dir = dir, .fibers = 20, .each = 1000000, .size = 4096, .ack = ack};
	if (db_open(dir, DB_SPOOL, DB_CREATE, &r.spool, why) || writer_start(r.spool, &r.writer)) _exit(8);
	run_in_fiber(&r, store_all);
	_exit(0);
}

static void what_was_acknowledged_survives_kill(void **state)
{
	struct store_test *s = *state;
#ifdef __SANITIZE_THREAD__
	skip(); /* it does not let a forked child start threads */
#endif
	db_close(s->db);
	s->db = NULL;
	size_t acknowledged = 0;
	for (int round = 0; round < 5; round++) {
		int ack[2];
		uint64_t id;
		static uint64_t ids[200000];
		size_t n = 0;
		assert_int_equal(pipe(ack), 0);
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			close(ack[0]);
			store_until_killed(s->dir, ack[1]);
		}
		close(ack[1]);
		int64_t until = clock_now_ms() + 60 + round * 25;
		while (n < 200000 && clock_now_ms() < until && read(ack[0], &id, sizeof id) == sizeof id) ids[n++] = id;
		kill(pid, SIGKILL);
		while (n < 200000 && read(ack[0], &id, sizeof id) == sizeof id) ids[n++] = id;
		close(ack[0]);
		waitpid(pid, NULL, 0);
		s->db = store_test_open(s->dir, DB_SPOOL, DB_CREATE);
		for (size_t i = 0; i < n; i++) assert_true(stored_whole(s->db, ids[i], 4096));
		acknowledged += n;
		db_close(s->db);
		s->db = NULL;
	}
	assert_true(acknowledged > 0);
	print_message("%zu acknowledged messages, all there\n", acknowledged);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(many_stores_share_a_commit),
		T(bodies_of_all_sizes_are_stored_and_removed),
		T(updates_leave_alone_what_the_operator_set),
		T(a_message_and_what_it_is_about_share_a_transaction),
		T(stopping_commits_what_is_waiting),
		T(only_updates_gather),
		cmocka_unit_test(waiting_changes_are_merged),
		T(a_full_disk_refuses_and_recovers),
		T(what_was_acknowledged_survives_kill),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
