/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store_test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/sandbox.h"
#include "store/db_files.h"

#define FIRST_MAP (4u << 20)
#define BIG       (256u << 10)

struct row {
	const char *key;
	const char *value;
	size_t pad; /* value's length instead */
};

static enum error put_row(struct db_txn *t, void *arg)
{
	const struct row *r = arg;
	if (!r->pad) return db_put(t, DB_meta, slice_str(r->key), slice_str(r->value));
	void *room;
	enum error err = db_reserve(t, DB_meta, slice_str(r->key), r->pad, &room);
	if (!err) memset(room, 'x', r->pad);
	return err;
}

static enum error delete_row(struct db_txn *t, void *key)
{
	return db_delete(t, DB_meta, slice_str(key));
}

static enum error put(struct db *db, const char *key, const char *value)
{
	struct row r = {.key = key, .value = value};
	return db_update(db, put_row, &r);
}

static bool has_value(struct db *db, const char *key, const char *value)
{
	struct db_txn *t;
	struct slice v = SLICE_EMPTY;
	assert_int_equal(db_begin_read(db, &t), ERR_OK);
	enum error err = db_get(t, DB_meta, slice_str(key), &v);
	bool same = !err && slice_equal(v, slice_str(value));
	db_end_read(t);
	return same;
}

static int setup(void **state)
{
	db_first_map_size = FIRST_MAP;
	*state = store_test_begin(DB_STATE);
	return 0;
}

static int teardown(void **state)
{
	store_test_end(*state);
	return 0;
}

static void what_is_put_is_got_and_survives_closing(void **state)
{
	struct store_test *s = *state;
	assert_int_equal(put(s->db, "a", "one"), ERR_OK);
	assert_int_equal(put(s->db, "b", "two"), ERR_OK);
	db_close(s->db);
	s->db = store_test_open(s->dir, DB_STATE, 0);
	assert_true(has_value(s->db, "a", "one"));
	assert_true(has_value(s->db, "b", "two"));
	assert_int_equal(db_update(s->db, delete_row, (void *)"a"), ERR_OK);
	assert_int_equal(db_update(s->db, delete_row, (void *)"a"), ERR_NOT_FOUND);
	assert_false(has_value(s->db, "a", "one"));
}

static enum error put_and_fail(struct db_txn *t, void *arg)
{
	struct row r = {.key = "a", .value = "never"};
	assert_int_equal(put_row(t, &r), ERR_OK);
	return ERR_INVALID;
}

static void a_change_that_fails_changes_nothing(void **state)
{
	struct store_test *s = *state;
	assert_int_equal(db_update(s->db, put_and_fail, NULL), ERR_INVALID);
	assert_false(has_value(s->db, "a", "never"));
}

static void a_missing_environment_is_not_found_without_create(void **state)
{
	struct store_test *s = *state;
	struct db *db;
	char why[256];
	assert_int_equal(db_open(s->dir, DB_SPOOL, 0, &db, why), ERR_NOT_FOUND);
	assert_null(db);
	assert_non_null(strstr(why, "spool"));
	assert_int_equal(db_open(s->dir, DB_SPOOL, DB_READ_ONLY, &db, why), ERR_NOT_FOUND);
}

static void read_only_refuses_writes_and_reads(void **state)
{
	struct store_test *s = *state;
	assert_int_equal(put(s->db, "a", "one"), ERR_OK);
	db_close(s->db);
	s->db = store_test_open(s->dir, DB_STATE, DB_READ_ONLY);
	assert_true(has_value(s->db, "a", "one"));
	assert_int_equal(put(s->db, "a", "two"), ERR_READ_ONLY);
}

static void reads_of_one_thread_nest(void **state)
{
	struct store_test *s = *state;
	struct db_txn *outer, *inner;
	assert_int_equal(put(s->db, "a", "one"), ERR_OK);
	assert_int_equal(db_begin_read(s->db, &outer), ERR_OK);
	assert_int_equal(db_begin_read(s->db, &inner), ERR_OK);
	db_end_read(inner);
	assert_int_equal(db_get(outer, DB_meta, SLICE("a"), NULL), ERR_OK);
	db_end_read(outer);
	assert_int_equal(put(s->db, "a", "two"), ERR_OK);
}

