/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listings - the local list: addresses that the operator listed by hand (`list add IP`)
 *
 * Key: family octet (4 or 6) and the address octets of the listing's unit: 4 octets, or the first 8 of an IPv6 /64. Value: version, flags,
 * times and a reason (docs/storage.md). The keeper of a later release writes the same table.
 */
#ifndef BACKSTOP_STORE_LISTINGS_H
#define BACKSTOP_STORE_LISTINGS_H

#include "base/endpoint.h"
#include "store/db.h"

enum { LISTING_MANUAL = 1 };
struct listing {
	struct prefix unit;
	uint32_t flags;
	int64_t created, expires; /* Unix time; expires 0: never */
	struct slice reason;      /* one line, may be empty; points into the transaction or the caller's arena */
};

enum error listings_add(struct db *state, const struct listing *l); /* replaces an older one of the same unit */
enum error listings_remove(struct db *state, const struct ip *ip);  /* ERR_NOT_FOUND */
/* Listed now? reason is copied into reason[256]. Any thread, microseconds. */
bool listings_lookup(struct db *state, const struct ip *ip, int64_t now, struct listing *out, char reason[256]);
enum error listings_each(struct db *state, bool (*each)(const struct listing *, void *arg), void *arg);

#endif
