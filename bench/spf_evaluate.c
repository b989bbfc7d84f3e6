/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spf_evaluate [ROUNDS] - SPF evaluations a second with answers cached, libspf2's and ours
 *
 * Both have the same made-up zone behind the cache that they use in earnest: libspf2's own, and the cache of a loop. Both check the
 * same clients and senders, one after the other on one thread, taking turns; every result is compared. The records are of
 * the kinds that are seen most: lists of networks, a and mx, includes of big providers, exists with macros, a redirect.
 * Prints key=value lines: medians of the rounds, their ratio, and for each kind of record the time of one evaluation.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include <arpa/nameser.h>
#include <netdb.h>
#include <spf2/spf.h>
#include <spf2/spf_dns_cache.h>
#include <spf2/spf_dns_zone.h>

#include "auth/spf.h"
#include "base/clock.h"
#include "net/resolver_internal.h"

#define PASSES     200 /* over all queries in a round */
#define ROUNDS_MAX 99

/* ---- what is asked ------------------------------------------------------------------------------------------------------------------- */

static const struct {
	const char *name, *type, *data;
} zone[] = {
	{"networks.test", "TXT", "v=spf1 ip4:192.0.2.0/24 ip4:198.51.100.0/25 ip6:2001:db8::/32 ip4:203.0.113.7 -all"},
	{"hosts.test", "TXT", "v=spf1 a mx a:out.hosts.test ~all"},
	{"hosts.test", "A", "203.0.113.1"},
	{"hosts.test", "MX", "10 mx1.hosts.test"},
	{"hosts.test", "MX", "20 mx2.hosts.test"},
	{"mx1.hosts.test", "A", "203.0.113.2"},
	{"mx2.hosts.test", "A", "203.0.113.3"},
	{"out.hosts.test", "A", "203.0.113.4"},
	{"provider.test", "TXT", "v=spf1 include:_spf.big.test include:_spf.news.test ~all"},
	{"_spf.big.test", "TXT", "v=spf1 include:_n1.big.test include:_n2.big.test include:_n3.big.test ~all"},
	{"_n1.big.test", "TXT",
         "v=spf1 ip4:35.190.247.0/24 ip4:64.233.160.0/19 ip4:66.102.0.0/20 ip4:66.249.80.0/20 ip4:72.14.192.0/18 "
         "ip4:74.125.0.0/16 ip4:108.177.8.0/21 ip4:173.194.0.0/16 ip4:209.85.128.0/17 ip4:216.58.192.0/19 ~all"},
	{"_n2.big.test", "TXT",
         "v=spf1 ip6:2001:4860:4000::/36 ip6:2404:6800:4000::/36 ip6:2607:f8b0:4000::/36 ip6:2800:3f0:4000::/36 "
         "ip6:2a00:1450:4000::/36 ip6:2c0f:fb50:4000::/36 ~all"},
	{"_n3.big.test", "TXT",
         "v=spf1 ip4:172.217.0.0/19 ip4:172.217.32.0/20 ip4:172.217.128.0/19 ip4:172.217.160.0/20 ip4:172.217.192.0/19 "
         "ip4:172.253.56.0/21 ip4:172.253.112.0/20 ip4:108.177.96.0/19 ip4:35.191.0.0/16 ip4:130.211.0.0/22 ~all"},
	{"_spf.news.test", "TXT", "v=spf1 ip4:198.51.100.128/25 -all"},
	{"macros.test", "TXT", "v=spf1 exists:%{ir}.%{v}.%{d}._spf.test -all"},
	{"9.113.0.203.in-addr.macros.test._spf.test", "A", "127.0.0.2"},
	{"moved.test", "TXT", "v=spf1 redirect=networks.test"},
};

static struct query {
	const char *ip, *sender, *result;
	struct ip address;
} queries[] = {
	{"192.0.2.77", "joe@networks.test", "pass", {0}},       {"203.0.113.9", "joe@networks.test", "fail", {0}},
	{"203.0.113.1", "joe@hosts.test", "pass", {0}},         {"203.0.113.4", "joe@hosts.test", "pass", {0}},
	{"209.85.128.9", "joe@provider.test", "pass", {0}},     {"198.51.100.200", "joe@provider.test", "pass", {0}},
	{"203.0.113.99", "joe@provider.test", "softfail", {0}}, {"203.0.113.9", "joe@macros.test", "pass", {0}},
	{"203.0.113.7", "joe@moved.test", "pass", {0}},         {"203.0.113.7", "joe@nothing.test", "none", {0}},
};
#define QUERIES (sizeof queries / sizeof *queries)

static void differs(const struct query *q, const char *who, const char *result)
{
	fprintf(stderr, "%s from %s: %s says %s, not %s\n", q->sender, q->ip, who, result, q->result);
	exit(3);
}

/* ---- libspf2 -------------------------------------------------------------------------------------------------------------------------- */

static SPF_server_t *peer_new(void)
{
	SPF_dns_server_t *table = SPF_dns_zone_new(NULL, "table", 0);
	for (size_t i = 0; table && i < sizeof zone / sizeof *zone; i++) {
		ns_type type = zone[i].type[0] == 'T' ? ns_t_txt : zone[i].type[0] == 'M' ? ns_t_mx : ns_t_a;
		const char *data = type == ns_t_mx ? strchr(zone[i].data, ' ') + 1 : zone[i].data;
		if (SPF_dns_zone_add_str(table, zone[i].name, type, NETDB_SUCCESS, data)) exit(3);
	}
	SPF_dns_server_t *cache = table ? SPF_dns_cache_new(table, "cache", 0, 12) : NULL;
	SPF_server_t *s = cache ? SPF_server_new_dns(cache, 0) : NULL;
	if (!s || SPF_server_set_rec_dom(s, "mx.example.net")) exit(3);
	return s;
}