static void a_cursor_walks_in_order_and_deletes(void **state)
{
	struct store_test *s = *state;
	struct db_txn *t;
	struct db_cursor *c;
	struct slice key, value;
	put(s->db, "c", "3");
	put(s->db, "a", "1");
	put(s->db, "b", "2");
	assert_int_equal(db_begin_read(s->db, &t), ERR_OK);
	assert_int_equal(db_count(t, DB_meta), 3);
	assert_int_equal(db_cursor_open(t, DB_meta, &c), ERR_OK);
	assert_int_equal(db_cursor_seek(c, SLICE("aa"), &key, &value), ERR_OK);
	assert_true(slice_equal(key, SLICE("b")));
	assert_int_equal(db_cursor_next(c, &key, &value), ERR_OK);
	assert_true(slice_equal(value, SLICE("3")));
	assert_int_equal(db_cursor_next(c, &key, &value), ERR_NOT_FOUND);
	db_cursor_close(c);
	db_end_read(t);
}

static void a_cursor_walks_backwards(void **state)
{
	static const struct {
		const char *to, *found; /* NULL: none */
	} seeks[] = {{"", "c"}, {"z", "c"}, {"c", "c"}, {"bb", "b"}, {"b", "b"}, {"aa", "a"}, {"A", NULL}};
	struct store_test *s = *state;
	struct db_txn *t;
	struct db_cursor *c;
	struct slice key, value;
	assert_int_equal(db_begin_read(s->db, &t), ERR_OK);
	assert_int_equal(db_cursor_open(t, DB_meta, &c), ERR_OK);
	assert_int_equal(db_cursor_seek_back(c, SLICE_EMPTY, &key, &value), ERR_NOT_FOUND);
	assert_int_equal(db_cursor_seek_back(c, SLICE("a"), &key, &value), ERR_NOT_FOUND);
	assert_int_equal(db_table_size(t, DB_meta), 0);
	db_cursor_close(c);
	db_end_read(t);
	put(s->db, "c", "3");
	put(s->db, "a", "1");
	put(s->db, "b", "2");
	assert_int_equal(db_begin_read(s->db, &t), ERR_OK);
	assert_int_equal(db_cursor_open(t, DB_meta, &c), ERR_OK);
	for (size_t i = 0; i < sizeof seeks / sizeof *seeks; i++) {
		enum error err = db_cursor_seek_back(c, slice_str(seeks[i].to), &key, &value);
		assert_int_equal(err, seeks[i].found ? ERR_OK : ERR_NOT_FOUND);
		if (!err) assert_true(slice_equal(key, slice_str(seeks[i].found)));
	}
	assert_int_equal(db_cursor_seek_back(c, SLICE("bb"), &key, &value), ERR_OK);
	assert_true(slice_equal(value, SLICE("2")));
	assert_int_equal(db_cursor_previous(c, &key, &value), ERR_OK);
	assert_true(slice_equal(key, SLICE("a")) && slice_equal(value, SLICE("1")));
	assert_int_equal(db_cursor_previous(c, &key, &value), ERR_NOT_FOUND);
	assert_int_equal(db_table_size(t, DB_meta), sysconf(_SC_PAGESIZE));
	db_cursor_close(c);
	db_end_read(t);
}

/* What a table gave back is spare, and is used before the file grows. */
static void freed_pages_are_spare(void **state)
{
	struct store_test *s = *state;
	struct row r = {.key = "k", .pad = BIG};
	struct db_txn *t;
	assert_int_equal(db_update(s->db, put_row, &r), ERR_OK);
	assert_int_equal(db_begin_read(s->db, &t), ERR_OK);
	uint64_t size = db_table_size(t, DB_meta), spare = db_spare_size(t);
	db_end_read(t);
	assert_true(size >= BIG && size < 2 * BIG && spare < BIG);
	assert_int_equal(db_update(s->db, delete_row, (void *)"k"), ERR_OK);
	assert_int_equal(db_begin_read(s->db, &t), ERR_OK);
	assert_int_equal(db_table_size(t, DB_meta), 0);
	assert_true(db_spare_size(t) >= spare + BIG);
	db_end_read(t);
}

