/* SPDX-License-Identifier: Apache-2.0 */
#include "store/meta.h"

#include "store/octets.h"

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

uint64_t meta_read(struct db *environment, struct slice name)
{
	struct db_txn *t;
	uint64_t value = 0;
	if (db_begin_read(environment, &t)) return 0;
	meta_get(t, name, &value);
	db_end_read(t);
	return value;
}
