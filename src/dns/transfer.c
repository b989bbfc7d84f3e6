/* SPDX-License-Identifier: Apache-2.0 */
#include "dns/transfer.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fiber.h"
#include "base/log.h"
#include "base/metrics.h"
#include "dns/transfer_out.h"

#define HOLDERS 64 /* clients remembered for what they have */

/* ---- rules --------------------------------------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t stamp, const void *octets, size_t n)
{
	const uint64_t key[2] = {stamp, n};
	return slice_hash_keyed(slice_of(octets, n), key, false);
}

/* Texts are stamped by samples: what a release says differently shows in one of them. */
static uint64_t mix_texts(uint64_t stamp, const struct list_zone *z)
{
	struct zone_node node = {.unit = {.family = AF_INET, .octets = {192, 0, 2, 1}}, .txt = true};
	char text[PUBLISHED_SENTENCE_MOST];
	for (unsigned i = 0; i < GRADE_COUNT * 4; i++) {
		node.row = (struct published){.classes = (1 << ACT_CLASS_COUNT) - 1,
		                              .grade = (uint8_t)(i / 4),
		                              .flags = i % 4};
		stamp = mix(stamp, text, zone_node_text(&node, z, text));
	}
	node.test = true;
	stamp = mix(stamp, text, zone_node_text(&node, z, text));
	return stamp;
}

static uint64_t stamp_of(const struct list_zone *z)
{
	const uint32_t numbers[] = {z->ttl, z->negative_ttl, z->refresh, z->retry, z->expire};
	uint64_t stamp = mix(1, z->name.octets, z->name.n);
	for (size_t i = 0; i < z->nameserver_count; i++)
		stamp = mix(stamp, z->nameservers[i].name.octets, z->nameservers[i].name.n);
	stamp = mix(stamp, z->contact.name.octets, z->contact.name.n);
	stamp = mix(stamp, numbers, sizeof numbers);
	return mix_texts(stamp, z);
}

struct transfer_rules transfer_rules(const struct config *c, const struct list_zone *zone, const struct tsig_keys *keys)
{
	return (struct transfer_rules){.zone = zone,
	                               .keys = keys,
	                               .stamp = stamp_of(zone),
	                               .access = c->dns.transfer,
	                               .access_count = c->dns.transfer_count,
	                               .limit = c->dns.transfer_limit};
}

bool transfer_allowed(const struct transfer_rules *rules, const struct ip *peer, const struct tsig_key *key)
{
	for (size_t i = 0; i < rules->access_count; i++) {
		const struct config_access *a = &rules->access[i];
		bool address = a->any_address || prefix_contains(&a->from, peer);
		if (address && (!a->key || (key && strcmp(a->key, key->text) == 0))) return true;
	}
	return false;
}

/* ---- rows that transfers share --------------------------------------------------------------------------------------------- */

struct transfers {
	struct db *state;
	pthread_mutex_t lock;
	int64_t running;
	struct zone_rows *rows; /* of the last whole transfer, while any runs */

	uint64_t stamp;     /* of the zone in use */
	bool known;         /* since is */
	uint32_t since;     /* the serial at which it was first in use */
	size_t holder_next; /* clients that got the whole zone at that serial; the oldest is forgotten */
	struct ip holders[HOLDERS];
};

struct transfers *transfers_new(struct db *state)
{
	struct transfers *t = calloc(1, sizeof *t);
	if (!t) return NULL;
	t->state = state;
	pthread_mutex_init(&t->lock, NULL);
	return t;
}