/* ---- the map ------------------------------------------------------------------------------------------------------ */

struct fill {
	size_t n;
	int runs;
};

static enum error put_much(struct db_txn *t, void *arg)
{
	struct fill *f = arg;
	f->runs++;
	for (size_t i = 0; i < f->n; i++) {
		char key[32];
		snprintf(key, sizeof key, "big%zu", i);
		struct row r = {.key = key, .pad = BIG};
		enum error err = put_row(t, &r);
		if (err) return err;
	}
	return ERR_OK;
}

static void a_full_map_grows(void **state)
{
	struct store_test *s = *state;
	uint64_t before = db_map_size(s->db);
	struct fill f = {.n = before / BIG + 1};
	/* The cached reader of this thread must not be in the way. */
	assert_false(has_value(s->db, "x", ""));
	assert_int_equal(db_update(s->db, put_much, &f), ERR_OK);
	assert_int_equal(db_map_size(s->db), before * 2);
	assert_int_equal(f.runs, 2);
	assert_false(has_value(s->db, "x", ""));
}

static void run_child(void (*child)(const char *dir), const char *dir)
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		child(dir);
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void grow_in_child(const char *dir)
{
	struct db *db;
	char why[256];
	if (db_open(dir, DB_STATE, 0, &db, why)) _exit(1);
	struct fill f = {.n = db_map_size(db) / BIG + 1};
	if (db_update(db, put_much, &f)) _exit(2);
	db_close(db);
}

static void growth_by_another_process_is_followed(void **state)
{
	struct store_test *s = *state;
	uint64_t before = db_map_size(s->db);
	assert_int_equal(put(s->db, "a", "one"), ERR_OK);
	/* A forked process may not use our handle but may open its own: first without one here. */
	db_close(s->db);
	int go[2];
	assert_int_equal(pipe(go), 0);
	pid_t pid = fork();
	if (pid == 0) {
		char c;
		if (read(go[0], &c, 1) != 1) _exit(3);
		grow_in_child(s->dir);
		_exit(0);
	}
	s->db = store_test_open(s->dir, DB_STATE, 0);
	assert_true(has_value(s->db, "a", "one"));
	assert_int_equal(write(go[1], "g", 1), 1);
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(db_map_size(s->db), before);
	assert_true(has_value(s->db, "a", "one")); /* reader: follows */
	assert_int_equal(db_map_size(s->db), before * 2);
	assert_int_equal(put(s->db, "a", "two"), ERR_OK);
	close(go[0]);
	close(go[1]);
}

struct crowd {
	struct db *db;
	_Atomic bool stop;
	_Atomic unsigned reads;
};

static void *read_on(void *arg)
{
	struct crowd *c = arg;
	while (!c->stop) {
		struct db_txn *t;
		struct slice v;
		if (db_begin_read(c->db, &t)) abort();
		if (db_get(t, DB_meta, SLICE("a"), &v) || !slice_equal(v, SLICE("one"))) abort();
		db_end_read(t);
		c->reads++;
	}
	return NULL;
}

static void readers_go_on_while_the_map_grows(void **state)
{
	struct store_test *s = *state;
	struct crowd c = {.db = s->db};
	pthread_t threads[4];
	assert_int_equal(put(s->db, "a", "one"), ERR_OK);
	for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&threads[i], NULL, read_on, &c), 0);
	struct fill f = {.n = db_map_size(s->db) / BIG + 1};
	assert_int_equal(db_update(s->db, put_much, &f), ERR_OK);
	unsigned at = c.reads;
	while (c.reads < at + 100) usleep(1000);
	c.stop = true;
	for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
}

/* ---- failures of the disk ----------------------------------------------------------------------------------------- */

/* Write until it fails, with the error named; then make room and see that the same handle works on. */
static enum error fill_disk(struct db *db)
{
	enum error err = ERR_OK;
	for (int i = 0; i < 150 && !err; i++) {
		char key[16];
		snprintf(key, sizeof key, "fill%d", i);
		struct row r = {.key = key, .pad = 300000};
		err = db_update(db, put_row, &r);
	}
	return err;
}

