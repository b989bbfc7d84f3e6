/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hops - who are the next hosts for a destination (RFC 5321 5.1, RFC 7505)
 *
 * A target is a domain found by MX, a list of named hosts (a route of the configuration or a tenant's downstreams), or an
 * address literal. hops_begin() finds the hosts' names, in order of preference, equal ones shuffled; hops_next() yields one address
 * after the other, looking names up only when they are reached: the first usually does. Of one host, IPv6 and IPv4
 * addresses alternate. Addresses that `avoid` names come last. At most HOPS_HOSTS_MAX hosts and HOPS_ADDRESSES_MAX addresses.
 *
 * An MX that is ourselves ends the list there: only hosts of better preference are left (RFC 5321 5.1). We are known by the names in
 * `own_names` and by the addresses we listen on. Where an address shows it (not the name), hosts of equal preference may have been
 * yielded before it.
 *
 * In a fiber; all memory is from the arena. A failure is a reply in our own words: 4xx to try later, 5xx for good.
 *
 *     struct hops h;
 *     struct hop hop;
 *     if (hops_begin(&h, a, &target, deadline, &failure)) return;
 *     while (hops_next(&h, deadline, &hop)) try(&hop);
 *     if (nothing was tried) use hops_failure(&h)
 */
#ifndef BACKSTOP_RELAY_HOPS_H
#define BACKSTOP_RELAY_HOPS_H

#include "base/arena.h"
#include "base/config.h"
#include "net/resolver.h"
#include "smtp/reply.h"

#define HOPS_HOSTS_MAX     10
#define HOPS_ADDRESSES_MAX 20
#define HOPS_MX_PORT       25

struct hop {
	const char *name; /* host name, or the address's text */
	struct endpoint at;
};

struct hops_host {
	const char *name;
	uint16_t port;
	uint16_t preference;
	bool is_ip;
	struct ip ip;
};

struct hops_target {
	struct resolver *resolver;
	const struct config *config;   /* own names and addresses */
	const char *domain;            /* canonical, or a literal with brackets; not used when hosts are given */
	const struct hops_host *hosts; /* sorted by preference; NULL: by MX */
	size_t host_count;
	bool ipv4, ipv6;                                     /* families that may be used */
	uint32_t random;                                     /* any number: decides the order of equals */
	bool (*avoid)(void *arg, const struct endpoint *at); /* may be NULL */
	void *avoid_arg;
};

struct hops {
	struct arena *arena;
	struct hops_target target;
	struct hops_host *hosts;
	size_t count, next;                   /* hosts; the one to be looked up next */
	struct hop ready[HOPS_ADDRESSES_MAX]; /* of the host reached, not yet yielded */
	size_t ready_count, ready_next;
	struct hop late[HOPS_ADDRESSES_MAX]; /* avoided */
	size_t late_count, late_next;
	size_t yielded;
	bool by_mx;
	bool temporary; /* a look-up failed for now */
	bool family;    /* a host had only addresses of a family that may not be used */
	bool ourselves; /* cut short: an MX is us */
	bool cancelled;
};

/* ERR_OK, or ERR_NOT_FOUND with *failure set; ERR_CANCELLED. */
enum error hops_begin(struct hops *h, struct arena *a, const struct hops_target *t, int64_t deadline,
                      struct reply *failure);
/* false: no more addresses, or cancelled. */
bool hops_next(struct hops *h, int64_t deadline, struct hop *out);
/* Why hops_next() yielded no address at all. */
void hops_failure(const struct hops *h, struct reply *failure);
/* An address of this host on which we listen ourselves. */
bool hops_is_own(const struct config *c, const struct endpoint *at);

#endif
