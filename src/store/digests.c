/* SPDX-License-Identifier: Apache-2.0 */
#include "store/digests.h"

#include "base/octets.h"

#define VALUE_VERSION 1
#define VALUE_SIZE    9

struct tenant_key {
	char octets[4];
};

static struct slice key(struct tenant_key *k, uint32_t tenant)
{
	tenant = htobe32(tenant);
	memcpy(k->octets, &tenant, sizeof k->octets);
	return slice_of(k->octets, sizeof k->octets);
}

static enum error read_value(struct slice value, int64_t *when)
{
	struct octet_reader r = octet_reader(value);
	uint8_t version = octet_get_u8(&r);
	if (version > VALUE_VERSION) return ERR_VERSION;
	*when = (int64_t)octet_get_u64(&r);
	return r.failed || r.rest.n || version == 0 ? ERR_CORRUPT : ERR_OK;
}

enum error digests_last(struct db *spool, uint32_t tenant, int64_t *when)
{
	struct db_txn *t;
	struct tenant_key k;
	struct slice value;
	*when = 0;
	enum error err = db_begin_read(spool, &t);
	if (err) return err;
	err = db_get(t, DB_digests, key(&k, tenant), &value);
	if (!err) err = read_value(value, when);
	db_end_read(t);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

enum error digests_put(struct db_txn *t, uint32_t tenant, int64_t when)
{
	char value[VALUE_SIZE];
	struct tenant_key k;
	struct octet_writer w = octet_writer(value, sizeof value);
	octet_put_u8(&w, VALUE_VERSION);
	octet_put_u64(&w, (uint64_t)when);
	return db_put(t, DB_digests, key(&k, tenant), octet_written(&w));
}
