/* SPDX-License-Identifier: Apache-2.0 */
/*
 * db - the one place that calls LMDB
 *
 * Three environments under state-dir, each a folder: spool (relay only, fully synced), ledger (relay only, MDB_NOSYNC with a
 * background sync: survives a crash of the process, not of the machine), state (fully synced; several processes write in
 * turn). Tables are one X-macro; docs/storage.md gives each key and value byte by byte.
 *
 * Rules. Any process and thread may read at any time (MDB_NOTLS; the read transaction of a thread is kept and renewed, which
 * costs no lock). Writes go through db_update(): the function given may be called several times, because the map is
 * grown and the transaction run again when it is full (MDB_MAP_FULL), or when another process has grown it. Transactions are
 * short, and nobody waits as a fiber inside one (db_begin_read/db_update bracket themselves with fiber_forbid_wait). WRITEMAP
 * is not used, so a full disk is an error (ERR_NO_SPACE), not a signal. Stale readers are cleared at open.
 *
 * Reads of one thread nest: an inner db_begin_read() sees the outer one's snapshot. db_update() may not be called inside a read of the same
 * environment, nor the reverse (an assertion says so): growing the map waits for all readers of the process. A thread may
 * end without ado, its reader goes with it, but not while another one is in db_close(). Processes fork before they open.
 *
 * When a write of LMDB's own root page failed, its environment refuses all work until it is opened anew: that is done here, at
 * the next transaction. An error of db_update() therefore always means "not now, try again later", also after a full disk.
 *
 * Every value begins with a version octet; a record of an old version is upgraded in place when it is next written, a newer
 * one is refused with ERR_VERSION.
 *
 *     static enum error forget(struct db_txn *t, void *key) { return db_delete(t, DB_listings, *(struct slice *)key); }
 *     enum error e = db_update(state, forget, &key);
 */
#ifndef BACKSTOP_STORE_DB_H
#define BACKSTOP_STORE_DB_H

#include "base/error.h"
#include "base/slice.h"

/* X(name, environment) */
#define DB_TABLE_LIST(X)                                                                                               \
	X(messages, SPOOL)                                                                                             \
	X(bodies, SPOOL)                                                                                               \
	X(changed, SPOOL)                                                                                              \
	X(digests, SPOOL)                                                                                              \
	X(fingerprints, LEDGER)                                                                                        \
	X(passages, LEDGER)                                                                                            \
	X(passage_index, LEDGER)                                                                                       \
	X(ledger_meta, LEDGER)                                                                                         \
	X(tenants, STATE)                                                                                              \
	X(tenant_names, STATE)                                                                                         \
	X(directory, STATE)                                                                                            \
	X(directory_domains, STATE)                                                                                    \
	X(learned, STATE)                                                                                              \
	X(listings, STATE)                                                                                             \
	X(acts, STATE)                                                                                                 \
	X(act_days, STATE)                                                                                             \
	X(acts_new, STATE)                                                                                             \
	X(exposure, STATE)                                                                                             \
	X(published, STATE)                                                                                            \
	X(published6, STATE)                                                                                           \
	X(list_journal, STATE)                                                                                         \
	X(list_weighed, STATE)                                                                                         \
	X(list_due, STATE)                                                                                             \
	X(list_exempt, STATE)                                                                                          \
	X(keys, STATE)                                                                                                 \
	X(coverage, STATE)                                                                                             \
	X(meta, STATE)

enum db_environment { DB_SPOOL, DB_LEDGER, DB_STATE };
enum db_table {
#define X(name, env) DB_##name,
	DB_TABLE_LIST(X)
#undef X
		DB_TABLE_COUNT
};

struct db;
struct db_txn;

enum { DB_CREATE = 1, DB_READ_ONLY = 2 };

/* Folder STATE_DIR/spool, ledger or state. Without DB_CREATE a missing environment gives ERR_NOT_FOUND. why: 256 bytes. */
enum error db_open(const char *state_dir, enum db_environment which, int flags, struct db **out, char why[256]);
void db_close(struct db *); /* no transaction open on any thread; NULL is fine */
const char *db_state_dir(const struct db *);

