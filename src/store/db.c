/* SPDX-License-Identifier: Apache-2.0 */
/*
 * db - see db.h
 *
 * Every transaction of this process, reading or writing, holds db->map shared for its life. Who must move the map (it is full,
 * or another process has grown it) or open the environment anew takes it exclusively, so no pointer into the map can be in use
 * then. Read transactions are made once per thread and then only reset and renewed.
 */
#include "store/db.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/fiber.h"
#include "store/db_files.h"
#include "store/db_internal.h"

#define MAX_READERS 1024
#define TRIES       64 /* doublings and reopenings in one call: more than an address space has */
#define SHORT_WRITE (1024 * 1024)

static const struct {
	const char *folder;
	size_t map_size; /* at first */
	unsigned flags;
} environments[] = {
	[DB_SPOOL] = {"spool", (size_t)1 << 30, 0},
	[DB_LEDGER] = {"ledger", (size_t)256 << 20, MDB_NOSYNC | MDB_NOMETASYNC},
	[DB_STATE] = {"state", (size_t)256 << 20, 0},
};

const struct db_table_row db_tables[DB_TABLE_COUNT] = {
#define X(table, env) [DB_##table] = {#table, DB_##env},
	DB_TABLE_LIST(X)
#undef X
};

size_t db_first_map_size;

uint64_t db_free_space(const struct db *db)
{
	struct statvfs st;
	if (statvfs(db->folder, &st)) return UINT64_MAX;
	return (uint64_t)st.f_bavail * st.f_frsize;
}

uint64_t db_disk_size(const struct db *db)
{
	struct statvfs st;
	if (statvfs(db->folder, &st)) return UINT64_MAX;
	return (uint64_t)st.f_blocks * st.f_frsize;
}

enum error db_map_error(const struct db *db, int rc)
{
	switch (rc) {
	case MDB_SUCCESS: return ERR_OK;
	case MDB_NOTFOUND: return ERR_NOT_FOUND;
	case MDB_KEYEXIST: return ERR_EXISTS;
	case MDB_MAP_FULL: return ERR_NO_SPACE;
	case MDB_TXN_FULL: return ERR_LIMIT;
	case MDB_READERS_FULL: return ERR_BUSY;
	case MDB_VERSION_MISMATCH: return ERR_VERSION;
	case MDB_BAD_VALSIZE: return ERR_INVALID;
	case MDB_INVALID:
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND: return ERR_CORRUPT;
	case EIO: /* LMDB's word for a write that was cut short, which is how a disk fills up */
		return db && db_free_space(db) < SHORT_WRITE ? ERR_NO_SPACE : ERR_IO;
	default: return rc > 0 ? error_from_errno(rc) : ERR_SYSTEM;
	}
}

/* ---- opening ------------------------------------------------------------------------------------------------------ */

/* The order of LMDB's own comparison, made fast for keys that have 4 or 8 octets: a question to the list is twenty comparisons. Who
 * opens the environment without these sees the same tables. */
static int compare_any(const MDB_val *a, const MDB_val *b)
{
	size_t shorter = a->mv_size < b->mv_size ? a->mv_size : b->mv_size;
	int order = memcmp(a->mv_data, b->mv_data, shorter);
	return order ? order : (a->mv_size > b->mv_size) - (a->mv_size < b->mv_size);
}

static int compare_4(const MDB_val *a, const MDB_val *b)
{
	uint32_t x, y;
	if (a->mv_size != sizeof x || b->mv_size != sizeof y) return compare_any(a, b);
	memcpy(&x, a->mv_data, sizeof x);
	memcpy(&y, b->mv_data, sizeof y);
	x = be32toh(x);
	y = be32toh(y);
	return (x > y) - (x < y);
}

static int compare_8(const MDB_val *a, const MDB_val *b)
{
	uint64_t x, y;
	if (a->mv_size != sizeof x || b->mv_size != sizeof y) return compare_any(a, b);
	memcpy(&x, a->mv_data, sizeof x);
	memcpy(&y, b->mv_data, sizeof y);
	x = be64toh(x);
	y = be64toh(y);
	return (x > y) - (x < y);
}

static int open_tables_in(struct db *db, MDB_env *env, unsigned txn_flags, unsigned dbi_flags)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(env, NULL, txn_flags, &txn);
	if (rc) return rc;
	for (int i = 0; !rc && i < DB_TABLE_COUNT; i++) {
		if (db_tables[i].environment != db->which) continue;
		rc = mdb_dbi_open(txn, db_tables[i].name, dbi_flags, &db->dbi[i]);
		db->has[i] = rc == 0;
		if (!rc && i == DB_published) rc = mdb_set_compare(txn, db->dbi[i], compare_4);
		if (!rc && i == DB_published6) rc = mdb_set_compare(txn, db->dbi[i], compare_8);
		if (rc == MDB_NOTFOUND && (db->flags & DB_READ_ONLY))
			rc = 0; /* an older release made it: the table is empty */
	}
	if (!rc) return mdb_txn_commit(txn);
	mdb_txn_abort(txn);
	return rc;
}

