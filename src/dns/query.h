/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query - one DNS request, read and judged by its form alone
 *
 * Everything that answering needs to know of a request: where its question is, what it asks, what EDNS says (RFC 6891), the
 * cookie (RFC 7873), whether the name server's identity is wanted (RFC 5001), where TSIG is (RFC 8945). Nothing is copied but numbers:
 * offsets are into the message. Bounded and free of allocation, like dns/message.h.
 *
 * What is refused for its form: more or fewer questions than one (RFC 9619; none is fine with a cookie, RFC 7873 5.4), a compressed or
 * over-long name in the question, records in the wrong section, two OPT, OPT not at the root, TSIG not last, a cookie of impossible
 * length, more than QUERY_RECORDS records, octets left over.
 *
 *     struct query q;
 *     if (query_parse(octets, n, &q) == QUERY_GOOD && q.type == RR_A) ...
 *
 * Pure; any thread.
 */
#ifndef BACKSTOP_DNS_QUERY_H
#define BACKSTOP_DNS_QUERY_H

#include "dns/message.h"

#define QUERY_RECORDS      8 /* after the question */
#define QUERY_OPTIONS      32
#define COOKIE_CLIENT_SIZE 8
#define COOKIE_MOST        40
#define QUERY_NAME_AT      WIRE_HEADER_SIZE
#define UDP_SIZE_PLAIN     512 /* without EDNS, RFC 1035 4.2.1 */

enum query_state {
	QUERY_GOOD,
	QUERY_SILENT,          /* an answer, or too short to be anything: nobody to talk to */
	QUERY_BROKEN,          /* FORMERR */
	QUERY_BAD_VERSION,     /* of EDNS: BADVERS */
	QUERY_NOT_IMPLEMENTED, /* another opcode than QUERY: NOTIMP */
};

struct query {
	size_t size; /* of the whole request */
	uint16_t id, flags;
	uint16_t question_end; /* offset behind the question; 0: there is none that could be read */
	uint8_t name_size;     /* octets of the name at QUERY_NAME_AT, with the root's */
	uint8_t labels;        /* without the root */
	uint16_t type, class;

	bool edns;
	uint8_t version;
	bool dnssec_ok;
	uint16_t udp_size; /* what the client takes by UDP, at least 512 */
	bool nsid;         /* wants it */
	uint8_t cookie_size;
	uint16_t cookie_at;

	uint16_t authorities; /* records there, and where they begin: IXFR's SOA */
	uint16_t authority_at;
	uint16_t tsig_at; /* where the TSIG record begins; 0: none */
};

enum query_state query_parse(const uint8_t *message, size_t n, struct query *out);

#endif