enum error db_begin_read(struct db *, struct db_txn **out); /* this thread's; ends before any wait */
void db_end_read(struct db_txn *);
/* Runs change(txn, arg) in a write transaction and commits (with fsync where the environment is synced) when it returns
 * ERR_OK; otherwise aborts and returns its error. Blocks the thread while another process writes. change may run more than once and must
 * pass on the errors of db_put. */
enum error db_update(struct db *, enum error (*change)(struct db_txn *, void *arg), void *arg);
enum error db_sync(struct db *); /* forces a NOSYNC environment to disk */

/* The number of the last commit of any process, which a transaction that begins now sees; grows with each. Costs no lock of LMDB, and no
 * system call. Not within a read of this thread, nor within db_update(). */
uint64_t db_generation(struct db *);
/* Cheaper yet, without a transaction: another number after each db_update() of any process, and for each environment that is opened.
 * What was read after asking for it holds as long as it is the same, at most DB_DOUBT_MS, since a writer may have died just after its
 * commit. 0: not known here. */
uint64_t db_mark(const struct db *);
#define DB_DOUBT_MS 1000
/* Blocks the calling thread (never a fiber that shares it) until db_generation() is not `seen` any more, clock_now() is
 * `deadline_ms`, or somebody called db_wake(). Commits of any process wake it at once, by a futex in the file `changes` of the
 * environment's folder, which a reader need only be able to read; where there is no such file, or a writer died just after its
 * commit, the generation is looked at every 20 ms or every second. */
void db_wait_change(struct db *, uint64_t seen, int64_t deadline_ms);
void db_wake(
	struct
	db *); /* of all processes; for stopping one's own thread that waits. Writers only: others may be overheard */

/* ERR_NOT_FOUND when there is no such key. *value is valid until the transaction ends or writes. */
enum error db_get(struct db_txn *, enum db_table, struct slice key, struct slice *value);
enum error db_put(struct db_txn *, enum db_table, struct slice key, struct slice value);
enum error db_append(struct db_txn *, enum db_table, struct slice key, struct slice value); /* keys in order: fast */
/* As db_put; a new key beyond the last one goes to the end, so that what comes in order fills its pages. */
enum error db_put_ordered(struct db_txn *, enum db_table, struct slice key, struct slice value);
enum error db_delete(struct db_txn *, enum db_table, struct slice key); /* ERR_NOT_FOUND */
/* Makes room for a value of n octets, to be filled in before the next call with this transaction. */
enum error db_reserve(struct db_txn *, enum db_table, struct slice key, size_t n, void **room);

struct db_cursor;
enum error db_cursor_open(struct db_txn *, enum db_table, struct db_cursor **out);
void db_cursor_close(struct db_cursor *);
/* First entry with key >= from; ERR_NOT_FOUND at the end. */
enum error db_cursor_seek(struct db_cursor *, struct slice from, struct slice *key, struct slice *value);
/* Last entry with key <= to; an empty `to` means the last of all. ERR_NOT_FOUND at the beginning. */
enum error db_cursor_seek_back(struct db_cursor *, struct slice to, struct slice *key, struct slice *value);
enum error db_cursor_next(struct db_cursor *, struct slice *key, struct slice *value);
enum error db_cursor_previous(struct db_cursor *, struct slice *key, struct slice *value);
enum error db_cursor_delete(struct db_cursor *);

uint64_t db_count(struct db_txn *, enum db_table);
uint64_t db_table_size(struct db_txn *, enum db_table); /* octets of the pages that the table uses now; cheap */
/* Octets of the environment's file that no table uses: room for writes that takes nothing from the disk. */
uint64_t db_spare_size(struct db_txn *);
/* Octets that the file system of state-dir still has for us; UINT64_MAX when it cannot be told. */
uint64_t db_free_space(const struct db *);
uint64_t db_disk_size(const struct db *); /* octets of that file system in all; UINT64_MAX when it cannot be told */
/* Pages of an environment opened for reading only, which is all that this process has of them, are no more counted as its memory. What
 * is needed again is mapped again, from the system's cache. */
void db_forget_pages(struct db_txn *);
uint64_t db_map_size(struct db *); /* octets; grows by doubling */

#endif
