/* SPDX-License-Identifier: Apache-2.0 */
#include "dns/answer.h"

#include <string.h>
#include <sys/socket.h>

#define OPTION_NSID   3
#define OPTION_COOKIE 10
#define EDNS_DO       0x8000u
#define OPT_SIZE      11
#define TYPE_TKEY     249
#define TYPE_MAILB    253
#define TYPE_MAILA    254

/* An answer in the making. */
struct making {
	const struct answer_server *server;
	const struct answer_rows *rows;
	const uint8_t *request;
	const struct query *q;
	const struct answer_way *way;
	struct answer_about *about;
	struct wire_writer w;
	unsigned rcode;
	uint16_t flags;
	uint16_t answers, authorities;
	size_t authority_at; /* where the authority section begins; 0: there is none */
};

/* ---- what the list has ------------------------------------------------------------------------------------------------ */

enum found { FOUND_NOTHING, FOUND_ABOVE, FOUND_ROW, FOUND_TEST };

/* Where an address was found, too. */
struct finding {
	struct published row;
	struct ip unit;
	bool ipv6;
};

static bool get_row(const struct answer_rows *rows, const struct list_name *name, const uint8_t *key, size_t n,
                    struct finding *f)
{
	if (!rows->get(rows->arg, key, n, &f->row)) return false;
	f->ipv6 = n == 8;
	f->unit.family = f->ipv6 ? AF_INET6 : AF_INET;
	memcpy(f->unit.octets, key, n);
	return name->place == LIST_SAFE || f->row.flags & PUBLISHED_ANY;
}

static bool is_zero(const uint8_t *octets, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (octets[i]) return false;
	return true;
}

/* RFC 4592: below the 16 nibbles of a listed /64 every name has its records, but for those below the wildcard itself (2.2.1). */
static bool get_address(const struct answer_rows *rows, const struct list_name *name, struct finding *f)
{
	if (name->octet_count == 4 && get_row(rows, name, name->octets, 4, f)) return true;
	return name->nibble_count >= LIST_NIBBLES_UNIT && name->labels > LIST_NIBBLES_UNIT && !name->below_star &&
	       !is_zero(name->nibbles, 8) && get_row(rows, name, name->nibbles, 8, f);
}

/* Whether there are rows below a name that is only the beginning of an address. */
static bool is_above(const struct answer_rows *rows, const struct list_name *name)
{
	uint8_t low[8] = {0}, high[8];
	bool any = name->place == LIST_ANY;
	unsigned n = name->octet_count;
	memset(high, 0xff, sizeof high);
	if (n >= 1 && n <= 3) {
		memcpy(low, name->octets, n);
		memcpy(high, name->octets, n);
		if (rows->within(rows->arg, low, high, 4, any)) return true;
		memset(low, 0, sizeof low);
		memset(high, 0xff, sizeof high);
	}
	n = name->nibble_count;
	if (n == 0 || n != name->labels || n > LIST_NIBBLES_UNIT) return false;
	memcpy(low, name->nibbles, (n + 1) / 2);
	memcpy(high, low, (n + 1) / 2);
	if (n % 2) high[n / 2] |= 0x0f;
	return rows->within(rows->arg, low, high, 8, any);
}

static enum found find(const struct answer_rows *rows, const struct list_name *name, struct finding *f)
{
	if (name->labels == 0) return FOUND_ABOVE; /* the test entries are below it */
	enum list_test test = list_name_test(name);
	f->ipv6 = name->octet_count != 4;
	if (test == LIST_TEST_LISTED) return FOUND_TEST;
	if (test == LIST_TEST_NEVER) return FOUND_NOTHING;
	if (get_address(rows, name, f)) return FOUND_ROW;
	return test == LIST_TEST_ABOVE || is_above(rows, name) ? FOUND_ABOVE : FOUND_NOTHING;
}

/* ---- sections ------------------------------------------------------------------------------------------------------------ */

static size_t zone_at(const struct making *m)
{
	return QUERY_NAME_AT + m->q->name_size - m->server->zone->name.n;
}

/* The owner of an answer's record is the question's name. */
static void begin_answer(struct making *m)
{
	wire_put_pointer(&m->w, QUERY_NAME_AT);
	m->answers++;
}

/* RFC 2308 2: tells how long the answer "no" may be kept. */
static void put_negative(struct making *m)
{
	const struct list_zone *z = m->server->zone;
	m->authority_at = m->w.n;
	m->authorities = 1;
	wire_put_pointer(&m->w, zone_at(m));
	list_zone_put_soa(&m->w, z, z->negative_ttl, m->rows->serial(m->rows->arg), zone_at(m));
}

static void put_string(struct wire_writer *w, const char *text)
{
	size_t n = strlen(text);
	if (n > 255) n = 255;
	wire_put_u8(w, (uint8_t)n);
	wire_put(w, text, n);
}

/* RFC 8482 4.2 */
static void put_hinfo(struct making *m)
{
	begin_answer(m);
	size_t length = wire_begin_rdata(&m->w, RR_HINFO, RR_CLASS_IN, m->server->zone->ttl);
	put_string(&m->w, "RFC8482");
	put_string(&m->w, "");
	wire_end_rdata(&m->w, length);
}

