/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auth/base64.h"
#include "auth/bodyhash.h"
#include "auth/sigfield.h"

#define BH "bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
/* All that must be there, but for one that a case tries. */
#define BUT_V  "a=rsa-sha256; d=example.net; s=s1; h=from:to; " BH "; b=Zm9v"
#define BUT_A  "v=1; d=example.net; s=s1; h=from:to; " BH "; b=Zm9v"
#define BUT_D  "v=1; a=rsa-sha256; s=s1; h=from:to; " BH "; b=Zm9v"
#define BUT_S  "v=1; a=rsa-sha256; d=example.net; h=from:to; " BH "; b=Zm9v"
#define BUT_H  "v=1; a=rsa-sha256; d=example.net; s=s1; " BH "; b=Zm9v"
#define BUT_BH "v=1; a=rsa-sha256; d=example.net; s=s1; h=from:to; b=Zm9v"
#define BUT_B  "v=1; a=rsa-sha256; d=example.net; s=s1; h=from:to; " BH
#define ALL    "v=1; " BUT_V

static const struct {
	const char *name, *tags;
	const char *problem; /* NULL: good */
} cases[] = {
	{"all", ALL, NULL},
	{"unknown tags", ALL "; zz=1; r=y", NULL},
	{"not tags", "hello", "the field is not a list of tags"},
	{"a tag twice", ALL "; s=s2", "the field is not a list of tags"},
	{"no v=", BUT_V, "v= is missing"},
	{"v=2", "v=2; " BUT_V, "v= is not 1"},
	{"v=0.5", "v=0.5; " BUT_V, "v= is not 1"},
	{"v=01", "v=01; " BUT_V, "v= is not 1"},
	{"v= last", BUT_V "; v=1", NULL},
	{"no a=", BUT_A, "a= is missing"},
	{"a= in another case", BUT_A "; a=RSA-SHA256", NULL},
	{"unknown a=", BUT_A "; a=rsa-sha512", "a= is an algorithm that is not known"},
	{"no d=", BUT_D, "d= is missing"},
	{"empty d=", BUT_D "; d=", "d= is not a domain"},
	{"d= with a blank", BUT_D "; d=exa mple.net", "d= is not a domain"},
	{"d= with a dot at the end", BUT_D "; d=example.net.", "d= is not a domain"},
	{"d= of empty labels", BUT_D "; d=example..net", "d= is not a domain"},
	{"d= of U-labels",
         BUT_D "; d=B\xC3\xBC"
               "cher.example",
         NULL},
	{"no s=", BUT_S, "s= is missing"},
	{"s= of labels", BUT_S "; s=a.b_c.d-e", NULL},
	{"s= with a slash", BUT_S "; s=a/b", "s= is not a selector"},
	{"no h=", BUT_H, "h= is missing"},
	{"empty h=", BUT_H "; h=", "h= is not a list of field names"},
	{"h= without From", BUT_H "; h=to:subject", "h= does not name From"},
	{"h= with an empty name", BUT_H "; h=from::to", "h= is not a list of field names"},
	{"h= folded", BUT_H "; h=to :\r\n\tFROM", NULL},
	{"h= with a blank in a name", BUT_H "; h=from:a b", "h= is not a list of field names"},
	{"no bh=", BUT_BH, "bh= is missing"},
	{"short bh=", BUT_BH "; bh=Zm9v", "bh= is not a hash of the algorithm in a="},
	{"bh= not base64", BUT_BH "; bh=Zm9v!", "bh= is not base64"},
	{"no b=", BUT_B, "b= is missing"},
	{"empty b=", BUT_B "; b=", "b= is empty"},
	{"b= not base64", BUT_B "; b=Zm9v!", "b= is not base64"},
	{"b= folded", BUT_B "; b=Zm\r\n 9v", NULL},
	{"i= of d=", ALL "; i=@example.net", NULL},
	{"i= of d=, another case", ALL "; i=Joe@EXAMPLE.net", NULL},
	{"i= below", ALL "; i=joe@a.b.example.net", NULL},
	{"i= elsewhere", ALL "; i=joe@example.org", "i= is not in the domain of d="},
	{"i= that ends alike", ALL "; i=joe@notexample.net", "i= is not in the domain of d="},
	{"i= above", ALL "; i=joe@net", "i= is not in the domain of d="},
	{"i= without @", ALL "; i=example.net", "i= is not an address"},
	{"i= with an @ quoted", ALL "; i=joe=40home@example.net", NULL},
	{"i= with quotes of both cases", ALL "; i==6aoe@=65x=61mple=2Enet", NULL},
	{"i= with a quoted domain that is another", ALL "; i=joe@=66xample.net", "i= is not in the domain of d="},
	{"i= with a bad quote", ALL "; i=joe=4@example.net", "i= is not an address"},
	{"i= empty", ALL "; i=", "i= is not an address"},
	{"c=simple", ALL "; c=simple", NULL},
	{"c=simple/relaxed", ALL "; c=simple/relaxed", NULL},
	{"c=nowsp", ALL "; c=nowsp", "c= is not known"},
	{"c= of three", ALL "; c=simple/simple/simple", "c= is not known"},
	{"c= ends in a slash", ALL "; c=simple/", "c= is not known"},
	{"c= empty", ALL "; c=", "c= is not known"},
	{"q=dns/txt", ALL "; q=dns/txt", NULL},
	{"q= of several", ALL "; q=http:dns/txt", NULL},
	{"q= unknown", ALL "; q=http", "q= has no known way to the key"},
	{"l= long", ALL "; l=99999999999999999999999999999999", NULL},
	{"l= negative", ALL "; l=-1", "l= is not a number"},
	{"l= empty", ALL "; l=", "l= is not a number"},
	{"l= of 77 digits", ALL "; l=11111111111111111111111111111111111111111111111111111111111111111111111111111",
         "l= is not a number"},
	{"t=", ALL "; t=1000000000", NULL},
	{"t= not a time", ALL "; t=now", "t= is not a time"},
	{"x= after t=", ALL "; t=10; x=11", NULL},
	{"x= is t=", ALL "; t=10; x=10", "x= is not after t="},
	{"x= before t=", ALL "; t=10; x=9", "x= is not after t="},
	{"x= far away", ALL "; t=10; x=99999999999999999999999999", NULL},
	{"x= not a time", ALL "; x=1h", "x= is not a time"},
};

