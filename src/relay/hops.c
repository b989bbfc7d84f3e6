/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/hops.h"

#include <stdlib.h>

#include "base/clock.h"

/* One question; several may be needed for a destination. */
#define QUESTION_MS 30000
/* An MX set larger than this is cut: what is kept are the best preferences. */
#define MX_MAX 100

static int64_t question_deadline(int64_t deadline)
{
	int64_t own = clock_deadline(QUESTION_MS);
	return own < deadline ? own : deadline;
}

static void fail(struct arena *a, struct reply *failure, int code, const char *enhanced, const char *format,
                 const char *name)
{
	char text[512];
	size_t n = 0;
	for (const char *f = format; *f && n < sizeof(text) - 1; f++) {
		if (*f != '%')
			text[n++] = *f;
		else
			for (const char *c = name; *c && n < sizeof(text) - 1; c++) text[n++] = *c;
	}
	reply_set(a, failure, code, enhanced, slice_of(text, n));
}

/* ---- are we it? ---- */

static bool same_name(const char *a, const char *b)
{
	struct slice x = slice_str(a), y = slice_str(b);
	if (x.n && x.p[x.n - 1] == '.') x.n--;
	if (y.n && y.p[y.n - 1] == '.') y.n--;
	return slice_equal_nocase(x, y);
}

static bool is_own_name(const struct config *c, const char *name)
{
	if (c->hostname && same_name(c->hostname, name)) return true;
	for (size_t i = 0; i < c->relay.pool_count; i++)
		if (c->relay.pools[i].hostname && same_name(c->relay.pools[i].hostname, name)) return true;
	return false;
}

static bool is_wildcard(const struct ip *ip)
{
	static const uint8_t zero[16];
	return memcmp(ip->octets, zero, sizeof(zero)) == 0;
}

static bool is_pool_source(const struct config *c, const struct ip *ip)
{
	for (size_t i = 0; i < c->relay.pool_count; i++)
		for (size_t k = 0; k < c->relay.pools[i].source_count; k++)
			if (ip_equal(&c->relay.pools[i].sources[k], ip)) return true;
	return false;
}

bool hops_is_own(const struct config *c, const struct endpoint *at)
{
	for (size_t i = 0; i < c->relay.listen_count; i++) {
		const struct endpoint *own = &c->relay.listen[i];
		if (own->port != at->port) continue;
		if (ip_equal(&own->ip, &at->ip)) return true;
		/* 0.0.0.0 and [::] are all addresses of this host; those known for certain are these */
		if (is_wildcard(&own->ip) && own->ip.family == at->ip.family &&
		    (ip_is_loopback(&at->ip) || is_pool_source(c, &at->ip)))
			return true;
	}
	return false;
}

/* ---- the hosts ---- */

static int by_preference(const void *a, const void *b)
{
	const struct hops_host *x = a, *y = b;
	return x->preference < y->preference ? -1 : x->preference > y->preference;
}

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

/* RFC 5321 5.1: sorted by preference; equal ones in random order, to spread the load. */
static void order(struct hops_host *hosts, size_t n, uint32_t random)
{
	for (size_t i = n; i > 1; i--) {
		size_t k = next_random(&random) % i;
		struct hops_host swap = hosts[i - 1];
		hosts[i - 1] = hosts[k];
		hosts[k] = swap;
	}
	/* not stable, which is fine: what it might undo is random order */
	if (n > 1) qsort(hosts, n, sizeof(*hosts), by_preference);
}

/* RFC 5321 5.1: we are one of the MX hosts; those of equal and of larger preference number are not for us to use. */
static void cut_at_preference(struct hops *h, uint16_t preference)
{
	size_t i = 0;
	while (i < h->count && h->hosts[i].preference < preference) i++;
	h->count = i;
	h->ourselves = true;
}

static enum error implicit_mx(struct hops *h)
{
	h->hosts = ARENA_NEW(h->arena, struct hops_host);
	if (!h->hosts) return ERR_NO_MEMORY;
	h->hosts[0] = (struct hops_host){.name = h->target.domain, .port = HOPS_MX_PORT};
	h->count = 1;
	return ERR_OK;
}

