/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "mail/address.h"

#define X10  "xxxxxxxxxx"
#define X60  X10 X10 X10 X10 X10 X10
#define X63  X60 "xxx"
#define X64  X60 "xxxx"
#define D191 X63 "." X63 "." X63
#define X62_ X60 "xx" /* 62 + 1 + 191 + 2 = 256 */

enum { NULL_OK = 1, POSTMASTER_OK = 2, UTF8 = 4, TRICK = 8, LITERAL = 16, ROUTE = 32, IS_UTF8 = 64 };

/* Good paths: what stands on the wire, and what is made of it. */
static const struct {
	const char *name, *in;
	int flags;
	const char *text, *local, *domain, *rest;
} good[] = {
	{"ordinary", "<a@b.example>", 0, "a@b.example", "a", "b.example", ""},
	{"parameters follow", "<a@b> SIZE=1", 0, "a@b", "a", "b", " SIZE=1"},
	{"null", "<>", NULL_OK, "", "", "", ""},
	{"null with parameters", "<> BODY=7BIT", NULL_OK, "", "", "", " BODY=7BIT"},
	{"bare postmaster", "<PostMaster>", POSTMASTER_OK, "PostMaster", "PostMaster", "", ""},
	{"every atext", "<a!#$%&'*+-/=?^_`{|}~.9@b>", TRICK, "a!#$%&'*+-/=?^_`{|}~.9@b", "a!#$%&'*+-/=?^_`{|}~.9", "b",
         ""},
	{"quoted", "<\"a b\"@c>", 0, "\"a b\"@c", "a b", "c", ""},
	{"quoted without need", "<\"a.b\"@c>", 0, "a.b@c", "a.b", "c", ""},
	{"quoted pairs without need", "<\"\\a\\.b\"@c.>", 0, "a.b@c", "a.b", "c", ""},
	{"dots that need quotes", "<\"a..b\"@c>", 0, "\"a..b\"@c", "a..b", "c", ""},
	{"quoted angle bracket", "<\"a>b\"@c>", 0, "\"a>b\"@c", "a>b", "c", ""},
	{"quoted pair", "<\"a\\\"\\\\b\"@c>", 0, "\"a\\\"\\\\b\"@c", "a\"\\b", "c", ""},
	{"empty quoted", "<\"\"@c>", 0, "\"\"@c", "", "c", ""},
	{"quoted at sign", "<\"a@x\"@c>", TRICK, "\"a@x\"@c", "a@x", "c", ""},
	{"at sign by quoted pair", "<\"a\\@x\"@c>", TRICK, "\"a\\@x\"@c", "a@x", "c", ""},
	{"percent", "<a%x@c>", TRICK, "a%x@c", "a%x", "c", ""},
	{"bang", "<x!a@c>", TRICK, "x!a@c", "x!a", "c", ""},
	{"trailing dot", "<a@b.example.>", 0, "a@b.example", "a", "b.example", ""},
	{"underscore", "<a@b_c.example>", 0, "a@b_c.example", "a", "b_c.example", ""},
	{"IPv4 literal", "<a@[192.0.2.1]>", LITERAL, "a@[192.0.2.1]", "a", "[192.0.2.1]", ""},
	{"IPv6 literal", "<a@[IPv6:2001:db8::1]>", LITERAL, "a@[IPv6:2001:db8::1]", "a", "[IPv6:2001:db8::1]", ""},
	{"IPv6 literal, tag in lower case", "<a@[ipv6:::1]>", LITERAL, "a@[IPv6:::1]", "a", "[IPv6:::1]", ""},
	{"IPv6 literal, written at length", "<a@[IPv6:2001:DB8:0:0::1]>", LITERAL, "a@[IPv6:2001:db8::1]", "a",
         "[IPv6:2001:db8::1]", ""},
	{"upper case", "<Ann@B.Example.>", 0, "Ann@b.example", "Ann", "b.example", ""},
	{"upper case, quoted", "<\"Ann B\"@C.Example>", 0, "\"Ann B\"@c.example", "Ann B", "c.example", ""},
	{"upper case, quoted without need", "<\"Ann\"@C.Example>", 0, "Ann@c.example", "Ann", "c.example", ""},
	{"A-label in upper case", "<a@XN--Bcher-KVA.example>", 0, "a@xn--bcher-kva.example", "a",
         "xn--bcher-kva.example", ""},
	{"U-label",
         "<a@b\xC3\xBC"
         "cher.example> SIZE=1",
         UTF8 | IS_UTF8, "a@xn--bcher-kva.example", "a", "xn--bcher-kva.example", " SIZE=1"},
	{"U-label in upper case",
         "<a@B\xC3\x9C"
         "cher.example>",
         UTF8 | IS_UTF8, "a@xn--bcher-kva.example", "a", "xn--bcher-kva.example", ""},
	{"U-label, decomposed",
         "<a@bu\xCC\x88"
         "cher.example>",
         UTF8 | IS_UTF8, "a@xn--bcher-kva.example", "a", "xn--bcher-kva.example", ""},
	{"ideographic full stop",
         "<a@b\xC3\xBC"
         "cher\xE3\x80\x82"
         "example>",
         UTF8 | IS_UTF8, "a@xn--bcher-kva.example", "a", "xn--bcher-kva.example", ""},
	{"what IDNA forbids", "<a@x\xE2\x98\x83.\xE2\x80\xAE.Example>", UTF8 | IS_UTF8,
         "a@x\xE2\x98\x83.\xE2\x80\xAE.Example", "a", "x\xE2\x98\x83.\xE2\x80\xAE.Example", ""},
	{"IPv6 literal of an IPv4 address", "<a@[IPv6:::ffff:192.0.2.1]>", LITERAL, "a@[192.0.2.1]", "a", "[192.0.2.1]",
         ""},
	{"source route", "<@a.example,@b.example:c@d>", ROUTE, "c@d", "c", "d", ""},
	{"source route to a quoted local part", "<@a:\"c:d\"@e>", ROUTE, "\"c:d\"@e", "c:d", "e", ""},
	{"UTF-8 everywhere", "<j\xC3\xB8rn@d\xC3\xB8me.example>", UTF8 | IS_UTF8, "j\xC3\xB8rn@xn--dme-0na.example",
         "j\xC3\xB8rn", "xn--dme-0na.example", ""},
	{"UTF-8 quoted", "<\"\xE2\x82\xAC x\"@d>", UTF8 | IS_UTF8, "\"\xE2\x82\xAC x\"@d", "\xE2\x82\xAC x", "d", ""},
	{"SMTPUTF8 offered, ASCII used", "<a@b>", UTF8, "a@b", "a", "b", ""},
	{"local part of 64", "<" X64 "@b>", 0, X64 "@b", X64, "b", ""},
	{"local part of 255", "<" X64 X64 X64 X63 "@b>", 0, X64 X64 X64 X63 "@b", X64 X64 X64 X63, "b", ""},
	{"path of 256", "<" X62_ "@" D191 ">", 0, X62_ "@" D191, X62_, D191, ""},
	{"digits only", "<1@2>", 0, "1@2", "1", "2", ""},
};