static void put_codes(struct making *m, const struct published *row)
{
	uint8_t codes[PUBLISHED_CODES_MOST];
	size_t n = published_codes(row, codes);
	for (size_t i = 0; i < n; i++) {
		begin_answer(m);
		list_zone_put_a(&m->w, m->server->zone, codes[i]);
	}
}

static void put_listed(struct making *m, enum found found, const struct finding *f)
{
	const struct list_zone *z = m->server->zone;
	bool test = found == FOUND_TEST;
	switch (m->q->type) {
	case RR_A:
		if (!test) {
			put_codes(m, &f->row);
			break;
		}
		begin_answer(m);
		list_zone_put_a(&m->w, z, 2);
		break;
	case RR_TXT:
		begin_answer(m);
		if (test)
			list_zone_put_test_txt(&m->w, z, f->ipv6);
		else
			list_zone_put_txt(&m->w, z, &f->row, &f->unit);
		break;
	case RR_ANY: put_hinfo(m); break;
	default: put_negative(m); break;
	}
}

static void answer_address(struct making *m, const struct list_name *name)
{
	struct finding f = {0};
	enum found found = find(m->rows, name, &f);
	m->about->listed = found == FOUND_ROW || found == FOUND_TEST;
	if (m->about->listed) {
		put_listed(m, found, &f);
		return;
	}
	if (found == FOUND_NOTHING) m->rcode = RCODE_NXDOMAIN;
	put_negative(m);
}

static void answer_apex(struct making *m)
{
	const struct list_zone *z = m->server->zone;
	switch (m->q->type) {
	case RR_IXFR: /* RFC 1995 2: the newest serial tells whether to come by TCP */
	case RR_SOA:
		begin_answer(m);
		list_zone_put_soa(&m->w, z, z->ttl, m->rows->serial(m->rows->arg), zone_at(m));
		break;
	case RR_NS:
		for (size_t i = 0; i < z->nameserver_count; i++) {
			begin_answer(m);
			list_zone_put_ns(&m->w, z, i, zone_at(m));
		}
		break;
	case RR_ANY: put_hinfo(m); break;
	default: put_negative(m); break;
	}
}

static void answer_in(struct making *m)
{
	struct list_name name;
	list_name_read(m->request + QUERY_NAME_AT, m->q->name_size, m->q->labels, &m->server->zone->name, &name);
	m->about->place = name.place;
	if (name.place == LIST_OUTSIDE || (m->q->type == RR_IXFR && name.place != LIST_APEX)) {
		m->rcode = name.place == LIST_OUTSIDE ? RCODE_REFUSED : RCODE_NOTAUTH;
		return;
	}
	m->flags |= FLAG_AA;
	if (name.place == LIST_APEX) {
		answer_apex(m);
	} else if (name.place == LIST_NOWHERE) {
		m->rcode = RCODE_NXDOMAIN;
		put_negative(m);
	} else {
		answer_address(m, &name);
	}
}

/* RFC 4892 */
static const char *chaos_text(const struct making *m)
{
	static const struct {
		const char *name; /* in wire form, lower case */
		bool version;
	} names[] = {{"\7version\4bind", true},
	             {"\7version\6server", true},
	             {"\10hostname\4bind", false},
	             {"\2id\6server", false}};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		size_t n = strlen(names[i].name) + 1;
		bool equal = n == m->q->name_size;
		for (size_t k = 0; k < n && equal; k++)
			equal = wire_lower(m->request[QUERY_NAME_AT + k]) == (uint8_t)names[i].name[k];
		if (equal) return names[i].version ? m->server->version : m->server->nsid;
	}
	return "";
}

static void answer_chaos(struct making *m)
{
	const char *text = m->q->type == RR_TXT || m->q->type == RR_ANY ? chaos_text(m) : "";
	if (!text[0]) {
		m->rcode = RCODE_REFUSED;
		return;
	}
	m->flags |= FLAG_AA;
	begin_answer(m);
	size_t length = wire_begin_rdata(&m->w, RR_TXT, RR_CLASS_CHAOS, 0);
	put_string(&m->w, text);
	wire_end_rdata(&m->w, length);
}

static void answer_question(struct making *m)
{
	switch (m->q->type) {
	case RR_AXFR: /* RFC 5936 4.2: by TCP only, where it does not come here */
	case RR_OPT:
	case RR_TSIG:
	case TYPE_TKEY: m->rcode = RCODE_FORMERR; return;
	case TYPE_MAILA:
	case TYPE_MAILB: m->rcode = RCODE_NOTIMP; return;
	default: break;
	}
	if (m->q->class == RR_CLASS_IN)
		answer_in(m);
	else if (m->q->class == RR_CLASS_CHAOS)
		answer_chaos(m);
	else
		m->rcode = RCODE_REFUSED;
}

/* ---- the frame ----------------------------------------------------------------------------------------------------------- */

