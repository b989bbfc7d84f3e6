/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/spf.h"

#include <stdlib.h>

#include "net/test_loop.h"

#define DEADLINE_MS 100
#define NOTHING     ""

static struct spf_verdict check(struct arena *a, struct resolver *r, const char *ip, struct slice sender,
                                struct slice helo)
{
	struct spf_query q = {.sender = sender,
	                      .helo = helo,
	                      .receiver = SLICE("mx.example.net"),
	                      .now = 1234567890,
	                      .deadline = clock_deadline(DEADLINE_MS),
	                      .explain = true};
	struct spf_verdict v;
	CHECK(ip_parse(slice_str(ip), &q.client));
	spf_check(a, r, &q, &v);
	return v;
}

/* ---- one record of example.com (RFC 7208 appendix A) ---------------------------------------------------------------------------------- */

static const char appendix_a[] =
	"example.com MX 10 mail-a.example.com\nexample.com MX 20 mail-b.example.com\n"
	"example.com A 192.0.2.10\nexample.com A 192.0.2.11\n"
	"amy.example.com A 192.0.2.65\nbob.example.com A 192.0.2.66\n"
	"mail-a.example.com A 192.0.2.129\nmail-b.example.com A 192.0.2.130\nwww.example.com CNAME example.com\n"
	"example.org MX 10 mail-c.example.org\nmail-c.example.org A 192.0.2.140\n"
	"10.2.0.192.in-addr.arpa PTR example.com\n11.2.0.192.in-addr.arpa PTR example.com\n"
	"65.2.0.192.in-addr.arpa PTR amy.example.com\n66.2.0.192.in-addr.arpa PTR bob.example.com\n"
	"129.2.0.192.in-addr.arpa PTR mail-a.example.com\n130.2.0.192.in-addr.arpa PTR mail-b.example.com\n"
	"140.2.0.192.in-addr.arpa PTR mail-c.example.org\n4.0.0.10.in-addr.arpa PTR bob.example.com\n"
	/* A.2 */
	"la.example.org TXT v=spf1 redirect=example.com\n"
	"both.example.org TXT v=spf1 include:example.com include:example.net -all\n"
	"example.net TXT v=spf1 ip4:192.0.2.200 -all\n"
	/* A.3, A.4 */
	"mary.mobile-users._spf.example.com A 127.0.0.2\n15.15.168.192.joel.remote-users._spf.example.com A 127.0.0.2\n"
	/* others */
	"six.example.com AAAA 2001:db8::10\n"
	"slow.example TIMEOUT\nbroken.example SERVFAIL\n"
	"exp.example TXT %{s} at %{c} for %{r}: see http://x.example/?%{L}\n"
	"odd.example TXT caf\\233\nbell.example TXT bell\\007\nmany.example TXT one\nmany.example TXT two\n"
	"bad.example TXT the %{x}-files\nempty.example TXT \"\"\nparts.example TXT \"glued \" \"together\"\n"
	"words.example TXT no record\n"
	"void.example A 192.0.2.1\n"
	"nine.example.com MX 1 .\n"
	"caf\\195\\169.example.com A 192.0.2.99\n"
	"a\\.b\\000.example.com A 192.0.2.98\n"
	"98.2.0.192.in-addr.arpa PTR a\\.b\\000.example.com\n"
	"97.2.0.192.in-addr.arpa PTR x\\.example.com\nx\\.example.com A 192.0.2.97\n"
	"96.2.0.192.in-addr.arpa PTR broken.example\n96.2.0.192.in-addr.arpa PTR amy.example.com\n"
	"96.2.0.192.in-addr.arpa PTR deep.example.com\ndeep.example.com A 192.0.2.96\n"
	"94.2.0.192.in-addr.arpa SERVFAIL\n"
	"x_.example.com A 192.0.2.95\n";

