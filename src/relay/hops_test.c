/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/hops.h"

#include "net/test_loop.h"

static const char settings[] = "hostname = \"mx.example.net\"\n"
			       "relay {\n"
			       "  listen = {\"0.0.0.0:25\", \"192.0.2.250:25\"}\n"
			       "  pool \"regular\" { source = {\"192.0.2.200\"} hostname = \"out.example.net\" }\n"
			       "}\n";

static const char zone[] = "plain.test MX 10 a.plain.test\n"
			   "plain.test MX 20 b.plain.test\n"
			   "a.plain.test A 192.0.2.1\n"
			   "a.plain.test AAAA 2001:db8::1\n"
			   "a.plain.test A 192.0.2.11\n"
			   "b.plain.test A 192.0.2.2\n"
			   "null.test MX 0 .\n"
			   "implicit.test A 192.0.2.3\n"
			   "servfail.test SERVFAIL\n"
			   "timeout.test TIMEOUT\n"
			   "ours.test MX 10 best.ours.test\n"
			   "ours.test MX 20 MX.example.net\n"
			   "ours.test MX 20 equal.ours.test\n"
			   "ours.test MX 30 worse.ours.test\n"
			   "best.ours.test A 192.0.2.4\n"
			   "equal.ours.test A 192.0.2.5\n"
			   "worse.ours.test A 192.0.2.6\n"
			   "loop.test MX 10 out.example.net\n"
			   "address.test MX 10 one.address.test\n"
			   "address.test MX 20 two.address.test\n"
			   "address.test MX 30 three.address.test\n"
			   "one.address.test A 192.0.2.7\n"
			   "two.address.test A 192.0.2.250\n"
			   "three.address.test A 192.0.2.8\n"
			   "wildcard.test MX 10 localhost.wildcard.test\n"
			   "localhost.wildcard.test A 127.0.0.1\n"
			   "noaddress.test MX 10 gone.noaddress.test\n"
			   "partly.test MX 10 servfail.test\n"
			   "partly.test MX 20 a.plain.test\n"
			   "unknown.test MX 10 servfail.test\n"
			   "six.test MX 10 v6.six.test\n"
			   "v6.six.test AAAA 2001:db8::6\n"
			   "relay.test A 192.0.2.99\n";

static struct config *config;
static struct resolver *resolver;

static bool avoid_first(void *arg, const struct endpoint *at)
{
	struct ip ip;
	(void)arg;
	return ip_parse(SLICE("192.0.2.1"), &ip) && ip_equal(&ip, &at->ip);
}

/* A row: what is asked, and what comes: "name address" joined by ", ", or a code and enhanced code. */
struct row {
	const char *name, *domain, *hosts[4];
	bool no_ipv4, no_ipv6, avoid;
	const char *expected;
};

static const struct row rows[] = {
	{"MX in order, families in turn", "plain.test",
         .expected = "a.plain.test 2001:db8::1, a.plain.test 192.0.2.1, "
                     "a.plain.test 192.0.2.11, b.plain.test 192.0.2.2"},
	{"IPv4 only", "plain.test", .no_ipv6 = true,
         .expected = "a.plain.test 192.0.2.1, a.plain.test 192.0.2.11, b.plain.test 192.0.2.2"},
	{"what failed lately comes last", "plain.test", .no_ipv6 = true, .avoid = true,
         .expected = "a.plain.test 192.0.2.11, b.plain.test 192.0.2.2, a.plain.test 192.0.2.1"},
	{"null MX", "null.test", .expected = "550 5.1.10"},
	{"implicit MX without any MX", "implicit.test", .expected = "implicit.test 192.0.2.3"},
	{"no such domain", "nowhere.test", .expected = "550 5.1.2"},
	{"the DNS fails", "servfail.test", .expected = "451 4.4.3"},
	{"the DNS is silent", "timeout.test", .expected = "451 4.4.3"},
	{"not a name", "a..b", .expected = "550 5.1.2"},
	{"we are one MX: only better ones", "ours.test", .expected = "best.ours.test 192.0.2.4"},
	{"we are the only MX", "loop.test", .expected = "554 5.4.6"},
	{"we are it by address", "address.test", .expected = "one.address.test 192.0.2.7"},
	{"listening everywhere is listening here", "wildcard.test", .expected = "554 5.4.6"},
	{"MX hosts without addresses", "noaddress.test", .expected = "550 5.4.4"},
	{"a host that cannot be looked up is passed over", "partly.test", .no_ipv6 = true,
         .expected = "a.plain.test 192.0.2.1, a.plain.test 192.0.2.11"},
	{"no host can be looked up", "unknown.test", .expected = "451 4.4.3"},
	{"only IPv6, and the pool has none", "six.test", .no_ipv6 = true, .expected = "451 4.4.1"},
	{"an IPv4 literal", "[192.0.2.77]", .expected = "[192.0.2.77] 192.0.2.77"},
	{"an IPv6 literal", "[ipv6:2001:db8::77]", .expected = "[ipv6:2001:db8::77] 2001:db8::77"},
	{"a literal that is none", "[nonsense]", .expected = "550 5.1.2"},
	{"a literal that is us", "[192.0.2.250]", .expected = "554 5.4.6"},
	{"given hosts in order",
         NULL,
         {"relay.test", "192.0.2.50"},
         .expected = "relay.test 192.0.2.99, 192.0.2.50 192.0.2.50"},
	{"a given host may be this one", NULL, {"192.0.2.250"}, .expected = "192.0.2.250 192.0.2.250"},
	{"a given host without address may get one", NULL, {"nowhere.test"}, .expected = "451 4.4.3"},
};

