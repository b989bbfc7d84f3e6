/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer - from a request to the octets of its answer
 *
 * Takes a request that dns/query.h has read, finds what the list has for its name, and writes the answer: A and TXT of listed addresses,
 * SOA and NS of the apex, NODATA and NXDOMAIN with the SOA (RFC 2308), HINFO for ANY (RFC 8482), CHAOS TXT about the server, errors
 * for all that is not ours. The question comes back letter for letter. Rows are looked up through callbacks, so this
 * can be tested by table and fuzzed.
 *
 * By UDP an answer that does not fit is empty, with TC. Without a valid cookie (bounded) "fits" is also: no more than ANSWER_FACTOR
 * times the request, since its source address may be forged; a negative answer then goes without its SOA before it is
 * truncated. Nothing is allocated. Pure; any thread.
 *
 *     struct answer_about about;
 *     size_t size = answer_write(&server, &rows, request, &q, query_parse(request, n, &q), &way, room, sizeof room, &about);
 *     if (size) send(...)                                                    // 0: say nothing
 */
#ifndef BACKSTOP_DNS_ANSWER_H
#define BACKSTOP_DNS_ANSWER_H

#include "dns/name.h"
#include "dns/query.h"
#include "dns/zone.h"

#define ANSWER_FACTOR    3
#define ANSWER_NSID_MOST 128
#define ANSWER_UDP_MOST  4096 /* octets that any answer by UDP may have; udp-size is at most that */

struct answer_server {
	const struct list_zone *zone;
	const char *version; /* version.bind */
	const char *nsid;    /* NSID, id.server, hostname.bind; empty: not told */
	uint16_t udp_size;   /* what we take and send at most by UDP */
};

struct answer_rows {
	/* The row of that key (store/published.h), 4 or 8 octets. */
	bool (*get)(void *arg, const uint8_t *key, size_t n, struct published *out);
	/* Whether there is a row from low to high, both inclusive; only_any: with PUBLISHED_ANY. May say yes when it is long to find out. */
	bool (*within)(void *arg, const uint8_t *low, const uint8_t *high, size_t n, bool only_any);
	uint32_t (*serial)(void *arg);
	void *arg;
};

/* How a request came and how it is to be answered. */
struct answer_way {
	bool udp;
	bool bounded;   /* the factor holds */
	bool truncate;  /* nothing but TC: come again by TCP */
	uint16_t rcode; /* nothing but this one; 0: as it is */
	uint8_t cookie_size;
	uint8_t cookie[COOKIE_MOST]; /* to return */
};

/* For counters. */
struct answer_about {
	uint16_t rcode;
	enum list_place place;
	bool listed; /* an address that has a row */
	bool truncated;
};

size_t answer_write(const struct answer_server *s, const struct answer_rows *rows, const uint8_t *request,
                    const struct query *q, enum query_state state, const struct answer_way *way, uint8_t *room,
                    size_t room_size, struct answer_about *about);

#endif
