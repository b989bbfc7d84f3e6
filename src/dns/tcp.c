/* SPDX-License-Identifier: Apache-2.0 */
#include "dns/tcp.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "dns/responder.h"
#include "net/listener.h"
#include "net/stream.h"

#define CONNECTION_MAGIC 0x444e5354u
#define BUCKETS          4096
#define REQUEST_MOST     (STREAM_BUFFER - 2) /* an honest one has some hundred octets */
#define LENGTH_SIZE      2
#define ANSWER_MOST      16384 /* 32 name servers of the longest names take half */

struct connection {
	uint32_t magic;
	struct tcp *tcp;
	struct dns_setup *setup;
	struct stream *stream;
	struct prefix unit;
	struct fiber *fiber;
	bool evicted;
	struct connection *newer, *older;     /* by when they last asked */
	struct connection *next, **to_itself; /* of the same bucket of units, the newest first */
};

struct tcp {
	struct loop *loop;
	struct dns_setup *setup;
	struct responder responder;
	struct transfers *transfers;
	struct listener **listeners;
	size_t listener_count;
	struct scope connections;
	size_t open;
	struct connection *newest, *oldest;
	struct connection *buckets[BUCKETS];
	uint8_t request[REQUEST_MOST]; /* in use between two waits only */
};

/* ---- the order of the idle --------------------------------------------------------------------------------------------------- */

static void unlink_order(struct connection *c)
{
	*(c->newer ? &c->newer->older : &c->tcp->newest) = c->older;
	*(c->older ? &c->older->newer : &c->tcp->oldest) = c->newer;
	c->newer = c->older = NULL;
}

static void link_newest(struct connection *c)
{
	struct tcp *t = c->tcp;
	c->older = t->newest;
	if (t->newest) t->newest->newer = c;
	t->newest = c;
	if (!t->oldest) t->oldest = c;
}

static void touch(struct connection *c)
{
	if (c->evicted || c->tcp->newest == c) return;
	unlink_order(c);
	link_newest(c);
}

static struct connection **bucket_of(struct tcp *t, const struct prefix *unit)
{
	return &t->buckets[slice_hash(slice_of(unit, sizeof *unit)) % BUCKETS];
}

static void link_all(struct connection *c)
{
	struct connection **bucket = bucket_of(c->tcp, &c->unit);
	c->next = *bucket;
	if (c->next) c->next->to_itself = &c->next;
	c->to_itself = bucket;
	*bucket = c;
	link_newest(c);
	c->tcp->open++;
	metric_add(METRIC_dnsbl_connections, 1);
	metric_add(METRIC_dnsbl_connections_open, 1);
}

static void unlink_all(struct connection *c)
{
	unlink_order(c);
	*c->to_itself = c->next;
	if (c->next) c->next->to_itself = c->to_itself;
	c->tcp->open--;
	metric_add(METRIC_dnsbl_connections_open, -1);
}

/* It is counted no more; its fiber ends when it is next run. */
static void evict(struct connection *c)
{
	unlink_all(c);
	c->evicted = true;
	metric_add(METRIC_dnsbl_connections_evicted, 1);
	fiber_cancel(c->fiber);
}

static bool same_unit(const struct prefix *a, const struct prefix *b)
{
	return a->length == b->length && ip_equal(&a->ip, &b->ip);
}

/* Those of one client are few; of them the one that came first goes, which is near enough to the idlest. */
static void make_room(struct tcp *t, const struct prefix *unit)
{
	int64_t own = 0;
	struct connection *first = NULL;
	for (struct connection *c = *bucket_of(t, unit); c; c = c->next) {
		if (!same_unit(&c->unit, unit) || !c->fiber) continue;
		own++;
		first = c;
	}
	if (first && own >= t->setup->config->dns.tcp_client_limit)
		evict(first);
	else if ((int64_t)t->open >= t->setup->config->dns.tcp_limit && t->oldest && t->oldest->fiber)
		evict(t->oldest);
}

/* ---- a connection -------------------------------------------------------------------------------------------------------------- */

/* The request at the beginning of what came, without its length; n 0: not all of it is there. */
static struct slice whole_request(struct slice in, bool *too_long)
{
	*too_long = false;
	if (in.n < LENGTH_SIZE) return SLICE_EMPTY;
	size_t n = (size_t)(uint8_t)in.p[0] << 8 | (uint8_t)in.p[1];
	*too_long = n > REQUEST_MOST || n == 0;
	return in.n - LENGTH_SIZE < n ? SLICE_EMPTY : slice_sub(in, LENGTH_SIZE, LENGTH_SIZE + n);
}

/* One request. Nothing in here waits but the write. */
static enum error answer_one(struct connection *c, struct slice request, int64_t deadline)
{
	struct tcp *t = c->tcp;
	/* Not in the struct tcp: while this waits in its write, others go on. Not cleared: 16 KiB for each request. */
	__attribute__((uninitialized)) uint8_t answer[LENGTH_SIZE + ANSWER_MOST];
	const struct ip *client = &stream_peer(c->stream)->ip;
	memcpy(t->request, request.p, request.n);
	fiber_forbid_wait("the list is being read");
	responder_begin(&t->responder, c->setup);
	size_t n = responder_tcp(&t->responder, t->request, request.n, client, answer + LENGTH_SIZE, ANSWER_MOST);
	responder_end(&t->responder);
	responder_flush(&t->responder);
	fiber_allow_wait();
	stream_consume(c->stream, LENGTH_SIZE + request.n);
	if (n == 0) return ERR_PROTOCOL; /* no request: who sends such is not spoken with */
	answer[0] = (uint8_t)(n >> 8);
	answer[1] = (uint8_t)n;
	return stream_write(c->stream, slice_of(answer, LENGTH_SIZE + n), deadline);
}