static const struct row {
	const char *record, *ip, *sender, *result, *explanation, *mechanism;
} rows[] = {
	{"+all", "192.0.2.1", NOTHING, "pass", NULL, "all"},
	{"a -all", "192.0.2.10", NOTHING, "pass", NULL, "a"},
	{"a -all", "192.0.2.11", NOTHING, "pass"},
	{"a -all", "192.0.2.65", NOTHING, "fail", NULL, "all"},
	{"a:example.org -all", "192.0.2.10", NOTHING, "fail"},
	{"mx -all", "192.0.2.129", NOTHING, "pass"},
	{"mx -all", "192.0.2.130", NOTHING, "pass"},
	{"mx -all", "192.0.2.10", NOTHING, "fail"},
	{"mx:example.org -all", "192.0.2.140", NOTHING, "pass", NULL, "mx:example.org"},
	{"mx mx:example.org -all", "192.0.2.140", NOTHING, "pass"},
	{"mx/30 mx:example.org/30 -all", "192.0.2.131", NOTHING, "pass"},
	{"mx/30 mx:example.org/30 -all", "192.0.2.143", NOTHING, "pass"},
	{"mx/30 mx:example.org/30 -all", "192.0.2.132", NOTHING, "fail"},
	{"ptr -all", "192.0.2.65", NOTHING, "pass"},
	{"ptr -all", "192.0.2.140", NOTHING, "fail"},
	{"ptr -all", "10.0.0.4", NOTHING, "fail"},
	{"ip4:192.0.2.128/28 -all", "192.0.2.65", NOTHING, "fail"},
	{"ip4:192.0.2.128/28 -all", "192.0.2.129", NOTHING, "pass"},
	{"a -all", "192.0.2.10", "x@la.example.org", "pass"},
	{"a -all", "192.0.2.10", "x@both.example.org", "pass", NULL, "include:example.com"},
	{"a -all", "192.0.2.200", "x@both.example.org", "pass", NULL, "include:example.net"},
	{"a -all", "192.0.2.201", "x@both.example.org", "fail"},
	{"mx exists:%{l}.mobile-users._spf.%{d} exists:%{ir}.%{l1r+-}.remote-users._spf.%{d} -all", "192.0.2.1",
         "mary@example.com", "pass"},
	{"mx exists:%{l}.mobile-users._spf.%{d} exists:%{ir}.%{l1r+-}.remote-users._spf.%{d} -all", "192.168.15.15",
         "joel-list@example.com", "pass"},
	{"mx exists:%{l}.mobile-users._spf.%{d} exists:%{ir}.%{l1r+-}.remote-users._spf.%{d} -all", "192.168.15.16",
         "joel@example.com", "fail"},
	{"-include:ip4._spf.%{d} -include:ptr._spf.%{d} +all", "192.0.2.1", NOTHING, "permerror"},
	/* results */
	{"", "192.0.2.1", NOTHING, "neutral", NULL, ""},
	{"?all", "192.0.2.1", NOTHING, "neutral", NULL, "all"},
	{"~all", "192.0.2.1", NOTHING, "softfail"},
	{"x", "192.0.2.1", NOTHING, "permerror"},
	{"a:slow.example -all", "192.0.2.1", NOTHING, "temperror"},
	{"a:broken.example -all", "192.0.2.1", NOTHING, "temperror"},
	{"mx:broken.example -all", "192.0.2.1", NOTHING, "temperror"},
	{"exists:broken.example -all", "192.0.2.1", NOTHING, "temperror"},
	{"include:broken.example -all", "192.0.2.1", NOTHING, "temperror"},
	{"redirect=broken.example", "192.0.2.1", NOTHING, "temperror"},
	{"all", "192.0.2.1", "x@broken.example", "temperror"},
	{"ptr all", "192.0.2.94", NOTHING, "pass", NULL, "all"}, /* an error is no match */
	{"include:words.example -all", "192.0.2.1", NOTHING, "permerror"},
	{"include:nowhere.example -all", "192.0.2.1", NOTHING, "permerror"},
	{"redirect=nowhere.example", "192.0.2.1", NOTHING, "permerror"},
	{"redirect=%{l}", "192.0.2.1", "x@example.com", "permerror"},
	{"redirect=%{l}.example", "192.0.2.1", "a..b@example.com", "permerror"},
	{"include:%{l}.example all", "192.0.2.1", "a..b@example.com", "permerror"},
	{"a:%{l}.example all", "192.0.2.1", "a..b@example.com", "pass", NULL, "all"},
	/* addresses */
	{"a:six.example.com -all", "2001:db8::10", NOTHING, "pass"},
	{"a:six.example.com//64 -all", "2001:db8::99", NOTHING, "pass"},
	{"a:six.example.com/24 -all", "2001:db8::99", NOTHING, "fail"},
	{"a:www.example.com -all", "192.0.2.10", NOTHING, "pass"},
	{"ip4:192.0.2.1 -all", "::ffff:192.0.2.1", NOTHING, "pass"},
	{"ip6:::ffff:192.0.2.1 -all", "192.0.2.1", NOTHING, "fail"},
	{"ip6:2001:db8::/32 -all", "2001:db8:ffff::1", NOTHING, "pass"},
	{"ip6:::/0 -all", "192.0.2.1", NOTHING, "fail"},
	{"ip4:0.0.0.0/0 -all", "2001:db8::1", NOTHING, "fail"},
	{"ip4:192.0.2.0/31 -all", "192.0.2.2", NOTHING, "fail"},
	{"exists:void.example -all", "2001:db8::1", NOTHING, "pass"}, /* always asks for A */
	{"mx:nine.example.com -all", "192.0.2.1", NOTHING, "fail"},
	/* names of any octets */
	{"a:%{h}.example.com -all", "192.0.2.99", "caf\303\251@example.com", "pass"}, /* of the HELO name */
	{"a:%{l}.example.com -all", "192.0.2.99", "caf\303\251@example.com", "fail"}, /* RFC 8616 4 */
	{"include:%{l}.example.com -all", "192.0.2.99", "caf\303\251@example.com", "fail"},
	{"redirect=%{l}.example.com", "192.0.2.99", "caf\303\251@example.com", "permerror"},
	{"a:x_.example.com -all", "192.0.2.95", NOTHING, "pass"},
	{"ptr -all", "192.0.2.98", NOTHING, "pass"},
	{"ptr -all", "192.0.2.97", NOTHING, "fail"}, /* a dot within a label */
	{"ptr -all", "192.0.2.96", NOTHING, "pass"},
	{"exists:%{p}.%{l} -all", "192.0.2.66", "example@example.com", "fail"},
	{"-exists:%{p} all", "192.0.2.96", NOTHING, "fail", NULL, "exists:%{p}"}, /* deep.example.com */
	/* explanations */
	{"-all exp=exp.example", "192.0.2.1", "j&j@example.com", "fail",
         "j&j@example.com at 192.0.2.1 for mx.example.net: see http://x.example/?j%26j"},
	{"~all exp=exp.example", "192.0.2.1", NOTHING, "softfail"},
	{"-all exp=parts.example", "192.0.2.1", NOTHING, "fail", "glued together"},
	{"-all exp=%{l}.example", "192.0.2.1", "parts@example.com", "fail", "glued together"},
	{"-all exp=odd.example", "192.0.2.1", NOTHING, "fail"},
	{"-all exp=bell.example", "192.0.2.1", NOTHING, "fail"},
	{"-all exp=many.example", "192.0.2.1", NOTHING, "fail"},
	{"-all exp=bad.example", "192.0.2.1", NOTHING, "fail"},
	{"-all exp=empty.example", "192.0.2.1", NOTHING, "fail"},
	{"-all exp=void.example", "192.0.2.1", NOTHING, "fail"},
	{"-all exp=broken.example", "192.0.2.1", NOTHING, "fail"},
	{"-all exp=slow.example", "192.0.2.1", NOTHING, "fail"},
	{"-all exp=exp.example", "192.0.2.1", "caf\303\251@example.com", "fail"}, /* a reply is ASCII */
	{"-all exp=exp.example", "192.0.2.1", "a\r\nb@example.com", "fail"},
	{"-all exp=parts.example", "192.0.2.1", "x@la.example.org", "fail",
         "glued together"},                                                    /* of the redirect's record */
	{"-all exp=parts.example", "192.0.2.1", "x@both.example.org", "fail"}, /* an include's is not */
};

