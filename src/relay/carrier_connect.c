/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "relay/delivery_internal.h"
#include "relay/hops.h"

/* RFC 5321 4.5.3.2.4; a quick answer that is not worth an option. */

/* ---- what to look for ---- */

static bool avoid(void *arg, const struct endpoint *at)
{
	struct delivery *d = arg;
	return hosts_avoid(d->hosts, at, clock_now_ms());
}

static const struct config_route *route_named(const struct config *c, const char *domain)
{
	for (size_t i = 0; i < c->relay.route_count; i++)
		if (!strcmp(c->relay.routes[i].domain, domain)) return &c->relay.routes[i];
	return NULL;
}

static bool route_target(struct carrier *c, struct hops_target *t)
{
	const struct config_route *route = route_named(c->config, c->to->domain);
	size_t n = route ? route->hop_count : 0;
	struct hops_host *hosts = arena_zalloc(&c->arena, (n + 1) * sizeof(*hosts));
	if (!hosts) return false;
	for (size_t i = 0; i < n; i++)
		hosts[i] = (struct hops_host){.name = route->hops[i].host,
		                              .port = route->hops[i].port,
		                              .preference = (uint16_t)i, /* in their order */
		                              .is_ip = route->hops[i].is_ip,
		                              .ip = route->hops[i].ip};
	t->hosts = hosts;
	t->host_count = n;
	return true;
}

/* Copied: the snapshot may be replaced while this fiber waits. */
static bool downstream_target(struct carrier *c, struct hops_target *t, enum delivery_tls *tls)
{
	const struct tenant *tenant = tenants_by_id(delivery_tenants(c->delivery), c->to->tenant);
	size_t n = tenant && tenant->enabled ? tenant->downstream_count : 0;
	struct hops_host *hosts = arena_zalloc(&c->arena, (n + 1) * sizeof(*hosts));
	if (!hosts) return false;
	for (size_t i = 0; i < n; i++) {
		const struct tenant_downstream *s = &tenant->downstreams[i];
		hosts[i] = (struct hops_host){.name = arena_strdup(&c->arena, slice_str(s->host)),
		                              .port = s->port,
		                              .preference = s->preference,
		                              .is_ip = s->is_ip,
		                              .ip = s->ip};
		if (!hosts[i].name) return false;
	}
	if (tenant)
		*tls = tenant->tls == TENANT_TLS_REQUIRE ? DELIVERY_TLS_REQUIRE
		       : tenant->tls == TENANT_TLS_NEVER ? DELIVERY_TLS_NEVER
		                                         : DELIVERY_TLS_MAY;
	const char *domain = arena_strdup(&c->arena, slice_str(tenant ? tenant->name : "a tenant that is gone"));
	t->domain = domain ? domain : "a tenant";
	t->hosts = hosts;
	t->host_count = n;
	return true;
}

static bool make_target(struct carrier *c, struct hops_target *t, enum delivery_tls *tls)
{
	struct delivery *d = c->delivery;
	bool pooled = c->to->kind != DESTINATION_DOWNSTREAM;
	*t = (struct hops_target){.resolver = d->resolver,
	                          .config = c->config,
	                          .domain = c->to->domain,
	                          .ipv4 = !pooled || pools_family(c->config, c->to->pool, AF_INET),
	                          .ipv6 = !pooled || pools_family(c->config, c->to->pool, AF_INET6),
	                          .random = delivery_random(d),
	                          .avoid = avoid,
	                          .avoid_arg = d};
	*tls = c->config->relay.delivery_tls;
	if (c->to->kind == DESTINATION_ROUTE) return route_target(c, t);
	if (c->to->kind == DESTINATION_DOWNSTREAM) return downstream_target(c, t, tls);
	return true;
}

/* ---- one address ---- */

static void describe(struct carrier *c, const struct hop *hop)
{
	char address[ENDPOINT_TEXT_SIZE];
	bool named = hop->name[0] != '[';
	if (hop->at.port == HOPS_MX_PORT) {
		char ip[IP_TEXT_SIZE];
		snprintf(address, sizeof(address), "[%s]", ip_text(&hop->at.ip, ip));
	} else {
		endpoint_text(&hop->at, address);
	}
	snprintf(c->remote, sizeof(c->remote), "%.250s%s%s", named ? hop->name : "", named ? " " : "", address);
}

/* After log_begin(). */
static void end_trouble(const struct carrier *c, const char *source, const char *why)
{
	log_str("remote", c->remote);
	log_str("pool", pool_name(c->to->pool));
	log_str("source", source);
	log_str("error", why);
	log_end();
}

static struct client_timeouts timeouts_of(const struct config *c)
{
	return (struct client_timeouts){
		.connect = c->relay.connect_timeout,
		.greeting = c->relay.greeting_timeout,
		.command = c->relay.delivery_command_timeout,
		.data_start = c->relay.delivery_command_timeout,
		.data_block = c->relay.delivery_data_timeout,
		.data_end = c->relay.delivery_end_timeout,
	};
}

static const char *failure_words(struct carrier *c, const struct reply *failure)
{
	const char *text = arena_strdup(&c->arena, failure->text);
	return text ? text : "";
}