static enum error put_message(void *arg, const uint8_t *message, size_t n)
{
	struct connection *c = arg;
	int64_t deadline = clock_deadline(c->setup->config->dns.transfer_timeout);
	char length[LENGTH_SIZE] = {(char)(n >> 8), (char)n};
	touch(c);
	enum error e = stream_write(c->stream, slice_of(length, sizeof length), deadline);
	return e ? e : stream_write(c->stream, slice_of(message, n), deadline);
}

static bool is_transfer(struct slice request)
{
	struct query q;
	return query_parse((const uint8_t *)request.p, request.n, &q) == QUERY_GOOD && q.question_end &&
	       transfer_wanted(&q);
}

static enum error answer_transfer(struct connection *c, struct slice request)
{
	struct transfer_request r = {.peer = &stream_peer(c->stream)->ip, .n = request.n, .put = put_message, .arg = c};
	r.octets = malloc(request.n);
	if (!r.octets) return ERR_NO_MEMORY;
	memcpy(r.octets, request.p, request.n);
	stream_consume(c->stream, LENGTH_SIZE + request.n);
	metric_add(METRIC_dnsbl_tcp, 1);
	enum error e = transfer_answer(c->tcp->transfers, &c->setup->transfers, &r);
	free(r.octets);
	return e;
}

static enum error converse(struct connection *c)
{
	int64_t timeout = c->setup->config->dns.tcp_timeout, deadline = clock_deadline(timeout);
	enum error e = ERR_OK;
	while (e == ERR_OK) {
		bool too_long;
		struct slice request = whole_request(stream_buffered(c->stream), &too_long);
		if (too_long) return ERR_PROTOCOL;
		if (request.n) {
			deadline = clock_deadline(timeout);
			touch(c);
			e = is_transfer(request) ? answer_transfer(c, request) : answer_one(c, request, deadline);
			if (e == ERR_OK) deadline = clock_deadline(timeout);
			continue;
		}
		e = stream_flush(c->stream, deadline);
		if (e == ERR_OK) e = stream_fill(c->stream, deadline);
	}
	return e;
}

static void connection_free(struct connection *c)
{
	assert(c->magic == CONNECTION_MAGIC);
	if (!c->evicted) unlink_all(c);
	stream_free(c->stream);
	dns_setup_unref(c->setup);
	c->magic = 0;
	free(c);
}

static void connection_fiber(void *arg)
{
	struct connection *c = arg;
	c->fiber = fiber_current();
	converse(c);
	connection_free(c);
}

static void accepted(int fd, void *arg)
{
	struct tcp *t = arg;
	struct connection *c = calloc(1, sizeof *c);
	struct stream *stream;
	if (!c || stream_accept(fd, &stream) != ERR_OK) {
		if (!c) close(fd);
		free(c);
		metric_add(METRIC_out_of_resources, 1);
		return;
	}
	*c = (struct connection){.magic = CONNECTION_MAGIC,
	                         .tcp = t,
	                         .setup = dns_setup_ref(t->setup),
	                         .stream = stream};
	c->unit = ip_unit(&stream_peer(stream)->ip);
	make_room(t, &c->unit);
	link_all(c);
	if (scope_spawn(&t->connections, "dns connection", connection_fiber, c) == ERR_OK) return;
	metric_add(METRIC_out_of_resources, 1);
	connection_free(c);
}

/* ---- starting and stopping -------------------------------------------------------------------------------------------------- */

static void stop_listening(struct tcp *t)
{
	for (size_t i = 0; i < t->listener_count; i++) listener_stop(t->listeners[i]);
	free(t->listeners);
	t->listeners = NULL;
	t->listener_count = 0;
}

static void start_listening(struct tcp *t, const struct service_listener *l, size_t n)
{
	t->listeners = calloc(n + 1, sizeof(struct listener *));
	for (size_t i = 0; t->listeners && i < n; i++) {
		if (l[i].kind != LISTENER_STREAM) continue;
		struct listener *one = listener_start(t->loop, l[i].fd, "", accepted, t);
		if (one)
			t->listeners[t->listener_count++] = one;
		else
			log_text(LOG_ERROR, "listen", "a listening socket of the list cannot be used: out of memory");
	}
}

struct tcp *tcp_start(struct loop *loop, struct db *state, struct transfers *transfers, struct dns_setup *setup,
                      const struct service_listener *l, size_t n)
{
	struct tcp *t = calloc(1, sizeof *t);
	if (!t) return NULL;
	t->loop = loop;
	t->setup = dns_setup_ref(setup);
	scope_init(&t->connections);
	t->transfers = transfers;
	responder_init(&t->responder, state, NULL, NULL);
	start_listening(t, l, n);
	return t;
}

void tcp_change(struct tcp *t, struct dns_setup *setup, const struct service_listener *l, size_t n)
{
	stop_listening(t);
	dns_setup_unref(t->setup);
	t->setup = dns_setup_ref(setup);
	start_listening(t, l, n);
}

void tcp_stop(struct tcp *t)
{
	if (!t) return;
	stop_listening(t);
	scope_cancel(&t->connections);
	scope_join(&t->connections, DEADLINE_NEVER);
	dns_setup_unref(t->setup);
	free(t);
}
