/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "auth/authres.h"

static struct dkim_signature signatures[] = {
	{.result = AUTH_pass,
         .domain = {"example.net", 11},
         .selector = {"s1", 2},
         .identity = {"@example.net", 12},
         .signature = {"dBkCFM9h", 8}},
	{.result = AUTH_fail,
         .domain = {"lists.example.org", 17},
         .selector = {"very-long-selector-of-a-mailing-list", 36},
         .identity = {"joe@sub.lists.example.org", 25},
         .signature = {"a/b+cdef", 8},
         .problem = "the body hash does not match"},
};

static void expect(const struct authres *r, const char *field)
{
	struct arena a;
	arena_init(&a, 65536);
	struct slice got = authres_field(&a, SLICE("mx.example.net"), r);
	if (!slice_equal(got, slice_str(field))) fail_msg("%.*s", SLICE_ARG(got));
	arena_free(&a);
}

static void test_everything(void **state)
{
	struct spf_verdict spf = {.result = AUTH_softfail};
	struct dkim_verdict dkim = {.result = AUTH_pass, .signatures = signatures, .count = 2};
	struct dmarc_verdict dmarc = {.result = AUTH_fail,
	                              .policy = DMARC_POLICY_REJECT,
	                              .disposition = DMARC_POLICY_QUARANTINE};
	struct arc_verdict arc = {.result = AUTH_pass, .oldest_pass = 2};
	struct authres r = {.spf = &spf,
	                    .mail_from = SLICE("joe@example.net"),
	                    .helo = SLICE("out.example.net"),
	                    .dkim = &dkim,
	                    .dmarc = &dmarc,
	                    .from_domain = SLICE("example.com"),
	                    .arc = &arc};
	expect(&r, "Authentication-Results: mx.example.net; spf=softfail smtp.mailfrom=joe@example.net;\r\n"
	           "\tdkim=pass header.d=example.net header.s=s1 header.b=dBkCFM9h;\r\n"
	           "\tdkim=fail reason=\"the body hash does not match\" header.d=lists.example.org\r\n"
	           "\theader.i=joe@sub.lists.example.org\r\n"
	           "\theader.s=very-long-selector-of-a-mailing-list header.b=\"a/b+cdef\";\r\n"
	           "\tdmarc=fail (p=reject dis=quarantine) header.from=example.com\r\n"
	           "\tpolicy.dmarc=quarantine;\r\n"
	           "\tarc=pass header.oldest-pass=2\r\n");
}

static void test_little(void **state)
{
	struct spf_verdict helo = {.result = AUTH_permerror, .helo = true, .problem = "two records"};
	struct dkim_verdict unsigned_ = {.result = AUTH_none};
	struct dmarc_verdict no_policy = {.result = AUTH_none};
	struct arc_verdict broken = {.result = AUTH_fail, .problem = "an instance is missing"};
	struct authres nothing = {0};
	struct authres r = {.spf = &helo,
	                    .helo = SLICE("[192.0.2.1]"),
	                    .dkim = &unsigned_,
	                    .dmarc = &no_policy,
	                    .arc = &broken};
	expect(&nothing, "Authentication-Results: mx.example.net; none\r\n");
	expect(&r, "Authentication-Results: mx.example.net; spf=permerror reason=\"two records\" "
	           "smtp.helo=\"[192.0.2.1]\";\r\n"
	           "\tdkim=none;\r\n"
	           "\tdmarc=none;\r\n"
	           "\tarc=fail reason=\"an instance is missing\"\r\n");
}

/* What a stranger sends as MAIL FROM, and how it is written. */
static const struct {
	const char *name, *in, *out;
	bool utf8;
} values[] = {
	{"address", "joe@example.net", "joe@example.net"},
	{"domain", "example.net", "example.net"},
	{"plus and equals", "prvs=1234=joe@example.net", "\"prvs=1234=joe@example.net\""},
	{"quotes", "\"a b\\\"c\"@d", "\"\\\"a b\\\\\\\"c\\\"@d\""},
	{"a field of his own", "a\r\nDKIM-Signature: x@b", "\"a  DKIM-Signature: x@b\""},
	{"a result of his own", "a; dkim=pass@b", "\"a; dkim=pass@b\""},
	{"comment", "a(b@c", "\"a(b@c\""},
	{"control characters", "a\x01\x7f@b", "\"a??@b\""},
	{"UTF-8 in an ordinary message", "j\xC3\xB8@b", "\"j?@b\""},
	{"UTF-8 in an internationalized one", "j\xC3\xB8@b", "\"j\xC3\xB8@b\"", true},
	{"at sign alone", "@", "\"@\""},
};