static void check_row(const struct row *row)
{
	char zone[8192], why[256];
	struct resolver *r;
	struct arena a;
	int before = test_failures;
	snprintf(zone, sizeof zone, "%sexample.com TXT \"v=spf1 %s\"\n", appendix_a, row->record);
	enum error e = resolver_new_table(slice_str(zone), &r, why);
	CHECK_ERROR(e, ERR_OK);
	if (e) {
		fprintf(stderr, "%s\n", why);
		return;
	}
	arena_init(&a, 1 << 20);
	struct slice sender = row->sender[0] ? slice_str(row->sender) : SLICE("strong-bad@example.com");
	struct spf_verdict v = check(&a, r, row->ip, sender, SLICE("caf\303\251"));
	CHECK(strcmp(auth_result_text(v.result), row->result) == 0);
	CHECK((v.explanation.p != NULL) == (row->explanation != NULL));
	CHECK(!row->explanation || slice_equal(v.explanation, slice_str(row->explanation)));
	CHECK(!row->mechanism || slice_equal(v.mechanism, slice_str(row->mechanism)));
	CHECK((v.problem != NULL) == (v.result == AUTH_temperror || v.result == AUTH_permerror));
	CHECK(!v.helo && v.lookups > 0);
	if (test_failures > before)
		fprintf(stderr, "... of \"%s\" for %s: %s (%s) \"%.*s\"\n", row->record, row->ip,
		        auth_result_text(v.result), v.problem ? v.problem : "", SLICE_ARG(v.explanation));
	arena_free(&a);
	resolver_free(r);
}

