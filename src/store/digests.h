/* SPDX-License-Identifier: Apache-2.0 */
/*
 * digests - when each tenant was last told of the mail that is held for it
 *
 * Table digests of the spool: tenant's number → version, Unix time. Written in the transaction that stores the digest, so that a
 * restart neither repeats nor skips one. The relay writes; any thread.
 */
#ifndef BACKSTOP_STORE_DIGESTS_H
#define BACKSTOP_STORE_DIGESTS_H

#include "store/db.h"

enum error digests_last(struct db *spool, uint32_t tenant, int64_t *when); /* 0: never */
enum error digests_put(struct db_txn *t, uint32_t tenant, int64_t when);   /* in db_update() */

#endif