static void peer_check(SPF_server_t *s, const struct query *q)
{
	SPF_response_t *answer = NULL;
	SPF_request_t *request = SPF_request_new(s);
	SPF_request_set_ipv4_str(request, q->ip);
	SPF_request_set_helo_dom(request, "mx.example.org");
	SPF_request_set_env_from(request, q->sender);
	SPF_request_query_mailfrom(request, &answer);
	const char *result = SPF_strresult(SPF_response_result(answer));
	if (strcmp(result, q->result) != 0) differs(q, "libspf2", result);
	SPF_response_free(answer);
	SPF_request_free(request);
}

/* ---- ours ------------------------------------------------------------------------------------------------------------------------------- */

/* The table resolver is not cached by itself; this one asks it through the loop's cache, as it would libunbound. */
struct front {
	struct resolver base;
	struct resolver *table;
};

static enum error front_ask(struct resolver *base, const struct dns_name *name, enum dns_type type, int64_t deadline,
                            struct dns_answer **out)
{
	struct resolver *table = ((struct front *)(void *)base)->table;
	return table->kind->ask(table, name, type, deadline, out);
}

static void front_free(struct resolver *base)
{
	resolver_free(((struct front *)(void *)base)->table);
}

static const struct resolver_kind front_kind = {.ask = front_ask, .free = front_free};

static void front_new(struct front *f)
{
	static char text[8192];
	char why[256];
	size_t n = 0;
	for (size_t i = 0; i < sizeof zone / sizeof *zone; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "%s %s %s\n", zone[i].name, zone[i].type,
		                      zone[i].data);
	resolver_init(&f->base, &front_kind, true);
	if (resolver_new_table(slice_of(text, n), &f->table, why)) exit(3);
}

static void our_check(struct arena *a, struct resolver *r, const struct query *query)
{
	struct spf_query q = {.client = query->address,
	                      .sender = slice_str(query->sender),
	                      .helo = SLICE("mx.example.org"),
	                      .receiver = SLICE("mx.example.net"),
	                      .now = 1234567890,
	                      .deadline = DEADLINE_NEVER,
	                      .explain = true};
	struct spf_verdict v;
	spf_check(a, r, &q, &v);
	const char *result = auth_result_text(v.result);
	if (strcmp(result, query->result) != 0) differs(query, "Backstop", result);
	arena_reset(a);
}

/* ---- taking turns --------------------------------------------------------------------------------------------------------------------- */

struct bench {
	int rounds;
	SPF_server_t *peer;
	struct front ours;
	struct arena arena;
	struct loop *loop;
};

static void one(struct bench *b, bool ours, const struct query *q)
{
	if (ours)
		our_check(&b->arena, &b->ours.base, q);
	else
		peer_check(b->peer, q);
}

static double round_ns(struct bench *b, bool ours)
{
	int64_t begin = clock_now_ns();
	for (int pass = 0; pass < PASSES; pass++)
		for (size_t i = 0; i < QUERIES; i++) one(b, ours, &queries[i]);
	return (double)(clock_now_ns() - begin) / (PASSES * QUERIES);
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

static double median(double *values, int n)
{
	qsort(values, (size_t)n, sizeof *values, by_size);
	return values[n / 2];
}

static void print_kinds(struct bench *b)
{
	for (size_t i = 0; i < QUERIES; i++) {
		printf("%s from %s (%s):", queries[i].sender, queries[i].ip, queries[i].result);
		for (int ours = 0; ours < 2; ours++) {
			int64_t begin = clock_now_ns();
			for (int pass = 0; pass < PASSES; pass++) one(b, ours, &queries[i]);
			printf(" %s_ns=%.0f", ours ? "backstop" : "libspf2", (double)(clock_now_ns() - begin) / PASSES);
		}
		puts("");
	}
}

static void run(void *arg)
{
	struct bench *b = arg;
	double peer[ROUNDS_MAX], ours[ROUNDS_MAX];
	for (int warm = 0; warm < 2; warm++) round_ns(b, warm);
	for (int i = 0; i < b->rounds; i++) {
		peer[i] = round_ns(b, false);
		ours[i] = round_ns(b, true);
	}
	double p = median(peer, b->rounds), o = median(ours, b->rounds);
	printf("libspf2_per_s=%.0f\nbackstop_per_s=%.0f\nratio=%.2f\n", 1e9 / p, 1e9 / o, p / o);
	print_kinds(b);
	loop_stop(b->loop);
}

int main(int argc, char **argv)
{
	struct bench b = {.rounds = argc > 1 ? atoi(argv[1]) : 15, .loop = loop_new()};
	if (b.rounds < 1 || b.rounds > ROUNDS_MAX || !b.loop) return 2;
	for (size_t i = 0; i < QUERIES; i++)
		if (!ip_parse(slice_str(queries[i].ip), &queries[i].address)) return 3;
	b.peer = peer_new();
	front_new(&b.ours);
	arena_init(&b.arena, 1 << 20);
	if (scope_spawn(loop_scope(b.loop), "bench", run, &b)) return 3;
	loop_run(b.loop);
	loop_free(b.loop);
	arena_free(&b.arena);
	resolver_free(&b.ours.base);
	SPF_server_free(b.peer);
	return 0;
}
