/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zone - the list's zone as the configuration describes it, and its records in wire form
 *
 * What answers and transfers both write: SOA, NS, the A and TXT records of a row. Made once for a configuration, immutable after
 * that; nothing is allocated when records are written. Pure; any thread.
 */
#ifndef BACKSTOP_DNS_ZONE_H
#define BACKSTOP_DNS_ZONE_H

#include "dns/message.h"
#include "store/published_words.h"

#define ZONE_NAMESERVERS_MOST 32
#define ZONE_SITE_MOST        512

/* A name in RDATA, and what of it need not be written where the zone's name is written already. */
struct zone_target {
	struct wire_name name;
	uint8_t own;    /* octets before the end that it shares with the zone's name */
	uint8_t shared; /* where that begins in the zone's name */
};

struct list_zone {
	struct wire_name name; /* lower case */
	struct zone_target nameservers[ZONE_NAMESERVERS_MOST];
	size_t nameserver_count;
	struct zone_target contact;      /* RFC 1035 3.3.13: the mailbox as a name */
	uint32_t ttl, negative_ttl;      /* seconds; the latter is the SOA's minimum too (RFC 2308 4) */
	uint32_t refresh, retry, expire; /* of the SOA */
	char site[ZONE_SITE_MOST];       /* public-url; may be empty */
};

/* "hostmaster@example.net" to hostmaster.example.net., a dot in the local part kept within its label. */
bool list_zone_contact(const char *mailbox, struct wire_name *out);

/* When the names are set: works out what they share. Without name servers the zone itself stands for one. */
void list_zone_complete(struct list_zone *z);

/* Type to RDATA, for after an owner's name. zone_at: where in the message the zone's name is written, in whatever case; 0: not yet
 * (names are then compressed as wire_put_name() does). */
void list_zone_put_soa(struct wire_writer *w, const struct list_zone *z, uint32_t ttl, uint32_t serial, size_t zone_at);
void list_zone_put_ns(struct wire_writer *w, const struct list_zone *z, size_t i, size_t zone_at);
void list_zone_put_a(struct wire_writer *w, const struct list_zone *z, uint8_t code);
/* The sentence of a row and unit: IPv4, or any address of the /64; in strings of at most 255 octets. */
void list_zone_put_txt(struct wire_writer *w, const struct list_zone *z, const struct published *p,
                       const struct ip *unit);
/* The same of the test entries (RFC 5782 5), whose one A record is 127.0.0.2. */
void list_zone_put_test_txt(struct wire_writer *w, const struct list_zone *z, bool ipv6);

#endif