static void body_records(void *arg)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) check_row(&rows[i]);
}

/* ---- identities and record selection ---------------------------------------------------------------------------------------------------- */

static const char selection[] =
	"a.example TXT v=spf1 -all\nhelo.example TXT v=spf1 ip4:192.0.2.1 -all exp=exp.example\n"
	"exp.example TXT %{s} %{l} %{o} %{d} %{h}\n"
	"two.example TXT v=spf1 -all\ntwo.example TXT V=SPF1 +all\n"
	"other.example TXT v=spf10 x\nother.example TXT v=spf1 +all\nother.example TXT \\200\\000\n"
	"split.example TXT \"v=sp\" \"f1 \" \"+all\"\nnospace.example TXT \"v=spf1\" \"mx\"\n"
	"nul.example TXT \"v=spf1 a:x.example\\000 +all\"\n"
	"a123456789012345678901234567890123456789012345678901234567890.example TXT v=spf1 -all\n"
	"alias.example CNAME a.example\nloop.example CNAME loop.example\n"
	"xn--caf-dma.example TXT v=spf1 -all\n";

static void body_identities(void *arg)
{
	static const struct {
		const char *sender, *helo, *result, *domain, *explanation;
	} cases[] = {
		{"x@a.example", "helo.example", "fail", "a.example"},
		{"x@A.Example.", "helo.example", "fail", "a.example"},
		{"x@y@a.example", "", "fail", "a.example"},
		{"a.example", "", "fail", "a.example"},
		{"@a.example", "", "fail", "a.example"},
		{"@helo.example", "", "fail", "helo.example",
	         "postmaster@helo.example postmaster helo.example helo.example "},
		{"", "HELO.example", "fail", "helo.example",
	         "postmaster@HELO.example postmaster HELO.example HELO.example HELO.example"},
		{"", "helo.example.", "fail", "helo.example"},
		{"", "", "none", ""},
		{"", "helo", "none", ""},
		{"", "[192.0.2.2]", "none", ""},
		{"", "a..example", "none", ""},
		{"", "nowhere.example", "none", "nowhere.example"},
		{"x@", "helo.example", "none", ""},
		{"x@a..example", "", "none", ""},
		{"x@a.example..", "", "none", ""},
		{"x@.a.example", "", "none", ""},
		{"x@example", "", "none", ""},
		{"x@[192.0.2.2]", "", "none", ""},
		{"x@a1234567890123456789012345678901234567890123456789012345678901234.example", "", "none", ""},
		{"x@two.example", "", "permerror", "two.example"},
		{"x@other.example", "", "pass", "other.example"},
		{"x@split.example", "", "pass", "split.example"},
		{"x@nospace.example", "", "none", "nospace.example"},
		{"x@nul.example", "", "permerror", "nul.example"},
		{"x@alias.example", "", "fail", "alias.example"},
		{"x@loop.example", "", "temperror", "loop.example"},
		{"x@Caf\303\251.example", "", "fail", "xn--caf-dma.example"},
		{"x@\377.example", "", "none", "\377.example"},
	};
	char why[256];
	struct resolver *r;
	struct arena a;
	CHECK_ERROR(resolver_new_table(slice_str(selection), &r, why), ERR_OK);
	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int before = test_failures;
		struct spf_verdict v = check(&a, r, "192.0.2.2", slice_str(cases[i].sender), slice_str(cases[i].helo));
		CHECK(strcmp(auth_result_text(v.result), cases[i].result) == 0);
		CHECK(slice_equal(v.domain, slice_str(cases[i].domain)));
		CHECK(v.helo == (cases[i].sender[0] == '\0'));
		CHECK(!cases[i].explanation || slice_equal(v.explanation, slice_str(cases[i].explanation)));
		if (test_failures > before)
			fprintf(stderr, "... of <%s> from %s: %s %.*s \"%.*s\"\n", cases[i].sender, cases[i].helo,
			        auth_result_text(v.result), SLICE_ARG(v.domain), SLICE_ARG(v.explanation));
		arena_reset(&a);
	}
	arena_free(&a);
	resolver_free(r);
}