/* Reading first: an environment that has its tables is opened without a write, so also on a full disk. */
static int open_tables(struct db *db, MDB_env *env)
{
	int rc = open_tables_in(db, env, MDB_RDONLY, 0);
	if (rc != MDB_NOTFOUND) return rc;
	return open_tables_in(db, env, 0, MDB_CREATE);
}

static int open_env(struct db *db, MDB_env **out)
{
	bool writer = !(db->flags & DB_READ_ONLY);
	MDB_env *env;
	int rc = mdb_env_create(&env);
	if (rc) return rc;
	rc = mdb_env_set_maxreaders(env, MAX_READERS);
	if (!rc) rc = mdb_env_set_maxdbs(env, DB_TABLE_COUNT);
	if (!rc)
		rc = mdb_env_open(env, db->folder, MDB_NOTLS | (writer ? environments[db->which].flags : MDB_RDONLY),
		                  0640);
	MDB_envinfo info;
	if (!rc) rc = mdb_env_info(env, &info);
	size_t first = db_first_map_size ? db_first_map_size : environments[db->which].map_size;
	if (!rc && writer && info.me_mapsize < first) rc = mdb_env_set_mapsize(env, first);
	int dead;
	if (!rc) rc = mdb_reader_check(env, &dead);
	if (!rc) rc = open_tables(db, env);
	if (rc) {
		mdb_env_close(env);
		return rc;
	}
	*out = env;
	return 0;
}

/* A thread has ended: its reader's slot becomes free. */
static void reader_free(void *arg)
{
	struct db_txn *r = arg;
	assert(r->magic == TXN_MAGIC && r->depth == 0);
	pthread_mutex_t *lock = &r->db->readers_lock;
	pthread_mutex_lock(lock);
	*r->link = r->next;
	if (r->next) r->next->link = r->link;
	if (r->mdb) mdb_txn_abort(r->mdb);
	r->magic = 0;
	pthread_mutex_unlock(lock);
	free(r);
}

static struct db *db_new(const char *state_dir, enum db_environment which, int flags)
{
	static _Atomic uint32_t serial = 1;
	struct db *db = calloc(1, sizeof *db);
	if (!db) return NULL;
	*db = (struct db){.magic = DB_MAGIC,
	                  .which = which,
	                  .flags = flags,
	                  .state_dir = strdup(state_dir),
	                  .serial = serial++};
	if (asprintf(&db->folder, "%s/%s", state_dir, environments[which].folder) < 0) db->folder = NULL;
	if (!db->state_dir || !db->folder || pthread_key_create(&db->reader, reader_free)) {
		free(db->state_dir);
		free(db->folder);
		free(db);
		return NULL;
	}
	pthread_rwlockattr_t attr;
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&db->map, &attr);
	pthread_rwlockattr_destroy(&attr);
	pthread_mutex_init(&db->readers_lock, NULL);
	return db;
}

static void db_free(struct db *db)
{
	pthread_key_delete(db->reader);
	pthread_rwlock_destroy(&db->map);
	pthread_mutex_destroy(&db->readers_lock);
	db->magic = 0;
	free(db->state_dir);
	free(db->folder);
	free(db);
}

static enum error prepare(const struct db *db, char why[256])
{
	enum error err = ERR_OK;
	if (db->flags & DB_CREATE) err = db_files_prepare(db->state_dir, environments[db->which].folder, why);
	if (!err && (db->flags & DB_CREATE) && db->which == DB_SPOOL)
		err = db_files_make_folder(db->folder, "bodies", why);
	if (!err && db->which == DB_LEDGER && !(db->flags & DB_READ_ONLY)) err = db_files_check_boot(db->folder, why);
	return err;
}

enum error db_open(const char *state_dir, enum db_environment which, int flags, struct db **out, char why[256])
{
	*out = NULL;
	why[0] = '\0';
	/* LMDB copies file names of any length; ours are bounded here, once. */
	if (strlen(state_dir) > PATH_MAX - 64) return snprintf(why, 256, "the path is too long"), ERR_INVALID;
	struct db *db = db_new(state_dir, which, flags);
	if (!db) return snprintf(why, 256, "%s", error_text(ERR_NO_MEMORY)), ERR_NO_MEMORY;
	enum error err = prepare(db, why);
	if (!err) {
		int rc = open_env(db, &db->env);
		err = db_map_error(db, rc);
		if (err) snprintf(why, 256, "%.180s: %s", db->folder, mdb_strerror(rc));
	}
	if (err) {
		db_free(db);
		return err;
	}
	db_changes_open(db);
	*out = db;
	return ERR_OK;
}

