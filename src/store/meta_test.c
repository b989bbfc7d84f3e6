/* SPDX-License-Identifier: Apache-2.0 */
#include "store/meta.h"

#include <limits.h>
#include <sys/wait.h>

#include "store/store_test.h"

static const struct slice one = SLICE("one"), two = SLICE("two");

static enum error bump(struct db_txn *t, void *arg)
{
	return meta_bump(t, *(const struct slice *)arg);
}

static void count_up(struct db *db, struct slice name)
{
	assert_int_equal(db_update(db, bump, &name), ERR_OK);
}

static void each_commit_is_seen_at_once(void **state)
{
	const struct store_test *s = *state;
	for (uint64_t i = 0; i < 5; i++) {
		assert_int_equal(meta_read(s->db, one), i);
		assert_int_equal(meta_read(s->db, two), 0);
		assert_int_equal(meta_read(s->db, one), i); /* remembered */
		count_up(s->db, one);
	}
}

static void more_names_than_are_remembered(void **state)
{
	const struct store_test *s = *state;
	static const struct slice names[] = {SLICE("a"), SLICE("b"), SLICE("c"), SLICE("d"), SLICE("e"), SLICE("f")};
	for (size_t round = 0; round < 3; round++)
		for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
			assert_int_equal(meta_read(s->db, names[i]), round);
			count_up(s->db, names[i]);
		}
}

static void what_is_opened_anew_is_read_anew(void **state)
{
	struct store_test *s = *state;
	char path[PATH_MAX];
	count_up(s->db, one);
	assert_int_equal(meta_read(s->db, one), 1);
	db_close(s->db);
	s->db = store_test_open(s->dir, DB_STATE, 0);
	assert_int_equal(meta_read(s->db, one), 1);
	db_close(s->db);
	snprintf(path, sizeof path, "%s/state/data.mdb", s->dir);
	assert_int_equal(unlink(path), 0); /* another one in its place, perhaps at the same address */
	s->db = store_test_open(s->dir, DB_STATE, DB_CREATE);
	assert_int_equal(meta_read(s->db, one), 0);
}

/* It may not use our handle, and opens its own. */
static void count_up_when_told(const char *dir, int told)
{
	char why[256], c;
	struct db *db;
	struct slice name = one;
	if (read(told, &c, 1) != 1 || db_open(dir, DB_STATE, 0, &db, why) || db_update(db, bump, &name)) _exit(1);
	db_close(db);
	_exit(0);
}

static void a_commit_of_another_process_is_seen_at_once(void **state)
{
	struct store_test *s = *state;
	int tell[2], status;
	db_close(s->db);
	assert_int_equal(pipe(tell), 0);
	pid_t pid = fork();
	if (pid == 0) count_up_when_told(s->dir, tell[0]);
	s->db = store_test_open(s->dir, DB_STATE, 0);
	assert_int_equal(meta_read(s->db, one), 0);
	assert_int_equal(write(tell[1], "g", 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(meta_read(s->db, one), 1);
	close(tell[0]);
	close(tell[1]);
}

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

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(each_commit_is_seen_at_once),
		T(more_names_than_are_remembered),
		T(what_is_opened_anew_is_read_anew),
		T(a_commit_of_another_process_is_seen_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