static void a_full_disk_is_survived_by_file_size(void **state)
{
	struct store_test *s = *state;
	struct rlimit before, small;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 20 << 20;
	assert_int_equal(put(s->db, "a", "one"), ERR_OK);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	enum error err = fill_disk(s->db);
	enum error again = fill_disk(s->db);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	/* LMDB sees a short write first, which it calls EIO; there is room on the disk, so that is ERR_IO. */
	assert_true(err == ERR_NO_SPACE || err == ERR_IO);
	assert_true(again != ERR_OK);
	assert_true(has_value(s->db, "a", "one"));
	assert_int_equal(put(s->db, "a", "two"), ERR_OK);
	assert_int_equal(fill_disk(s->db), ERR_OK);
	assert_true(has_value(s->db, "a", "two"));
}

static void a_full_disk_is_survived_on_a_small_file_system(void **state)
{
	struct store_test *s = *state;
	char mount_point[80], filler[100];
	snprintf(mount_point, sizeof mount_point, "%s/small", s->dir);
	assert_int_equal(mkdir(mount_point, 0750), 0);
	if (mount("none", mount_point, "tmpfs", 0, "size=8m")) skip();
	struct db *db = store_test_open(mount_point, DB_STATE, DB_CREATE);
	enum error first = put(db, "a", "one");
	enum error err = fill_disk(db), again = fill_disk(db);
	bool reads = has_value(db, "a", "one");
	/* The rest of the room, so that even one page does not fit. */
	snprintf(filler, sizeof filler, "%s/filler", mount_point);
	int fd = open(filler, O_CREAT | O_WRONLY, 0600);
	char zeros[4096] = {0};
	while (fd >= 0 && write(fd, zeros, sizeof zeros) > 0) continue;
	close(fd);
	enum error tight = fill_disk(db);
	unlink(filler);
	assert_int_equal(mount("none", mount_point, "tmpfs", MS_REMOUNT, "size=100m"), 0);
	enum error after = put(db, "a", "two"), full = fill_disk(db);
	db_close(db);
	db = store_test_open(mount_point, DB_STATE, 0);
	bool kept = has_value(db, "a", "two");
	db_close(db);
	umount2(mount_point, MNT_DETACH);
	assert_int_equal(first, ERR_OK);
	assert_int_equal(err, ERR_NO_SPACE);
	assert_int_equal(again, ERR_NO_SPACE);
	assert_int_equal(tight, ERR_NO_SPACE);
	assert_true(reads);
	assert_int_equal(after, ERR_OK);
	assert_int_equal(full, ERR_OK);
	assert_true(kept);
}

static void a_read_only_file_system_is_named_and_survived(void **state)
{
	struct store_test *s = *state;
	char mount_point[80];
	snprintf(mount_point, sizeof mount_point, "%s/small", s->dir);
	assert_int_equal(mkdir(mount_point, 0750), 0);
	if (mount("none", mount_point, "tmpfs", 0, "size=8m")) skip();
	struct db *db = store_test_open(mount_point, DB_STATE, DB_CREATE);
	enum error first = put(db, "a", "one");
	db_close(db);
	enum error opened = ERR_OK;
	char why[256] = "";
	if (!mount("none", mount_point, "tmpfs", MS_REMOUNT | MS_RDONLY, "size=8m")) {
		opened = db_open(mount_point, DB_STATE, DB_CREATE, &db, why);
		assert_int_equal(db_open(mount_point, DB_STATE, DB_READ_ONLY, &db, why), ERR_OK);
		assert_true(has_value(db, "a", "one"));
		db_close(db);
	}
	umount2(mount_point, MNT_DETACH);
	assert_int_equal(first, ERR_OK);
	assert_int_equal(opened, ERR_READ_ONLY);
}

