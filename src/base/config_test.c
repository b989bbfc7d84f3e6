/* SPDX-License-Identifier: Apache-2.0 */
#include "base/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/config_read.h"

static const struct slice none = {NULL, 0};

static enum error parse(const char *text, struct config **out, char why[CONFIG_WHY])
{
	return config_parse("test.conf", slice_str(text), none, none, out, why);
}

#define ZONE   " zone = bl.example.net nameserver = {ns1.example.net} "
#define SECRET "MDEyMzQ1Njc4OWFiY2RlZg==" /* 16 octets */

static const char full[] =
	"hostname  = \"MX.Example.NET\"\n"
	"state-dir = \"/var/lib/x\"\n"
	"run-dir = \"/run/x\"  # a comment\n"
	"user = mail\n"
	"log { format = json  level = \"debug\" }\n"
	"resolver { server = {\"127.0.0.1:5353\", \"::1\"} }\n"
	"relay {\n"
	"    listen = {\"0.0.0.0:25\", \"[::]:25\", \"127.0.0.1:0\"}\n"
	"    proxy-from = {\"192.0.2.0/28\"}\n"
	"    message-size-limit = 10M\n"
	"    command-timeout = \"90s\"\n"
	"    drain-time = 250ms\n"
	"    delay-notice = 0\n"
	"    retry-schedule = {\"1s\", 2m}\n"
	"    delivery-tls = require\n"
	"    report-full = yes\n"
	"    pool \"regular\" { source = {\"192.0.2.10\", \"2001:db8::10\"} hostname = \"out.example.net\" }\n"
	"    pool \"ndr\" { source = {\"192.0.2.11\"} }\n"
	"    route \"Example.org\" { to = {\"192.0.2.77:25\", \"[2001:db8::1]:2525\", \"MX.example.org:26\", "
	"\"mx2.example.org\"} }\n"
	"    route \".example.org\" { to = {\"192.0.2.78:25\"} }\n"
	"    route \"*\" { to = {\"192.0.2.79:25\"} }\n"
	"    blocklist \"safe.bl.example.net\" { mode = \"safe\" }\n"
	"    blocklist \"zen.example\" { mode = \"all\" }\n"
	"}\n"
	"keeper { trap = {\"trap.example.net\"} }\n"
	"dns    { listen = {\"0.0.0.0:53\"}  zone = \"bl.example.net\"  nameserver = {\"ns1.example.net\"} }\n"
	"web    { listen = \"127.0.0.1:8025\"  public-url = \"https://bl.example.net\" }\n";

static void test_full(void **state)
{
	struct config *c;
	char why[CONFIG_WHY], buf[ENDPOINT_TEXT_SIZE];
	enum error e = parse(full, &c, why);
	assert_string_equal(why, "");
	assert_int_equal(e, ERR_OK);
	assert_string_equal(c->path, "test.conf");
	assert_string_equal(c->hostname, "mx.example.net");
	assert_string_equal(c->user, "mail");
	assert_int_equal(c->log_format, LOG_JSON);
	assert_int_equal(c->log_level, LOG_DEBUG);
	assert_int_equal(c->resolver_server_count, 2);
	assert_string_equal(c->resolver_servers[0], "127.0.0.1:5353");
	assert_string_equal(c->resolver_servers[1], "[::1]:53");
	assert_true(c->relay.enabled && c->keeper_enabled && c->dns_enabled && c->web_enabled);
	assert_string_equal(c->web_public_url, "https://bl.example.net");
	assert_int_equal(c->relay.listen_count, 3);
	assert_string_equal(endpoint_text(&c->relay.listen[1], buf), "[::]:25");
	assert_string_equal(endpoint_text(&c->relay.listen[2], buf), "127.0.0.1:0");
	assert_int_equal(c->relay.proxy_from_count, 1);
	assert_int_equal(c->relay.proxy_from[0].length, 28);
	assert_int_equal(c->relay.message_size_limit, 10 << 20);
	assert_int_equal(c->relay.command_timeout, 90000);
	assert_int_equal(c->relay.drain_time, 250);
	assert_int_equal(c->relay.delay_notice, 0);
	assert_int_equal(c->relay.retry_count, 2);
	assert_int_equal(c->relay.retry_schedule[1], 120000);
	assert_int_equal(c->relay.delivery_tls, DELIVERY_TLS_REQUIRE);
	assert_true(c->relay.report_full);
	assert_int_equal(slice_equal(config_text(c), slice_str(full)), true);
	config_unref(c);
}

