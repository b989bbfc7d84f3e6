/* SPDX-License-Identifier: Apache-2.0 */
#include "dns/transfer_out.h"

#define OPT_SIZE 11
#define UDP_SIZE 1232 /* told in OPT; of no meaning by TCP */

static void begin_message(struct transfer_out *o)
{
	const struct query *q = o->query;
	size_t end = q->question_end > WIRE_HEADER_SIZE ? q->question_end : WIRE_HEADER_SIZE;
	o->w = wire_write(o->room, ZONE_PACK_ROOM - OPT_SIZE);
	wire_put(&o->w, o->request, end);
	o->answers = 0;
	zone_pack_begin(&o->pack, &o->w, o->zone, QUERY_NAME_AT);
}

void transfer_out_begin(struct transfer_out *o)
{
	begin_message(o);
}

/* RFC 6891 6.1.1: who speaks EDNS is answered in it; in the first message. */
static bool put_opt(struct transfer_out *o)
{
	if (!o->query->edns || o->messages) return false;
	o->w.room += OPT_SIZE;
	wire_put_u8(&o->w, 0);
	wire_put_u16(&o->w, RR_OPT);
	wire_put_u16(&o->w, UDP_SIZE);
	wire_put_u32(&o->w, 0);
	wire_put_u16(&o->w, 0);
	return true;
}

static void send_message(struct transfer_out *o, unsigned rcode)
{
	bool opt = put_opt(o);
	uint16_t flags = FLAG_QR | (o->query->flags & (FLAG_RD | 15u << 11)) | (rcode ? 0 : FLAG_AA);
	struct wire_header h = {.id = o->query->id,
	                        .flags = (uint16_t)(flags | rcode),
	                        .questions = o->query->question_end > WIRE_HEADER_SIZE,
	                        .answers = o->answers,
	                        .additionals = opt};
	size_t n = o->w.n;
	o->w.n = 0;
	wire_put_header(&o->w, &h);
	if (o->error != ERR_OK) return;
	n = tsig_sign(o->tsig, o->room, n, TRANSFER_OUT_ROOM, o->clock());
	o->error = n && !o->w.full ? o->put(o->arg, o->room, n) : ERR_NO_MEMORY;
	o->messages++;
	o->octets += n;
}

static void next_message(struct transfer_out *o)
{
	send_message(o, RCODE_NOERROR);
	begin_message(o);
}

/* What one record puts; again in a new message when it does not fit. */
static void put_record(struct transfer_out *o, void (*put)(struct transfer_out *o, uint32_t value), uint32_t value)
{
	for (int attempt = 0; attempt < 2; attempt++) {
		size_t before = o->w.n;
		wire_put_pointer(&o->w, QUERY_NAME_AT);
		put(o, value);
		if (!o->w.full) {
			o->answers++;
			o->records++;
			return;
		}
		wire_rewind(&o->w, before);
		next_message(o);
	}
	o->error = ERR_LIMIT;
}

static void put_soa(struct transfer_out *o, uint32_t serial)
{
	list_zone_put_soa(&o->w, o->zone, o->zone->ttl, serial, QUERY_NAME_AT);
}

static void put_ns(struct transfer_out *o, uint32_t i)
{
	list_zone_put_ns(&o->w, o->zone, i, QUERY_NAME_AT);
}

void transfer_out_soa(struct transfer_out *o, uint32_t serial)
{
	if (o->error == ERR_OK) put_record(o, put_soa, serial);
}

void transfer_out_ns(struct transfer_out *o)
{
	for (uint32_t i = 0; i < o->zone->nameserver_count && o->error == ERR_OK; i++) put_record(o, put_ns, i);
}

void transfer_out_node(struct transfer_out *o, const struct zone_node *node)
{
	unsigned records = 0;
	for (int attempt = 0; attempt < 2 && records == 0 && o->error == ERR_OK; attempt++) {
		if (attempt) next_message(o);
		records = zone_pack(&o->pack, node);
	}
	if (records == 0 && o->error == ERR_OK) o->error = ERR_LIMIT;
	o->answers = (uint16_t)(o->answers + records);
	o->records += records;
}

enum error transfer_out_end(struct transfer_out *o)
{
	send_message(o, RCODE_NOERROR);
	return o->error;
}

enum error transfer_out_rcode(struct transfer_out *o, unsigned rcode)
{
	begin_message(o);
	send_message(o, rcode);
	return o->error;
}
