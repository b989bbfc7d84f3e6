/* SPDX-License-Identifier: Apache-2.0 */
#include "dns/responder.h"

#include <stdatomic.h>

#include "base/clock.h"
#include "base/log.h"

#define TSIG_OTHER 6 /* octets that an answer's TSIG may have more than the request's: the time, for BADTIME */

/* One request on its way. */
struct passage {
	struct responder *r;
	uint8_t *request;
	size_t n;
	const struct ip *client;
	struct query q;
	enum query_state state;
	struct answer_way way;
	uint8_t *room;
	size_t room_size;
};

void responder_init(struct responder *r, struct db *state, struct limiter *limiter, struct filters *filters)
{
	*r = (struct responder){.state = state, .limiter = limiter, .filters = filters, .day = -1};
}

void responder_free(struct responder *r)
{
	responder_flush(r);
	if (r->filters) filters_release(r->filters, r->rows.filter);
	r->rows.filter = NULL;
}

static void complain(enum error e)
{
	static _Atomic int64_t again; /* a line a minute, whatever the thread */
	int64_t now = clock_now_ms(), due = atomic_load(&again);
	if (now < due || !atomic_compare_exchange_strong(&again, &due, now + 60000)) return;
	log_text(LOG_ERROR, "list", "the list cannot be read, questions are answered SERVFAIL: %s", error_text(e));
}

void responder_begin(struct responder *r, const struct dns_setup *setup)
{
	bool other = r->setup != setup;
	r->setup = setup;
	r->now = clock_unix();
	r->now_us = (uint64_t)clock_now_ns() / 1000;
	if (other || r->now / COOKIE_ROTATION != r->day) {
		r->day = r->now / COOKIE_ROTATION;
		r->secrets = cookie_secrets_at(&setup->cookies, r->now);
	}
	enum error e = list_rows_begin(&r->rows, r->state, r->filters, r->now);
	r->readable = e == ERR_OK;
	if (e) complain(e);
}

void responder_end(struct responder *r)
{
	if (r->readable) list_rows_end(&r->rows);
	if (r->now_us - r->flushed_us < RESPONDER_FLUSH_US) return;
	r->flushed_us = r->now_us;
	responder_flush(r);
}

void responder_flush(struct responder *r)
{
	for (int i = 0; i < RESPONDER_METRICS; i++)
		if (r->counts[i]) metric_add((enum metric)(METRIC_dnsbl_udp + i), r->counts[i]);
	memset(r->counts, 0, sizeof r->counts);
}

/* ---- counting ---------------------------------------------------------------------------------------------------------- */

static enum metric metric_of_type(unsigned type)
{
	switch (type) {
	case RR_A: return METRIC_dnsbl_type_a;
	case RR_TXT: return METRIC_dnsbl_type_txt;
	case RR_SOA: return METRIC_dnsbl_type_soa;
	case RR_NS: return METRIC_dnsbl_type_ns;
	default: return METRIC_dnsbl_type_other;
	}
}

static enum metric metric_of_code(unsigned rcode)
{
	switch (rcode) {
	case RCODE_NOERROR: return METRIC_dnsbl_noerror;
	case RCODE_NXDOMAIN: return METRIC_dnsbl_nxdomain;
	case RCODE_REFUSED: return METRIC_dnsbl_refused;
	case RCODE_FORMERR: return METRIC_dnsbl_formerr;
	case RCODE_NOTIMP: return METRIC_dnsbl_notimp;
	case RCODE_SERVFAIL: return METRIC_dnsbl_servfail;
	case RCODE_BADCOOKIE: return METRIC_dnsbl_badcookie;
	default: return METRIC_dnsbl_other_code;
	}
}

static enum metric metric_of_place(enum list_place place)
{
	switch (place) {
	case LIST_APEX: return METRIC_dnsbl_apex;
	case LIST_SAFE: return METRIC_dnsbl_safe;
	case LIST_ANY: return METRIC_dnsbl_any;
	default: return METRIC_dnsbl_elsewhere;
	}
}

static void count_answer(struct passage *p, const struct answer_about *about)
{
	responder_count(p->r, metric_of_code(about->rcode));
	if (about->truncated) responder_count(p->r, METRIC_dnsbl_truncated);
	if (p->state != QUERY_GOOD || !p->q.question_end) return;
	responder_count(p->r, metric_of_type(p->q.type));
	responder_count(p->r, metric_of_place(about->place));
	if (about->listed) responder_count(p->r, METRIC_dnsbl_listed);
}

/* ---- answering --------------------------------------------------------------------------------------------------------- */

static size_t answer(struct passage *p, size_t room_size)
{
	struct answer_about about;
	size_t size = answer_write(&p->r->setup->server, &p->r->rows.rows, p->request, &p->q, p->state, &p->way,
	                           p->room, room_size, &about);
	if (size) count_answer(p, &about);
	return size;
}

