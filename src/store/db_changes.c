/* SPDX-License-Identifier: Apache-2.0 */
/*
 * db_changes - who waits for a commit of another process is woken by it
 *
 * The file `changes` of an environment's folder is one page that everybody maps. Its first word counts commits (and calls of
 * db_wake), and is what waiters sleep on; what has changed is told by LMDB's transaction number alone, so a word that a crash
 * left behind does no harm. A futex in a file that is mapped only for reading can be waited on, not counted up.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/db_internal.h"

#define POLL_MS 20 /* without the file */

void db_changes_open(struct db *db)
{
	char path[PATH_MAX];
	bool writer = !(db->flags & DB_READ_ONLY);
	struct stat st;
	if (snprintf(path, sizeof path, "%s/changes", db->folder) >= (int)sizeof path) return;
	int fd = open(path, (writer ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0) return;
	/* Less than the word would be a fault at the first look. */
	bool whole = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	             (st.st_size >= DB_CHANGES_SIZE || (writer && ftruncate(fd, DB_CHANGES_SIZE) == 0));
	void *p = whole ? mmap(NULL, DB_CHANGES_SIZE, writer ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0)
	                : MAP_FAILED;
	close(fd);
	if (p != MAP_FAILED) db->changes = p;
}

void db_changes_close(struct db *db)
{
	if (db->changes) munmap(db->changes, DB_CHANGES_SIZE);
	db->changes = NULL;
}

uint64_t db_mark(const struct db *db)
{
	return db->changes ? (uint64_t)db->serial << 32 | atomic_load(db->changes) : 0;
}

void db_wake(struct db *db)
{
	if (!db->changes) return;
	if (!(db->flags & DB_READ_ONLY)) atomic_fetch_add(db->changes, 1);
	syscall(SYS_futex, db->changes, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* What a transaction of now would see. Not mdb_env_info(): that tells of a commit when its page is written but not yet synced, while
 * transactions still begin with the one before, and who then looked for what is new would not look again. */
uint64_t db_generation(struct db *db)
{
	struct db_txn *t;
	if (db_begin_read(db, &t) != ERR_OK) return 0;
	uint64_t generation = mdb_txn_id(t->mdb);
	db_end_read(t);
	return generation;
}

static void sleep_ms(int64_t ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
	nanosleep(&t, NULL);
}

/* False: it was woken. True: time to look. */
static bool wait_word(const struct db *db, uint32_t word, int64_t ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
	return syscall(SYS_futex, db->changes, FUTEX_WAIT, word, &t, NULL, 0) != 0 && errno != EAGAIN;
}

void db_wait_change(struct db *db, uint64_t seen, int64_t deadline_ms)
{
	assert(db->magic == DB_MAGIC);
	for (bool go_on = true; go_on;) {
		/* In this order: a commit after the look has counted the word up, and nobody sleeps on an old one. */
		uint32_t word = db->changes ? atomic_load(db->changes) : 0;
		int64_t left = deadline_ms - clock_now_ms(), most = db->changes ? DB_DOUBT_MS : POLL_MS;
		if (db_generation(db) != seen || left <= 0) return;
		if (left < most) most = left;
		if (db->changes)
			go_on = wait_word(db, word, most);
		else
			sleep_ms(most);
	}
}