static struct header_field field_of(struct arena *a, const char *tags)
{
	struct header_iterator it;
	struct header_field f;
	header_begin(&it, arena_printf(a, "DKIM-Signature: %s\r\n", tags));
	assert_true(header_next(&it, &f));
	return f;
}

static void test_dkim(void **state)
{
	struct arena a;
	struct sigfield s;
	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct header_field f = field_of(&a, cases[i].tags);
		bool good = sigfield_read(&a, SIGFIELD_DKIM, &f, &s);
		if (good != !cases[i].problem || !slice_equal(slice_str(s.problem), slice_str(cases[i].problem)))
			fail_msg("%s: %s", cases[i].name, s.problem ? s.problem : "good");
		bool unknown = slice_equal(slice_str(s.problem), SLICE("a= is an algorithm that is not known"));
		assert_int_equal(s.result, good ? AUTH_pass : unknown ? AUTH_neutral : AUTH_permerror);
	}
	arena_free(&a);
}

static void test_values(void **state)
{
	struct arena a;
	struct sigfield s;
	arena_init(&a, 1 << 20);
	struct header_field f = field_of(&a, "v=1; a=rsa-sha1; d=B\xC3\xBC"
	                                     "cher.Example; s=S1; h= From : To;"
	                                     " i=J=C3=B6e=3D@x.xn--bcher-kva.example; c=relaxed; l=007; t=12; x=0013;"
	                                     " bh=2jmj7l5rSw0yVb/vlWAYkK/YBwk=; b= Zm 9v ");
	assert_true(sigfield_read(&a, SIGFIELD_DKIM, &f, &s));
	assert_true(slice_equal(s.domain, SLICE("xn--bcher-kva.example")));
	assert_true(slice_equal(s.selector, SLICE("s1")));
	assert_true(slice_equal(s.identity, SLICE("J\xC3\xB6"
	                                          "e=@x.xn--bcher-kva.example")));
	assert_true(s.below);
	assert_string_equal(s.algorithm, "rsa-sha1");
	assert_true(s.key == KEY_RSA && s.hash == HASH_SHA1);
	assert_true(s.header == CANONICAL_RELAXED && s.body == CANONICAL_SIMPLE);
	assert_true(s.length == 7 && s.signed_at == 12 && s.expires == 13);
	assert_true(slice_equal(s.names, SLICE("From : To")));
	assert_true(slice_equal(s.signature, SLICE("foo")));
	assert_true(slice_equal(s.hole, SLICE(" Zm 9v ")));
	f = field_of(&a, ALL);
	assert_true(sigfield_read(&a, SIGFIELD_DKIM, &f, &s));
	assert_true(s.header == CANONICAL_SIMPLE && s.body == CANONICAL_SIMPLE);
	assert_true(s.length == BODYHASH_ALL && s.signed_at == 0 && s.expires == SIGFIELD_NEVER);
	assert_true(slice_equal(s.identity, SLICE("@example.net")) && !s.below);
	arena_free(&a);
}

