/* SPDX-License-Identifier: Apache-2.0 */
/*
 * responder - one thread's way from requests to answers
 *
 * Puts together what answering one request takes: its form (dns/query.h), its cookie, the limit of its network, its signature, the
 * list, and the answer; and counts. Requests come in batches, which share the clock, the secrets of cookies and a read transaction: in
 * between responder_begin() and responder_end() the thread may not wait (as a fiber).
 *
 *     responder_begin(&r, setup);
 *     for (each request) size = responder_udp(&r, request, n, &client, room, sizeof room);
 *     responder_end(&r);
 *
 * Nothing is allocated. A struct responder belongs to one thread; the limiter is for all.
 */
#ifndef BACKSTOP_DNS_RESPONDER_H
#define BACKSTOP_DNS_RESPONDER_H

#include "base/metrics.h"
#include "dns/limiter.h"
#include "dns/rows.h"
#include "dns/setup.h"

/* The counters of the list are gathered here, so that threads do not pull a cache line to and fro for each request; they are added to
 * the shared ones at the end of a batch when the last time was RESPONDER_FLUSH_US ago, and by responder_flush(). */
#define RESPONDER_FLUSH_US 50000
#define RESPONDER_METRICS  (METRIC_dnsbl_unsent - METRIC_dnsbl_udp + 1)

struct responder {
	struct db *state;
	struct limiter *limiter;
	struct filters *filters;
	const struct dns_setup *setup; /* of the batch; the caller's */
	struct list_rows rows;
	bool readable; /* the transaction could be begun; else all is SERVFAIL */
	int64_t now;
	uint64_t now_us;
	int64_t day; /* of the secrets */
	struct cookie_secrets secrets;
	unsigned limited;
	int64_t counts[RESPONDER_METRICS];
	uint64_t flushed_us;
};

/* filters: NULL to do without. */
void responder_init(struct responder *r, struct db *state, struct limiter *limiter, struct filters *filters);
void responder_free(struct responder *r);
void responder_begin(struct responder *r, const struct dns_setup *setup);
void responder_end(struct responder *r);
void responder_flush(struct responder *r); /* when nothing came for a while */

static inline void responder_count(struct responder *r, enum metric m)
{
	r->counts[m - METRIC_dnsbl_udp]++;
}

/* Octets of the answer in room; 0: none. request may be changed. */
size_t responder_udp(struct responder *r, uint8_t *request, size_t n, const struct ip *client, uint8_t *room,
                     size_t room_size);
size_t responder_tcp(struct responder *r, uint8_t *request, size_t n, const struct ip *client, uint8_t *room,
                     size_t room_size);

#endif