static enum error read_mx(struct hops *h, const struct dns_answer *answer, struct reply *failure)
{
	size_t n = answer->count < MX_MAX ? answer->count : MX_MAX;
	char name[1024];
	bool null_mx = false;
	h->hosts = arena_zalloc(h->arena, n * sizeof(*h->hosts));
	if (!h->hosts) return ERR_NO_MEMORY;
	for (size_t i = 0; i < n; i++) {
		struct hops_host *host = &h->hosts[h->count];
		if (!dns_rdata_mx(answer->rr[i], &host->preference, name)) continue;
		if (name[0] == '\0' || same_name(name, ".")) {
			null_mx = true;
			continue;
		}
		host->port = HOPS_MX_PORT;
		host->name = arena_strdup(h->arena, slice_str(name));
		if (!host->name) return ERR_NO_MEMORY;
		h->count++;
	}
	if (h->count == 0) {
		/* RFC 7505 4.1 */
		if (null_mx)
			fail(h->arena, failure, 550, "5.1.10", "% accepts no mail (null MX)", h->target.domain);
		else
			fail(h->arena, failure, 451, "4.4.3", "the MX records of % make no sense", h->target.domain);
		return ERR_NOT_FOUND;
	}
	return ERR_OK;
}

static enum error find_mx(struct hops *h, int64_t deadline, struct reply *failure)
{
	const char *domain = h->target.domain;
	struct dns_answer *answer = NULL;
	enum error e = resolver_query(h->target.resolver, domain, DNS_MX, question_deadline(deadline), &answer);
	h->by_mx = true;
	if (e == ERR_OK) {
		e = read_mx(h, answer, failure);
	} else if (e == ERR_DNS_NODATA) {
		e = implicit_mx(h); /* RFC 5321 5.1: only when there is no MX record at all */
	} else if (e == ERR_DNS_NXDOMAIN) {
		fail(h->arena, failure, 550, "5.1.2", "the domain % does not exist", domain);
		e = ERR_NOT_FOUND;
	} else if (e == ERR_INVALID) {
		fail(h->arena, failure, 550, "5.1.2", "% is not a domain name", domain);
		e = ERR_NOT_FOUND;
	} else if (e != ERR_CANCELLED && e != ERR_NO_MEMORY) {
		/* RFC 5321 5.1: a temporary error of the DNS must not be taken for "no MX" */
		fail(h->arena, failure, 451, "4.4.3", "the MX records of % could not be looked up", domain);
		e = ERR_NOT_FOUND;
	}
	dns_answer_free(answer);
	return e;
}

static enum error literal(struct hops *h, struct reply *failure)
{
	struct slice text = slice_str(h->target.domain);
	text = slice_sub(text, 1, text.n - 1);
	if (slice_starts_nocase(text, SLICE("IPv6:"))) text = slice_sub(text, 5, text.n);
	h->hosts = ARENA_NEW(h->arena, struct hops_host);
	if (!h->hosts) return ERR_NO_MEMORY;
	h->hosts[0] = (struct hops_host){.name = h->target.domain, .port = HOPS_MX_PORT, .is_ip = true};
	h->count = 1;
	h->by_mx = true;
	if (ip_parse(text, &h->hosts[0].ip)) return ERR_OK;
	fail(h->arena, failure, 550, "5.1.2", "% is not an address", h->target.domain);
	return ERR_NOT_FOUND;
}

static enum error given_hosts(struct hops *h, struct reply *failure)
{
	size_t n = h->target.host_count;
	if (n == 0) {
		fail(h->arena, failure, 451, "4.4.1", "no server is configured for %", h->target.domain);
		return ERR_NOT_FOUND;
	}
	h->hosts = arena_alloc(h->arena, n * sizeof(*h->hosts));
	if (!h->hosts) return ERR_NO_MEMORY;
	memcpy(h->hosts, h->target.hosts, n * sizeof(*h->hosts));
	h->count = n;
	return ERR_OK;
}

enum error hops_begin(struct hops *h, struct arena *a, const struct hops_target *t, int64_t deadline,
                      struct reply *failure)
{
	enum error e;
	memset(h, 0, sizeof(*h));
	h->arena = a;
	h->target = *t;
	if (t->hosts)
		e = given_hosts(h, failure);
	else if (t->domain[0] == '[')
		e = literal(h, failure);
	else
		e = find_mx(h, deadline, failure);
	if (e == ERR_CANCELLED) return e;
	if (e == ERR_NO_MEMORY) {
		reply_set_reason(a, failure, REASON_no_memory, SLICE_EMPTY);
		return ERR_NOT_FOUND;
	}
	if (e) return e;
	order(h->hosts, h->count, t->random);
	if (h->by_mx) {
		for (size_t i = 0; i < h->count; i++) {
			if (!is_own_name(t->config, h->hosts[i].name)) continue;
			cut_at_preference(h, h->hosts[i].preference);
			break;
		}
	}
	if (h->count > HOPS_HOSTS_MAX) h->count = HOPS_HOSTS_MAX;
	if (h->count > 0) return ERR_OK;
	hops_failure(h, failure);
	return ERR_NOT_FOUND;
}