static void test_values(void **state)
{
	struct arena a;
	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		struct spf_verdict spf = {.result = AUTH_none};
		struct authres r = {.spf = &spf, .mail_from = slice_str(values[i].in), .utf8 = values[i].utf8};
		struct slice got = authres_results(&a, &r);
		struct slice want = arena_printf(&a, " spf=none smtp.mailfrom=%s", values[i].out);
		if (!slice_equal(got, want)) fail_msg("%s: %.*s", values[i].name, SLICE_ARG(got));
	}
	arena_free(&a);
}

static void test_no_memory(void **state)
{
	struct arena a;
	struct spf_verdict spf = {.result = AUTH_none};
	struct authres r = {.spf = &spf, .mail_from = SLICE("a b@c")};
	for (size_t limit = 1; limit < 512; limit += 50) {
		arena_init(&a, limit);
		assert_null(authres_field(&a, SLICE("mx.example.net"), &r).p);
		arena_free(&a);
	}
}

static const struct {
	const char *name, *field;
	bool claims;
} fields[] = {
	{"ours", "Authentication-Results: mx.example.net; none", true},
	{"any case", "AUTHENTICATION-results: MX.Example.NET;spf=pass smtp.mailfrom=x", true},
	{"blank before the colon", "Authentication-Results : mx.example.net; none", true},
	{"version", "Authentication-Results: mx.example.net 1; none", true},
	{"another version", "Authentication-Results: mx.example.net 99 ; none", true},
	{"comments", "Authentication-Results: (a (nested \\) one)) mx.example.net (b) 1 (c); none", true},
	{"folded", "Authentication-Results:\r\n\t mx.example.net\r\n ; none", true},
	{"quoted", "Authentication-Results: \"mx.example.net\"; none", true},
	{"quoted pairs", "Authentication-Results: \"m\\x.example.n\\et\"; none", true},
	{"final dot", "Authentication-Results: mx.example.net.; none", true},
	{"nothing behind", "Authentication-Results: mx.example.net", true},
	{"another's", "Authentication-Results: mx.example.org; spf=pass smtp.mailfrom=mx.example.net", false},
	{"another's, ours in a comment", "Authentication-Results: mx.example.org (mx.example.net); none", false},
	{"longer", "Authentication-Results: mx.example.net.evil.test; none", false},
	{"shorter", "Authentication-Results: mx.example; none", false},
	{"another's, quoted", "Authentication-Results: \"mx.example.netx\"; none", false},
	{"another field", "X-Authentication-Results: mx.example.net; none", false},
	{"ARC's", "ARC-Authentication-Results: i=1; mx.example.net; none", false},
	{"no identity", "Authentication-Results: ; none", true},
	{"empty", "Authentication-Results:", true},
	{"old form without identity", "Authentication-Results: spf=pass smtp.mailfrom=x", true},
	{"two words", "Authentication-Results: example.org mx.example.net; none", true},
	{"no end of a comment", "Authentication-Results: (mx.example.org; none", true},
	{"no end of a quoted string", "Authentication-Results: \"mx.example.org; none", true},
	{"strange octets", "Authentication-Results: mx/example.org; none", true},
};

static void test_claims(void **state)
{
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		struct header_iterator it;
		struct header_field f;
		header_begin(&it, slice_str(fields[i].field));
		assert_true(header_next(&it, &f));
		if (authres_claims(&f, SLICE("mx.example.net")) != fields[i].claims) fail_msg("%s", fields[i].name);
	}
}

struct reading {
	struct arena *arena;
	struct slice text;
};

static bool note(void *arg, struct slice method, struct slice result, struct slice properties)
{
	struct reading *r = arg;
	r->text = arena_printf(r->arena, "%.*s%.*s:%.*s:%.*s|", SLICE_ARG(r->text), SLICE_ARG(method),
	                       SLICE_ARG(result), SLICE_ARG(properties));
	return !slice_equal(method, SLICE("stop"));
}

