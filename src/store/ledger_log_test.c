/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ledger_log.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "store/spool.h"
#include "store/store_test.h"

#define NOW 1700000000
#define DAY 86400

static const struct ledger_bounds wide = {.lifetime = 30 * DAY, .size = (uint64_t)1 << 30};

struct test {
	struct store_test *store;
	struct ledger_log *log;
};

static void reopen(struct test *t)
{
	char why[256] = "";
	ledger_log_close(t->log);
	if (ledger_log_open(t->store->dir, &t->log, why)) fail_msg("%s", why);
}

static int setup(void **state)
{
	struct test *t = calloc(1, sizeof *t);
	assert_non_null(t);
	t->store = store_test_begin(DB_LEDGER);
	reopen(t);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct test *t = *state;
	ledger_log_close(t->log);
	store_test_end(t->store);
	free(t);
	return 0;
}

static uint64_t id_at(int64_t time, unsigned n)
{
	return (uint64_t)time * 1000 << 20 | n;
}

static void append(struct test *t, const struct ledger_bounds *b, unsigned id, const char *record, int64_t now)
{
	struct ledger_row row = {id_at(now, id), slice_str(record)};
	assert_int_equal(ledger_log_append(t->log, b, &row, 1, now), ERR_OK);
}

/* What replay gives, as "1=one 2=two ". */
struct seen {
	char text[4096];
	size_t n, most;
};

static bool note(const struct ledger_row *rows, size_t n, void *arg)
{
	struct seen *s = arg;
	for (size_t i = 0; i < n; i++) {
		size_t used = strlen(s->text);
		if (used + 64 < sizeof s->text && rows[i].record.n < 32)
			snprintf(s->text + used, sizeof s->text - used, "%u=%.*s ", (unsigned)(rows[i].id & 0xfffff),
			         SLICE_ARG(rows[i].record));
		s->n++;
	}
	return s->most == 0 || s->n < s->most;
}

static const char *replayed(struct test *t, struct seen *s)
{
	*s = (struct seen){0};
	reopen(t);
	assert_int_equal(ledger_log_replay(t->log, note, s), ERR_OK);
	return s->text;
}

static size_t list(struct test *t, char names[64][SPOOL_ID_TEXT])
{
	char path[128];
	size_t n = 0;
	snprintf(path, sizeof path, "%s/ledger/log", t->store->dir);
	struct dirent **entries;
	int count = scandir(path, &entries, NULL, alphasort);
	assert_true(count >= 0);
	for (int i = 0; i < count; i++) {
		if (strlen(entries[i]->d_name) == SPOOL_ID_TEXT - 1 && n < 64)
			memcpy(names[n++], entries[i]->d_name, SPOOL_ID_TEXT);
		free(entries[i]);
	}
	free(entries);
	return n;
}

static int open_file(struct test *t, const char *name)
{
	char path[192];
	snprintf(path, sizeof path, "%s/ledger/log/%s", t->store->dir, name);
	int fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	return fd;
}

static void test_what_was_appended_comes_back(void **state)
{
	struct test *t = *state;
	struct seen s;
	assert_false(ledger_log_has_past(t->log));
	assert_string_equal(replayed(t, &s), "");
	append(t, &wide, 1, "one", NOW);
	append(t, &wide, 2, "two", NOW);
	assert_int_equal(ledger_log_sync(t->log), ERR_OK);
	assert_int_equal(ledger_log_replay(t->log, note, &s), ERR_OK);
	assert_string_equal(s.text, ""); /* it is no past yet */
	assert_string_equal(replayed(t, &s), "1=one 2=two ");
	assert_true(ledger_log_has_past(t->log));
	append(t, &wide, 3, "three", NOW + 1); /* a file of its own: the old one may end in damage */
	assert_string_equal(replayed(t, &s), "1=one 2=two 3=three ");
	char names[64][SPOOL_ID_TEXT];
	assert_int_equal(list(t, names), 2);
	s = (struct seen){.most = 1};
	assert_int_equal(ledger_log_replay(t->log, note, &s), ERR_OK);
	assert_int_equal(s.n, 2); /* what was given at once, and no more */
}

static void test_a_file_cut_anywhere(void **state)
{
	struct test *t = *state;
	char names[64][SPOOL_ID_TEXT];
	struct seen s;
	struct stat st;
	append(t, &wide, 1, "one", NOW);
	append(t, &wide, 2, "two", NOW);
	append(t, &wide, 3, "three", NOW);
	assert_int_equal(list(t, names), 1);
	int fd = open_file(t, names[0]);
	assert_int_equal(fstat(fd, &st), 0);
	for (off_t size = st.st_size; size-- > 0;) {
		assert_int_equal(ftruncate(fd, size), 0);
		replayed(t, &s);
		const char *wanted = size >= 9 + 2 * 23 ? "1=one 2=two " : size >= 9 + 23 ? "1=one " : "";
		assert_string_equal(s.text, wanted);
	}
	close(fd);
}