static const struct {
	const char *name, *tags;
	enum sigfield_kind kind;
	const char *problem;
} arc[] = {
	{"message", "i=1; " BUT_V, SIGFIELD_ARC_MESSAGE, NULL},
	{"message without i=", BUT_V, SIGFIELD_ARC_MESSAGE, "i= is missing"},
	{"message i=0", "i=0; " BUT_V, SIGFIELD_ARC_MESSAGE, "i= is not a number from 1 to 50"},
	{"message i=51", "i=51; " BUT_V, SIGFIELD_ARC_MESSAGE, "i= is not a number from 1 to 50"},
	{"message that names seals", "i=1; a=rsa-sha256; d=example.net; s=s1; h=from:ARC-seal; " BH "; b=Zm9v",
         SIGFIELD_ARC_MESSAGE, "h= names ARC-Seal"},
	{"seal", "i=50; cv=Pass; a=rsa-sha256; d=x.example; s=s; t=1; b=Zm9v", SIGFIELD_ARC_SEAL, NULL},
	{"seal with h=", "i=1; cv=none; h=from; a=rsa-sha256; d=x.example; s=s; t=1; b=Zm9v", SIGFIELD_ARC_SEAL,
         "ARC-Seal has h= or bh="},
	{"seal without t=", "i=1; cv=none; a=rsa-sha256; d=x.example; s=s; b=Zm9v", SIGFIELD_ARC_SEAL, "t= is missing"},
	{"seal with empty t=", "i=1; cv=none; a=rsa-sha256; d=x.example; s=s; t=; b=Zm9v", SIGFIELD_ARC_SEAL,
         "t= is not a time"},
	{"seal without cv=", "i=1; a=rsa-sha256; d=x.example; s=s; t=1; b=Zm9v", SIGFIELD_ARC_SEAL, "cv= is missing"},
	{"seal with another cv=", "i=1; cv=x; a=rsa-sha256; d=x.example; s=s; t=1; b=Zm9v", SIGFIELD_ARC_SEAL,
         "cv= is not known"},
};

static void test_arc(void **state)
{
	struct arena a;
	struct sigfield s;
	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < sizeof arc / sizeof *arc; i++) {
		struct header_field f = field_of(&a, arc[i].tags);
		bool good = sigfield_read(&a, arc[i].kind, &f, &s);
		if (good != !arc[i].problem || !slice_equal(slice_str(s.problem), slice_str(arc[i].problem)))
			fail_msg("%s: %s", arc[i].name, s.problem ? s.problem : "good");
	}
	arena_free(&a);
}

static void test_no_memory(void **state)
{
	struct arena a, small;
	struct sigfield s;
	arena_init(&a, 65536);
	struct header_field f = field_of(&a, ALL);
	for (size_t limit = 16; limit < 128; limit += 16) {
		arena_init(&small, limit);
		if (!sigfield_read(&small, SIGFIELD_DKIM, &f, &s)) {
			assert_int_equal(s.result, AUTH_temperror);
			assert_string_equal(s.problem, "out of memory");
		}
		arena_free(&small);
	}
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dkim),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_arc),
		cmocka_unit_test(test_no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
