/* SPDX-License-Identifier: Apache-2.0 */
/*
 * db_internal - what db.c (environments, transactions), db_tables.c (what is done within one) and db_changes.c (who waits
 * for the next) share
 */
#ifndef BACKSTOP_STORE_DB_INTERNAL_H
#define BACKSTOP_STORE_DB_INTERNAL_H

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>

#include "store/db.h"

#define DB_MAGIC        0xdb5e7001u
#define TXN_MAGIC       0xdb5e7002u
#define DB_CHANGES_SIZE 4096

struct db_table_row {
	const char *name;
	enum db_environment environment;
};
extern const struct db_table_row db_tables[DB_TABLE_COUNT];

struct db_txn {
	unsigned magic;
	struct db *db;
	MDB_txn *mdb;
	unsigned depth; /* of reads begun and not ended */
	bool map_full;
	struct db_txn *next, **link; /* readers of the environment */
};

struct db {
	unsigned magic;
	enum db_environment which;
	int flags;
	char *state_dir, *folder;
	MDB_env *env;    /* NULL after a failed reopening, until one succeeds */
	unsigned epoch;  /* times opened */
	uint32_t serial; /* no two of a process have the same; from 1 */
	MDB_dbi dbi[DB_TABLE_COUNT];
	bool has[DB_TABLE_COUNT];
	pthread_rwlock_t map;
	pthread_key_t reader;
	pthread_mutex_t readers_lock;
	struct db_txn *readers;
	_Atomic uint32_t *changes; /* the mapped file of db_changes.c; NULL: none */
};

/* LMDB's errors and those of the system as ours. db may be NULL. */
enum error db_map_error(const struct db *db, int rc);

void db_changes_open(struct db *db); /* without the file: db->changes stays NULL */
void db_changes_close(struct db *db);

#endif