static void test_good(void **state)
{
	struct arena a;
	arena_init(&a, 65536);
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		struct address out;
		struct slice rest;
		int flags = good[i].flags;
		enum address_error e = address_parse_path(&a, slice_str(good[i].in), flags & NULL_OK,
		                                          flags & POSTMASTER_OK, flags & UTF8, &out, &rest);
		if (e != ADDRESS_OK) fail_msg("%s: %s", good[i].name, address_error_text(e));
		bool same = slice_equal(out.text, slice_str(good[i].text)) &&
		            slice_equal(out.local, slice_str(good[i].local)) &&
		            slice_equal(out.domain, slice_str(good[i].domain)) &&
		            slice_equal(rest, slice_str(good[i].rest));
		if (!same) fail_msg("%s: [%.*s] [%.*s]", good[i].name, SLICE_ARG(out.text), SLICE_ARG(out.local));
		if (out.null != ((flags & NULL_OK) != 0) || out.literal != ((flags & LITERAL) != 0) ||
		    out.had_route != ((flags & ROUTE) != 0) || out.utf8 != ((flags & IS_UTF8) != 0) ||
		    address_is_relay_trick(&out) != ((flags & TRICK) != 0))
			fail_msg("%s: flags", good[i].name);
	}
	arena_free(&a);
}