/* ---- their addresses ---- */

static void add_address(struct hops *h, const struct hops_host *host, const struct ip *ip)
{
	struct hop hop = {.name = host->name, .at = {.ip = *ip, .port = host->port}};
	const struct hops_target *t = &h->target;
	if (t->avoid && t->avoid(t->avoid_arg, &hop.at)) {
		if (h->late_count < HOPS_ADDRESSES_MAX) h->late[h->late_count++] = hop;
	} else if (h->ready_count < HOPS_ADDRESSES_MAX) {
		h->ready[h->ready_count++] = hop;
	}
}

/* Up to HOPS_ADDRESSES_MAX addresses of one family. */
static size_t look_up(struct hops *h, const char *name, enum dns_type type, bool allowed, int64_t deadline,
                      struct ip out[HOPS_ADDRESSES_MAX])
{
	struct dns_answer *answer = NULL;
	size_t n = 0;
	/* a family that may not be used is not asked for, unless to say that this is why */
	if (!allowed) return 0;
	enum error e = resolver_query(h->target.resolver, name, type, question_deadline(deadline), &answer);
	for (size_t i = 0; e == ERR_OK && i < answer->count && n < HOPS_ADDRESSES_MAX; i++)
		if (dns_rdata_ip(type, answer->rr[i], &out[n])) n++;
	if (e == ERR_CANCELLED)
		h->cancelled = true;
	else if (e && e != ERR_DNS_NXDOMAIN && e != ERR_DNS_NODATA && e != ERR_INVALID)
		h->temporary = true;
	dns_answer_free(answer);
	return n;
}

static bool any_own(struct hops *h, const struct hops_host *host, const struct ip *ips, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct endpoint at = {.ip = ips[i], .port = host->port};
		if (hops_is_own(h->target.config, &at)) return true;
	}
	return false;
}

static void reach(struct hops *h, int64_t deadline)
{
	struct ip v6[HOPS_ADDRESSES_MAX], v4[HOPS_ADDRESSES_MAX];
	const struct hops_host *host = &h->hosts[h->next++];
	size_t n6 = 0, n4 = 0;
	h->ready_count = h->ready_next = 0;
	if (host->is_ip && host->ip.family == AF_INET6)
		v6[n6++] = host->ip;
	else if (host->is_ip)
		v4[n4++] = host->ip;
	else {
		n6 = look_up(h, host->name, DNS_AAAA, h->target.ipv6, deadline, v6);
		if (!h->cancelled) n4 = look_up(h, host->name, DNS_A, h->target.ipv4, deadline, v4);
		if (n6 + n4 == 0 && !(h->target.ipv4 && h->target.ipv6)) h->family = true;
	}
	if (h->by_mx && (any_own(h, host, v6, n6) || any_own(h, host, v4, n4))) {
		cut_at_preference(h, host->preference);
		return;
	}
	if ((n6 && !h->target.ipv6) || (n4 && !h->target.ipv4)) h->family = true;
	for (size_t i = 0; i < n6 || i < n4; i++) {
		if (i < n6 && h->target.ipv6) add_address(h, host, &v6[i]);
		if (i < n4 && h->target.ipv4) add_address(h, host, &v4[i]);
	}
}

bool hops_next(struct hops *h, int64_t deadline, struct hop *out)
{
	if (h->yielded == HOPS_ADDRESSES_MAX) return false;
	while (h->ready_next == h->ready_count && h->next < h->count && !h->cancelled) reach(h, deadline);
	if (h->cancelled) return false;
	if (h->ready_next < h->ready_count)
		*out = h->ready[h->ready_next++];
	else if (h->late_next < h->late_count)
		*out = h->late[h->late_next++];
	else
		return false;
	h->yielded++;
	return true;
}

void hops_failure(const struct hops *h, struct reply *failure)
{
	const char *domain = h->target.domain ? h->target.domain : "";
	if (h->temporary)
		fail(h->arena, failure, 451, "4.4.3", "the servers of % could not be looked up", domain);
	else if (h->ourselves)
		fail(h->arena, failure, 554, "5.4.6", "mail for % would come back to this server", domain);
	else if (h->family)
		fail(h->arena, failure, 451, "4.4.1", "the servers of % have no address that this pool can reach",
		     domain);
	else if (!h->by_mx) /* our own configuration names it: somebody will correct that */
		fail(h->arena, failure, 451, "4.4.3", "the server configured for % has no address", domain);
	else
		fail(h->arena, failure, 550, "5.4.4", "the servers of % have no address", domain); /* RFC 5321 5.1 */
}