/* A crash may leave holes and old blocks: nothing that is wrong is taken for a record. */
static void test_damage(void **state)
{
	struct test *t = *state;
	char names[64][SPOOL_ID_TEXT], octet;
	struct seen s;
	append(t, &wide, 1, "one", NOW);
	append(t, &wide, 2, "two", NOW);
	reopen(t);
	append(t, &wide, 3, "three", NOW + 1);
	assert_int_equal(list(t, names), 2);
	int fd = open_file(t, names[0]);
	for (off_t at = 9; at < 9 + 2 * 23; at++) {
		assert_int_equal(pread(fd, &octet, 1, at), 1);
		octet = (char)(octet ^ 0x10);
		assert_int_equal(pwrite(fd, &octet, 1, at), 1);
		assert_string_equal(replayed(t, &s), at < 9 + 23 ? "3=three " : "1=one 3=three ");
		octet = (char)(octet ^ 0x10);
		assert_int_equal(pwrite(fd, &octet, 1, at), 1);
	}
	assert_int_equal(pwrite(fd, "\2", 1, 8), 1); /* a newer version */
	assert_string_equal(replayed(t, &s), "3=three ");
	close(fd);
}

/* More than a window of it, with records of all sizes. */
static void test_large(void **state)
{
	struct test *t = *state;
	static char record[LEDGER_RECORD_MOST];
	struct seen s;
	memset(record, 'r', sizeof record);
	for (unsigned i = 0; i < 400; i++) {
		struct ledger_row row = {id_at(NOW, i), slice_of(record, i % 3 ? sizeof record : 40 + i)};
		assert_int_equal(ledger_log_append(t->log, &wide, &row, 1, NOW), ERR_OK);
	}
	assert_true(ledger_log_size(t->log) > 6u * 1024 * 1024);
	replayed(t, &s);
	assert_int_equal(s.n, 400);
}

static void test_files_begin_and_go(void **state)
{
	struct test *t = *state;
	const struct ledger_bounds small = {.lifetime = 32 * DAY, .size = 1 << 20};
	char names[64][SPOOL_ID_TEXT], record[1024];
	struct seen s;
	memset(record, 'r', sizeof record - 1);
	record[sizeof record - 1] = '\0';
	for (unsigned i = 0; i < 200; i++) append(t, &small, i, record, NOW); /* 64 KiB a file */
	assert_int_equal(list(t, names), 4);
	append(t, &small, 1, "later", NOW + 2 * DAY); /* or a day */
	assert_int_equal(list(t, names), 5);
	uint64_t size = ledger_log_size(t->log);
	ledger_log_trim(t->log, id_at(NOW, 0));
	assert_int_equal(list(t, names), 5);
	uint64_t second, last;
	assert_true(spool_id_parse(slice_str(names[1]), &second) && spool_id_parse(slice_str(names[4]), &last));
	ledger_log_trim(t->log, second - 1);
	assert_int_equal(list(t, names), 5);
	ledger_log_trim(t->log, second);
	assert_int_equal(list(t, names), 4);
	assert_true(ledger_log_size(t->log) < size);
	append(t, &small, 2, "more", NOW + 2 * DAY);
	ledger_log_trim(t->log, UINT64_MAX);
	assert_int_equal(list(t, names), 1); /* the one that is written to stays */
	assert_string_equal(replayed(t, &s), "1=later 2=more ");
}

/* No passage of a file has an id that is not below the next one's name, whatever the clock does. */
static void test_names(void **state)
{
	struct test *t = *state;
	const struct ledger_bounds small = {.lifetime = 32, .size = 1 << 20};
	char names[64][SPOOL_ID_TEXT];
	append(t, &small, 5, "one", NOW);
	struct ledger_row ahead = {id_at(NOW + 500, 0), SLICE("ahead")};
	assert_int_equal(ledger_log_append(t->log, &small, &ahead, 1, NOW), ERR_OK);
	append(t, &small, 1, "back", NOW - 100);
	assert_int_equal(list(t, names), 2);
	uint64_t name;
	assert_true(spool_id_parse(slice_str(names[1]), &name));
	assert_true(name > ahead.id);
	reopen(t);
	append(t, &small, 2, "again", NOW - 100);
	assert_int_equal(list(t, names), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_was_appended_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_file_cut_anywhere, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_large, setup, teardown),
		cmocka_unit_test_setup_teardown(test_files_begin_and_go, setup, teardown),
		cmocka_unit_test_setup_teardown(test_names, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