static const struct {
	const char *name, *in;
	int flags;
	enum address_error error;
} bad[] = {
	{"empty", "", 0, ADDRESS_SYNTAX},
	{"no brackets", "a@b", 0, ADDRESS_SYNTAX},
	{"no end", "<a@b", 0, ADDRESS_SYNTAX},
	{"no end of a quoted local part", "<\"a@b>", 0, ADDRESS_SYNTAX},
	{"backslash at the end", "<\"a\\", 0, ADDRESS_SYNTAX},
	{"null where none may be", "<>", 0, ADDRESS_SYNTAX},
	{"no domain", "<a>", 0, ADDRESS_SYNTAX},
	{"postmaster where he needs a domain", "<postmaster>", 0, ADDRESS_SYNTAX},
	{"quoted bare postmaster", "<\"postmaster\">", POSTMASTER_OK, ADDRESS_SYNTAX},
	{"another bare name", "<abuse>", POSTMASTER_OK, ADDRESS_SYNTAX},
	{"routed bare postmaster", "<@a:postmaster>", POSTMASTER_OK, ADDRESS_SYNTAX},
	{"no local part", "<@b>", 0, ADDRESS_SYNTAX},
	{"leading dot", "<.a@b>", 0, ADDRESS_SYNTAX},
	{"trailing dot in the local part", "<a.@b>", 0, ADDRESS_SYNTAX},
	{"double dot", "<a..b@c>", 0, ADDRESS_SYNTAX},
	{"blank in the local part", "<a b@c>", 0, ADDRESS_SYNTAX},
	{"blank before", "< a@b>", 0, ADDRESS_SYNTAX},
	{"second at sign", "<a@b@c>", 0, ADDRESS_BAD_DOMAIN},
	{"angle bracket inside", "<<a@b>", 0, ADDRESS_SYNTAX},
	{"text after the quoted string", "<\"a\"b@c>", 0, ADDRESS_SYNTAX},
	{"control character", "<a\x01@b>", 0, ADDRESS_SYNTAX},
	{"control character quoted", "<\"a\x01\"@b>", 0, ADDRESS_SYNTAX},
	{"DEL quoted", "<\"a\x7F\"@b>", 0, ADDRESS_SYNTAX},
	{"empty domain", "<a@>", 0, ADDRESS_BAD_DOMAIN},
	{"only a dot", "<a@.>", 0, ADDRESS_BAD_DOMAIN},
	{"two trailing dots", "<a@b..>", 0, ADDRESS_BAD_DOMAIN},
	{"empty label", "<a@b..c>", 0, ADDRESS_BAD_DOMAIN},
	{"leading hyphen", "<a@-b>", 0, ADDRESS_BAD_DOMAIN},
	{"trailing hyphen", "<a@b-.c>", 0, ADDRESS_BAD_DOMAIN},
	{"blank in the domain", "<a@b >", 0, ADDRESS_BAD_DOMAIN},
	{"slash in the domain", "<a@b/c>", 0, ADDRESS_BAD_DOMAIN},
	{"label of 64", "<a@" X64 ">", 0, ADDRESS_BAD_DOMAIN},
	{"literal without bracket", "<a@[192.0.2.1>", 0, ADDRESS_BAD_LITERAL},
	{"literal of a short form", "<a@[192.0.2]>", 0, ADDRESS_BAD_LITERAL},
	{"literal with a blank", "<a@[ 192.0.2.1]>", 0, ADDRESS_BAD_LITERAL},
	{"IPv6 without the tag", "<a@[2001:db8::1]>", 0, ADDRESS_BAD_LITERAL},
	{"tag before IPv4", "<a@[IPv6:192.0.2.1]>", 0, ADDRESS_BAD_LITERAL},
	{"general literal", "<a@[x400:foo]>", 0, ADDRESS_BAD_LITERAL},
	{"IPv6 zone", "<a@[IPv6:fe80::1%eth0]>", 0, ADDRESS_BAD_LITERAL},
	{"empty literal", "<a@[]>", 0, ADDRESS_BAD_LITERAL},
	{"text after the literal", "<a@[192.0.2.1]b>", 0, ADDRESS_SYNTAX},
	{"route without colon", "<@a,@b>", 0, ADDRESS_SYNTAX},
	{"route with a bad domain", "<@a..b:c@d>", 0, ADDRESS_BAD_DOMAIN},
	{"route with an empty hop", "<@a,:c@d>", 0, ADDRESS_SYNTAX},
	{"route without mailbox", "<@a:>", NULL_OK, ADDRESS_SYNTAX},
	{"UTF-8 not offered", "<\xC3\xB8@b>", 0, ADDRESS_NEEDS_SMTPUTF8},
	{"UTF-8 domain not offered", "<a@\xC3\xB8>", 0, ADDRESS_NEEDS_SMTPUTF8},
	{"latin-1", "<\xF8@b>", UTF8, ADDRESS_BAD_UTF8},
	{"latin-1 domain", "<a@\xF8>", UTF8, ADDRESS_BAD_UTF8},
	{"local part of 256", "<" X64 X64 X64 X64 "@b>", 0, ADDRESS_LOCAL_TOO_LONG},
	{"domain of 256", "<a@" D191 "." X64 ">", 0, ADDRESS_DOMAIN_TOO_LONG},
	{"path of 515 with a route", "<@" D191 ":" X64 X64 X63 "xxxx@" D191 ">", 0, ADDRESS_PATH_TOO_LONG},
};

