/* SPDX-License-Identifier: Apache-2.0 */
#include "dns/query.h"

#define OPTION_NSID   3
#define OPTION_COOKIE 10
#define EDNS_DO       0x8000u

/* RFC 1035 4.1.2. There is nothing before it that compression could point to. */
static bool take_question(struct wire_reader *r, struct query *q)
{
	size_t begin = r->at;
	for (q->labels = 0; q->labels <= WIRE_LABELS_MOST; q->labels++) {
		uint8_t length = wire_take_u8(r);
		if (length == 0) break;
		if (length > WIRE_LABEL_MOST || !wire_take(r, length)) r->failed = true;
	}
	size_t size = r->at - begin;
	q->type = wire_take_u16(r);
	q->class = wire_take_u16(r);
	if (r->failed || size > WIRE_NAME_MOST) return false;
	q->name_size = (uint8_t)size;
	q->question_end = (uint16_t)r->at;
	return true;
}

/* RFC 7873 4: the client's cookie alone, or with a server's of 8 to 32 octets. */
static bool good_cookie(uint16_t size)
{
	return size == COOKIE_CLIENT_SIZE || (size >= 2 * COOKIE_CLIENT_SIZE && size <= COOKIE_MOST);
}

/* RFC 6891 6.1.2. Unknown options are passed over; of two cookies the first counts (RFC 7873 5.2). */
static bool take_options(struct query *q, const struct wire_record *opt)
{
	struct wire_reader r = wire_read(opt->rdata, opt->length);
	for (unsigned i = 0; i < QUERY_OPTIONS && r.at < r.n; i++) {
		uint16_t code = wire_take_u16(&r), size = wire_take_u16(&r);
		size_t at = r.at;
		if (!wire_take(&r, size)) return false;
		if (code == OPTION_NSID) q->nsid = true;
		if (code != OPTION_COOKIE || q->cookie_size) continue;
		if (!good_cookie(size)) return false;
		q->cookie_size = (uint8_t)size;
		q->cookie_at = (uint16_t)(opt->rdata_at + at);
	}
	return r.at == r.n;
}

static bool take_opt(struct query *q, const struct wire_record *opt)
{
	if (q->edns || opt->owner_size != 1) return false;
	q->edns = true;
	q->udp_size = opt->class < UDP_SIZE_PLAIN ? UDP_SIZE_PLAIN : opt->class;
	q->version = (uint8_t)(opt->ttl >> 16);
	q->dnssec_ok = opt->ttl & EDNS_DO;
	return q->version != 0 || take_options(q, opt); /* what another version has there is not ours to read */
}

static bool take_records(struct wire_reader *r, struct query *q, const struct wire_header *h)
{
	unsigned before = h->authorities, all = before + h->additionals;
	if (h->answers || all > QUERY_RECORDS) return false;
	q->authorities = h->authorities;
	q->authority_at = (uint16_t)r->at;
	for (unsigned i = 0; i < QUERY_RECORDS && i < all; i++) {
		struct wire_record record;
		if (!wire_take_record(r, NULL, &record)) return false;
		bool meta = record.type == RR_OPT || record.type == RR_TSIG;
		if (meta && i < before) return false;
		if (record.type == RR_OPT && !take_opt(q, &record)) return false;
		if (record.type != RR_TSIG) continue;
		if (i + 1 != all) return false; /* RFC 8945 5.1 */
		q->tsig_at = (uint16_t)record.at;
	}
	return r->at == r->n;
}

enum query_state query_parse(const uint8_t *message, size_t n, struct query *out)
{
	struct wire_reader r = wire_read(message, n);
	struct wire_header h;
	*out = (struct query){.size = n, .udp_size = UDP_SIZE_PLAIN};
	if (n > WIRE_MESSAGE_MOST || !wire_take_header(&r, &h) || h.flags & FLAG_QR) return QUERY_SILENT;
	out->id = h.id;
	out->flags = h.flags;
	if (wire_opcode(h.flags) != OPCODE_QUERY) return QUERY_NOT_IMPLEMENTED;
	if (h.questions > 1 || (h.questions == 1 && !take_question(&r, out)) || !take_records(&r, out, &h))
		return QUERY_BROKEN;
	if (h.questions == 0 && out->cookie_size == 0) return QUERY_BROKEN;
	return out->version ? QUERY_BAD_VERSION : QUERY_GOOD;
}