/* ---- limits (RFC 7208 4.6.4) and hostile DNS --------------------------------------------------------------------------------------------- */

struct zone {
	char *text;
	size_t n;
	FILE *file;
};

static void limits_zone(FILE *f)
{
	fprintf(f,
	        "ten.example TXT v=spf1 a a a a a a a a a a all\nten.example A 192.0.2.9\n"
	        "eleven.example TXT v=spf1 a a a a a a a a a a a all\neleven.example A 192.0.2.9\n"
	        "early.example TXT v=spf1 all a a a a a a a a a a a\n"
	        "void2.example TXT v=spf1 a:1.x a:2.x all\nvoid3.example TXT v=spf1 a:1.x a:2.x a:3.x all\n"
	        "void3mx.example TXT v=spf1 mx:m.example all\nm.example MX 1 1.x\nm.example MX 2 2.x\nm.example MX 3 "
	        "3.x\n"
	        "voidin.example TXT v=spf1 include:voids.example a:3.x all\nvoids.example TXT v=spf1 a:1.x a:2.x -all\n"
	        "voidexp.example TXT v=spf1 a:1.x a:2.x -all exp=3.x\n"
	        "redirect.example TXT v=spf1 redirect=redirect.example\n"
	        "include.example TXT v=spf1 include:include.example all\n"
	        "ping.example TXT v=spf1 include:pong.example\npong.example TXT v=spf1 redirect=ping.example\n"
	        "mx10.example TXT v=spf1 mx all\nmx11.example TXT v=spf1 mx all\n"
	        "ptr.example TXT v=spf1 ptr -all\n");
	for (int i = 0; i < 11; i++) {
		if (i < 10) fprintf(f, "mx10.example MX 10 h%d.example\n", i);
		fprintf(f, "mx11.example MX 10 h%d.example\nh%d.example A 192.0.2.77\n", i, i);
		fprintf(f, "88.2.0.192.in-addr.arpa PTR p%d.ptr.example\n", i);
	}
	fprintf(f, "p10.ptr.example A 192.0.2.88\n");
	for (int i = 0; i < 20; i++) fprintf(f, "c%d.example CNAME c%d.example\n", i, i + 1);
	fprintf(f, "c20.example TXT v=spf1 all\nchain.example TXT v=spf1 a:c0.example all\n");
	fprintf(f, "huge.example TXT \"v=spf1"); /* as much as the table holds */
	for (int i = 0; i < 12; i++)
		fprintf(f, "%.*s\" \"", 249,
		        "                                                  "
		        "                                                  "
		        "                                                  "
		        "                                                  "
		        "                                                  ");
	fprintf(f, " a:%%{d}\" \" all\"\nhuge.example A 192.0.2.9\n");
}

