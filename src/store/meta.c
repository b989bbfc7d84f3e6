/* SPDX-License-Identifier: Apache-2.0 */
#include "store/meta.h"

#include "base/clock.h"
#include "base/octets.h"

#define META_VERSION 1

enum error meta_get(struct db_txn *t, struct slice name, uint64_t *out)
{
	struct slice value;
	*out = 0;
	enum error err = db_get(t, DB_meta, name, &value);
	if (err) return err == ERR_NOT_FOUND ? ERR_OK : err;
	struct octet_reader r = octet_reader(value);
	uint8_t version = octet_get_u8(&r);
	*out = octet_get_u64(&r);
	return version > META_VERSION ? ERR_VERSION : r.failed ? ERR_CORRUPT : ERR_OK;
}

enum error meta_put(struct db_txn *t, struct slice name, uint64_t value)
{
	char row[9];
	struct octet_writer w = octet_writer(row, sizeof row);
	octet_put_u8(&w, META_VERSION);
	octet_put_u64(&w, value);
	return db_put(t, DB_meta, name, octet_written(&w));
}

enum error meta_bump(struct db_txn *t, struct slice name)
{
	uint64_t value;
	enum error err = meta_get(t, name, &value);
	return err ? err : meta_put(t, name, value + 1);
}

/* ---- remembered ------------------------------------------------------------------------------------------------------ */

#define MEMORIES 4

struct memory {
	struct slice name;
	uint64_t mark, value;
	int64_t until;
};

static _Thread_local struct memory memories[MEMORIES];

static struct memory *memory_of(struct slice name)
{
	size_t i = 0;
	while (i < MEMORIES - 1 && memories[i].name.n && !slice_equal(memories[i].name, name)) i++;
	return &memories[i];
}

static uint64_t read_now(struct db *environment, struct slice name)
{
	struct db_txn *t;
	uint64_t value = 0;
	if (db_begin_read(environment, &t)) return 0;
	meta_get(t, name, &value);
	db_end_read(t);
	return value;
}

uint64_t meta_read(struct db *environment, struct slice name)
{
	struct memory *m = memory_of(name);
	uint64_t mark =
		db_mark(environment); /* first: of a commit in between we know the mark too late, not the value */
	int64_t now = clock_now_ms();
	if (mark == 0) return read_now(environment, name);
	if (m->mark != mark || now >= m->until || !slice_equal(m->name, name))
		*m = (struct memory){name, mark, read_now(environment, name), now + DB_DOUBT_MS};
	return m->value;
}