static void abort_readers(struct db *db)
{
	pthread_mutex_lock(&db->readers_lock);
	for (struct db_txn *r = db->readers; r; r = r->next) {
		if (r->mdb) mdb_txn_abort(r->mdb);
		r->mdb = NULL;
	}
	pthread_mutex_unlock(&db->readers_lock);
}

void db_close(struct db *db)
{
	if (!db) return;
	assert(db->magic == DB_MAGIC);
	abort_readers(db);
	for (struct db_txn *r = db->readers, *next; r; r = next) {
		assert(r->depth == 0);
		next = r->next;
		free(r);
	}
	bool clean = db->env && db->which == DB_LEDGER && !(db->flags & DB_READ_ONLY) && mdb_env_sync(db->env, 1) == 0;
	if (db->env) mdb_env_close(db->env);
	if (clean) db_files_clean_close(db->folder);
	db_changes_close(db);
	db_free(db);
}

const char *db_state_dir(const struct db *db)
{
	return db->state_dir;
}

/* ---- moving the map ----------------------------------------------------------------------------------------------- */

/* The map is full, or (adopt) another process has grown it. seen is the size that was too small. */
static int resize(struct db *db, size_t seen, bool adopt)
{
	pthread_rwlock_wrlock(&db->map);
	MDB_envinfo info;
	int rc = db->env ? mdb_env_info(db->env, &info) : MDB_PANIC;
	if (!rc && adopt)
		rc = mdb_env_set_mapsize(db->env, 0);
	else if (!rc && info.me_mapsize == seen) /* else another thread was faster */
		rc = seen > SIZE_MAX / 4 ? ENOMEM : mdb_env_set_mapsize(db->env, seen * 2);
	pthread_rwlock_unlock(&db->map);
	return rc == ENOMEM ? ENOSPC : rc; /* no address space: for the caller the same as no room */
}

static int reopen(struct db *db, unsigned epoch)
{
	int rc = 0;
	pthread_rwlock_wrlock(&db->map);
	if (db->epoch == epoch) {
		abort_readers(db);
		if (db->env) mdb_env_close(db->env);
		db->env = NULL;
		rc = open_env(db, &db->env);
		if (!rc) db->epoch++;
	}
	pthread_rwlock_unlock(&db->map);
	return rc;
}

static size_t map_size(const struct db *db)
{
	MDB_envinfo info;
	return db->env && mdb_env_info(db->env, &info) == 0 ? info.me_mapsize : 0;
}

uint64_t db_map_size(struct db *db)
{
	pthread_rwlock_rdlock(&db->map);
	uint64_t size = map_size(db);
	pthread_rwlock_unlock(&db->map);
	return size;
}

/* LMDB does not say where its map is; the kernel does. The transaction keeps it where it is. */
void db_forget_pages(struct db_txn *t)
{
	int fd;
	struct stat st;
	char line[PATH_MAX + 128];
	assert(t->magic == TXN_MAGIC && t->depth > 0);
	if (mdb_env_get_fd(t->db->env, &fd) || fstat(fd, &st)) return;
	FILE *maps = fopen("/proc/self/maps", "re");
	while (maps && fgets(line, sizeof line, maps)) {
		uintptr_t from, to;
		unsigned long inode;
		char shared;
		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " r--%c %*s %*s %lu", &from, &to, &shared, &inode) == 4 &&
		    shared == 's' && inode == st.st_ino)
			madvise((void *)from, to - from, MADV_DONTNEED);
	}
	if (maps) fclose(maps);
}

/* After a transaction could not begin, with the map unlocked: 0 when trying again makes sense. */
static int recover(struct db *db, int rc, unsigned epoch)
{
	switch (rc) {
	case MDB_MAP_RESIZED: return resize(db, 0, true);
	case MDB_PANIC: return reopen(db, epoch);
	default: return rc;
	}
}

/* ---- reading ------------------------------------------------------------------------------------------------------ */

static struct db_txn *reader_of_thread(struct db *db)
{
	struct db_txn *r = pthread_getspecific(db->reader);
	if (r) return r;
	r = calloc(1, sizeof *r);
	if (!r) return NULL;
	*r = (struct db_txn){.magic = TXN_MAGIC, .db = db};
	if (pthread_setspecific(db->reader, r)) {
		free(r);
		return NULL;
	}
	pthread_mutex_lock(&db->readers_lock);
	r->next = db->readers;
	r->link = &db->readers;
	if (r->next) r->next->link = &r->next;
	db->readers = r;
	pthread_mutex_unlock(&db->readers_lock);
	return r;
}

