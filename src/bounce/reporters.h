/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reporters - from where bounces come that no witness confirms
 *
 * Two things cause such bounces besides forged mail: another way by which a tenant sends, and somebody who makes them up. Of the other way
 * (an old server, a service) they mostly come from its own network, since it is the sending server that reports what others refuse. Made up
 * they come from wherever their author has an address. In both cases one network tells little of all the rest. So of one
 * network only REPORTER_CASES count for the tenant's coverage (coverage.h), and one more for each REPORTER_SHARE confirmed ones that come
 * from there, too (all may come through one server). Beyond that nothing that it reports is refused for want of a
 * witness. Else few made-up reports would end a tenant's coverage, and with it all refusals.
 *
 * Not odd is a network that reports originals from more than REPORTER_ORIGINS others: it answers mail of many strangers, as backscatter
 * does. The last REPORTERS networks are kept, for REPORTER_DAYS each; a network is an IPv4 /24 or an IPv6 /48.
 *
 * Plain numbers. Pure; the time is passed in. One thread at a time.
 *
 *     bool counts = confirmed || reporters_add(&c.reporters, &client, &origin, now);
 *     if (confirmed) reporters_confirm(&c.reporters, &client, now);
 *     if (reporters_odd(&c.reporters, &client, now)) doubt();
 */
#ifndef BACKSTOP_BOUNCE_REPORTERS_H
#define BACKSTOP_BOUNCE_REPORTERS_H

#include "base/endpoint.h"
#include "base/slice.h"

#define REPORTERS        32
#define REPORTER_CASES   3
#define REPORTER_SHARE   8
#define REPORTER_ORIGINS 4
#define REPORTER_DAYS    30

struct reporter {
	uint64_t network; /* family (4 or 6) in the first octet, then its prefix; 0: free */
	uint32_t hour;    /* of its last such bounce, since 1970 */
	uint16_t counted; /* such bounces */
	uint16_t confirmed;
	uint8_t origin_count;
	uint32_t origins[REPORTER_ORIGINS]; /* hashes of networks */
};
struct reporters {
	struct reporter list[REPORTERS];
};

uint64_t reporter_network(const struct ip *ip); /* 0: of no family */
/* A bounce that nobody confirms came from there, about an original that came from origin. True: it counts. A reporter of no family always
 * does. */
bool reporters_add(struct reporters *r, const struct ip *reporter, const struct ip *origin, int64_t now);
/* A confirmed one came from there; only what is in the list is looked at. */
void reporters_confirm(struct reporters *r, const struct ip *reporter, int64_t now);
/* All its cases have been counted: what else it reports may be about mail that the tenant sent by another way. */
bool reporters_odd(const struct reporters *r, const struct ip *reporter, int64_t now);
/* All of them: the first address of each network. How many. */
size_t reporters_list_odd(const struct reporters *r, int64_t now, struct ip out[static REPORTERS]);

/* One octet, how many; then 33 octets each: network (8), hour (4), counted (2), confirmed (2), origins (1 and 4 each), big-endian. */
#define REPORTER_PACKED  (8 + 4 + 2 + 2 + 1 + 4 * REPORTER_ORIGINS)
#define REPORTERS_PACKED (1 + REPORTERS * REPORTER_PACKED)
size_t reporters_pack(const struct reporters *r,
                      char out[static REPORTERS_PACKED]);          /* how many octets; 0: there is none */
bool reporters_unpack(struct slice octets, struct reporters *out); /* false, and none: not of that form */

#endif