static const struct {
	const char *name, *value, *read;
	bool fails;
} readings[] = {
	{"RFC 8601 B.2, nothing", " example.org 1; none", ""},
	{"RFC 8601 B.3", " example.com;\r\n spf=pass smtp.mailfrom=example.net", "spf:pass:smtp.mailfrom=example.net|"},
	{"RFC 8601 B.4",
         " example.com;\r\n auth=pass (cram-md5) smtp.auth=sender@example.net;\r\n spf=fail smtp.mailfrom=example.net",
         "auth:pass:(cram-md5) smtp.auth=sender@example.net|spf:fail:smtp.mailfrom=example.net|"},
	{"RFC 8601 B.7, comments everywhere",
         " foo.example.net (foobar) 1 (baz);\r\n dkim (Because I like it) / 1 (One yay) = (wait for it) fail\r\n"
         " policy (A dot can go here) . (like that) expired\r\n (this surprised me) = (as I wasn't expecting it) "
         "1362471462",
         "dkim:fail:policy (A dot can go here) . (like that) expired\r\n (this surprised me) = (as I wasn't expecting "
         "it) "
         "1362471462|"},
	{"ARC's", " i=1; lists.example.org;\r\n spf=pass smtp.mfrom=x;\r\n dkim=pass",
         "spf:pass:smtp.mfrom=x|dkim:pass:|"},
	{"a semicolon in quotes", "a; dkim=fail reason=\"x; y\"; spf=pass", "dkim:fail:reason=\"x; y\"|spf:pass:|"},
	{"a semicolon in a comment", "a; dkim=fail (x; y); spf=pass", "dkim:fail:(x; y)|spf:pass:|"},
	{"a semicolon at the end", "a; spf=pass;", "spf:pass:|"},
	{"stopped", "a; stop=pass; spf=pass", "stop:pass:|"},
	{"no identity", "; spf=pass", "", true},
	{"no result", "a; spf=", "", true},
	{"no method", "a; =pass", "", true},
	{"no equals sign", "a; spf pass", "", true},
	{"no end of a quote", "a; dkim=pass; spf=pass x=\"y", "dkim:pass:|", true},
};

static void test_each(void **state)
{
	struct arena a;
	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < sizeof readings / sizeof *readings; i++) {
		struct reading r = {.arena = &a, .text = SLICE_EMPTY};
		bool ok = authres_each(slice_str(readings[i].value), note, &r);
		if (ok == readings[i].fails || !slice_equal(r.text, slice_str(readings[i].read)))
			fail_msg("%s: %.*s", readings[i].name, SLICE_ARG(r.text));
	}
	arena_free(&a);
}

static const struct {
	const char *value;
	unsigned instance; /* 0: none */
} instances[] = {
	{" i=1; example.org; none", 1},
	{"i=50;example.org", 50},
	{"\r\n (one) i (two) = (three)\r\n 7 (four) ; example.org", 7},
	{"i=4294967295; x", 4294967295U},
	{"i=0; x", 0},
	{"i=; x", 0},
	{"i=a; x", 0},
	{"i=1", 0},
	{"i=1 example.org", 0},
	{"i=4294967296; x", 0},
	{"I=1; x", 0},
	{"example.org; i=1; x", 0},
	{"(i=1; x", 0},
	{"", 0},
};

static void test_instances(void **state)
{
	for (size_t i = 0; i < sizeof instances / sizeof *instances; i++) {
		unsigned got = 0;
		bool found = authres_instance(slice_str(instances[i].value), &got);
		if (got != instances[i].instance || (got > 0 && !found)) fail_msg("%s: %u", instances[i].value, got);
	}
}

static void test_merge(void **state)
{
	struct arena a;
	arena_init(&a, 65536);
	struct slice header =
		SLICE("Authentication-Results: lists.example.org 1; arc=none\r\n"
	              "Authentication-Results: LISTS.example.org;\n  spf=pass\n\t smtp.mfrom=x (a\n b)\n"
	              "Authentication-Results: nobody.example.org; something=ignored\r\n"
	              "Authentication-Results: lists.example.org; dkim/1=fail reason=\"x; y\"; arc=none\r\n"
	              "Authentication-Results: (broken\r\n"
	              "Authentication-Results: lists.example.org; none\r\n\r\n"
	              "Authentication-Results: lists.example.org; body=ignored\r\n");
	struct slice merged = authres_merge(&a, header, SLICE("lists.example.org"));
	if (!slice_equal(merged, SLICE(" arc=none;\r\n\tspf=pass smtp.mfrom=x (a b);\r\n\tdkim=fail reason=\"x; y\"")))
		fail_msg("%.*s", SLICE_ARG(merged));
	assert_int_equal(authres_merge(&a, header, SLICE("mx.example.net")).n, 0);
	merged = authres_merge(&a,
	                       SLICE("Authentication-Results: a; x=y (\xff\0\x01 )\nAuthentication-Results: a; x=y "
	                             "(\xC3\xB8)"),
	                       SLICE("a"));
	assert_true(slice_equal(merged, SLICE(" x=y (??? );\r\n\tx=y (\xC3\xB8)")));
	arena_free(&a);
	arena_init(&a, 8);
	assert_null(authres_merge(&a, header, SLICE("lists.example.org")).p);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everything), cmocka_unit_test(test_little), cmocka_unit_test(test_values),
		cmocka_unit_test(test_no_memory),  cmocka_unit_test(test_claims), cmocka_unit_test(test_each),
		cmocka_unit_test(test_instances),  cmocka_unit_test(test_merge),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
