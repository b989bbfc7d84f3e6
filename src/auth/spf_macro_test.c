/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "auth/spf_macro.h"

/* RFC 7208 7.4 */
static struct spf_macros values(const char *ip)
{
	struct spf_macros m = {
		.sender = SLICE("strong-bad@email.example.com"),
		.local = SLICE("strong-bad"),
		.sender_domain = SLICE("email.example.com"),
		.domain = SLICE("email.example.com"),
		.helo = SLICE("mx.example.org"),
		.receiver = SLICE("mx.example.net"),
		.now = 1234567890,
	};
	assert_true(ip_parse(slice_str(ip), &m.client));
	return m;
}

static void check_domain(const char *ip, const char *spec, const char *expected)
{
	struct spf_macros m = values(ip);
	struct spf_name name;
	bool ok = spf_macro_domain(&m, slice_str(spec), &name);
	if (ok != (expected != NULL)) fail_msg("%s", spec);
	if (ok && !slice_equal_nocase(slice_of(name.octets, name.n), slice_str(expected)))
		fail_msg("%s is %.*s, not %s", spec, name.n, name.octets, expected);
}

static void test_examples_of_the_rfc(void **state)
{
	static const struct {
		const char *ip, *spec, *expected;
	} cases[] = {
		{"192.0.2.3", "%{s}", "strong-bad@email.example.com"},
		{"192.0.2.3", "%{o}", "email.example.com"},
		{"192.0.2.3", "%{d}", "email.example.com"},
		{"192.0.2.3", "%{d4}", "email.example.com"},
		{"192.0.2.3", "%{d3}", "email.example.com"},
		{"192.0.2.3", "%{d2}", "example.com"},
		{"192.0.2.3", "%{d1}", "com"},
		{"192.0.2.3", "%{dr}", "com.example.email"},
		{"192.0.2.3", "%{d2r}", "example.email"},
		{"192.0.2.3", "%{l}", "strong-bad"},
		{"192.0.2.3", "%{l-}", "strong.bad"},
		{"192.0.2.3", "%{lr}", "strong-bad"},
		{"192.0.2.3", "%{lr-}", "bad.strong"},
		{"192.0.2.3", "%{l1r-}", "strong"},
		{"192.0.2.3", "%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"},
		{"192.0.2.3", "%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"},
		{"192.0.2.3", "%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"},
		{"192.0.2.3", "%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}", "3.2.0.192.in-addr.strong.lp._spf.example.com"},
		{"192.0.2.3", "%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"},
		{"2001:db8::cb01", "%{ir}.%{v}._spf.%{d2}",
	         "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6._spf.example.com"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		check_domain(cases[i].ip, cases[i].spec, cases[i].expected);
}

static void test_names(void **state)
{
	static const struct {
		const char *spec, *expected;
	} cases[] = {
		{"x.example.", "x.example"},
		{"%%.%_.%-.x.example", "%. .%20.x.example"},
		{"%{H}.x.example", "mx.example.org.x.example"},
		{"%{S}.x.example", "strong-bad%40email.example.com.x.example"},
		{"%{p}.x.example", "unknown.x.example"},
		{"%{d99999999999999999999}", "email.example.com"},
		{"%{s+-@}", NULL}, /* "@" is no delimiter */
		{"%{o.-}", "email.example.com"},
		{"a..example", NULL},
		{".example.com", NULL},
		{"x.example..", NULL},
		{"a1234567890123456789012345678901234567890123456789012345678901234.example", NULL},
		{"a12345678901234567890123456789012345678901234567890123456789012.example",
	         "a12345678901234567890123456789012345678901234567890123456789012.example"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		check_domain("192.0.2.3", cases[i].spec, cases[i].expected);
}

/* RFC 7208 7.3: labels go from the left until 253 octets are left. */
static void test_shortened(void **state)
{
	char label[130], spec[2048];
	for (unsigned labels = 2; labels < 30; labels++) {
		size_t n = 0;
		for (unsigned i = 0; i < labels; i++)
			n += (size_t)snprintf(spec + n, sizeof spec - n, "%02u%0*d.", i, 61, 0);
		snprintf(spec + n, sizeof spec - n, "example");
		const char *from = spec;
		while (strlen(from) > 253) from = strchr(from, '.') + 1;
		char *expected = strdup(from);
		check_domain("192.0.2.3", spec, expected);
		strcat(spec, ".");
		check_domain("192.0.2.3", spec, expected);
		free(expected);
	}
	for (size_t n = 230; n < 260; n++) { /* around the limit */
		memset(label, 'x', sizeof label);
		snprintf(spec, sizeof spec, "%.*s.%.60s.%.60s.%.60s.example", (int)(n - 191), label, label, label,
		         label);
		const char *from = strlen(spec) > 253 ? strchr(spec, '.') + 1 : spec;
		if (n - 191 <= 63) check_domain("192.0.2.3", spec, from);
	}
}

static void test_explanations(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{"", ""},
		{"This is a test.", "This is a test."},
		{"%{c} is %{i}, %{v}",
	         "2001:db8::cb01 is 2.0.0.1.0.D.B.8.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.C.B.0.1, ip6"},
		{"%{r} at %{t}", "mx.example.net at 1234567890"},
		{"http://x.example/?%{S}%-%{L}%%", "http://x.example/?strong-bad%40email.example.com%20strong-bad%"},
		{"%{p}%_!", "unknown !"},
	};
	struct spf_macros m = values("2001:db8::cb01");
	char out[200];
	size_t n;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_true(spf_macro_check(slice_str(cases[i].text), SPF_EXPLAIN));
		assert_true(spf_macro_explain(&m, slice_str(cases[i].text), out, sizeof out, &n));
		if (!slice_equal(slice_of(out, n), slice_str(cases[i].expected)))
			fail_msg("%s: %.*s", cases[i].text, (int)n, out);
	}
	m.receiver = SLICE_EMPTY;
	assert_true(spf_macro_explain(&m, SLICE("%{r}"), out, sizeof out, &n));
	assert_true(slice_equal(slice_of(out, n), SLICE("unknown")));
	assert_true(spf_macro_explain(&m, SLICE("12345"), out, 5, &n));
	assert_false(spf_macro_explain(&m, SLICE("123456"), out, 5, &n));
}

static void test_syntax(void **state)
{
	static const struct {
		const char *text;
		bool domain, string, explain;
	} cases[] = {
		{"x.example", true, true, true},     {"x example", false, false, true}, {"", false, true, true},
		{"%{c}", false, true, true},         {"%{T}", false, true, true},       {"%{r5}", false, true, true},
		{"%{a}", false, false, false},       {"%{d0}", false, false, false},    {"%{d00}", false, false, false},
		{"%{d01}", true, true, true},        {"%{dR}", true, true, true},       {"%{dr2}", false, false, false},
		{"%{d2r.-+,/_=}", true, true, true}, {"%{d!}", false, false, false},    {"%{d", false, false, false},
		{"%{", false, false, false},         {"%", false, false, false},        {"%x", false, false, false},
		{"%(d)", false, false, false},       {"%%", true, true, true},          {"x%_", true, true, true},
		{"x\t", false, false, false},        {"x\177", false, false, false},    {"x\200", false, false, false},
		{"x\r\ny", false, false, false},     {"x.%{d}.", false, true, true},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct slice s = slice_str(cases[i].text);
		if (spf_macro_check(s, SPF_DOMAIN_SPEC) != cases[i].domain ||
		    spf_macro_check(s, SPF_MACRO_STRING) != cases[i].string ||
		    spf_macro_check(s, SPF_EXPLAIN) != cases[i].explain)
			fail_msg("%s", cases[i].text);
	}
	assert_true(spf_macro_uses(SLICE("%%x%{i}%{P2r}"), "p"));
	assert_false(spf_macro_uses(SLICE("%%{p}%{i}"), "ps"));
}

/* A long value many times over is given up, not copied. */
static void test_much(void **state)
{
	size_t size = 1 << 20;
	char *big = malloc(size), spec[40000], out[100];
	struct spf_macros m = values("192.0.2.3");
	struct spf_name name;
	size_t n = 0;
	memset(big, '.', size);
	m.local = slice_of(big, size);
	for (int i = 0; i < 5000; i++) {
		memcpy(spec + n, i % 2 ? "%{l1}" : "%{l1r}", i % 2 ? 5 : 6);
		n += i % 2 ? 5 : 6;
	}
	assert_false(spf_macro_domain(&m, slice_of(spec, n), &name));
	assert_false(spf_macro_explain(&m, slice_of(spec, n), out, sizeof out, &n));
	free(big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples_of_the_rfc),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_shortened),
		cmocka_unit_test(test_explanations),
		cmocka_unit_test(test_syntax),
		cmocka_unit_test(test_much),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