static void test_bad(void **state)
{
	struct arena a;
	arena_init(&a, 65536);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct address out;
		struct slice rest;
		int flags = bad[i].flags;
		enum address_error e = address_parse_path(&a, slice_str(bad[i].in), flags & NULL_OK,
		                                          flags & POSTMASTER_OK, flags & UTF8, &out, &rest);
		if (e != bad[i].error) fail_msg("%s: %s", bad[i].name, address_error_text(e));
	}
	arena_free(&a);
}

static void test_without_brackets(void **state)
{
	struct arena a;
	struct address out;
	arena_init(&a, 65536);
	assert_int_equal(address_parse(&a, SLICE("PostMaster@Example.org."), false, &out), ADDRESS_OK);
	assert_true(slice_equal(out.text, SLICE("PostMaster@example.org")));
	assert_true(address_is_postmaster(&out));
	assert_int_equal(address_parse(&a, SLICE("a@b>"), false, &out), ADDRESS_SYNTAX);
	assert_int_equal(address_parse(&a, SLICE("a@b c"), false, &out), ADDRESS_BAD_DOMAIN);
	assert_int_equal(address_parse(&a, SLICE("postmaster"), false, &out), ADDRESS_SYNTAX);
	assert_int_equal(address_parse(&a, SLICE("\"post\\master\"@b"), false, &out), ADDRESS_OK);
	assert_true(address_is_postmaster(&out));
	arena_free(&a);
}

static void test_no_memory(void **state)
{
	struct arena a;
	struct address out;
	struct slice rest;
	arena_init(&a, 1);
	assert_int_equal(address_parse_path(&a, SLICE("<\"a\\b\"@c>"), false, false, false, &out, &rest),
	                 ADDRESS_NO_MEMORY);
	assert_null(domain_canonical(&a, SLICE("example.org")).p);
	arena_free(&a);
}