/* RFC 8945 5.3: the answer is signed as the request was. The octets that the request's signature took are kept for the answer's. */
static size_t answer_signed(struct passage *p)
{
	struct tsig t;
	size_t whole = p->n, room = p->room_size;
	enum tsig_result result = tsig_check_request(p->request, &p->n, &p->r->setup->keys, p->r->now, &t);
	if (p->way.udp && room > p->q.udp_size) room = p->q.udp_size;
	if (p->way.udp && room > p->r->setup->server.udp_size) room = p->r->setup->server.udp_size;
	size_t signature = whole - p->n + TSIG_OTHER;
	p->state = query_parse(p->request, p->n, &p->q);
	if (result == TSIG_GOOD) {
		p->way.bounded = false; /* whoever has the key is who he says */
		responder_count(p->r, METRIC_dnsbl_signed);
	} else {
		p->way.rcode = result == TSIG_FORMERR ? RCODE_FORMERR : RCODE_NOTAUTH;
		responder_count(p->r, METRIC_dnsbl_signed_badly);
	}
	if (room <= signature) return 0;
	size_t size = answer(p, room - signature);
	return size ? tsig_sign(&t, p->room, size, p->room_size, p->r->now) : 0;
}

/* RFC 7873 5.2. Returns whether the client has shown that its address is its own. */
static bool look_at_cookie(struct passage *p)
{
	static const enum metric counts[] = {[COOKIE_FIRST] = METRIC_dnsbl_cookie_new,
	                                     [COOKIE_BAD] = METRIC_dnsbl_cookie_bad,
	                                     [COOKIE_GOOD] = METRIC_dnsbl_cookie_good,
	                                     [COOKIE_OLD] = METRIC_dnsbl_cookie_good};
	const uint8_t *cookie = p->request + p->q.cookie_at;
	if (p->q.cookie_size == 0) return false;
	enum cookie_state state = cookie_check(&p->r->secrets, cookie, p->q.cookie_size, p->client, p->r->now);
	responder_count(p->r, counts[state]);
	p->way.cookie_size = COOKIE_SIZE;
	if (state == COOKIE_GOOD)
		memcpy(p->way.cookie, cookie, COOKIE_SIZE);
	else
		cookie_make(&p->r->secrets, cookie, p->client, p->r->now, p->way.cookie);
	return state == COOKIE_GOOD || state == COOKIE_OLD;
}

/* Beyond the limit: nothing, or the advice to come in a way that cannot be forged. False: nothing. */
static bool slip(struct passage *p)
{
	int64_t every = p->r->setup->config->dns.rate_slip;
	if (every == 0 || ++p->r->limited % (uint64_t)every) {
		responder_count(p->r, METRIC_dnsbl_limited);
		return false;
	}
	responder_count(p->r, METRIC_dnsbl_slipped);
	if (p->way.cookie_size)
		p->way.rcode = RCODE_BADCOOKIE; /* RFC 7873 5.2.3: it has its cookie now */
	else
		p->way.truncate = true;
	return true;
}

static bool is_beyond_limit(struct passage *p)
{
	int64_t rate = p->r->setup->config->dns.rate_limit;
	return rate > 0 && !limiter_take(p->r->limiter, p->client, (uint32_t)rate, p->r->now_us);
}

static void begin_passage(struct passage *p)
{
	p->state = query_parse(p->request, p->n, &p->q);
	if (!p->r->readable) p->way.rcode = RCODE_SERVFAIL;
}

size_t responder_udp(struct responder *r, uint8_t *request, size_t n, const struct ip *client, uint8_t *room,
                     size_t room_size)
{
	struct passage p = {.r = r, .request = request, .n = n, .client = client, .room = room, .room_size = room_size};
	p.way.udp = true;
	begin_passage(&p);
	if (p.state == QUERY_SILENT) {
		responder_count(r, METRIC_dnsbl_ignored);
		return 0;
	}
	responder_count(r, METRIC_dnsbl_udp);
	bool known = look_at_cookie(&p);
	p.way.bounded = !known;
	if (!known && !dns_setup_exempt(r->setup, client) && is_beyond_limit(&p) && !slip(&p)) return 0;
	return p.q.tsig_at && p.state == QUERY_GOOD ? answer_signed(&p) : answer(&p, room_size);
}

size_t responder_tcp(struct responder *r, uint8_t *request, size_t n, const struct ip *client, uint8_t *room,
                     size_t room_size)
{
	struct passage p = {.r = r, .request = request, .n = n, .client = client, .room = room, .room_size = room_size};
	begin_passage(&p);
	if (p.state == QUERY_SILENT) return 0;
	responder_count(r, METRIC_dnsbl_tcp);
	look_at_cookie(&p);
	return p.q.tsig_at && p.state == QUERY_GOOD ? answer_signed(&p) : answer(&p, room_size);
}