static size_t opt_size(const struct making *m, bool nsid)
{
	if (!m->q->edns) return 0;
	return OPT_SIZE + (m->way->cookie_size ? 4u + m->way->cookie_size : 0) +
	       (nsid ? 4 + strlen(m->server->nsid) : 0);
}

/* RFC 6891 6.1.3; DO comes back as it came (RFC 3225 3). */
static void put_opt(struct making *m, bool nsid)
{
	if (!m->q->edns) return;
	wire_put_u8(&m->w, 0);
	wire_put_u16(&m->w, RR_OPT);
	wire_put_u16(&m->w, m->server->udp_size);
	wire_put_u32(&m->w, (uint32_t)(m->rcode >> 4) << 24 | (m->q->dnssec_ok ? EDNS_DO : 0));
	wire_put_u16(&m->w, (uint16_t)(opt_size(m, nsid) - OPT_SIZE));
	if (m->way->cookie_size) {
		wire_put_u16(&m->w, OPTION_COOKIE);
		wire_put_u16(&m->w, m->way->cookie_size);
		wire_put(&m->w, m->way->cookie, m->way->cookie_size);
	}
	if (nsid) {
		wire_put_u16(&m->w, OPTION_NSID);
		wire_put_u16(&m->w, (uint16_t)strlen(m->server->nsid));
		wire_put(&m->w, m->server->nsid, strlen(m->server->nsid));
	}
}

/* What a client that cannot be seen to be who it says may get. */
static size_t room_for(const struct making *m, size_t room)
{
	if (!m->way->udp) return room;
	size_t most = m->q->udp_size < m->server->udp_size ? m->q->udp_size : m->server->udp_size;
	if (m->way->bounded && m->q->size * ANSWER_FACTOR < most) most = m->q->size * ANSWER_FACTOR;
	return most < room ? most : room;
}

/* Takes back what does not fit: first the authority section where only the bound forbids it, then all of it. */
static void make_fit(struct making *m, size_t question_end, size_t opt, size_t room)
{
	bool fits = !m->w.full && m->w.n + opt <= room;
	if (!fits && m->authority_at && m->way->udp && m->way->bounded && m->authority_at + opt <= room) {
		wire_rewind(&m->w, m->authority_at);
		m->authorities = 0;
		fits = true;
	}
	if (fits && !m->way->truncate) return;
	wire_rewind(&m->w, question_end);
	m->answers = m->authorities = 0;
	m->flags |= FLAG_TC;
	m->about->truncated = true;
}

static void put_frame(struct making *m)
{
	struct wire_header h = {.id = m->q->id,
	                        .flags = (uint16_t)(m->flags | (m->rcode & 15)),
	                        .questions = m->w.n > WIRE_HEADER_SIZE && m->q->question_end,
	                        .answers = m->answers,
	                        .authorities = m->authorities,
	                        .additionals = m->q->edns};
	size_t n = m->w.n;
	m->w.n = 0;
	wire_put_header(&m->w, &h);
	m->w.n = n;
}

/* An opcode's or a broken request's answer has no OPT: what it said of EDNS was not read, or not to the end. */
static size_t finish_plain(struct making *m, unsigned rcode)
{
	struct query plain = *m->q;
	plain.edns = false;
	m->q = &plain;
	m->rcode = rcode;
	put_frame(m);
	m->about->rcode = (uint16_t)rcode;
	return m->w.full ? 0 : m->w.n;
}

size_t answer_write(const struct answer_server *s, const struct answer_rows *rows, const uint8_t *request,
                    const struct query *q, enum query_state state, const struct answer_way *way, uint8_t *room,
                    size_t room_size, struct answer_about *about)
{
	struct making m = {.server = s, .rows = rows, .request = request, .q = q, .way = way, .about = about};
	*about = (struct answer_about){0};
	if (state == QUERY_SILENT) return 0;
	m.flags = FLAG_QR | (q->flags & (FLAG_RD | FLAG_CD | 15u << 11));
	m.w = wire_write(room, room_size);
	wire_put(&m.w, request, WIRE_HEADER_SIZE);
	if (q->question_end) wire_put(&m.w, request + WIRE_HEADER_SIZE, q->question_end - WIRE_HEADER_SIZE);
	if (m.w.full) return 0;
	if (state == QUERY_NOT_IMPLEMENTED) return finish_plain(&m, RCODE_NOTIMP);
	if (state == QUERY_BROKEN) return finish_plain(&m, RCODE_FORMERR);
	size_t question_end = m.w.n;
	bool nsid = q->nsid && s->nsid[0];
	if (state == QUERY_BAD_VERSION)
		m.rcode = RCODE_BADVERS;
	else if (way->rcode)
		m.rcode = way->rcode;
	else if (q->question_end && !way->truncate)
		answer_question(&m);
	size_t most = room_for(&m, room_size);
	if (nsid && question_end + opt_size(&m, true) > most) nsid = false;
	make_fit(&m, question_end, opt_size(&m, nsid), most);
	put_opt(&m, nsid);
	put_frame(&m);
	about->rcode = (uint16_t)m.rcode;
	return m.w.full ? 0 : m.w.n;
}