static void test_domain_canonical(void **state)
{
	static const struct {
		const char *in, *out; /* NULL: cannot be */
	} rows[] = {
		{"Example.ORG", "example.org"},
		{"example.org.", "example.org"},
		{"d\xC3\xB8me.example", "xn--dme-0na.example"},
		{"D\xC3\x98ME.EXAMPLE", "xn--dme-0na.example"},
		{"XN--DME-0NA.example", "xn--dme-0na.example"},
		{"stra\xC3\x9F"
	         "e.example",
	         "xn--strae-oqa.example"}, /* non-transitional */
		{"a\xE3\x80\x82"
	         "b\xC3\xB8",
	         "a.xn--b-5ga"},                                 /* ideographic full stop */
		{"\xEF\xBC\xA0.example", NULL},                  /* full-width @ */
		{"\xEF\xBD\x81\xEF\xBC\x8E\xEF\xBD\x82", "a.b"}, /* full-width a.b */
		{"", NULL},
		{".", NULL},
		{"a..b", NULL},
		{"[192.0.2.1]", NULL},
		{"a b", NULL},
		{"\xF8", NULL},
		{"_dmarc.example", "_dmarc.example"},
	};
	struct arena a;
	arena_init(&a, 65536);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct slice out = domain_canonical(&a, slice_str(rows[i].in));
		bool right = rows[i].out ? out.p && slice_equal(out, slice_str(rows[i].out)) : out.p == NULL;
		if (!right) fail_msg("%s: %.*s", rows[i].in, SLICE_ARG(out));
	}
	arena_free(&a);
}

static void test_domain_display(void **state)
{
	struct arena a;
	arena_init(&a, 4096);
	assert_true(
		slice_equal(domain_display(&a, SLICE("www.xn--dme-0na.example")), SLICE("www.d\xC3\xB8me.example")));
	assert_true(slice_equal(domain_display(&a, SLICE("example.org")), SLICE("example.org")));
	assert_null(domain_display(&a, SLICE("xn--0.example")).p);
	arena_free(&a);
	arena_init(&a, 1);
	assert_null(domain_display(&a, SLICE("example.org")).p);
	arena_free(&a);
}

static void test_domain_within(void **state)
{
	assert_true(domain_within(SLICE("example.org"), SLICE("example.org")));
	assert_true(domain_within(SLICE("a.example.org"), SLICE("example.org")));
	assert_false(domain_within(SLICE("badexample.org"), SLICE("example.org")));
	assert_false(domain_within(SLICE("org"), SLICE("example.org")));
	assert_false(domain_within(SLICE("example.org"), SLICE("")));
}

static void test_domain_of(void **state)
{
	assert_true(slice_equal(address_domain(SLICE("joe@example.org")), SLICE("example.org")));
	assert_true(slice_equal(address_domain(SLICE("\"a@b\"@example.org")), SLICE("example.org")));
	assert_int_equal(address_domain(SLICE("joe@")).n, 0);
	assert_int_equal(address_domain(SLICE("joe")).n, 0);
	assert_int_equal(address_domain(SLICE("")).n, 0);
}

static const struct in_text {
	const char *text, *found;
} in_texts[] = {
	{"", ""},
	{"@", ""},
	{"no user joe @ home", ""},
	{"joe@ example.org", ""},
	{"joe@.", ""},
	{"'@x", ""},
	{"joe@example.org", "joe@example.org "},
	{"<joe@example.org>: no such user. Ask ann@example.net.", "joe@example.org ann@example.net "},
	{"'joe@example.org' and o'brien@example.org", "joe@example.org o'brien@example.org "},
	{"a@b@c", "a@b "},
	{"Joe <joe@example.org (x@y", "joe@example.org x@y "},
	{"(joe@example.org;ann@example.net,)", "joe@example.org ann@example.net "},
	{"@@@a@b", "a@b "},
};

static void test_in_text(void **state)
{
	for (size_t i = 0; i < sizeof in_texts / sizeof *in_texts; i++) {
		struct slice text = slice_str(in_texts[i].text), found;
		char all[256] = "";
		while (address_in_text(&text, &found))
			snprintf(all + strlen(all), sizeof all - strlen(all), "%.*s ", SLICE_ARG(found));
		if (strcmp(all, in_texts[i].found) != 0) fail_msg("%s: %s", in_texts[i].text, all);
		assert_int_equal(text.n, 0);
	}
}

static void test_every_error_has_a_text(void **state)
{
	for (int e = ADDRESS_OK; e <= ADDRESS_NO_MEMORY; e++)
		assert_string_not_equal(address_error_text((enum address_error)e), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_without_brackets),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_domain_canonical),
		cmocka_unit_test(test_domain_display),
		cmocka_unit_test(test_domain_within),
		cmocka_unit_test(test_domain_of),
		cmocka_unit_test(test_in_text),
		cmocka_unit_test(test_every_error_has_a_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
