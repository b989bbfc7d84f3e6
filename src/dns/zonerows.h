/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zonerows - the published list at one serial, held in memory while a transfer lasts
 *
 * A transfer takes as long as its slowest reader, and an LMDB transaction must not; so one short read transaction copies what records
 * are made of, 7 octets for an IPv4 address and 11 for a /64: 7 MB for a million. Rows are counted: transfers of one serial share
 * them. Between two serials there is struct zone_diff: each unit that changed once, with what it was and what it is, however often
 * the journal names it.
 *
 * Rows whose time is over are part of it until the keeper has taken them away: what a zone holds is a matter of its serial alone, or
 * a secondary that comes with a difference would be told to remove what it never had.
 *
 * Reading blocks its thread (100 ms for a million): fiber_offload() it. Immutable after that; any thread.
 */
#ifndef BACKSTOP_DNS_ZONEROWS_H
#define BACKSTOP_DNS_ZONEROWS_H

#include <stdatomic.h>

#include "store/published.h"

struct zone_rows {
	_Atomic int references;
	uint32_t serial;
	size_t count4, count6;
	uint8_t octets[]; /* rows of IPv4, then of IPv6, in order of addresses */
};

/* ERR_NO_MEMORY and those of the db. The caller has one reference. */
enum error zone_rows_read(struct db *state, struct zone_rows **out);
struct zone_rows *zone_rows_ref(struct zone_rows *);
void zone_rows_unref(struct zone_rows *); /* NULL is fine */
/* Row i of count4 + count6; expires is 0. */
void zone_rows_get(const struct zone_rows *, size_t i, struct ip *unit, struct published *row);

struct zone_change {
	uint8_t key[PUBLISHED_KEY_MOST], key_n;
	uint32_t order; /* in the journal */
	bool had, has;  /* listed at the older serial, at the newer */
	struct published before, after;
};

struct zone_diff {
	uint32_t since, serial;
	size_t count;
	struct zone_change *changes; /* in order of addresses */
};

/* ERR_NOT_FOUND: the journal does not reach back, or the difference is larger than the list: the whole zone is the answer. */
enum error zone_diff_read(struct db *state, uint32_t since, struct zone_diff *out);
void zone_diff_free(struct zone_diff *);

#endif