static size_t fill_hosts(const struct row *row, struct hops_host hosts[4])
{
	size_t n = 0;
	for (; n < 4 && row->hosts[n]; n++) {
		hosts[n] = (struct hops_host){.name = row->hosts[n], .port = 25, .preference = (uint16_t)n};
		hosts[n].is_ip = ip_parse(slice_str(row->hosts[n]), &hosts[n].ip);
	}
	return n;
}

static void ask(const struct row *row, uint32_t random, char *out, size_t size)
{
	struct arena a;
	struct hops h;
	struct hop hop;
	struct reply failure = {0};
	struct hops_host hosts[4];
	char ip[IP_TEXT_SIZE];
	size_t n = 0;
	struct hops_target t = {.resolver = resolver,
	                        .config = config,
	                        .domain = row->domain ? row->domain : "given",
	                        .ipv4 = !row->no_ipv4,
	                        .ipv6 = !row->no_ipv6,
	                        .random = random,
	                        .avoid = row->avoid ? avoid_first : NULL};
	t.host_count = fill_hosts(row, hosts);
	t.hosts = t.host_count ? hosts : NULL;
	arena_init(&a, 1 << 20);
	out[0] = '\0';
	int64_t deadline = clock_deadline(200);
	if (!hops_begin(&h, &a, &t, deadline, &failure)) {
		while (hops_next(&h, deadline, &hop) && n < size)
			n += (size_t)snprintf(out + n, size - n, "%s%s %s", n ? ", " : "", hop.name,
			                      ip_text(&hop.at.ip, ip));
		if (!n) hops_failure(&h, &failure);
	}
	if (!n) snprintf(out, size, "%d %s", failure.code, failure.enhanced);
	arena_free(&a);
}

static void all_rows(void *arg)
{
	char got[1024];
	(void)arg;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (uint32_t random = 0; random < 3; random++) {
			ask(&rows[i], random * 7919, got, sizeof(got));
			if (!strcmp(got, rows[i].expected)) continue;
			fprintf(stderr, "%s: \"%s\", not \"%s\"\n", rows[i].name, got, rows[i].expected);
			test_failures++;
		}
	}
}

static void equals_are_shuffled_body(void *arg)
{
	static const struct row row = {"equals", "many.test", .no_ipv6 = true};
	char first[1024], got[1024];
	bool differs = false;
	(void)arg;
	ask(&row, 0, first, sizeof(first));
	size_t commas = 0;
	for (const char *c = first; *c; c++) commas += *c == ',';
	CHECK(commas == HOPS_HOSTS_MAX - 1); /* of fifteen */
	for (uint32_t random = 1; random < 20 && !differs; random++) {
		ask(&row, random * 99991, got, sizeof(got));
		differs = strcmp(first, got) != 0;
	}
	CHECK(differs);
}

static void every_destination_has_its_hosts(void **state)
{
	(void)state;
	run_in_fiber(all_rows, NULL);
}

static void equals_are_shuffled_and_limited(void **state)
{
	(void)state;
	run_in_fiber(equals_are_shuffled_body, NULL);
}

static int setup(void **state)
{
	static char text[8192];
	char why[CONFIG_WHY];
	size_t n = (size_t)snprintf(text, sizeof(text), "%s", zone);
	(void)state;
	for (int i = 0; i < 15; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "many.test MX 10 h%d.test\nh%d.test A 192.0.2.%d\n",
		                      i, i, 100 + i);
	if (config_parse("test", slice_str(settings), SLICE_EMPTY, SLICE_EMPTY, &config, why)) {
		fprintf(stderr, "%s\n", why);
		return 1;
	}
	return resolver_new_table(slice_str(text), &resolver, why) != ERR_OK;
}

static int teardown(void **state)
{
	(void)state;
	resolver_free(resolver);
	config_unref(config);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_destination_has_its_hosts),
		cmocka_unit_test(equals_are_shuffled_and_limited),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
