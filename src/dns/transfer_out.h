/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transfer_out - the records of a transfer, gathered into messages of up to 16 KiB, signed and handed on
 *
 * Private to transfer. A cursor with a sticky error: records are put one after the other, full messages go out by themselves, and the
 * error is looked at when there is time for it. Each message repeats the question (RFC 5936 2.2.2 allows it), so that the zone's
 * name is always at the same place for names to point to.
 */
#ifndef BACKSTOP_DNS_TRANSFER_OUT_H
#define BACKSTOP_DNS_TRANSFER_OUT_H

#include "dns/query.h"
#include "dns/tsig.h"
#include "dns/zonewalk.h"

struct transfer_out {
	/* Set by the caller; the others are 0. */
	const struct list_zone *zone;
	const uint8_t *request;
	const struct query *query; /* of the request */
	struct tsig *tsig;
	int64_t (*clock)(void);                                         /* Unix time */
	enum error (*put)(void *arg, const uint8_t *message, size_t n); /* may wait */
	void *arg;
	uint8_t *room; /* TRANSFER_OUT_ROOM octets */

	struct wire_writer w;
	struct zone_pack pack;
	uint16_t answers; /* in this message */
	enum error error;
	uint64_t records, messages, octets;
};

#define TRANSFER_OUT_ROOM (ZONE_PACK_ROOM + TSIG_ROOM)

void transfer_out_begin(struct transfer_out *o);
void transfer_out_soa(struct transfer_out *o, uint32_t serial);
void transfer_out_ns(struct transfer_out *o);
void transfer_out_node(struct transfer_out *o, const struct zone_node *node);
/* Sends what is left. */
enum error transfer_out_end(struct transfer_out *o);
/* Instead of records: one message with nothing but this rcode and the question. */
enum error transfer_out_rcode(struct transfer_out *o, unsigned rcode);

#endif
