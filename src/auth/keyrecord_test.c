/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/keyrecord.h"
#include "net/test_loop.h"

#define P "p=Zm9v"

static const struct {
	const char *name, *text, *problem; /* NULL: good */
	enum key_kind kind;
	bool sha1, sha256, testing, strict;
} cases[] = {
	{"least", P, NULL, KEY_RSA, true, true, false, false},
	{"usual", "v=DKIM1; k=rsa; " P, NULL, KEY_RSA, true, true, false, false},
	{"a semicolon at the end", "v=DKIM1; " P "; ", NULL, KEY_RSA, true, true, false, false},
	{"ed25519", "v=DKIM1; k=ed25519; " P, NULL, KEY_ED25519, true, true, false, false},
	{"hashes", "h=sha256; " P, NULL, KEY_RSA, false, true, false, false},
	{"hashes, an unknown one", "h= sha3 : sha1 ; " P, NULL, KEY_RSA, true, false, false, false},
	{"flags", "t=y:s; " P, NULL, KEY_RSA, true, true, true, true},
	{"flags, an unknown one", "t=x : s; " P, NULL, KEY_RSA, true, true, false, true},
	{"for all", "s=*; " P, NULL, KEY_RSA, true, true, false, false},
	{"for mail", "s=other:email; " P, NULL, KEY_RSA, true, true, false, false},
	{"notes, granularity, unknown tags", "n=a note; g=; zz=1; " P, NULL, KEY_RSA, true, true, false, false},
	{"folded key", "p=Zm 9\tv", NULL, KEY_RSA, true, true, false, false},
	{"revoked", "v=DKIM1; p=", "the key is revoked", KEY_RSA, 0},
	{"revoked, of an unknown kind", "k=x; p=", "the key is revoked", KEY_RSA, 0},
	{"no key", "v=DKIM1; k=rsa", "the key record has no p=", KEY_RSA, 0},
	{"another version", "v=DKIM2; " P, "the record is not a DKIM key record (v=)", KEY_RSA, 0},
	{"version in another case", "v=dkim1; " P, "the record is not a DKIM key record (v=)", KEY_RSA, 0},
	{"version not first", P "; v=DKIM1", "the record is not a DKIM key record (v=)", KEY_RSA, 0},
	{"SPF", "v=spf1 a -all", "the record is not a DKIM key record (v=)", KEY_RSA, 0},
	{"unknown kind", "k=dsa; " P, "the key record's k= is unknown", KEY_RSA, 0},
	{"not base64", "p=Zm9v!", "the key record's p= is not base64", KEY_RSA, 0},
	{"not for mail", "s=tlsrpt; " P, "the key is not for mail (s=)", KEY_RSA, 0},
	{"twice", P "; " P, "the key record's syntax is wrong", KEY_RSA, 0},
	{"no tags", "hello", "the key record's syntax is wrong", KEY_RSA, 0},
	{"empty", "", "the key record's syntax is wrong", KEY_RSA, 0},
};

static void test_records(void **state)
{
	struct arena a;
	struct key_record r;
	arena_init(&a, 65536);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		key_record_read(&a, slice_str(cases[i].text), &r);
		if (!slice_equal(slice_str(r.problem), slice_str(cases[i].problem)))
			fail_msg("%s: %s", cases[i].name, r.problem);
		if (r.problem) continue;
		if (r.kind != cases[i].kind || r.sha1 != cases[i].sha1 || r.sha256 != cases[i].sha256 ||
		    r.testing != cases[i].testing || r.strict != cases[i].strict || !slice_equal(r.key, SLICE("foo")))
			fail_msg("%s is read wrongly", cases[i].name);
	}
	arena_free(&a);
}

static const char zone[] = "a._domainkey.x TXT \"v=DKIM1; \" \"p=Zm\" \"9v\"\n"
			   "two._domainkey.x TXT \"v=spf1 -all\"\n"
			   "two._domainkey.x TXT \"p=Zm9v\"\n"
			   "alias._domainkey.x CNAME a._domainkey.x\n"
			   "nodata._domainkey.x A 192.0.2.1\n"
			   "broken._domainkey.x SERVFAIL\n"
			   "slow._domainkey.x TIMEOUT\n";

static const struct {
	const char *selector;
	enum auth_result result;
	size_t count;
	const char *problem;
} answers[] = {
	{"a", AUTH_pass, 1, NULL},
	{"slow", AUTH_temperror, 0, "the key could not be had in time"},
	{"two", AUTH_pass, 2, NULL},
	{"a", AUTH_pass, 1, NULL},
	{"alias", AUTH_pass, 1, NULL},
	{"nothing", AUTH_permerror, 0, "there is no key"},
	{"nodata", AUTH_permerror, 0, "there is no key"},
	{"broken", AUTH_temperror, 0, "DNS did not answer for the key"},
	{"bad..name", AUTH_permerror, 0, "the key's name is no domain name"},
	{"slow", AUTH_temperror, 0, "the key could not be had in time"},
};
#define ANSWERS (sizeof answers / sizeof *answers)

static void ask_all(void *arg)
{
	struct arena a;
	struct resolver *r;
	char why[256];
	struct key_query q[ANSWERS];
	arena_init(&a, 1 << 20);
	CHECK_ERROR(resolver_new_table(slice_str(zone), &r, why), ERR_OK);
	for (size_t i = 0; i < ANSWERS; i++)
		q[i] = (struct key_query){.domain = SLICE("x"), .selector = slice_str(answers[i].selector)};
	int64_t before = clock_now_ms();
	key_query_all(&a, r, q, ANSWERS, clock_deadline(arg ? 200 : 0));
	if (arg) CHECK(clock_now_ms() - before < 390); /* not one after the other */
	for (size_t i = 0; i < ANSWERS; i++) {
		CHECK(q[i].result == answers[i].result);
		CHECK(q[i].count == answers[i].count);
		CHECK(slice_equal(slice_str(q[i].problem), slice_str(answers[i].problem)));
		CHECK(slice_equal(q[i].selector, slice_str(answers[i].selector)));
	}
	CHECK(q[0].records == q[3].records); /* asked once */
	CHECK(!q[0].records[0].problem && slice_equal(q[0].records[0].key, SLICE("foo")));
	CHECK(q[2].records[0].problem && !q[2].records[1].problem);
	key_query_all(&a, r, q, 0, clock_deadline(0));
	resolver_free(r);
	arena_free(&a);
}

static void test_queries(void **state)
{
	int wait = 1;
	run_in_fiber(ask_all, &wait);
}

static void test_outside_fibers(void **state)
{
	test_failures = 0;
	ask_all(NULL);
	assert_int_equal(test_failures, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_queries),
		cmocka_unit_test(test_outside_fibers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
