/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdlib.h>

#include "store/db_internal.h"

struct db_cursor {
	struct db_txn *txn;
	MDB_cursor *mdb;
};

static MDB_val to_val(struct slice s)
{
	return (MDB_val){.mv_size = s.n, .mv_data = (void *)s.p};
}

static struct slice from_val(MDB_val v)
{
	return slice_of(v.mv_size ? v.mv_data : "", v.mv_size);
}

static MDB_dbi table(const struct db_txn *t, enum db_table table)
{
	assert(t->magic == TXN_MAGIC && db_tables[table].environment == t->db->which);
	return t->db->dbi[table];
}

static enum error written(struct db_txn *t, int rc)
{
	if (rc == MDB_MAP_FULL) t->map_full = true;
	return db_map_error(t->db, rc);
}

enum error db_get(struct db_txn *t, enum db_table which, struct slice key, struct slice *value)
{
	MDB_dbi dbi = table(t, which);
	if (!t->db->has[which] || key.n == 0) return ERR_NOT_FOUND;
	MDB_val k = to_val(key), v;
	int rc = mdb_get(t->mdb, dbi, &k, &v);
	if (!rc && value) *value = from_val(v);
	return db_map_error(t->db, rc);
}

enum error db_put(struct db_txn *t, enum db_table which, struct slice key, struct slice value)
{
	MDB_val k = to_val(key), v = to_val(value);
	return written(t, mdb_put(t->mdb, table(t, which), &k, &v, 0));
}

enum error db_append(struct db_txn *t, enum db_table which, struct slice key, struct slice value)
{
	MDB_val k = to_val(key), v = to_val(value);
	return written(t, mdb_put(t->mdb, table(t, which), &k, &v, MDB_APPEND));
}

enum error db_put_ordered(struct db_txn *t, enum db_table which, struct slice key, struct slice value)
{
	enum error err = db_append(t, which, key, value);
	return err == ERR_EXISTS ? db_put(t, which, key, value) : err;
}

enum error db_reserve(struct db_txn *t, enum db_table which, struct slice key, size_t n, void **room)
{
	MDB_val k = to_val(key), v = {.mv_size = n};
	int rc = mdb_put(t->mdb, table(t, which), &k, &v, MDB_RESERVE);
	*room = rc ? NULL : v.mv_data;
	return written(t, rc);
}

enum error db_delete(struct db_txn *t, enum db_table which, struct slice key)
{
	MDB_val k = to_val(key);
	return written(t, mdb_del(t->mdb, table(t, which), &k, NULL));
}

uint64_t db_count(struct db_txn *t, enum db_table which)
{
	MDB_stat stat;
	MDB_dbi dbi = table(t, which);
	return t->db->has[which] && mdb_stat(t->mdb, dbi, &stat) == 0 ? stat.ms_entries : 0;
}

uint64_t db_table_size(struct db_txn *t, enum db_table which)
{
	MDB_stat stat;
	MDB_dbi dbi = table(t, which);
	if (!t->db->has[which] || mdb_stat(t->mdb, dbi, &stat)) return 0;
	return (uint64_t)(stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages) * stat.ms_psize;
}

uint64_t db_spare_size(struct db_txn *t)
{
	MDB_envinfo info;
	MDB_stat stat;
	if (mdb_env_info(t->db->env, &info) || mdb_env_stat(t->db->env, &stat)) return 0;
	uint64_t file = ((uint64_t)info.me_last_pgno + 1) * stat.ms_psize, used = 0;
	for (int i = 0; i < DB_TABLE_COUNT; i++)
		if (db_tables[i].environment == t->db->which) used += db_table_size(t, (enum db_table)i);
	return file > used ? file - used : 0;
}

enum error db_cursor_open(struct db_txn *t, enum db_table which, struct db_cursor **out)
{
	MDB_dbi dbi = table(t, which);
	struct db_cursor *c = calloc(1, sizeof *c);
	*out = c;
	if (!c) return ERR_NO_MEMORY;
	c->txn = t;
	if (!t->db->has[which]) return ERR_OK; /* no table: no entries */
	int rc = mdb_cursor_open(t->mdb, dbi, &c->mdb);
	if (rc) {
		free(c);
		*out = NULL;
	}
	return db_map_error(t->db, rc);
}

void db_cursor_close(struct db_cursor *c)
{
	if (!c) return;
	if (c->mdb) mdb_cursor_close(c->mdb);
	free(c);
}

static enum error cursor_get(struct db_cursor *c, struct slice from, MDB_cursor_op op, struct slice *key,
                             struct slice *value)
{
	if (!c->mdb) return ERR_NOT_FOUND;
	MDB_val k = to_val(from), v;
	int rc = mdb_cursor_get(c->mdb, &k, &v, op);
	if (!rc && key) *key = from_val(k);
	if (!rc && value) *value = from_val(v);
	return db_map_error(c->txn->db, rc);
}

enum error db_cursor_seek(struct db_cursor *c, struct slice from, struct slice *key, struct slice *value)
{
	return cursor_get(c, from, from.n ? MDB_SET_RANGE : MDB_FIRST, key, value);
}

enum error db_cursor_seek_back(struct db_cursor *c, struct slice to, struct slice *key, struct slice *value)
{
	struct slice found;
	if (to.n == 0) return cursor_get(c, SLICE_EMPTY, MDB_LAST, key, value);
	enum error err = cursor_get(c, to, MDB_SET_RANGE, &found, value);
	if (err == ERR_NOT_FOUND) return cursor_get(c, SLICE_EMPTY, MDB_LAST, key, value);
	if (!err && !slice_equal(found, to)) return cursor_get(c, SLICE_EMPTY, MDB_PREV, key, value);
	if (!err && key) *key = found;
	return err;
}

enum error db_cursor_next(struct db_cursor *c, struct slice *key, struct slice *value)
{
	return cursor_get(c, SLICE_EMPTY, MDB_NEXT, key, value);
}

enum error db_cursor_previous(struct db_cursor *c, struct slice *key, struct slice *value)
{
	return cursor_get(c, SLICE_EMPTY, MDB_PREV, key, value);
}

enum error db_cursor_delete(struct db_cursor *c)
{
	return c->mdb ? written(c->txn, mdb_cursor_del(c->mdb, 0)) : ERR_NOT_FOUND;
}