/* LMDB writes its root page through a descriptor of its own, opened with O_DSYNC: it is put out of action. */
static int break_root_writes(void)
{
	int broken = 0;
	for (int fd = 3; fd < 256; fd++) {
		char link[64], path[256] = "";
		snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
		ssize_t n = readlink(link, path, sizeof path - 1);
		int flags = fcntl(fd, F_GETFL);
		if (n <= 0 || flags < 0 || !strstr(path, "data.mdb") || !(flags & O_DSYNC)) continue;
		int other = open("/dev/null", O_RDONLY);
		dup2(other, fd);
		close(other);
		broken++;
	}
	return broken;
}

static void a_failed_root_page_heals_at_the_next_transaction(void **state)
{
	struct store_test *s = *state;
	assert_int_equal(put(s->db, "a", "one"), ERR_OK);
	assert_true(has_value(s->db, "a", "one"));
	assert_int_equal(break_root_writes(), 1);
	assert_int_not_equal(put(s->db, "a", "two"), ERR_OK);
	assert_int_equal(put(s->db, "a", "three"), ERR_OK);
	assert_true(has_value(s->db, "a", "three"));
	assert_int_equal(break_root_writes(), 1);
	assert_int_not_equal(put(s->db, "a", "four"), ERR_OK);
	assert_true(has_value(s->db, "a", "three")); /* also when a reader is first */
	assert_int_equal(put(s->db, "a", "five"), ERR_OK);
}

/* ---- processes ---------------------------------------------------------------------------------------------------- */

static void die_in_a_write(const char *dir)
{
	struct db *db;
	char why[256];
	if (db_open(dir, DB_STATE, 0, &db, why)) _exit(1);
	if (put(db, "a", "committed")) _exit(2);
	struct db_txn *t;
	if (db_begin_read(db, &t)) _exit(3); /* its slot stays behind */
	_exit(0);
}

static void what_a_dead_process_committed_is_there(void **state)
{
	struct store_test *s = *state;
	db_close(s->db);
	s->db = NULL;
	for (int i = 0; i < 3; i++) run_child(die_in_a_write, s->dir);
	s->db = store_test_open(s->dir, DB_STATE, 0);
	assert_true(has_value(s->db, "a", "committed"));
}

static void *read_once(void *db)
{
	return has_value(db, "a", "one") ? db : NULL;
}

static void threads_that_end_give_their_readers_slots_back(void **state)
{
	struct store_test *s = *state;
	assert_int_equal(put(s->db, "a", "one"), ERR_OK);
	for (int i = 0; i < 1100; i++) { /* there are 1024 slots */
		pthread_t thread;
		void *result;
		assert_int_equal(pthread_create(&thread, NULL, read_once, s->db), 0);
		pthread_join(thread, &result);
		assert_ptr_equal(result, s->db);
	}
}

static void files_are_not_for_everybody(void **state)
{
	struct store_test *s = *state;
	static const char *const names[] = {"state/data.mdb", "state/lock.mdb"};
	for (size_t i = 0; i < 2; i++) {
		char path[128];
		struct stat st;
		snprintf(path, sizeof path, "%s/%s", s->dir, names[i]);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0640);
	}
}

static void what_root_makes_belongs_to_the_folders_owner(void **state)
{
	struct store_test *s = *state;
	char path[128];
	struct stat st;
	if (geteuid() != 0) skip();
	assert_int_equal(chown(s->dir, 12345, 23456), 0);
	struct db *spool = store_test_open(s->dir, DB_SPOOL, DB_CREATE);
	db_close(spool);
	static const char *const names[] = {"spool", "spool/data.mdb", "spool/lock.mdb", "spool/bodies"};
	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof path, "%s/%s", s->dir, names[i]);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_uid, 12345);
		assert_int_equal(st.st_gid, 23456);
	}
}

static void a_symbolic_link_in_place_of_a_file_is_refused(void **state)
{
	struct store_test *s = *state;
	char path[128], why[256];
	struct db *db;
	snprintf(path, sizeof path, "%s/spool", s->dir);
	assert_int_equal(mkdir(path, 0750), 0);
	snprintf(path, sizeof path, "%s/spool/data.mdb", s->dir);
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_int_not_equal(db_open(s->dir, DB_SPOOL, DB_CREATE, &db, why), ERR_OK);
}

