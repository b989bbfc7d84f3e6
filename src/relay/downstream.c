/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/downstream.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"

#define ADDRESSES_MOST   8
#define DOWNSTREAMS_MOST 32
#define SLOW_FAILURE_MS  1000

struct idle {
	struct idle *next;
	struct client *client;
	int64_t since;
};

struct downstream {
	struct downstream *next;
	char name[300];
	struct idle *idle; /* newest first */
	int64_t open;      /* idle and in use */
	int64_t rest_until;
	struct waitlist waiters;
};

struct downstreams {
	struct downstream *servers;
	struct resolver *resolver;
	uint64_t turn; /* spreads equal preferences */
};

struct downstreams *downstreams_new(struct resolver *r)
{
	struct downstreams *d = calloc(1, sizeof *d);
	if (d) d->resolver = r;
	return d;
}

void downstreams_free(struct downstreams *d)
{
	if (!d) return;
	downstreams_reap(d, -1);
	for (struct downstream *s = d->servers, *next; s; s = next) {
		next = s->next;
		free(s);
	}
	free(d);
}

void downstreams_reap(struct downstreams *d, int64_t idle_ms)
{
	int64_t now = clock_now_ms();
	for (struct downstream *s = d->servers; s; s = s->next)
		for (struct idle **at = &s->idle; *at;) {
			struct idle *i = *at;
			if (now - i->since <= idle_ms && client_usable(i->client)) {
				at = &i->next;
				continue;
			}
			*at = i->next;
			s->open--;
			client_free(i->client);
			free(i);
			waitlist_wake_one(&s->waiters);
		}
}

static struct downstream *server_of(struct downstreams *d, const struct tenant *t, const struct tenant_downstream *td)
{
	char name[sizeof d->servers->name];
	/* The tenant's number is part of the key: tenants never share a connection. */
	snprintf(name, sizeof name, td->is_ip && td->ip.family == AF_INET6 ? "[%s]:%u#%u/%d" : "%s:%u#%u/%d", td->host,
	         td->port, t->id, (int)t->tls);
	for (struct downstream *s = d->servers; s; s = s->next)
		if (strcmp(s->name, name) == 0) return s;
	struct downstream *s = calloc(1, sizeof *s);
	if (!s) return NULL;
	memcpy(s->name, name, sizeof name);
	s->next = d->servers;
	d->servers = s;
	return s;
}

const char *downstream_name(const struct downstream *s)
{
	static _Thread_local char text[300];
	snprintf(text, sizeof text, "%.*s", (int)strcspn(s->name, "#"), s->name);
	return text;
}

static size_t resolve(struct downstreams *d, const struct tenant_downstream *td, int64_t deadline,
                      struct endpoint out[ADDRESSES_MOST], enum error *error)
{
	static const enum dns_type types[] = {DNS_AAAA, DNS_A};
	size_t n = 0;
	if (td->is_ip) {
		out[0] = (struct endpoint){.ip = td->ip, .port = td->port};
		return 1;
	}
	for (size_t k = 0; k < 2; k++) {
		struct dns_answer *a = NULL;
		enum error e = resolver_query(d->resolver, td->host, types[k], deadline, &a);
		for (size_t i = 0; e == ERR_OK && i < a->count && n < ADDRESSES_MOST; i++)
			if (dns_rdata_ip(types[k], a->rr[i], &out[n].ip)) {
				out[n].port = td->port;
				out[n++].scope = 0;
			}
		if (e) *error = e;
		dns_answer_free(a);
	}
	return n;
}

static struct client *take_idle(struct downstream *s)
{
	while (s->idle) {
		struct idle *i = s->idle;
		struct client *c = i->client;
		s->idle = i->next;
		free(i);
		if (client_usable(c)) return c;
		client_free(c);
		s->open--;
	}
	return NULL;
}

static enum error connect_one(const struct setup *setup, const struct tenant *t, const struct tenant_downstream *td,
                              const struct endpoint *at, int64_t deadline, struct arena *a, struct client **out,
                              struct slice *why)
{
	char text[ENDPOINT_TEXT_SIZE];
	struct reply failure = {0};
	struct client_options o = {.helo_name = setup->config->hostname,
	                           .tls = t->tls == TENANT_TLS_NEVER     ? CLIENT_TLS_NEVER
	                                  : t->tls == TENANT_TLS_REQUIRE ? CLIENT_TLS_REQUIRED
	                                                                 : CLIENT_TLS_OPPORTUNISTIC,
	                           .tls_context = setup->client_tls,
	                           .server_name = td->is_ip ? NULL : td->host,
	                           .timeouts = setup->downstream_timeouts};
	enum error e = client_open(at, &o, a, deadline, out, &failure);
	if (e == ERR_TLS && o.tls == CLIENT_TLS_OPPORTUNISTIC) {
		o.tls = CLIENT_TLS_NEVER; /* RFC 7435: some protection failed; mail goes on in the clear */
		e = client_open(at, &o, a, deadline, out, &failure);
	}
	if (e && failure.code)
		*why = arena_printf(a, "%s said %d %.*s", endpoint_text(at, text), failure.code,
		                    SLICE_ARG(failure.text));
	else if (e)
		*why = arena_printf(a, "%s: %s", endpoint_text(at, text), error_text(e));
	return e;
}