void transfers_free(struct transfers *t)
{
	if (!t) return;
	zone_rows_unref(t->rows);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

static bool enter(struct transfers *t, int64_t limit)
{
	pthread_mutex_lock(&t->lock);
	bool room = t->running < limit;
	if (room) t->running++;
	pthread_mutex_unlock(&t->lock);
	return room;
}

static void leave(struct transfers *t)
{
	pthread_mutex_lock(&t->lock);
	struct zone_rows *rows = --t->running == 0 ? t->rows : NULL;
	if (rows) t->rows = NULL;
	pthread_mutex_unlock(&t->lock);
	zone_rows_unref(rows);
}

static struct zone_rows *shared_rows(struct transfers *t, uint32_t serial)
{
	pthread_mutex_lock(&t->lock);
	struct zone_rows *rows = t->rows && t->rows->serial == serial ? zone_rows_ref(t->rows) : NULL;
	pthread_mutex_unlock(&t->lock);
	return rows;
}

static void share_rows(struct transfers *t, struct zone_rows *rows)
{
	pthread_mutex_lock(&t->lock);
	struct zone_rows *old = t->rows;
	t->rows = zone_rows_ref(rows);
	pthread_mutex_unlock(&t->lock);
	zone_rows_unref(old);
}

/* ---- from which serials on there are differences ---------------------------------------------------------------------------- */

static bool read_serial(struct db *state, uint32_t *out)
{
	struct db_txn *t;
	if (db_begin_read(state, &t) != ERR_OK) return false;
	*out = published_serial(t);
	db_end_read(t);
	return true;
}

void transfers_use(struct transfers *t, const struct transfer_rules *rules)
{
	uint32_t since = 0;
	bool known = read_serial(t->state, &since);
	pthread_mutex_lock(&t->lock);
	if (t->stamp != rules->stamp) {
		t->stamp = rules->stamp;
		t->known = known;
		t->since = since;
		memset(t->holders, 0, sizeof t->holders);
	}
	pthread_mutex_unlock(&t->lock);
}

static bool is_in_use(struct transfers *t, const struct transfer_rules *rules)
{
	pthread_mutex_lock(&t->lock);
	bool in_use = t->stamp == rules->stamp;
	pthread_mutex_unlock(&t->lock);
	return in_use;
}

static void remember_holder(struct transfers *t, const struct transfer_rules *rules, const struct ip *client,
                            uint32_t serial)
{
	pthread_mutex_lock(&t->lock);
	if (t->stamp == rules->stamp && t->known && serial == t->since)
		t->holders[t->holder_next++ % HOLDERS] = *client;
	pthread_mutex_unlock(&t->lock);
}

/* RFC 1982 3.2. */
static bool serial_newer(uint32_t a, uint32_t b)
{
	return a != b && a - b < 0x80000000u;
}

static bool has_what_we_have(struct transfers *t, const struct ip *client, uint32_t since)
{
	pthread_mutex_lock(&t->lock);
	bool has = t->known && serial_newer(since, t->since);
	for (size_t i = 0; i < HOLDERS && t->known && since == t->since && !has; i++)
		has = ip_equal(&t->holders[i], client);
	pthread_mutex_unlock(&t->lock);
	return has;
}

/* ---- what to send ------------------------------------------------------------------------------------------------------------ */

enum content { CONTENT_WHOLE, CONTENT_DIFFERENCE, CONTENT_NOTHING_NEW };

static const char *content_name(enum content c)
{
	return c == CONTENT_WHOLE ? "whole" : c == CONTENT_DIFFERENCE ? "difference" : "nothing_new";
}

struct transfer {
	struct transfers *all;
	const struct transfer_rules *rules;
	struct transfer_request *request;
	struct query query;
	struct tsig tsig;
	struct transfer_out out;

	bool incremental; /* IXFR */
	uint32_t since;   /* that the client has */
	enum content content;
	uint32_t serial; /* that is sent */
	struct zone_rows *rows;
	struct zone_diff diff;
	enum error error;
};

static enum error read_whole(struct transfer *x)
{
	x->content = CONTENT_WHOLE;
	x->rows = shared_rows(x->all, x->serial);
	if (x->rows) return ERR_OK;
	enum error e = zone_rows_read(x->all->state, &x->rows);
	if (e != ERR_OK) return e;
	share_rows(x->all, x->rows);
	x->serial = x->rows->serial;
	return ERR_OK;
}

static enum error read_difference(struct transfer *x)
{
	if (!has_what_we_have(x->all, x->request->peer, x->since)) return ERR_NOT_FOUND;
	enum error e = zone_diff_read(x->all->state, x->since, &x->diff);
	if (e != ERR_OK) return e;
	x->content = CONTENT_DIFFERENCE;
	x->serial = x->diff.serial;
	return ERR_OK;
}

/* Reads the state; not in the loop's thread, since a large list takes a while. */
static void prepare(void *arg)
{
	struct transfer *x = arg;
	if (!is_in_use(x->all, x->rules)) {
		x->error = ERR_BUSY; /* the connection is from before a reload */
		return;
	}
	if (!read_serial(x->all->state, &x->serial)) {
		x->error = ERR_IO;
		return;
	}
	if (x->incremental && !serial_newer(x->serial, x->since)) {
		x->content = CONTENT_NOTHING_NEW;
		return;
	}
	x->error = x->incremental ? read_difference(x) : ERR_NOT_FOUND;
	if (x->error == ERR_NOT_FOUND) x->error = read_whole(x);
}

/* ---- sending ------------------------------------------------------------------------------------------------------------------- */

static void put_nodes(struct transfer_out *o, struct zone_walk walk)
{
	struct zone_node node;
	while (o->error == ERR_OK && zone_walk_next(&walk, &node)) transfer_out_node(o, &node);
}

/* RFC 5936 2.2 */
static void put_whole(struct transfer *x)
{
	transfer_out_soa(&x->out, x->serial);
	transfer_out_ns(&x->out);
	put_nodes(&x->out, zone_walk_rows(x->rows));
	transfer_out_soa(&x->out, x->serial);
}

/* RFC 1995 4: one sequence, from what the client has to what there is. */
static void put_difference(struct transfer *x)
{
	transfer_out_soa(&x->out, x->serial);
	transfer_out_soa(&x->out, x->since);
	put_nodes(&x->out, zone_walk_diff(&x->diff, x->rules->zone, false));
	transfer_out_soa(&x->out, x->serial);
	put_nodes(&x->out, zone_walk_diff(&x->diff, x->rules->zone, true));
	transfer_out_soa(&x->out, x->serial);
}

static void log_transfer(const struct transfer *x, int64_t began, enum error e)
{
	char peer[IP_TEXT_SIZE];
	log_begin(e == ERR_OK ? LOG_INFO : LOG_WARNING, "transfer");
	log_str("client", ip_text(x->request->peer, peer));
	log_str("key", x->tsig.key ? x->tsig.key->text : NULL);
	log_str("asked", x->incremental ? "ixfr" : "axfr");
	log_str("sent", content_name(x->content));
	if (x->incremental) log_uint("since", x->since);
	log_uint("serial", x->serial);
	log_uint("records", x->out.records);
	log_uint("messages", x->out.messages);
	log_uint("octets", x->out.octets);
	log_int("ms", clock_now_ms() - began);
	if (e != ERR_OK) log_error("error", e);
	log_end();
}

static enum error send_content(struct transfer *x)
{
	int64_t began = clock_now_ms();
	transfer_out_begin(&x->out);
	switch (x->content) {
	case CONTENT_WHOLE: put_whole(x); break;
	case CONTENT_DIFFERENCE: put_difference(x); break;
	case CONTENT_NOTHING_NEW: transfer_out_soa(&x->out, x->serial); break;
	}
	enum error e = transfer_out_end(&x->out);
	if (e == ERR_OK && x->content == CONTENT_WHOLE) remember_holder(x->all, x->rules, x->request->peer, x->serial);
	metric_add(e != ERR_OK                   ? METRIC_dns_transfers_failed
	           : x->content == CONTENT_WHOLE ? METRIC_dns_transfers_whole
	                                         : METRIC_dns_transfers_difference,
	           1);
	log_transfer(x, began, e);
	return e;
}

static enum error answer_rcode(struct transfer *x, unsigned rcode, const char *why)
{
	char peer[IP_TEXT_SIZE];
	log_begin(LOG_WARNING, "transfer_refused");
	log_str("client", ip_text(x->request->peer, peer));
	log_str("key", x->tsig.key ? x->tsig.key->text : NULL);
	log_str("reason", why);
	if (x->tsig.error) log_str("tsig", tsig_error_name(x->tsig.error));
	log_end();
	metric_add(METRIC_dns_transfers_refused, 1);
	return transfer_out_rcode(&x->out, rcode);
}

static enum error run(struct transfer *x)
{
	if (!enter(x->all, x->rules->limit)) return answer_rcode(x, RCODE_SERVFAIL, "too_many");
	fiber_offload(prepare, x);
	enum error e = x->error == ERR_OK ? send_content(x) : answer_rcode(x, RCODE_SERVFAIL, error_name(x->error));
	zone_rows_unref(x->rows);
	zone_diff_free(&x->diff);
	leave(x->all);
	return e;
}

/* ---- the request --------------------------------------------------------------------------------------------------------------- */

/* RFC 1995 3: the client's SOA in the authority section. */
static bool read_since(struct transfer *x)
{
	struct wire_reader r = wire_read(x->request->octets, x->request->n);
	struct wire_name owner, name;
	struct wire_record rr;
	r.at = x->query.authority_at;
	if (x->query.authorities != 1 || !wire_take_record(&r, &owner, &rr)) return false;
	if (rr.type != RR_SOA || rr.class != RR_CLASS_IN || !wire_name_equal(&owner, &x->rules->zone->name))
		return false;
	struct wire_reader in = {.p = r.p, .n = rr.rdata_at + rr.length, .at = rr.rdata_at};
	wire_take_name(&in, &name);
	wire_take_name(&in, &name);
	x->since = wire_take_u32(&in);
	return !in.failed && in.n - in.at == 16;
}

static bool is_zone(const struct transfer *x)
{
	struct wire_name name = {.n = x->query.name_size};
	memcpy(name.octets, x->request->octets + QUERY_NAME_AT, name.n);
	return x->query.class == RR_CLASS_IN && wire_name_equal(&name, &x->rules->zone->name);
}

static enum error answer(struct transfer *x)
{
	enum tsig_result signature =
		tsig_check_request(x->request->octets, &x->request->n, x->rules->keys, x->out.clock(), &x->tsig);
	enum query_state state = query_parse(x->request->octets, x->request->n, &x->query);
	if (state == QUERY_SILENT) return ERR_PROTOCOL;
	if (signature == TSIG_FORMERR || state != QUERY_GOOD) return answer_rcode(x, RCODE_FORMERR, "malformed");
	if (signature == TSIG_FAILED) return answer_rcode(x, RCODE_NOTAUTH, "signature");
	if (!transfer_allowed(x->rules, x->request->peer, x->tsig.key))
		return answer_rcode(x, RCODE_REFUSED, "not_allowed");
	if (!is_zone(x)) return answer_rcode(x, RCODE_NOTAUTH, "zone");
	x->incremental = x->query.type == RR_IXFR;
	if (x->incremental && !read_since(x)) return answer_rcode(x, RCODE_FORMERR, "malformed");
	return run(x);
}

enum error transfer_answer(struct transfers *t, const struct transfer_rules *rules, struct transfer_request *request)
{
	struct transfer *x = calloc(1, sizeof *x); /* too large for a fiber's stack */
	uint8_t *room = malloc(TRANSFER_OUT_ROOM);
	enum error e = ERR_NO_MEMORY;
	if (x && room) {
		x->all = t;
		x->rules = rules;
		x->request = request;
		x->out = (struct transfer_out){.zone = rules->zone,
		                               .request = request->octets,
		                               .query = &x->query,
		                               .tsig = &x->tsig,
		                               .clock = request->clock ? request->clock : clock_unix,
		                               .put = request->put,
		                               .arg = request->arg,
		                               .room = room};
		e = answer(x);
	}
	free(room);
	free(x);
	return e;
}