static void test_pools_routes_blocklists(void **state)
{
	struct config *c;
	char why[CONFIG_WHY];
	assert_int_equal(parse(full, &c, why), ERR_OK);
	const struct config_pool *pool = config_pool(c, "regular");
	assert_non_null(pool);
	assert_int_equal(pool->source_count, 2);
	assert_string_equal(pool->hostname, "out.example.net");
	assert_string_equal(config_pool(c, "ndr")->hostname, "mx.example.net");
	assert_null(config_pool(c, "risk"));
	static const struct {
		const char *domain;
		const char *host;
	} routes[] = {
		{"example.org", "192.0.2.77"},
		{"a.example.org", "192.0.2.78"},
		{"a.b.example.org", "192.0.2.78"},
		{"xexample.org", "192.0.2.79"},
		{"org", "192.0.2.79"},
		{"example.net", "192.0.2.79"},
		{"", "192.0.2.79"},
	};
	for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
		assert_string_equal(config_route(c, slice_str(routes[i].domain))->hops[0].host, routes[i].host);
	const struct config_route *r = config_route(c, SLICE("example.org"));
	assert_int_equal(r->hop_count, 4);
	assert_true(r->hops[1].is_ip);
	assert_string_equal(r->hops[1].host, "2001:db8::1");
	assert_int_equal(r->hops[1].port, 2525);
	assert_false(r->hops[2].is_ip);
	assert_string_equal(r->hops[2].host, "mx.example.org");
	assert_int_equal(r->hops[2].port, 26);
	assert_int_equal(r->hops[3].port, 25);
	assert_int_equal(c->relay.blocklist_count, 2);
	assert_string_equal(c->relay.blocklists[0].zone, "safe.bl.example.net");
	assert_int_equal(c->relay.blocklists[1].mode, BLOCKLIST_ALL);
	config_unref(c);
}

static void test_defaults(void **state)
{
	struct config *c;
	char why[CONFIG_WHY];
	assert_int_equal(parse("hostname = mx.example.net\nrelay {}\n", &c, why), ERR_OK);
	assert_string_equal(c->state_dir, "/var/lib/backstop");
	assert_string_equal(c->run_dir, "/run/backstop");
	assert_string_equal(c->user, "backstop");
	assert_int_equal(c->log_format, LOG_LOGFMT);
	assert_int_equal(c->log_level, LOG_INFO);
	assert_null(c->tls_certificate);
	assert_int_equal(c->tls_key_pem.n, 0);
	assert_int_equal(c->relay.listen_count, 2);
	assert_int_equal(c->relay.message_size_limit, 50 << 20);
	assert_int_equal(c->relay.command_timeout, 300000);
	assert_int_equal(c->relay.queue_lifetime, 5 * 86400000LL);
	assert_int_equal(c->relay.retry_count, 5);
	assert_int_equal(c->relay.retry_schedule[4], 3600000);
	assert_int_equal(c->relay.session_limit, 20000);
	assert_int_equal(c->relay.downstream_connection_limit, 50);
	assert_false(c->relay.report_full);
	assert_null(config_route(c, SLICE("example.org")));
	struct config *again = config_ref(c);
	config_unref(c);
	assert_string_equal(again->hostname, "mx.example.net");
	config_unref(again);

	assert_int_equal(parse("hostname = mx.example.net\n", &c, why), ERR_OK);
	assert_false(c->relay.enabled || c->keeper_enabled || c->dns_enabled || c->web_enabled);
	assert_int_equal(c->keeper.trap_count, 0);
	assert_null(c->keeper.report_address);
	config_unref(c);
}

