/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/worker.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "bounce/classify.h"
#include "net/listener.h"
#include "net/proxy.h"
#include "relay/client_limits.h"
#include "relay/visit.h"

#define WORKER_MAGIC    0x3042c3e5u
#define VISIT_MAGIC     0x71517171u
#define PROXY_HEADER_MS 10000
#define REFUSE_MS       2000
#define REAP_EVERY_MS   1000
#define WIND_UP_MS      5
#define BUSY_TEXT       "421 4.3.2 too busy; please try later\r\n"

/* ---- making and freeing ---------------------------------------------------------------------------------------------- */

struct worker *worker_new(struct relay *relay, struct setup *setup, struct blocklists *blocklists)
{
	struct worker *w = calloc(1, sizeof *w);
	if (!w) return NULL;
	w->magic = WORKER_MAGIC;
	w->relay = relay;
	w->setup = setup;
	w->blocklists = blocklists;
	w->loop = loop_new();
	w->downstreams = downstreams_new(relay->resolver);
	w->classifier = classifier_new();
	key_holder_init(&w->keys, relay->state);
	if (w->loop && w->downstreams && w->classifier) return w;
	worker_free(w);
	return NULL;
}

void worker_free(struct worker *w)
{
	if (!w) return;
	if (w->loop) loop_free(w->loop);
	downstreams_free(w->downstreams); /* only when the loop never ran; see worker_housekeeping */
	tenants_unref(w->tenants);
	key_holder_free(&w->keys);
	classifier_free(w->classifier);
	setup_unref(w->setup);
	blocklists_unref(w->blocklists);
	free(w->listeners);
	w->magic = 0;
	free(w);
}

/* ---- tenants --------------------------------------------------------------------------------------------------------- */

struct tenants *worker_tenants(struct worker *w)
{
	char why[256];
	struct tenants *fresh;
	uint64_t now = tenants_generation(w->relay->state);
	if (!w->tenants || now != tenants_snapshot_generation(w->tenants)) {
		if (tenants_load(w->relay->state, &fresh, why) == ERR_OK) {
			tenants_unref(w->tenants);
			w->tenants = fresh;
		} else {
			log_text(LOG_ERROR, "tenants", "the tenants cannot be read: %s", why);
		}
	}
	return w->tenants ? tenants_ref(w->tenants) : NULL;
}

struct keyring *worker_keyring(struct worker *w)
{
	struct keyring *ring = key_holder_newest(&w->keys);
	return ring ? keyring_ref(ring) : NULL;
}

static void wait_for_rules(void *book)
{
	rulebook_wait(book);
}

/* Messages may come before the rules are loaded. */
static struct rulebook *loaded_book(struct worker *w)
{
	struct rulebook *book = w->relay->rulebook;
	if (!rulebook_is_loaded(book)) fiber_offload(wait_for_rules, book);
	return book;
}

struct bundle *worker_rules(struct worker *w)
{
	return rulebook_rules(loaded_book(w));
}

struct lore *worker_lore(struct worker *w)
{
	return rulebook_lore(loaded_book(w));
}

/* ---- visits ---------------------------------------------------------------------------------------------------------- */

static void visit_link(struct visit *v)
{
	struct worker *w = v->worker;
	v->next = w->visits;
	if (v->next) v->next->previous = v;
	w->visits = v;
	w->visit_count++;
	metric_add(METRIC_smtp_sessions_open, 1);
}

static void visit_free(struct visit *v)
{
	struct worker *w = v->worker;
	assert(v->magic == VISIT_MAGIC);
	if (v->next) v->next->previous = v->previous;
	if (v->previous)
		v->previous->next = v->next;
	else
		w->visits = v->next;
	w->visit_count--;
	metric_add(METRIC_smtp_sessions_open, -1);
	if (v->counted) limits_leave(w->relay->limits, &v->client);
	blocklists_unref(v->blocklists);
	setup_unref(v->setup);
	free(v->unconfirmed);
	v->magic = 0;
	free(v);
	if (w->draining && w->visit_count == 0 && w->idle) w->idle(w, w->idle_arg);
}

static bool from_front_end(const struct visit *v)
{
	const struct config *c = v->setup->config;
	for (size_t i = 0; i < c->relay.proxy_from_count; i++)
		if (prefix_contains(&c->relay.proxy_from[i], &stream_peer(v->stream)->ip)) return true;
	return false;
}

static void turn_away(struct visit *v, enum reason reason)
{
	char ip[IP_TEXT_SIZE];
	struct arena a;
	struct reply r = {0};
	arena_init(&a, 4096);
	reply_set_reason(&a, &r, reason, SLICE_EMPTY);
	struct slice wire = reply_format(&a, &r, true);
	int64_t deadline = clock_deadline(REFUSE_MS);
	if (wire.p && stream_write(v->stream, wire, deadline) == ERR_OK) stream_flush(v->stream, deadline);
	arena_free(&a);
	stream_free(v->stream);
	metric_add(METRIC_smtp_sessions_refused, 1);
	log_begin(LOG_INFO, "refused");
	log_str("stage", "connect");
	log_str("client", ip_text(&v->client, ip));
	log_str("reason", reason_row(reason)->name);
	log_end();
}

