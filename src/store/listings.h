/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listings - the operator's part of the list: addresses that were listed by hand (`list add IP`)
 *
 * Key: the unit (store/unit_key.h). Value: version, flags, times and a reason (docs/storage.md). Each change also changes table
 * published (store/published.h), its serial and its journal, in the same transaction. The keeper's part is in store/weighed.h;
 * listings_lookup() knows both. Any thread.
 */
#ifndef BACKSTOP_STORE_LISTINGS_H
#define BACKSTOP_STORE_LISTINGS_H

#include "base/endpoint.h"
#include "store/db.h"

enum {
	LISTING_MANUAL = 1,
	LISTING_WEIGHED = 2, /* never stored: the answer of listings_lookup() is the keeper's */
};
struct listing {
	struct prefix unit;
	uint32_t flags;
	int64_t created, expires; /* Unix time; expires 0: never */
	struct slice reason;      /* one line, may be empty; points into the transaction or the caller's arena */
};

enum error listings_add(struct db *state, const struct listing *l); /* replaces an older one of the same unit */
/* All or none, one commit. In order of addresses they take the least room. */
enum error listings_add_many(struct db *state, const struct listing *l, size_t n);
enum error listings_remove(struct db *state, const struct ip *ip); /* ERR_NOT_FOUND */
/* Listed now, by the operator or the keeper? reason is copied into reason[256]. Any thread, microseconds. */
bool listings_lookup(struct db *state, const struct ip *ip, int64_t now, struct listing *out, char reason[256]);
/* The operator's, by unit; those that have expired included. No transaction is open while each() runs. */
enum error listings_each(struct db *state, bool (*each)(const struct listing *, void *arg), void *arg);

/* Within a transaction. The operator's row, expired or not: ERR_NOT_FOUND. */
enum error listings_get(struct db_txn *t, const struct ip *ip, struct listing *out);
enum error listings_each_in(struct db_txn *t, bool (*each)(const struct listing *, void *arg), void *arg);
/* The keeper's: takes the row away if its time is over. */
enum error listings_expire(struct db_txn *t, const struct ip *ip, int64_t now);
/* Publishes what an older release listed. Every change does it too; services that read the list call it when they start. */
enum error listings_upgrade(struct db *state);

#endif