static void test_traps(void **state)
{
	struct config *c;
	char why[CONFIG_WHY];
	enum error e =
		parse("hostname = mx.example.net\n"
	              "keeper { trap = {\"Trap.example.net\", \"b.example\"}  trap-address = {\"Old+x@Example.org\"}\n"
	              "         report-address = \"report@BL.example.net\" }\n",
	              &c, why);
	assert_string_equal(why, "");
	assert_int_equal(e, ERR_OK);
	assert_int_equal(c->keeper.trap_count, 2);
	assert_string_equal(c->keeper.traps[0], "trap.example.net");
	assert_int_equal(c->keeper.trap_address_count, 1);
	assert_string_equal(c->keeper.trap_addresses[0], "old+x@example.org");
	assert_string_equal(c->keeper.report_address, "report@bl.example.net");
	config_unref(c);
}

/* What proof of senders takes: the resolver's trust, section auth, the ledger. */
static void test_proof(void **state)
{
	struct config *c;
	char why[CONFIG_WHY];
	assert_int_equal(parse("hostname = MX.example.net\nrelay {}\n", &c, why), ERR_OK);
	assert_false(c->resolver_dnssec);
	assert_string_equal(c->resolver_trust_anchor, "/usr/share/dns/root.key");
	assert_string_equal(c->auth.authserv_id, "mx.example.net");
	assert_int_equal(c->auth.dmarc, DMARC_BY_TREE_WALK);
	assert_null(c->auth.suffix_list);
	assert_int_equal(c->auth.spf_timeout, 20000);
	assert_int_equal(c->auth.key_timeout, 10000);
	assert_string_equal(c->relay.return_path_domain, "mx.example.net");
	assert_int_equal(c->relay.ledger_lifetime, 30 * 86400000LL);
	assert_int_equal(c->relay.ledger_size, 1 << 30);
	assert_int_equal(c->relay.digest_interval, 86400000);
	assert_null(c->bounce.rules);
	assert_null(c->bounce.knowledge);
	assert_int_equal(c->storm.address, 20);
	assert_int_equal(c->storm.domain, 50);
	assert_int_equal(c->storm.share, 90);
	assert_int_equal(c->storm.window, 600000);
	assert_int_equal(c->storm.lull, 900000);
	config_unref(c);

	enum error e = parse("hostname = mx.example.net\n"
	                     "resolver { dnssec = true  trust-anchor = \"/etc/anchor\" }\n"
	                     "auth { authserv-id = ID.example.net  dmarc = rfc7489  suffix-list = \"/etc/psl\"\n"
	                     "       spf-timeout = 5s  key-timeout = 250ms }\n"
	                     "relay { return-path-domain = rp.example.net  ledger-lifetime = 2d\n"
	                     "        ledger-size = 8M  digest-interval = 0 }\n"
	                     "bounce { rules = \"/etc/rules\"  knowledge = \"/etc/knowledge\" }\n"
	                     "storm { address = 0  domain = 500  share = 100  window = 1s  lull = 1d }\n",
	                     &c, why);
	assert_string_equal(why, "");
	assert_int_equal(e, ERR_OK);
	assert_true(c->resolver_dnssec);
	assert_string_equal(c->resolver_trust_anchor, "/etc/anchor");
	assert_string_equal(c->auth.authserv_id, "id.example.net");
	assert_int_equal(c->auth.dmarc, DMARC_BY_SUFFIX_LIST);
	assert_string_equal(c->auth.suffix_list, "/etc/psl");
	assert_int_equal(c->auth.spf_timeout, 5000);
	assert_int_equal(c->auth.key_timeout, 250);
	assert_string_equal(c->relay.return_path_domain, "rp.example.net");
	assert_int_equal(c->relay.ledger_lifetime, 2 * 86400000LL);
	assert_int_equal(c->relay.ledger_size, 8 << 20);
	assert_int_equal(c->relay.digest_interval, 0);
	assert_string_equal(c->bounce.rules, "/etc/rules");
	assert_string_equal(c->bounce.knowledge, "/etc/knowledge");
	assert_int_equal(c->storm.address, 0);
	assert_int_equal(c->storm.domain, 500);
	assert_int_equal(c->storm.share, 100);
	assert_int_equal(c->storm.window, 1000);
	assert_int_equal(c->storm.lull, 86400000);
	config_unref(c);
}