static enum error connect_server(struct downstreams *d, const struct setup *setup, const struct tenant *t,
                                 const struct tenant_downstream *td, struct downstream *s, int64_t deadline,
                                 struct arena *a, struct client **out, struct slice *why)
{
	struct endpoint at[ADDRESSES_MOST];
	enum error e = ERR_NOT_FOUND;
	int64_t began = clock_now_ms();
	size_t n = resolve(d, td, deadline, at, &e);
	if (!n) *why = arena_printf(a, "%s: %s", td->host, error_text(e));
	for (size_t i = 0; i < n; i++) {
		e = connect_one(setup, t, td, &at[i], deadline, a, out, why);
		if (e == ERR_OK) {
			metric_add(METRIC_cutthrough_connections, 1);
			return ERR_OK;
		}
		if (e == ERR_CANCELLED) break;
	}
	if (clock_now_ms() - began > SLOW_FAILURE_MS) s->rest_until = clock_deadline(DOWNSTREAM_REST_MS);
	log_begin(LOG_WARNING, "downstream");
	log_str("tenant", t->name);
	log_str("server", downstream_name(s));
	log_slice("why", *why);
	log_end();
	return e;
}

static enum error room(struct downstream *s, const struct setup *setup, int64_t deadline)
{
	while (s->open >= setup->config->relay.downstream_connection_limit && !s->idle) {
		enum error e = waitlist_wait(&s->waiters, deadline);
		if (e) return e;
	}
	return ERR_OK;
}

static enum error get_from(struct downstreams *d, const struct setup *setup, const struct tenant *t,
                           const struct tenant_downstream *td, bool fresh, int64_t deadline, struct arena *a,
                           struct downstream_connection *out, struct slice *why)
{
	struct downstream *s = server_of(d, t, td);
	if (!s) return ERR_NO_MEMORY;
	enum error e = room(s, setup, deadline);
	if (e) {
		*why = SLICE("all connections to the server are in use");
		return e;
	}
	struct client *c = fresh ? NULL : take_idle(s);
	if (c) {
		metric_add(METRIC_cutthrough_reused, 1);
		*out = (struct downstream_connection){.client = c, .server = s, .reused = true};
		return ERR_OK;
	}
	if (clock_now_ms() < s->rest_until) {
		*why = SLICE("it did not answer a moment ago");
		return ERR_UNREACHABLE;
	}
	s->open++;
	e = connect_server(d, setup, t, td, s, deadline, a, &c, why);
	if (e) {
		s->open--;
		waitlist_wake_one(&s->waiters);
		return e;
	}
	s->rest_until = 0;
	*out = (struct downstream_connection){.client = c, .server = s};
	return ERR_OK;
}

enum error downstream_get(struct downstreams *d, const struct setup *setup, const struct tenant *t, bool fresh,
                          int64_t deadline, struct arena *a, struct downstream_connection *out, struct slice *why)
{
	enum error e = ERR_NOT_FOUND;
	*why = SLICE("the tenant has no downstream server");
	uint64_t turn = d->turn++;
	for (size_t first = 0, next; first < t->downstream_count && first < DOWNSTREAMS_MOST; first = next) {
		for (next = first; next < t->downstream_count; next++)
			if (t->downstreams[next].preference != t->downstreams[first].preference) break;
		size_t group = next - first;
		for (size_t k = 0; k < group; k++) {
			const struct tenant_downstream *td = &t->downstreams[first + (turn + k) % group];
			e = get_from(d, setup, t, td, fresh, deadline, a, out, why);
			if (e == ERR_OK || e == ERR_CANCELLED) return e;
		}
	}
	return e;
}

void downstream_put(struct downstreams *d, struct downstream_connection *c, bool healthy)
{
	(void)d;
	struct downstream *s = c->server;
	struct idle *i = healthy && client_usable(c->client) ? malloc(sizeof *i) : NULL;
	if (i) {
		*i = (struct idle){.next = s->idle, .client = c->client, .since = clock_now_ms()};
		s->idle = i;
	} else {
		client_free(c->client);
		s->open--;
	}
	c->client = NULL;
	waitlist_wake_one(&s->waiters);
}