/* From every usable source address of the pool until one can be bound. */
static enum error open_from_pool(struct carrier *c, const struct hop *hop, struct client_options *o,
                                 struct reply *failure)
{
	struct delivery *d = c->delivery;
	for (;;) {
		size_t index = 0;
		char text[IP_TEXT_SIZE];
		enum pools_choice choice = POOLS_SYSTEM;
		o->source = NULL;
		if (c->to->kind != DESTINATION_DOWNSTREAM)
			choice = pools_source(&d->pools, c->config, c->to->pool, hop->at.ip.family, clock_now_ms(),
			                      &o->source, &index);
		if (choice == POOLS_NONE) {
			reply_set(&c->arena, failure, 0, NULL, SLICE("no source address of the pool can be used"));
			return ERR_UNREACHABLE;
		}
		enum error e = client_open(&hop->at, o, &c->arena, DEADLINE_NEVER, &c->client, failure);
		if (e != ERR_INVALID || choice != POOLS_SOURCE) return e;
		/* an address that this host does not have: mail may leave from another one of the pool */
		pools_penalize(&d->pools, c->to->pool, index, clock_now_ms());
		log_begin(LOG_WARNING, "source_address");
		end_trouble(c, ip_text(o->source, text), "cannot be bound");
	}
}

/* Our own want of descriptors or memory says nothing about the host. */
static bool is_our_fault(enum error e)
{
	return e == ERR_NO_FILES || e == ERR_NO_MEMORY;
}

static enum error try_hop(struct carrier *c, const struct hop *hop, enum delivery_tls tls, struct reply *failure)
{
	struct delivery *d = c->delivery;
	struct client_timeouts timeouts = timeouts_of(c->config);
	bool plain = tls == DELIVERY_TLS_NEVER ||
	             (tls == DELIVERY_TLS_MAY && hosts_plain(d->hosts, &hop->at, clock_now_ms()));
	struct client_options o = {
		.helo_name = c->to->kind == DESTINATION_DOWNSTREAM ? c->config->hostname
	                                                           : pools_helo_name(c->config, c->to->pool),
		.tls = plain                         ? CLIENT_TLS_NEVER
	               : tls == DELIVERY_TLS_REQUIRE ? CLIENT_TLS_REQUIRED
	                                             : CLIENT_TLS_OPPORTUNISTIC,
		.tls_context = d->tls,
		.server_name = hop->name[0] == '[' ? NULL : hop->name,
		.timeouts = &timeouts,
	};
	metric_add(METRIC_delivery_connections, 1);
	enum error e = open_from_pool(c, hop, &o, failure);
	if (e == ERR_TLS && o.tls == CLIENT_TLS_OPPORTUNISTIC) {
		/* RFC 7435: some encryption is better than none, and none is better than no mail */
		log_begin(LOG_WARNING, "tls_fallback");
		end_trouble(c, NULL, failure_words(c, failure));
		hosts_tls_failed(d->hosts, &hop->at, clock_now_ms());
		o.tls = CLIENT_TLS_NEVER;
		e = open_from_pool(c, hop, &o, failure);
	}
	if (e) {
		if (e != ERR_CANCELLED && !is_our_fault(e)) hosts_failed(d->hosts, &hop->at, clock_now_ms());
		return e;
	}
	hosts_worked(d->hosts, &hop->at);
	return ERR_OK;
}

static void connected(struct carrier *c)
{
	struct stream *s = client_stream(c->client);
	ip_text(&stream_local(s)->ip, c->source);
	c->tls = stream_tls_version(s);
	if (c->tls) metric_add(METRIC_delivery_tls, 1);
	c->sent = 0;
}

/* A refusal at greeting is permanent for that host (RFC 5321 4.2.4.2), but about the connection, not about the mail: servers
 * say 554 for an overload or a listing that ends in an hour. All of them are temporary here; queue-lifetime ends it. */
static void explain(struct carrier *c, struct reply *failure)
{
	struct slice text = failure->code ? arena_printf(&c->arena, "%s refused us: %d %s%s%.*s", c->remote,
	                                                 failure->code, failure->enhanced,
	                                                 failure->enhanced[0] ? " " : "", SLICE_ARG(failure->text))
	                                  : arena_printf(&c->arena, "%s: %.*s", c->remote, SLICE_ARG(failure->text));
	reply_set(&c->arena, failure, 451, "4.4.1", text.p ? text : SLICE("no server could be reached"));
}

enum error carrier_connect(struct carrier *c, struct reply *failure)
{
	struct delivery *d = c->delivery;
	struct hops_target target;
	struct hops hops;
	struct hop hop;
	enum delivery_tls tls;
	enum error e = ERR_NOT_FOUND;
	arena_reset(&c->arena);
	c->remote[0] = c->source[0] = '\0';
	c->tls = NULL;
	/* the reload that may have come since then */
	config_unref(c->config);
	c->config = config_ref(d->config);
	if (!make_target(c, &target, &tls)) {
		reply_set_reason(&c->arena, failure, REASON_no_memory, SLICE_EMPTY);
		return ERR_NO_MEMORY;
	}
	if ((e = hops_begin(&hops, &c->arena, &target, DEADLINE_NEVER, failure))) return e;
	e = ERR_NOT_FOUND;
	while (hops_next(&hops, DEADLINE_NEVER, &hop)) {
		memset(failure, 0, sizeof(*failure));
		describe(c, &hop);
		e = try_hop(c, &hop, tls, failure);
		if (e == ERR_CANCELLED) return e;
		if (is_our_fault(e)) {
			metric_add(METRIC_out_of_resources, 1);
			reply_set_reason(&c->arena, failure, REASON_no_memory, slice_str(error_text(e)));
			return e;
		}
		if (e) continue;
		connected(c);
		return ERR_OK;
	}
	if (hops.cancelled) return ERR_CANCELLED;
	if (hops.yielded)
		explain(c, failure);
	else
		hops_failure(&hops, failure);
	return e;
}