/* Every default of the table is a value that its own type takes. */
static void test_table(void **state)
{
	static const char *const names[] = {"root",  "log",    "resolver", "tls",       "auth",
	                                    "relay", "pool",   "route",    "blocklist", "bounce",
	                                    "storm", "keeper", "dns",      "tsig",      "web"};
	struct arena a;
	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		for (const struct config_row *row = config_rows(names[i]); row->name; row++) {
			struct slice rest = slice_str(row->preset);
			while (rest.p && rest.n) {
				char why[256] = "";
				union config_value v;
				struct slice text = config_type_is_list(row->type) ? slice_split(&rest, ' ') : rest;
				if (!config_type_is_list(row->type)) rest = none;
				enum error e = config_value_parse(row, text, &a, &v, why);
				assert_string_equal(why, "");
				assert_int_equal(e, ERR_OK);
			}
			assert_true(strlen(row->help) > 10);
		}
	arena_free(&a);
}

static const struct {
	const char *name, *text, *why;
} bad[] = {
	{"unknown option", "hostname = a.b\nfoo = 1\n", "test.conf:2: no such option 'foo'"},
	{"unknown section", "\n\nrelais {\n}\n", "test.conf:3: no such option 'relais'"},
	{"unknown option in a section", "relay {\n  listen-on = 5\n}\n", "test.conf:2: no such option 'listen-on'"},
	{"bad host name", "hostname = \"a..b\"\n", "test.conf:1: hostname: 'a..b' is not a domain name"},
	{"address as host name", "hostname = \"192.0.2.1\"\n",
         "test.conf:1: hostname: '192.0.2.1' is not a domain name"},
	{"bad user", "user = \"a b\"\n",
         "test.conf:1: user: letters, digits, '-', '_' and '.' are allowed, at most 64"},
	{"bad level", "log {\n level = loud }\n",
         "test.conf:2: level: one of these is needed: debug info warning error"},
	{"bad listen address", "relay {\n\n listen = {\"0.0.0.0:25\",\n \"[::\"} }\n",
         "test.conf:4: listen: '[::' is not ADDRESS:PORT, such as 0.0.0.0:25 or [::]:25"},
	{"listen without a port", "relay { listen = {\"0.0.0.0\"} }\n",
         "test.conf:1: listen: '0.0.0.0' is not ADDRESS:PORT, such as 0.0.0.0:25 or [::]:25"},
	{"listen port too large", "relay { listen = {\"0.0.0.0:65536\"} }\n",
         "test.conf:1: listen: '0.0.0.0:65536' is not ADDRESS:PORT, such as 0.0.0.0:25 or [::]:25"},
	{"listen twice", "hostname = a.b\nrelay { listen = {\"0.0.0.0:25\", \"0.0.0.0:25\"} }\n",
         "test.conf: relay: listen: 0.0.0.0:25 is given twice"},
	{"prefix with host bits", "relay { proxy-from = {\"192.0.2.1/24\"} }\n",
         "test.conf:1: proxy-from: '192.0.2.1/24' has bits set beyond its length"},
	{"duration without unit we know", "relay {\ncommand-timeout = 5x\n}\n",
         "test.conf:2: command-timeout: a duration is needed, such as 30s, 5m, 2h or 5d"},
	{"negative duration", "relay {\ncommand-timeout = -5\n}\n",
         "test.conf:2: command-timeout: a duration is needed, such as 30s, 5m, 2h or 5d"},
	{"duration out of range", "relay {\ncommand-timeout = 2h\n}\n",
         "test.conf:2: command-timeout: 2h is out of range, 100ms to 1h"},
	{"duration that overflows", "relay {\nqueue-lifetime = 9223372036854775807d\n}\n",
         "test.conf:2: queue-lifetime: 9223372036854775807d is out of range, 1s to 30d"},
	{"size out of range", "relay {\nmessage-size-limit = 1K\n}\n",
         "test.conf:2: message-size-limit: 1K is out of range, 64K to 2G"},
	{"number with a unit", "relay {\nhop-limit = 5m\n}\n", "test.conf:2: hop-limit: a number is needed"},
	{"number out of range", "relay {\nworkers = 1000\n}\n", "test.conf:2: workers: 1000 is out of range, 0 to 256"},
	{"dns without a zone", "hostname = a.b\ndns { nameserver = {ns1.example.net} }\n",
         "test.conf: dns: zone is missing: the domain whose subdomains safe and any are the lists"},
	{"dns without a name server", "hostname = a.b\ndns { zone = bl.example.net }\n",
         "test.conf: dns: nameserver is missing: the name under which this server, or a secondary, is reached"},
	{"cookie secret that is none", "hostname = a.b\ndns { " ZONE " cookie-secret = abc }\n",
         "test.conf: dns: cookie-secret: 32 hexadecimal digits are needed, such as openssl rand -hex 16 prints"},
	{"cookie secret before none",
         "hostname = a.b\ndns { " ZONE " cookie-secret-before = 00112233445566778899aabbccddeeff }\n",
         "test.conf: dns: cookie-secret-before is of use beside cookie-secret only"},
	{"dns listens twice", "hostname = a.b\ndns { " ZONE " listen = {\"[::]:53\", \"[::]:53\"} }\n",
         "test.conf: dns: listen: [::]:53 is given twice"},
	{"udp-size", "dns { udp-size = 100 }\n", "test.conf:1: udp-size: 100 is out of range, 512 to 4096"},
	{"tsig without a secret", "dns {\n tsig \"k\" {\n }\n}\n",
         "test.conf:3: tsig \"k\": one of secret-file and secret is needed"},
	{"tsig with two secrets", "dns {\n tsig k { secret = \"" SECRET "\" secret-file = x }\n}\n",
         "test.conf:2: tsig \"k\": one of secret-file and secret is needed"},
	{"tsig secret that is too short", "dns {\n tsig k { secret = \"YWJj\" }\n}\n",
         "test.conf:2: secret: a secret is base64 of 16 to 512 octets, such as openssl rand -base64 32 prints"},
	{"tsig secret that is no base64", "dns {\n tsig k { secret = \"(WJjZGVmZ2hpamtsbW5vcA==\" }\n}\n",
         "test.conf:2: secret: a secret is base64 of 16 to 512 octets, such as openssl rand -base64 32 prints"},
	{"tsig name", "dns {\n tsig \"a b\" { secret = \"" SECRET "\" }\n}\n",
         "test.conf:2: tsig \"a b\": the name of a key is a domain name"},
	{"tsig algorithm", "dns {\n tsig k { algorithm = hmac-md5 }\n}\n",
         "test.conf:2: algorithm: one of these is needed: hmac-sha256 hmac-sha1 hmac-sha224 hmac-sha384 hmac-sha512"},
	{"transfer to a name", "dns {\n transfer = {\"ns.example\"}\n}\n",
         "test.conf:2: transfer: 'ns.example' is not ADDRESS/LENGTH"},
	{"transfer with a key's name that is none", "dns {\n transfer = {\"key a..b\"}\n}\n",
         "test.conf:2: transfer: 'a..b' is not a domain name"},
	{"transfer with a key that is not there",
         "hostname = a.b\ndns {\n" ZONE "transfer = {\"192.0.2.0/24 key k\"}\n}\n",
         "test.conf: dns: transfer: key k: there is no section tsig \"k\""},
	{"notify with a key that is not there", "hostname = a.b\ndns {\n" ZONE "notify = {\"192.0.2.1:53 key k\"}\n}\n",
         "test.conf: dns: notify: key k: there is no section tsig \"k\""},
	{"notify to a name", "dns {\n notify = {\"ns.example:53\"}\n}\n",
         "test.conf:2: notify: 'ns.example:53' is not ADDRESS, ADDRESS:PORT or ADDRESS:PORT key NAME"},
	{"secret file that is not there", "hostname = a.b\ndns {\n" ZONE "tsig k { secret-file = \"/nowhere\" }\n}\n",
         "test.conf: dns: tsig \"k\": secret-file: /nowhere: not found"},
	{"neither true nor false", "relay {\nreport-full = maybe\n}\n",
         "test.conf:2: report-full: true or false is needed"},
	{"pool of another name", "relay {\npool \"gold\" {\n}\n}\n",
         "test.conf:3: pool \"gold\": a pool is regular, bounce, ndr or risk"},
	{"pool of a section's name", "relay {\npool \"storm\" {\n}\n}\n",
         "test.conf:3: pool \"storm\": a pool is regular, bounce, ndr or risk"},
	{"storm of all", "storm {\nshare = 10\n}\n", "test.conf:2: share: 10 is out of range, 50 to 100"},
	{"pool source with a port", "relay {\npool \"ndr\" { source = {\"192.0.2.1:25\"} }\n}\n",
         "test.conf:2: source: '192.0.2.1:25' is not an IP address without a port"},
	{"pool twice", "relay {\npool ndr {}\npool ndr {}\n}\n", "test.conf:3: found duplicate title 'ndr'"},
	{"route twice", "relay {\nroute a.b { to = {\"c:25\"} }\nroute a.b { to = {\"c:25\"} }\n}\n",
         "test.conf:3: found duplicate title 'a.b'"},
	{"route without a hop", "relay {\nroute a.b { }\n}\n", "test.conf:2: route \"a.b\": to: a next hop is needed"},
	{"route to nowhere", "relay {\nroute a.b { to = {\"c:0\"} }\n}\n", "test.conf:2: to: 'c:0' is not HOST:PORT"},
	{"route to half an address", "relay {\nroute a.b { to = {\"192.0.2:25\"} }\n}\n",
         "test.conf:2: to: '192.0.2:25' is not HOST:PORT"},
	{"bad route", "relay {\nroute \"*.b\" { to = {\"c:25\"} }\n}\n",
         "test.conf:2: route \"*.b\": not a domain, \".domain\" or \"*\""},
	{"bad blocklist", "relay {\nblocklist \"a b\" {}\n}\n", "test.conf:2: blocklist \"a b\": not a domain name"},
	{"bad blocklist mode", "relay {\nblocklist \"a.b\" {mode = any}\n}\n",
         "test.conf:2: mode: one of these is needed: safe all"},
	{"auth twice", "auth {\n}\nauth {\n}\n", "test.conf:4: section auth is given twice"},
	{"dmarc of no RFC", "auth {\ndmarc = rfc822\n}\n",
         "test.conf:2: dmarc: one of these is needed: rfc9989 rfc7489"},
	{"authserv-id that is no name", "auth {\nauthserv-id = \"a b\"\n}\n",
         "test.conf:2: authserv-id: 'a b' is not a domain name"},
	{"a very small ledger", "relay {\nledger-size = 1K\n}\n",
         "test.conf:2: ledger-size: 1K is out of range, 1M to 1024G"},
	{"section twice", "relay {\n}\nrelay {\n}\n", "test.conf:4: section relay is given twice"},
	{"bad resolver", "resolver { server = {\"dns.example.net\"} }\n",
         "test.conf:1: server: 'dns.example.net' is not ADDRESS or ADDRESS:PORT"},
	{"bad url", "web {\npublic-url = \"bl.example.net\"\n}\n",
         "test.conf:2: public-url: a URL that begins with https:// or http:// is needed"},
	{"section not closed", "hostname=a.b\nrelay {\n\n", "test.conf:3: the file ends inside a section or comment"},
	{"comment not closed", "hostname=a.b\n/* relay {", "test.conf:2: the file ends inside a section or comment"},
	{"bad trap address", "keeper {\ntrap-address = {\"a@b.c\", \"a b@b.c\"}\n}\n",
         "test.conf:2: trap-address: 'a b@b.c' is not a mail address"},
	{"report address without a domain", "keeper {\nreport-address = report\n}\n",
         "test.conf:2: report-address: 'report' is not a mail address"},
	{"bad trap", "keeper {\ntrap = {\"@\"}\n}\n", "test.conf:2: trap: '@' is not a domain name"},
	{"certificate without key", "hostname=a.b\ntls {\ncertificate = \"/x\" }\n",
         "test.conf:3: tls: key is missing: certificate and key belong together"},
	{"unreadable certificate", "hostname=a.b\ntls {\ncertificate = \"/nonexistent\"\nkey = \"/nonexistent\"\n}\n",
         "test.conf:5: tls: certificate: /nonexistent: not found"},
	{"a folder as certificate", "hostname=a.b\ntls { certificate = \"/\" key = \"/\" }\n",
         "test.conf:2: tls: certificate: /: invalid argument"},
};

