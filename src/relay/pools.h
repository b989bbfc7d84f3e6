/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pools - from which address a connection leaves, and under which name it greets
 *
 * A pool of the configuration is a set of source addresses and an EHLO name; mail of one reputation leaves from one pool.
 * Addresses of the right family are used in turn. A pool that is not configured has no addresses: the system chooses, and
 * the name is the top-level hostname. An address that cannot be bound is the operator's mistake: it is left out for
 * POOLS_PENALTY_MS and another one is taken; when none is left the connection fails for now, because mail must not leave from
 * an address of another reputation. Delivery thread only.
 */
#ifndef BACKSTOP_RELAY_POOLS_H
#define BACKSTOP_RELAY_POOLS_H

#include "base/config.h"
#include "store/spool.h"

#define POOLS_PENALTY_MS  60000
#define POOLS_SOURCES_MAX 256 /* of one pool; more are not used */

struct pools {
	size_t turn[POOL_COUNT];
	int64_t penalty_until[POOL_COUNT][POOLS_SOURCES_MAX]; /* monotonic ms */
};

/* What connections to this family may use. */
enum pools_choice {
	POOLS_SYSTEM, /* no source: the system chooses */
	POOLS_SOURCE, /* *source is set */
	POOLS_NONE,   /* the pool has addresses, but none of this family that can be used now */
};

/* After a reload: addresses may have moved. */
void pools_reset(struct pools *p);
/* *index is for pools_penalize(). family: AF_INET or AF_INET6. */
enum pools_choice pools_source(struct pools *p, const struct config *c, enum pool pool, int family, int64_t now_ms,
                               const struct ip **source, size_t *index);
void pools_penalize(struct pools *p, enum pool pool, size_t index, int64_t now_ms);
/* Whether the pool may be used for this family at all: it has an address of it, or has none. */
bool pools_family(const struct config *c, enum pool pool, int family);
const char *pools_helo_name(const struct config *c, enum pool pool);

#endif
