/* SPDX-License-Identifier: Apache-2.0 */
#include "store/coverages.h"

#include <endian.h>

struct tenant_key {
	char octets[4];
};

static struct slice key(struct tenant_key *k, uint32_t tenant)
{
	tenant = htobe32(tenant);
	memcpy(k->octets, &tenant, sizeof k->octets);
	return slice_of(k->octets, sizeof k->octets);
}

enum error coverages_get(struct db *state, uint32_t tenant, char room[static COVERAGES_MOST], size_t *n)
{
	struct db_txn *t;
	struct tenant_key k;
	struct slice value = SLICE_EMPTY;
	*n = 0;
	enum error err = db_begin_read(state, &t);
	if (err) return err;
	err = db_get(t, DB_coverage, key(&k, tenant), &value);
	if (!err && value.n > COVERAGES_MOST) err = ERR_LIMIT;
	if (!err && value.n) memcpy(room, value.p, *n = value.n);
	db_end_read(t);
	return err;
}

struct put {
	const struct coverages_row *rows;
	size_t n;
};

static enum error put_rows(struct db_txn *t, void *arg)
{
	const struct put *p = arg;
	enum error err = ERR_OK;
	for (size_t i = 0; !err && i < p->n; i++) {
		struct tenant_key k;
		struct slice name = key(&k, p->rows[i].tenant);
		err = db_get(t, DB_tenants, name, NULL);
		if (!err) err = db_put(t, DB_coverage, name, p->rows[i].octets);
		if (err == ERR_NOT_FOUND) err = ERR_OK;
	}
	return err;
}

enum error coverages_put(struct db *state, const struct coverages_row *rows, size_t n)
{
	struct put p = {rows, n};
	return n ? db_update(state, put_rows, &p) : ERR_OK;
}

enum error coverages_forget(struct db_txn *t, uint32_t tenant)
{
	struct tenant_key k;
	enum error err = db_delete(t, DB_coverage, key(&k, tenant));
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}
