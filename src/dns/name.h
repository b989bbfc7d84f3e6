/* SPDX-License-Identifier: Apache-2.0 */
/*
 * name - what a name in the list's zone stands for
 *
 *     bl.example.net                     the apex
 *     safe.bl.example.net                the tree of all listings;  any.bl.example.net  that of those for use on all mail
 *     2.0.0.127.safe.bl.example.net      an IPv4 address: four octets, the last first (RFC 5782 2.1)
 *     2.0.0.(28 more).safe...            an IPv6 address: 32 nibbles, the last first (2.4)
 *     0.127.safe.bl.example.net          not an address but perhaps above some: an empty non-terminal (RFC 8020)
 *
 * IPv6 is listed by /64, which in a zone file is a wildcard below 16 nibbles; here too, then, every name below those is the
 * /64's. What is below ::/64 has no listing, only the test entry. Few labels may be both octets of IPv4 and nibbles
 * of IPv6: both readings are given, the caller looks for both.
 *
 * Bounded, nothing allocated, no C library: can be compiled for the kernel. Pure; any thread.
 */
#ifndef BACKSTOP_DNS_NAME_H
#define BACKSTOP_DNS_NAME_H

#include "dns/message.h"

#define LIST_NIBBLES      32
#define LIST_NIBBLES_UNIT 16 /* of the /64 that is listed as one */

enum list_place {
	LIST_OUTSIDE, /* not in the zone */
	LIST_APEX,
	LIST_SAFE,    /* in the tree safe, or its root */
	LIST_ANY,     /* the same of any */
	LIST_NOWHERE, /* in the zone, where nothing can be */
};

struct list_name {
	enum list_place place;
	uint8_t labels;       /* below the root of the tree */
	uint8_t octet_count;  /* labels read as IPv4, when all of them can be: 1 to 4; else 0 */
	uint8_t octets[4];    /* first the first of the address */
	uint8_t nibble_count; /* labels read as IPv6 from the right: 0 to 32; fewer than labels when another one comes */
	uint8_t nibbles[LIST_NIBBLES / 2]; /* two in an octet, zeros after the last */
	bool below_star; /* the label next to a whole /64 is "*", with more before it: where a listed one's wildcard is, nothing is */
};

/* name: octets of a whole name in wire form, without compression, n octets, that many labels (struct query has all three); zone:
 * lower case. In any case of letters. */
void list_name_read(const uint8_t *name, size_t n, unsigned labels, const struct wire_name *zone,
                    struct list_name *out);

/* RFC 5782 5: the entries for testing. */
enum list_test { LIST_TEST_NONE, LIST_TEST_LISTED, LIST_TEST_NEVER, LIST_TEST_ABOVE /* a listed one is below it */ };
enum list_test list_name_test(const struct list_name *name);

#endif