/* With the map locked. */
static int renew(struct db *db, struct db_txn *r)
{
	if (!db->env) return MDB_PANIC;
	if (!r->mdb) {
		int dead, rc = mdb_txn_begin(db->env, NULL, MDB_RDONLY, &r->mdb);
		if (rc == MDB_READERS_FULL && mdb_reader_check(db->env, &dead) == 0 && dead > 0)
			rc = mdb_txn_begin(db->env, NULL, MDB_RDONLY, &r->mdb);
		if (rc) r->mdb = NULL;
		return rc;
	}
	int rc = mdb_txn_renew(r->mdb);
	if (rc) {
		mdb_txn_abort(r->mdb);
		r->mdb = NULL;
	}
	return rc;
}

enum error db_begin_read(struct db *db, struct db_txn **out)
{
	assert(db->magic == DB_MAGIC);
	struct db_txn *r = reader_of_thread(db);
	*out = r;
	if (!r) return ERR_NO_MEMORY;
	if (r->depth > 0) {
		r->depth++;
		return ERR_OK;
	}
	int rc = 0;
	for (int i = 0; i < TRIES && !rc; i++) {
		pthread_rwlock_rdlock(&db->map);
		unsigned epoch = db->epoch;
		rc = renew(db, r);
		if (!rc) {
			r->depth = 1;
			fiber_forbid_wait("a read transaction is open");
			return ERR_OK;
		}
		pthread_rwlock_unlock(&db->map);
		rc = recover(db, rc, epoch);
	}
	*out = NULL;
	return rc ? db_map_error(db, rc) : ERR_BUSY;
}

void db_end_read(struct db_txn *r)
{
	assert(r->magic == TXN_MAGIC && r->depth > 0);
	if (--r->depth > 0) return;
	mdb_txn_reset(r->mdb);
	pthread_rwlock_unlock(&r->db->map);
	fiber_allow_wait();
}

/* ---- writing ------------------------------------------------------------------------------------------------------ */

enum outcome { OUTCOME_DONE, OUTCOME_FULL, OUTCOME_BEGIN };

/* One try, with the map locked. *rc is LMDB's error, *err the change's. */
static enum outcome try_update(struct db *db, enum error (*change)(struct db_txn *, void *), void *arg, int *rc,
                               enum error *err)
{
	struct db_txn txn = {.magic = TXN_MAGIC, .db = db};
	*err = ERR_OK;
	*rc = db->env ? mdb_txn_begin(db->env, NULL, 0, &txn.mdb) : MDB_PANIC;
	if (*rc) return OUTCOME_BEGIN;
	*err = change(&txn, arg);
	if (txn.map_full || *err) {
		mdb_txn_abort(txn.mdb);
		return txn.map_full ? OUTCOME_FULL : OUTCOME_DONE;
	}
	*rc = mdb_txn_commit(txn.mdb);
	if (*rc == MDB_MAP_FULL) return OUTCOME_FULL;
	*err = db_map_error(db, *rc);
	return OUTCOME_DONE;
}

enum error db_update(struct db *db, enum error (*change)(struct db_txn *, void *arg), void *arg)
{
	assert(db->magic == DB_MAGIC);
	if (db->flags & DB_READ_ONLY) return ERR_READ_ONLY;
	const struct db_txn *r = pthread_getspecific(db->reader);
	assert(!r || r->depth == 0);
	enum error err = ERR_BUSY;
	int rc = 0;
	fiber_forbid_wait("a write transaction is open");
	for (int i = 0; i < TRIES && !rc; i++) {
		pthread_rwlock_rdlock(&db->map);
		unsigned epoch = db->epoch;
		size_t size = map_size(db);
		enum outcome outcome = try_update(db, change, arg, &rc, &err);
		pthread_rwlock_unlock(&db->map);
		if (outcome == OUTCOME_DONE) break;
		rc = outcome == OUTCOME_FULL ? resize(db, size, false) : recover(db, rc, epoch);
		err = rc ? db_map_error(db, rc) : ERR_BUSY;
	}
	fiber_allow_wait();
	if (!err) db_wake(db);
	return err;
}

enum error db_sync(struct db *db)
{
	pthread_rwlock_rdlock(&db->map);
	int rc = db->env ? mdb_env_sync(db->env, 1) : MDB_PANIC;
	pthread_rwlock_unlock(&db->map);
	return db_map_error(db, rc);
}
