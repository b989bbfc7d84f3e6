/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exposure - how much ordinary mail an address was seen to send, and whether it sends any
 *
 * A row for each unit (an IPv4 address, an IPv6 /64) that sent mail which was neither bounce nor automatic reply and was
 * taken: counts by week, of the last EXPOSURE_WEEKS. Of a unit with evidence it is noted as well that it tried to send such mail and was refused,
 * or sent it to a trap: that is not much to its credit, but it is not one that sends nothing but backscatter. The relay counts in memory and adds up every few seconds. A unit that the
 * list says sends nothing but backscatter (PUBLISHED_ANY) is queued for the keeper in the same transaction: that is over.
 * Any thread.
 */
#ifndef BACKSTOP_STORE_EXPOSURE_H
#define BACKSTOP_STORE_EXPOSURE_H

#include "base/endpoint.h"
#include "store/db.h"

#define EXPOSURE_WEEKS 8

struct exposure {
	int64_t first, last;           /* Unix time of the first and the newest message; 0: never seen */
	uint32_t week[EXPOSURE_WEEKS]; /* by number of the week since 1970, modulo EXPOSURE_WEEKS */
};

struct exposure_count {
	struct prefix unit;
	uint32_t messages; /* that were taken; 0: it only tried */
};

enum error exposure_add(struct db *state, const struct exposure_count *counts, size_t n, int64_t now); /* one commit */
/* All zeros where nothing was seen. */
enum error exposure_get(struct db_txn *t, const struct prefix *unit, struct exposure *out);
uint64_t exposure_recent(const struct exposure *e, int64_t now); /* messages of the last EXPOSURE_WEEKS */
/* Looks at up to `most` rows after *at (family 0: from the first on) and drops those that were last seen before; *at moves
 * on, and is family 0 when the last row was seen. */
enum error exposure_drop_older(struct db_txn *t, int64_t than, size_t most, struct prefix *at, size_t *dropped);

#endif