static void test_bad(void **state)
{
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct config *c = (struct config *)&c;
		char why[CONFIG_WHY];
		enum error e = parse(bad[i].text, &c, why);
		if (strcmp(why, bad[i].why) != 0) print_error("%s\n", bad[i].name);
		assert_string_equal(why, bad[i].why);
		assert_int_not_equal(e, ERR_OK);
		assert_null(c);
	}
}

/* libConfuse's scanner keeps its state: a text that ends inside a string or comment must not spoil the next one. */
static void test_after_failure(void **state)
{
	static const char *const broken[] =
		{"hostname = \"abc", "hostname = 'abc", "/* comment", "relay { listen = {", "relay {", "${", "\"\\x",
	         "relay { pool",     "hostname"};
	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
		struct config *c;
		char why[CONFIG_WHY];
		assert_int_not_equal(parse(broken[i], &c, why), ERR_OK);
		assert_true(slice_starts(slice_str(why), SLICE("test.conf:")));
		enum error e = parse("hostname = mx.example.net\nrelay {}\n", &c, why);
		if (e != ERR_OK) print_error("after %s: %s\n", broken[i], why);
		assert_int_equal(e, ERR_OK);
		config_unref(c);
	}
}

static void test_nul_and_size(void **state)
{
	struct config *c;
	char why[CONFIG_WHY];
	assert_int_equal(config_parse("t", SLICE("\n\nuser = \0"), none, none, &c, why), ERR_SYNTAX);
	assert_string_equal(why, "t:3: a NUL octet is no text");
	char *big = calloc(1, (1 << 20) + 1);
	memset(big, '\n', (1 << 20) + 1);
	assert_int_equal(config_parse("t", slice_of(big, (1 << 20) + 1), none, none, &c, why), ERR_SYNTAX);
	assert_string_equal(why, "t: the file is larger than 1 MiB");
	free(big);
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void test_load_and_pem(void **state)
{
	char folder[] = "/tmp/config_test.XXXXXX", conf[64], pem[64], text[256], why[CONFIG_WHY];
	assert_non_null(mkdtemp(folder));
	snprintf(conf, sizeof conf, "%s/backstop.conf", folder);
	snprintf(pem, sizeof pem, "%s/pem", folder);
	snprintf(text, sizeof text, "hostname = a.b\ntls { certificate = \"%s\" key = \"%s\" }\n", pem, pem);
	write_file(conf, text);
	write_file(pem, "a PEM text\n");
	struct config *c;
	assert_int_equal(config_load(conf, &c, why), ERR_OK);
	assert_true(slice_equal(c->tls_certificate_pem, SLICE("a PEM text\n")));
	assert_true(slice_equal(c->tls_key_pem, SLICE("a PEM text\n")));
	config_unref(c);
	unlink(pem);
	assert_int_equal(config_load(conf, &c, why), ERR_NOT_FOUND);
	enum error e = config_parse(conf, slice_str(text), SLICE("cert"), SLICE("key"), &c, why);
	assert_int_equal(e, ERR_OK);
	assert_true(slice_equal(c->tls_key_pem, SLICE("key")));
	config_unref(c);
	unlink(conf);
	assert_int_equal(config_load(conf, &c, why), ERR_NOT_FOUND);
	assert_int_equal(config_load(folder, &c, why), ERR_INVALID);
	rmdir(folder);
}

static void test_transfers(void **state)
{
	char folder[] = "/tmp/config_test.XXXXXX", file[64], text[1024], why[CONFIG_WHY];
	assert_non_null(mkdtemp(folder));
	snprintf(file, sizeof file, "%s/secret", folder);
	snprintf(text, sizeof text,
	         "hostname = a.b\ndns { " ZONE
	         "transfer = {\"192.0.2.0/24\", \"key One\", \"2001:db8::/32 key two.example\"}\n"
	         "notify = {\"192.0.2.1\", \"[::1]:5353 key one\"} notify-delay = 20ms\n"
	         "tsig one { secret = \"" SECRET "\" algorithm = hmac-sha512 }\n"
	         "tsig \"Two.example\" { secret-file = \"%s\" } }\n",
	         file);
	write_file(file, "  " SECRET "\n\n");
	struct config *c, *again;
	enum error e = parse(text, &c, why);
	assert_string_equal(why, "");
	assert_int_equal(e, ERR_OK);
	assert_int_equal(c->dns.transfer_count, 3);
	assert_true(!c->dns.transfer[0].any_address && !c->dns.transfer[0].key && c->dns.transfer[0].from.length == 24);
	assert_true(c->dns.transfer[1].any_address);
	assert_string_equal(c->dns.transfer[1].key, "one");
	assert_true(!c->dns.transfer[2].any_address && c->dns.transfer[2].from.length == 32);
	assert_string_equal(c->dns.transfer[2].key, "two.example");
	assert_int_equal(c->dns.notify_count, 2);
	assert_int_equal(c->dns.notify[0].to.port, 53);
	assert_null(c->dns.notify[0].key);
	assert_int_equal(c->dns.notify[1].to.port, 5353);
	assert_string_equal(c->dns.notify[1].key, "one");
	assert_int_equal(c->dns.notify_delay, 20);
	assert_int_equal(c->dns.tsig_count, 2);
	assert_int_equal(c->dns.tsig[0].algorithm, TSIG_HMAC_SHA512);
	assert_int_equal(c->dns.tsig[1].algorithm, TSIG_HMAC_SHA256);
	assert_string_equal(c->dns.tsig[1].name, "two.example");
	assert_string_equal(c->dns.tsig[1].secret, SECRET);
	assert_true(slice_equal(config_secrets(c), SLICE(SECRET "\n" SECRET "\n")));
	/* What the supervisor sends: the file is not read again. */
	unlink(file);
	e = config_parse_secrets("t", config_text(c), none, none, config_secrets(c), &again, why);
	assert_int_equal(e, ERR_OK);
	assert_string_equal(again->dns.tsig[1].secret, SECRET);
	config_unref(again);
	config_unref(c);
	write_file(file, "secret!\n");
	assert_int_equal(parse(text, &c, why), ERR_INVALID);
	unlink(file);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full),         cmocka_unit_test(test_pools_routes_blocklists),
		cmocka_unit_test(test_defaults),     cmocka_unit_test(test_table),
		cmocka_unit_test(test_bad),          cmocka_unit_test(test_after_failure),
		cmocka_unit_test(test_nul_and_size), cmocka_unit_test(test_load_and_pem),
		cmocka_unit_test(test_proof),        cmocka_unit_test(test_traps),
		cmocka_unit_test(test_transfers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
