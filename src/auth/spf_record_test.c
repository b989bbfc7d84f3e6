/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "auth/spf_record.h"

#define TEXT(literal)                                                                                                  \
	{                                                                                                              \
		literal, sizeof literal - 1                                                                            \
	}

static void test_version(void **state)
{
	static const struct {
		struct slice text;
		bool is;
	} cases[] = {
		{TEXT("v=spf1"), true},    {TEXT("v=spf1 "), true},     {TEXT("V=SPF1 mx"), true},
		{TEXT("v=spf10"), false},  {TEXT("v=spf1\tmx"), false}, {TEXT(" v=spf1"), false},
		{TEXT("v=spf"), false},    {TEXT(""), false},           {TEXT("v=spf1\0 mx"), false},
		{TEXT("v=spf1.0"), false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (spf_is_record(cases[i].text) != cases[i].is) fail_msg("%s", cases[i].text.p);
}

/* Terms as the parser saw them: "qualifier kind [text] domain cidr4/cidr6", separated by "; ". */
static const char *describe(struct spf_record *r)
{
	static const char *const kinds[] = {"all", "include", "a",        "mx",  "ptr",     "ip4",
	                                    "ip6", "exists",  "redirect", "exp", "modifier"};
	static char out[1024];
	size_t n = 0;
	struct spf_term t;
	out[0] = '\0';
	while (spf_record_next(r, &t))
		n += (size_t)snprintf(out + n, sizeof out - n, "%s%s %s [%.*s] %u/%u", n ? "; " : "",
		                      auth_result_text(t.result), kinds[t.kind], SLICE_ARG(t.domain), t.cidr4, t.cidr6);
	return out;
}

static void test_terms(void **state)
{
	static const struct {
		struct slice record;
		const char *terms; /* NULL: a syntax error */
	} cases[] = {
		{TEXT("v=spf1"), ""},
		{TEXT("v=spf1    "), ""},
		{TEXT("v=spf1 -all"), "fail all [] 32/128"},
		{TEXT("v=spf1  ?ALL  ~mX  "), "neutral all [] 32/128; softfail mx [] 32/128"},
		{TEXT("v=spf1 a:x.example"), "pass a [x.example] 32/128"},
		{TEXT("v=spf1 a/24"), "pass a [] 24/128"},
		{TEXT("v=spf1 a//64"), "pass a [] 32/64"},
		{TEXT("v=spf1 a:%{d}/24//64"), "pass a [%{d}] 24/64"},
		{TEXT("v=spf1 mx:foo:bar/baz.example/0//0"), "pass mx [foo:bar/baz.example] 0/0"},
		{TEXT("v=spf1 a:%{d2/}"), "pass a [%{d2/}] 32/128"},
		{TEXT("v=spf1 +ip4:192.0.2.0/24"), "pass ip4 [] 24/128"},
		{TEXT("v=spf1 ip6:2001:db8::/32"), "pass ip6 [] 32/32"},
		{TEXT("v=spf1 ip6:::ffff:192.0.2.1"), "pass ip6 [] 32/128"},
		{TEXT("v=spf1 include:%{d}.x.example. exists:%{i}"),
	         "pass include [%{d}.x.example.] 32/128; pass exists [%{i}] 32/128"},
		{TEXT("v=spf1 redirect=x.example exp=y.example"),
	         "pass redirect [x.example] 32/128; pass exp [y.example] 32/128"},
		{TEXT("v=spf1 moo.cow-far_out=man:dog/cat x="),
	         "pass modifier [man:dog/cat] 32/128; pass modifier [] 32/128"},
		{TEXT("v=spf1 x=%{c}%{t}%{r}"), "pass modifier [%{c}%{t}%{r}] 32/128"},
		{TEXT("v=spf1 a:x.xn--p1ai"), "pass a [x.xn--p1ai] 32/128"},
		{TEXT("v=spf1 a:x.1a"), "pass a [x.1a] 32/128"},
		/* errors, wherever they stand */
		{TEXT("v=spf1 -all moo"), NULL},
		{TEXT("v=spf1 -all."), NULL},
		{TEXT("v=spf1 -all:x.example"), NULL},
		{TEXT("v=spf1 -all/8"), NULL},
		{TEXT("v=spf1 --all"), NULL},
		{TEXT("v=spf1 -"), NULL},
		{TEXT("v=spf1 \tall"), NULL},
		{TEXT("v=spf1 a\r\nall"), NULL},
		{TEXT("v=spf1 a:x.example\0"), NULL},
		{TEXT("v=spf1 a\0"), NULL},
		{TEXT("v=spf1 \200a"), NULL},
		{TEXT("v=spf1 a:\357\273\277x.example"), NULL},
		{TEXT("v=spf1 x=\201"), NULL},
		{TEXT("v=spf1 a:"), NULL},
		{TEXT("v=spf1 a:museum"), NULL},
		{TEXT("v=spf1 a:museum."), NULL},
		{TEXT("v=spf1 a:x.123"), NULL},
		{TEXT("v=spf1 a:192.0.2.1"), NULL},
		{TEXT("v=spf1 a:x.-com"), NULL},
		{TEXT("v=spf1 a:x.com-"), NULL},
		{TEXT("v=spf1 a:x.example:80"), NULL},
		{TEXT("v=spf1 a:x.example.."), NULL},
		{TEXT("v=spf1 a:%{d}."), NULL},
		{TEXT("v=spf1 a:%{d}x"), NULL},
		{TEXT("v=spf1 a/33"), NULL},
		{TEXT("v=spf1 a//129"), NULL},
		{TEXT("v=spf1 a/24/64"), NULL},
		{TEXT("v=spf1 a/024"), NULL},
		{TEXT("v=spf1 a/"), NULL},
		{TEXT("v=spf1 a//"), NULL},
		{TEXT("v=spf1 a/99999999999999999999"), NULL},
		{TEXT("v=spf1 include"), NULL},
		{TEXT("v=spf1 include:"), NULL},
		{TEXT("v=spf1 include:x.example/24"), NULL},
		{TEXT("v=spf1 exists"), NULL},
		{TEXT("v=spf1 ptr/0"), NULL},
		{TEXT("v=spf1 ptr:"), NULL},
		{TEXT("v=spf1 ip4"), NULL},
		{TEXT("v=spf1 ip4:"), NULL},
		{TEXT("v=spf1 ip4:1.2.3"), NULL},
		{TEXT("v=spf1 ip4:1.2.3.4:25"), NULL},
		{TEXT("v=spf1 ip4:1.2.3.4//32"), NULL},
		{TEXT("v=spf1 ip4:1.2.3.04"), NULL},
		{TEXT("v=spf1 ip4:1.2.3.4/33"), NULL},
		{TEXT("v=spf1 ip4:1.2.3.4\0/8"), NULL},
		{TEXT("v=spf1 ip4:2001:db8::1"), NULL},
		{TEXT("v=spf1 ip6:1.2.3.4"), NULL},
		{TEXT("v=spf1 ip6:::1/129"), NULL},
		{TEXT("v=spf1 ip6:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000"), NULL},
		{TEXT("v=spf1 redirect:x.example"), NULL},
		{TEXT("v=spf1 redirect="), NULL},
		{TEXT("v=spf1 exp="), NULL},
		{TEXT("v=spf1 exp=x.example exp=x.example"), NULL},
		{TEXT("v=spf1 redirect=x.example redirect=x.example"), NULL},
		{TEXT("v=spf1 exp=%{r}.example"), NULL},
		{TEXT("v=spf1 -exp=x.example"), NULL},
		{TEXT("v=spf1 1up=x"), NULL},
		{TEXT("v=spf1 =x"), NULL},
		{TEXT("v=spf1 x=%abc"), NULL},
		{TEXT("v=spf1 x=%{z}"), NULL},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct spf_record r;
		bool ok = spf_record_check(cases[i].record, &r);
		if (ok != (cases[i].terms != NULL) || ok != (r.problem == NULL))
			fail_msg("%s: %s", cases[i].record.p, ok ? "taken" : r.problem);
		if (ok) assert_string_equal(describe(&r), cases[i].terms);
	}
}

static void test_modifiers(void **state)
{
	struct spf_record r;
	assert_true(spf_record_check(SLICE("v=spf1 exp=e.example mx redirect=r.example"), &r));
	assert_true(slice_equal(r.exp, SLICE("e.example")) && slice_equal(r.redirect, SLICE("r.example")));
}

/* A record of 64 KiB is read in a time that nobody notices. */
static void test_long(void **state)
{
	static char text[65536];
	static const char *const fillings[] = {"a ",       "x=%{s} ", "a:%{d/////} ", "ip4:1.2.3.4/////",
	                                       "////////", "a:a.",    "         "};
	for (size_t i = 0; i < sizeof fillings / sizeof *fillings; i++) {
		struct spf_record r;
		size_t n = strlen(fillings[i]);
		memcpy(text, "v=spf1 ", 7);
		for (size_t at = 7; at < sizeof text; at++) text[at] = fillings[i][(at - 7) % n];
		spf_record_check(slice_of(text, sizeof text), &r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_terms),
		cmocka_unit_test(test_modifiers),
		cmocka_unit_test(test_long),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
