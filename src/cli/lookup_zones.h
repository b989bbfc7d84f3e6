/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lookup_zones - is an address on these DNS lists?
 *
 * All are asked at once (RFC 5782), A first, TXT where it is listed. The well-known public lists are those of the knowledge
 * (docs/knowledge.md) that are named here and are not closed, so zones and links have one place. In a fiber; waits.
 *
 *     struct lookup_zone zones[LOOKUP_ZONES_MOST];
 *     size_t n = lookup_zones_public(arena, zones);
 *     lookup_zones_ask(resolver, arena, &ip, zones, n, clock_deadline(5000));
 */
#ifndef BACKSTOP_CLI_LOOKUP_ZONES_H
#define BACKSTOP_CLI_LOOKUP_ZONES_H

#include "base/arena.h"
#include "bounce/explain.h"
#include "net/resolver.h"

#define LOOKUP_ZONES_MOST 64

struct lookup_zone {
	struct slice zone;
	struct slice name, url;    /* of a well-known list; may be empty. %a in the url is replaced by the address */
	bool backscatter;          /* a list of those who send backscatter: against bounces only */
	enum listed listed;        /* LISTED_UNKNOWN: it does not say, or not to us */
	struct slice answer, text; /* "127.0.0.2, 127.0.0.4"; its own words; empty: none */
	const char *problem;       /* why it is not known; NULL: it is */
};

size_t lookup_zones_public(struct arena *a, struct lookup_zone out[static LOOKUP_ZONES_MOST]);
void lookup_zones_ask(struct resolver *r, struct arena *a, const struct ip *ip, struct lookup_zone *zones, size_t n,
                      int64_t deadline);

#endif