static void session_started(struct session *s, void *arg)
{
	struct visit *v = arg;
	v->session = s;
	if (v->worker->draining) server_session_drain(s);
}

static bool is_customer(const struct visit *v)
{
	struct tenants *tenants = worker_tenants(v->worker);
	bool known = tenants && tenants_by_source(tenants, &v->client);
	tenants_unref(tenants);
	return known;
}

static void visit_run(struct visit *v)
{
	if (from_front_end(v) && proxy_read(v->stream, clock_deadline(PROXY_HEADER_MS)) != ERR_OK) {
		log_text(LOG_WARNING, "proxy", "a front end of proxy-from sent no PROXY header");
		stream_free(v->stream);
		return;
	}
	v->client = stream_peer(v->stream)->ip;
	enum reason r =
		limits_enter(v->worker->relay->limits, v->setup->config, &v->client, is_customer(v), clock_now_ms());
	if (r) {
		turn_away(v, r);
		return;
	}
	v->counted = true;
	metric_add(METRIC_smtp_sessions, 1);
	server_session(v->stream, &v->setup->settings, &relay_policy, v, session_started);
	v->session = NULL;
}

static void visit_fiber(void *arg)
{
	struct visit *v = arg;
	visit_run(v);
	visit_free(v);
}

static void busy(int fd)
{
	/* one write to an empty socket buffer; if it fails the client sees a closed connection */
	ssize_t ignored = write(fd, BUSY_TEXT, sizeof BUSY_TEXT - 1);
	(void)ignored;
	close(fd);
	metric_add(METRIC_out_of_resources, 1);
	metric_add(METRIC_smtp_sessions_refused, 1);
}

static void accepted(int fd, void *arg)
{
	struct worker *w = arg;
	assert(w->magic == WORKER_MAGIC);
	struct visit *v = calloc(1, sizeof *v);
	if (!v) {
		busy(fd);
		return;
	}
	v->magic = VISIT_MAGIC;
	v->worker = w;
	enum error e = stream_accept(fd, &v->stream);
	if (e) { /* gone already, or no memory: stream_accept has closed it */
		free(v);
		return;
	}
	v->client = stream_peer(v->stream)->ip;
	v->setup = setup_ref(w->setup);
	v->blocklists = blocklists_ref(w->blocklists);
	visit_link(v);
	if (scope_spawn(loop_scope(w->loop), "session", visit_fiber, v) != ERR_OK) {
		stream_free(v->stream);
		visit_free(v);
	}
}

/* ---- changes while it runs --------------------------------------------------------------------------------------------- */

static void stop_listening(struct worker *w)
{
	for (size_t i = 0; i < w->listener_count; i++) listener_stop(w->listeners[i]);
	free(w->listeners);
	w->listeners = NULL;
	w->listener_count = 0;
}

void worker_listen(struct worker *w, const struct service_listener *l, size_t n)
{
	stop_listening(w);
	w->listeners = calloc(n ? n : 1, sizeof *w->listeners);
	for (size_t i = 0; w->listeners && i < n; i++) {
		struct listener *one = listener_start(w->loop, l[i].fd, BUSY_TEXT, accepted, w);
		if (one)
			w->listeners[w->listener_count++] = one;
		else
			log_text(LOG_ERROR, "listen", "no memory or descriptors to listen with");
	}
}

void worker_change(struct worker *w, struct setup *setup, struct blocklists *blocklists)
{
	setup_unref(w->setup);
	blocklists_unref(w->blocklists);
	w->setup = setup;
	w->blocklists = blocklists;
}

void worker_drain(struct worker *w, void (*idle)(struct worker *, void *), void *arg)
{
	stop_listening(w);
	w->draining = true;
	w->idle = idle;
	w->idle_arg = arg;
	for (struct visit *v = w->visits; v; v = v->next)
		if (v->session) server_session_drain(v->session);
	if (w->visit_count == 0) idle(w, arg);
}

void worker_housekeeping(void *worker)
{
	struct worker *w = worker;
	while (fiber_sleep(clock_deadline(REAP_EVERY_MS)) == ERR_OK)
		downstreams_reap(w->downstreams, w->setup->config->relay.downstream_idle_time);
	stop_listening(w);
	fiber_shield(); /* sessions that were cut off still use the connections while they wind up */
	while (w->visit_count) fiber_sleep(clock_deadline(WIND_UP_MS));
	fiber_unshield();
	downstreams_free(w->downstreams);
	w->downstreams = NULL;
}