/* ---- the ledger --------------------------------------------------------------------------------------------------- */

static enum error put_print(struct db_txn *t, void *arg)
{
	return db_put(t, DB_fingerprints, SLICE("key"), SLICE("value"));
}

static uint64_t prints(struct db *ledger)
{
	struct db_txn *t;
	assert_int_equal(db_begin_read(ledger, &t), ERR_OK);
	uint64_t n = db_count(t, DB_fingerprints);
	db_end_read(t);
	return n;
}

static void write_boot(const char *dir, const char *id)
{
	char path[128];
	snprintf(path, sizeof path, "%s/ledger/boot", dir);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(id, f);
	fclose(f);
}

static void the_ledger_is_kept_unless_the_machine_crashed(void **state)
{
	struct store_test *s = *state;
	struct db *ledger = store_test_open(s->dir, DB_LEDGER, DB_CREATE);
	assert_int_equal(db_update(ledger, put_print, NULL), ERR_OK);
	assert_int_equal(db_sync(ledger), ERR_OK);
	db_close(ledger);
	ledger = store_test_open(s->dir, DB_LEDGER, DB_CREATE); /* a clean close */
	assert_int_equal(prints(ledger), 1);
	db_close(ledger);
	write_boot(s->dir, "another boot");
	ledger = store_test_open(s->dir, DB_LEDGER, DB_CREATE); /* the note was left by a boot that is over */
	assert_int_equal(prints(ledger), 0);
	db_close(ledger);
}

/* ---- waiting for a change ------------------------------------------------------------------------------------------ */

/* What the reader of another process saw, one octet each: 'r' ready, 'c' the commit came. */
static void read_and_wait(const char *dir, int ready)
{
	char folder[128], lock[128], why[256];
	snprintf(folder, sizeof folder, "%s/state", dir);
	snprintf(lock, sizeof lock, "%s/state/lock.mdb", dir);
	const char *read_paths[] = {folder, "/proc", NULL}, *write_paths[] = {lock, NULL};
	struct sandbox box = {.read_paths = read_paths, .write_paths = write_paths, .syscalls = SANDBOX_NETWORK_SERVER};
	struct db *db;
	if (sandbox_enter(&box, why) || db_open(dir, DB_STATE, DB_READ_ONLY, &db, why)) {
		print_error("%s\n", why);
		_exit(1);
	}
	uint64_t seen = db_generation(db);
	if (!has_value(db, "a", "before")) _exit(2);
	if (write(ready, "r", 1) != 1) _exit(3);
	db_wait_change(db, seen, clock_now_ms() + 20000);
	if (db_generation(db) == seen) _exit(4);
	if (!has_value(db, "a", "after")) _exit(5);
	if (write(ready, "c", 1) != 1) _exit(6);
	_exit(0);
}

static void a_reader_that_may_write_only_the_lock_file_is_woken_by_another_process(void **state)
{
	struct store_test *s = *state;
	int ends[2], status;
	char octet;
	assert_int_equal(put(s->db, "a", "before"), ERR_OK);
	assert_int_equal(pipe(ends), 0);
	pid_t pid = fork();
	if (pid == 0) read_and_wait(s->dir, ends[1]);
	assert_int_equal(read(ends[0], &octet, 1), 1);
	usleep(50000); /* most likely it sleeps by now; when not, it is right as well */
	int64_t start = clock_now_ms();
	assert_int_equal(put(s->db, "a", "after"), ERR_OK);
	assert_int_equal(read(ends[0], &octet, 1), 1);
	int64_t took = clock_now_ms() - start;
	assert_int_equal(octet, 'c');
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(took < 900); /* not the look of every second */
	close(ends[0]);
	close(ends[1]);
}

static void a_change_that_came_before_the_wait_is_not_waited_for(void **state)
{
	struct store_test *s = *state;
	uint64_t seen = db_generation(s->db);
	int64_t start = clock_now_ms();
	assert_int_equal(put(s->db, "a", "one"), ERR_OK);
	assert_true(db_generation(s->db) > seen);
	db_wait_change(s->db, seen, start + 20000);
	assert_true(clock_now_ms() - start < 10000);
	/* And without a change the deadline ends it. */
	db_wait_change(s->db, db_generation(s->db), clock_now_ms() + 30);
	assert_true(clock_now_ms() - start >= 30);
}

