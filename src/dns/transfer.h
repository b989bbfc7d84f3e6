/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transfer - the whole zone, or what changed in it, for name servers that may have it (AXFR, RFC 5936; IXFR, RFC 1995)
 *
 * transfer_answer() answers one request for AXFR or IXFR that came by TCP: with the zone, with the difference from the serial that the
 * client has, or with an rcode. A difference is condensed: each record that went, each that came, once, however often it changed. The
 * whole zone is the answer where the journal does not reach back, and where the difference is larger than the list.
 *
 * The journal knows of listings, but a configuration (name servers, TTL, public URL) or a new release changes the zone's other records and
 * texts without a serial. So a difference is given only from serials after the one at which transfers_use() first saw the zone as it
 * is, and from that one to a client that got the whole zone here since: after a restart each secondary has one whole transfer.
 *
 * Who may: rules of address, key (TSIG), or both; without any, nobody. NOTAUTH is for another zone and for bad TSIG, SERVFAIL for one
 * transfer too many, REFUSED for everybody else. By UDP the newest SOA is the answer to IXFR (dns/answer.h): the client comes by TCP.
 *
 * A transfer shows one serial from its beginning to its end. Its rows are copied in one short read transaction (dns/zonerows.h), and
 * transfers of the same serial that run at the same time share the copy, so memory is bounded by transfer-limit, and usually one copy.
 * The messages are written as the client takes them.
 *
 * A struct transfers is of the process: any thread. Rules are immutable. transfer_answer() is called in a fiber, which waits only in
 * put(); outside of fibers it blocks (tests).
 *
 *     struct transfer_request r = {.peer = &peer->ip, .octets = message, .n = n, .put = put, .arg = stream};
 *     if ((e = transfer_answer(transfers, rules, &r))) close it
 */
#ifndef BACKSTOP_DNS_TRANSFER_H
#define BACKSTOP_DNS_TRANSFER_H

#include "base/config.h"
#include "dns/query.h"
#include "dns/tsig.h"
#include "dns/zone.h"
#include "store/db.h"

struct transfer_rules {
	const struct list_zone *zone;       /* the caller's */
	const struct tsig_keys *keys;       /* the caller's */
	uint64_t stamp;                     /* of what the zone's records look like */
	const struct config_access *access; /* the configuration's */
	size_t access_count;
	int64_t limit; /* at a time */
};

/* Configuration, zone and keys must outlive the rules. */
struct transfer_rules transfer_rules(const struct config *c, const struct list_zone *zone,
                                     const struct tsig_keys *keys);

struct transfers;
struct transfers *transfers_new(struct db *state); /* NULL: no memory. The db is the caller's and outlives it */
void transfers_free(struct transfers *t);          /* no transfer runs; NULL is fine */
/* At the start, and when a new configuration is put in place, before it is used. Requests by older rules whose zone looks different
 * are put off after that. */
void transfers_use(struct transfers *t, const struct transfer_rules *rules);

struct transfer_request {
	const struct ip *peer;
	uint8_t *octets; /* the request: changed */
	size_t n;
	/* Takes one message; may wait. An error ends the transfer. */
	enum error (*put)(void *arg, const uint8_t *message, size_t n);
	void *arg;
	int64_t (*clock)(void); /* Unix time; NULL: clock_unix() */
};

static inline bool transfer_wanted(const struct query *q)
{
	return q->type == RR_AXFR || q->type == RR_IXFR;
}

/* ERR_OK: answered, whatever the answer was, and the connection may be used further. Otherwise it is put()'s error or our own (of the
 * db, of memory): the answer broke off, the connection must be closed. */
enum error transfer_answer(struct transfers *t, const struct transfer_rules *rules, struct transfer_request *request);

/* Whether a client of that address, with that key or none, may have the zone. */
bool transfer_allowed(const struct transfer_rules *rules, const struct ip *peer, const struct tsig_key *key);

#endif
