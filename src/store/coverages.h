/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coverages - how many of each tenant's bounces a witness confirmed, as bounce/coverage.h packs it
 *
 * Table coverage of the state, so that it outlives the ledger: tenant's number → octets that begin with their version.
 * What they mean is not known here. The relay writes, many rows in a transaction (relay/coverage_book.h); any process
 * and thread reads.
 */
#ifndef BACKSTOP_STORE_COVERAGES_H
#define BACKSTOP_STORE_COVERAGES_H

#include "store/db.h"

#define COVERAGES_MOST 2048 /* octets of a row */

struct coverages_row {
	uint32_t tenant;
	struct slice octets;
};

/* Copies the row into room. ERR_NOT_FOUND: there is none yet; ERR_LIMIT: it is longer than any of ours. */
enum error coverages_get(struct db *state, uint32_t tenant, char room[static COVERAGES_MOST], size_t *n);
/* In one transaction. Rows of tenants that are gone are left out. */
enum error coverages_put(struct db *state, const struct coverages_row *rows, size_t n);
enum error coverages_forget(struct db_txn *t, uint32_t tenant); /* of a tenant that is removed */

#endif