struct counting {
	struct db *db;
	_Atomic bool over;
};

static enum error count_up(struct db_txn *t, void *arg)
{
	return db_put(t, DB_meta, SLICE("count"), slice_of(arg, sizeof(uint64_t)));
}

static void *commit_many(void *arg)
{
	struct counting *c = arg;
	for (uint64_t i = 1; i <= 100; i++) assert_int_equal(db_update(c->db, count_up, &i), ERR_OK);
	atomic_store(&c->over, true);
	return NULL;
}

static void a_generation_that_is_seen_can_be_read(void **state)
{
	struct store_test *s = *state;
	struct counting c = {.db = s->db};
	uint64_t before = db_generation(s->db), count;
	struct db_txn *t;
	struct slice value;
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, commit_many, &c), 0);
	while (!atomic_load(&c.over)) {
		uint64_t seen = db_generation(s->db) - before;
		assert_int_equal(db_begin_read(s->db, &t), ERR_OK);
		count = 0;
		if (db_get(t, DB_meta, SLICE("count"), &value) == ERR_OK) memcpy(&count, value.p, sizeof count);
		db_end_read(t);
		assert_true(count >= seen);
	}
	pthread_join(thread, NULL);
}

static void *wait_long(void *db)
{
	db_wait_change(db, db_generation(db), clock_now_ms() + 30000);
	return NULL;
}

static void a_thread_that_waits_can_be_woken_without_a_change(void **state)
{
	struct store_test *s = *state;
	pthread_t thread;
	int64_t start = clock_now_ms();
	assert_int_equal(pthread_create(&thread, NULL, wait_long, s->db), 0);
	usleep(20000);
	db_wake(s->db);
	pthread_join(thread, NULL);
	assert_true(clock_now_ms() - start < 20000);
}

static void without_the_file_of_changes_they_are_polled(void **state)
{
	struct store_test *s = *state;
	char path[128];
	snprintf(path, sizeof path, "%s/state/changes", s->dir);
	assert_int_equal(unlink(path), 0);
	struct db *reader = store_test_open(s->dir, DB_STATE, DB_READ_ONLY);
	pthread_t thread;
	int64_t start = clock_now_ms();
	assert_int_equal(pthread_create(&thread, NULL, wait_long, reader), 0);
	usleep(20000);
	assert_int_equal(put(s->db, "a", "one"), ERR_OK);
	pthread_join(thread, NULL);
	assert_true(clock_now_ms() - start < 20000);
	db_close(reader);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(what_is_put_is_got_and_survives_closing),
		T(a_change_that_fails_changes_nothing),
		T(a_missing_environment_is_not_found_without_create),
		T(read_only_refuses_writes_and_reads),
		T(reads_of_one_thread_nest),
		T(a_cursor_walks_in_order_and_deletes),
		T(a_cursor_walks_backwards),
		T(freed_pages_are_spare),
		T(a_full_map_grows),
		T(growth_by_another_process_is_followed),
		T(readers_go_on_while_the_map_grows),
		T(a_full_disk_is_survived_by_file_size),
		T(a_full_disk_is_survived_on_a_small_file_system),
		T(a_read_only_file_system_is_named_and_survived),
		T(a_failed_root_page_heals_at_the_next_transaction),
		T(what_a_dead_process_committed_is_there),
		T(threads_that_end_give_their_readers_slots_back),
		T(files_are_not_for_everybody),
		T(what_root_makes_belongs_to_the_folders_owner),
		T(a_symbolic_link_in_place_of_a_file_is_refused),
		T(the_ledger_is_kept_unless_the_machine_crashed),
		T(a_reader_that_may_write_only_the_lock_file_is_woken_by_another_process),
		T(a_change_that_came_before_the_wait_is_not_waited_for),
		T(a_generation_that_is_seen_can_be_read),
		T(a_thread_that_waits_can_be_woken_without_a_change),
		T(without_the_file_of_changes_they_are_polled),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
