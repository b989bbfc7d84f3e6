/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zonewalk - the list as the names of a zone, one after the other
 *
 * A node is a name below the apex with the records that it has: A records 127.0.0.CODE and a TXT record. The tree safe. comes first, all of
 * it, then any.; in each the test entries of RFC 5782 5, then IPv4 addresses, then IPv6 /64s, as wildcards below 16 nibbles. Together
 * with SOA and NS of the apex these are the zone; asked for any name, a server that has them answers as dns/answer.c does.
 * A walk over a difference gives what to remove, or what to add, record by record: what stays is in neither.
 *
 * What a node is called and holds is independent of the format: transfers write it in wire form with zone_pack(), which gives names that
 * follow each other two octets each where they can share their ends; exports write zone_node_name() and zone_node_text().
 *
 * Pure; a walk belongs to one thread, what it walks over may be shared.
 *
 *     struct zone_walk walk = zone_walk_rows(rows);
 *     struct zone_node node;
 *     while (zone_walk_next(&walk, &node)) ...
 */
#ifndef BACKSTOP_DNS_ZONEWALK_H
#define BACKSTOP_DNS_ZONEWALK_H

#include "dns/zone.h"
#include "dns/zonerows.h"

#define ZONE_LABELS_MOST    32 /* without the wildcard's and the tree's */
#define ZONE_NODE_NAME_MOST (2 * ZONE_LABELS_MOST + 8)

struct zone_node {
	bool any;      /* in the tree any., else safe. */
	bool test;     /* an entry for testing */
	bool wildcard; /* "*" in front of the labels */
	struct ip unit;
	struct published row; /* of an entry for testing: none */
	uint8_t code_count, codes[PUBLISHED_CODES_MOST];
	bool txt;                                      /* the TXT record is part of it */
	uint8_t label_count, labels[ZONE_LABELS_MOST]; /* octets or nibbles, the first next to the tree's label */
};

struct zone_walk {
	const struct zone_rows *rows; /* or */
	const struct zone_diff *diff;
	const struct list_zone *zone; /* of a difference: to compare texts */
	bool adding;                  /* of a difference: what to add, else what to remove */
	bool any;
	uint8_t tests; /* given */
	size_t next;
};

struct zone_walk zone_walk_rows(const struct zone_rows *rows);
struct zone_walk zone_walk_diff(const struct zone_diff *diff, const struct list_zone *zone, bool adding);
bool zone_walk_next(struct zone_walk *w, struct zone_node *out); /* false: that was all */

/* "2.0.0.127.safe", relative to the zone's name; its length. */
size_t zone_node_name(const struct zone_node *node, char out[ZONE_NODE_NAME_MOST]);
/* The text of its TXT record, one line, without NUL; its length. */
size_t zone_node_text(const struct zone_node *node, const struct list_zone *zone, char out[PUBLISHED_SENTENCE_MOST]);

#define ZONE_PACK_ROOM 16384 /* octets of a message: as far as a pointer reaches */

/* Writes nodes into one message, of ZONE_PACK_ROOM octets at most. */
struct zone_pack {
	struct wire_writer *w;
	const struct list_zone *zone;
	uint16_t zone_at;    /* where the zone's name is in the message */
	uint16_t tree_at[2]; /* of safe. and any.; 0: not yet */
	bool any, ipv6;      /* of the last name */
	uint8_t depth;       /* its labels */
	uint8_t labels[ZONE_LABELS_MOST];
	uint16_t at[ZONE_LABELS_MOST + 1];
};

void zone_pack_begin(struct zone_pack *p, struct wire_writer *w, const struct list_zone *zone, size_t zone_at);
/* Number of records written; 0: no room, and the writer is as before (begin a new message, and a new pack). */
unsigned zone_pack(struct zone_pack *p, const struct zone_node *node);

#endif