static void body_limits(void *arg)
{
	static const struct {
		const char *domain, *ip, *result;
		unsigned lookups;
	} cases[] = {
		{"ten.example", "192.0.2.1", "pass", 11},
		{"eleven.example", "192.0.2.1", "permerror", 11},
		{"early.example", "192.0.2.1", "pass", 1},
		{"void2.example", "192.0.2.1", "pass", 3},
		{"void3.example", "192.0.2.1", "permerror", 4},
		{"void3mx.example", "192.0.2.1", "pass", 5}, /* terms count, not questions */
		{"voidin.example", "192.0.2.1", "permerror", 5},
		{"voidexp.example", "192.0.2.1", "fail", 4},
		{"redirect.example", "192.0.2.1", "permerror", 11},
		{"include.example", "192.0.2.1", "permerror", 11},
		{"ping.example", "192.0.2.1", "permerror", 11},
		{"mx10.example", "192.0.2.1", "pass", 12},
		{"mx11.example", "192.0.2.77", "permerror", 2},
		{"ptr.example", "192.0.2.88", "fail", 12},
		{"chain.example", "192.0.2.1", "temperror", 2},
		{"c0.example", "192.0.2.1", "temperror", 1},
		{"huge.example", "192.0.2.9", "pass", 2},
	};
	struct zone z = {0};
	char why[256], sender[64];
	struct resolver *r;
	struct arena a;
	z.file = open_memstream(&z.text, &z.n);
	limits_zone(z.file);
	fclose(z.file);
	CHECK_ERROR(resolver_new_table(slice_of(z.text, z.n), &r, why), ERR_OK);
	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int before = test_failures;
		snprintf(sender, sizeof sender, "x@%s", cases[i].domain);
		struct spf_verdict v = check(&a, r, cases[i].ip, slice_str(sender), SLICE("helo.example"));
		CHECK(strcmp(auth_result_text(v.result), cases[i].result) == 0);
		CHECK(v.lookups == cases[i].lookups);
		if (test_failures > before)
			fprintf(stderr, "... of %s: %s (%s), %u questions\n", sender, auth_result_text(v.result),
			        v.problem ? v.problem : "", v.lookups);
		arena_reset(&a);
	}
	arena_free(&a);
	resolver_free(r);
	free(z.text);
}

static void body_no_memory(void *arg)
{
	static const char zone[] = "a.example TXT \"v=spf1 \" \"-all \" \"exp=e.example\"\ne.example TXT no\n";
	char why[256];
	struct resolver *r;
	CHECK_ERROR(resolver_new_table(slice_str(zone), &r, why), ERR_OK);
	for (size_t limit = 16; limit <= 16384; limit *= 2) {
		struct arena a;
		arena_init(&a, limit);
		struct spf_verdict v = check(&a, r, "192.0.2.1", SLICE("x@a.example"), SLICE("x"));
		CHECK(v.result == AUTH_fail || (v.result == AUTH_temperror && strcmp(v.problem, "out of memory") == 0));
		CHECK(limit != 16 || v.result == AUTH_temperror);
		CHECK(limit != 16384 || (v.result == AUTH_fail && v.explanation.n == 2));
		arena_free(&a);
	}
	resolver_free(r);
}

/* A sender and a HELO of a megabyte each cost next to nothing. */
static void body_endless_values(void *arg)
{
	size_t n = 1 << 20;
	char *big = malloc(n), why[256];
	struct resolver *r;
	struct arena a;
	memset(big, '.', n);
	memcpy(big + n - 10, "@a.example", 10);
	CHECK_ERROR(resolver_new_table(SLICE("a.example TXT v=spf1 a:%{l1r}.x exists:%{h}.x ~all\n"), &r, why), ERR_OK);
	arena_init(&a, 1 << 20);
	CHECK(check(&a, r, "192.0.2.1", slice_of(big, n), slice_of(big, n)).result == AUTH_softfail);
	CHECK(check(&a, r, "192.0.2.1", SLICE_EMPTY, slice_of(big, n)).result == AUTH_none);
	CHECK(check(&a, r, "192.0.2.1", slice_of(big, n - 10), SLICE_EMPTY).result == AUTH_none);
	arena_free(&a);
	resolver_free(r);
	free(big);
}

static void test_records(void **state)
{
	run_in_fiber(body_records, NULL);
}

static void test_identities(void **state)
{
	run_in_fiber(body_identities, NULL);
}

static void test_limits(void **state)
{
	run_in_fiber(body_limits, NULL);
}

static void test_no_memory(void **state)
{
	run_in_fiber(body_no_memory, NULL);
}

static void test_endless_values(void **state)
{
	run_in_fiber(body_endless_values, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records),   cmocka_unit_test(test_identities),     cmocka_unit_test(test_limits),
		cmocka_unit_test(test_no_memory), cmocka_unit_test(test_endless_values),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
