/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auth/base64.h"
#include "auth/bodyhash.h"
#include "auth/dkim.h"
#include "auth/fields.h"
#include "auth/sigfield.h"
#include "auth/signing_key.h"

#define NOW   1700000000
#define EARLY "1699999999"

/* The private key of RFC 8463 A.2. */
static const char private_key[] = "-----BEGIN PRIVATE KEY-----\n"
				  "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
				  "-----END PRIVATE KEY-----\n";
#define PUBLIC "p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
#define RECORD "k=ed25519; " PUBLIC
#define RSA_768                                                                                                        \
	"MHwwDQYJKoZIhvcNAQEBBQADawAwaAJhAP////////////////////////////////////////////////////////"                   \
	"///////////////////////////////////////////////////////////////////////wIDAQAB"

#define HEADER "Received: 2\r\nFrom: Joe <joe@x.example>\r\nSubject: a  test\r\n of folding\r\nReceived: 1\r\n"
#define BODY   "Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\n"

/* ---- verifying ------------------------------------------------------------------------------------------------- */

struct verifying {
	struct arena arena;
	struct resolver *resolver;
	struct dkim_verdict verdict;
};

static void verify(struct verifying *t, struct slice header, struct slice body, const char *zone,
                   const struct dkim_options *o)
{
	struct dkim_verifier *v;
	char why[256];
	assert_int_equal(resolver_new_table(slice_str(zone), &t->resolver, why), ERR_OK);
	assert_int_equal(dkim_verify_begin(&t->arena, header, o, &v), ERR_OK);
	dkim_verify_keys(v, t->resolver, 0);
	dkim_verify_body(v, body);
	dkim_verify_end(v, &t->verdict);
	resolver_free(t->resolver);
}

static struct slice signed_text(struct arena *a, const char *tags, const char *body_hash, const char *signature)
{
	return arena_printf(a, "DKIM-Signature: %s bh=%s; b=%s\r\n", tags, body_hash, signature);
}

static struct header_field first_field(struct slice text)
{
	struct header_iterator it;
	struct header_field f;
	header_begin(&it, text);
	assert_true(header_next(&it, &f));
	return f;
}

/* The signature field for these tags, which ought to be good but for bh= and b=; others get a signature of nothing. */
static struct slice sign(struct arena *a, const char *tags, struct slice header, struct slice body)
{
	static const char nothing[] = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
	struct signing_key *key;
	struct fields *fields;
	struct sigfield s;
	struct bodyhash_result result;
	const void *wanted;
	unsigned char hash[DIGEST_MOST];
	char why[256];
	struct slice text = signed_text(a, tags, nothing, nothing);
	struct header_field f = first_field(text);
	if (!sigfield_read(a, SIGFIELD_DKIM, &f, &s)) return text;
	struct bodyhash *b = bodyhash_new(a);
	assert_int_equal(bodyhash_want(b, s.body, s.hash, s.length, &wanted), ERR_OK);
	bodyhash_put(b, body);
	bodyhash_end(b);
	assert_true(bodyhash_get(b, wanted, &result));
	bodyhash_free(b);
	const char *body_hash = arena_strdup(a, base64_encode(a, slice_of(result.hash, hash_size(s.hash))));
	f = first_field(signed_text(a, tags, body_hash, "Zm9v"));
	assert_true(sigfield_read(a, SIGFIELD_DKIM, &f, &s));
	assert_int_equal(fields_read(a, header, &fields), ERR_OK);
	assert_true(sigfield_hash(fields, FIELDS_NONE, &f, &s, hash));
	assert_int_equal(signing_key_load(slice_str(private_key), &key, why), ERR_OK);
	struct slice signature = signing_key_sign(a, key, hash);
	signing_key_unref(key);
	return signed_text(a, tags, body_hash, arena_strdup(a, base64_encode(a, signature)));
}

#define PLAIN "v=1; a=ed25519-sha256; d=x.example; s=s; h=from:subject;"

static const struct {
	const char *name;
	const char *tags;          /* NULL: PLAIN */
	const char *record;        /* of s._domainkey.x.example; NULL: RECORD. "!" and a table line's end is that */
	const char *header, *body; /* as they arrive; NULL: as signed */
	enum auth_result result;
	const char *problem;
} cases[] = {
	{"plain", NULL, NULL, NULL, NULL, AUTH_pass, NULL},
	{"relaxed", PLAIN " c=relaxed/relaxed;", NULL,
         "from:Joe <joe@x.example> \r\nSUBJECT: a test of\r\n\tfolding\r\n",
         "Hi. \r\n\r\nWe lost the game. Are you hungry yet?\r\n", AUTH_pass, NULL},
	{"relaxed header, simple body", PLAIN " c=relaxed;", NULL,
         "From:Joe <joe@x.example>\r\nSubject: a test of folding\r\n", NULL, AUTH_pass, NULL},
	{"relaxed header, simple body: blanks", PLAIN " c=relaxed;", NULL, NULL,
         "Hi. \r\n\r\nWe lost the game.  Are you hungry yet?\r\n", AUTH_fail, "the body was changed"},
	{"simple header: blanks", NULL, NULL, "From: Joe <joe@x.example>\r\nSubject: a test\r\n of folding\r\n", NULL,
         AUTH_fail, "the signature does not match the header"},
	{"simple body: empty lines at the end", NULL, NULL, NULL, BODY "\r\n\r\n\r\n", AUTH_pass, NULL},
	{"LF", NULL, NULL, "From: Joe <joe@x.example>\nSubject: a  test\n of folding\n",
         "Hi.\n\nWe lost the game.  Are you hungry yet?\n", AUTH_pass, NULL},
	{"no line end", NULL, NULL, NULL, "Hi.\r\n\r\nWe lost the game.  Are you hungry yet?", AUTH_pass, NULL},
	{"a field that is not signed", NULL, NULL, "X: y\r\n" HEADER "To: z\r\n", NULL, AUTH_pass, NULL},
	{"a field on top of a signed one", NULL, NULL, "Subject: spam\r\n" HEADER, NULL, AUTH_pass, NULL},
	{"a field below a signed one", NULL, NULL, HEADER "Subject: spam\r\n", NULL, AUTH_fail,
         "the signature does not match the header"},
	{"a signed field is gone", NULL, NULL, "From: Joe <joe@x.example>\r\n", NULL, AUTH_fail,
         "the signature does not match the header"},
	{"oversigned", PLAIN " h=from:subject:subject;", NULL, NULL, NULL, AUTH_permerror,
         "the field is not a list of tags"},
	{"signed twice, there once", "v=1; a=ed25519-sha256; d=x.example; s=s; h=from:subject:subject;", NULL, NULL,
         NULL, AUTH_pass, NULL},
	{"signed twice, added", "v=1; a=ed25519-sha256; d=x.example; s=s; h=from:subject:subject;", NULL,
         "Subject: spam\r\n" HEADER, NULL, AUTH_fail, "the signature does not match the header"},
	{"signed though absent", "v=1; a=ed25519-sha256; d=x.example; s=s; h=from:to;", NULL, NULL, NULL, AUTH_pass,
         NULL},
	{"signed though absent, added", "v=1; a=ed25519-sha256; d=x.example; s=s; h=from:to;", NULL, "To: y\r\n" HEADER,
         NULL, AUTH_fail, "the signature does not match the header"},
	{"from the bottom up", "v=1; a=ed25519-sha256; d=x.example; s=s; h=from:received:received;", NULL,
         "Received: 3\r\n" HEADER, NULL, AUTH_pass, NULL},
	{"in another order", "v=1; a=ed25519-sha256; d=x.example; s=s; h=from:received:received;", NULL,
         "Received: 1\r\nFrom: Joe <joe@x.example>\r\nReceived: 2\r\n", NULL, AUTH_fail,
         "the signature does not match the header"},
	{"signs signatures, of which it is none",
         "v=1; a=ed25519-sha256; d=x.example; s=s; h=from:dkim-signature:dkim-signature;", NULL, NULL, NULL, AUTH_pass,
         NULL},
	{"body changed", NULL, NULL, NULL, "Ho.\r\n", AUTH_fail, "the body was changed"},
	{"body gone", NULL, NULL, NULL, "", AUTH_fail, "the body was changed"},
	{"l=", PLAIN " l=5;", NULL, NULL, "Hi.\r\nspam\r\n", AUTH_pass, NULL},
	{"l=0", PLAIN " l=0;", NULL, NULL, "spam\r\n", AUTH_pass, NULL},
	{"l= of all", PLAIN " l=51;", NULL, NULL, NULL, AUTH_fail, "the body is shorter than l="},
	{"l= of more than came", PLAIN " l=5;", NULL, NULL, "H", AUTH_fail, "the body is shorter than l="},
	{"l= changed inside", PLAIN " l=5;", NULL, NULL, "Ho.\r\nspam\r\n", AUTH_fail, "the body was changed"},
	{"x= is now", PLAIN " t=" EARLY "; x=1700000000;", NULL, NULL, NULL, AUTH_pass, NULL},
	{"x= is over", PLAIN " x=" EARLY ";", NULL, NULL, NULL, AUTH_fail, "the signature has expired (x=)"},
	{"t= is a little ahead", PLAIN " t=1700000300;", NULL, NULL, NULL, AUTH_pass, NULL},
	{"t= is ahead", PLAIN " t=1700000301;", NULL, NULL, NULL, AUTH_fail, "t= is in the future"},
	{"t= is far ahead", PLAIN " t=99999999999999999999999;", NULL, NULL, NULL, AUTH_fail, "t= is in the future"},
	{"i= below", PLAIN " i=joe@a.x.example;", NULL, NULL, NULL, AUTH_pass, NULL},
	{"i= below, not allowed", PLAIN " i=joe@a.x.example;", RECORD "; t=s", NULL, NULL, AUTH_permerror,
         "the key record does not allow i= below d= (t=s)"},
	{"i= not below, t=s", PLAIN " i=joe@x.example;", RECORD "; t=s", NULL, NULL, AUTH_pass, NULL},
	{"i= elsewhere", PLAIN " i=joe@y.example;", NULL, NULL, NULL, AUTH_permerror, "i= is not in the domain of d="},
	{"SHA-1", "v=1; a=rsa-sha1; d=x.example; s=s; h=from;", NULL, NULL, NULL, AUTH_permerror,
         "bh= is not a hash of the algorithm in a="},
	{"unknown algorithm", "v=1; a=ed448; d=x.example; s=s; h=from;", NULL, NULL, NULL, AUTH_neutral,
         "a= is an algorithm that is not known"},
	{"other version", "v=2; a=ed25519-sha256; d=x.example; s=s; h=from;", NULL, NULL, NULL, AUTH_permerror,
         "v= is not 1"},
	{"no key", NULL, "!NXDOMAIN", NULL, NULL, AUTH_permerror, "there is no key"},
	{"no key of that type", NULL, "!A 192.0.2.1", NULL, NULL, AUTH_permerror, "there is no key"},
	{"DNS fails", NULL, "!SERVFAIL", NULL, NULL, AUTH_temperror, "DNS did not answer for the key"},
	{"DNS is slow", NULL, "!TIMEOUT", NULL, NULL, AUTH_temperror, "the key could not be had in time"},
	{"revoked", NULL, "k=ed25519; p=", NULL, NULL, AUTH_permerror, "the key is revoked"},
	{"revoked, body changed", NULL, "k=ed25519; p=", NULL, "x", AUTH_permerror, "the key is revoked"},
	{"another kind of key", NULL, "k=rsa; " PUBLIC, NULL, NULL, AUTH_permerror,
         "the key is of another kind than a= (k=)"},
	{"hash not allowed", NULL, RECORD "; h=sha1", NULL, NULL, AUTH_permerror,
         "the key record does not allow the hash (h=)"},
	{"hash allowed", NULL, RECORD "; h=sha1:sha256", NULL, NULL, AUTH_pass, NULL},
	{"not for mail", NULL, RECORD "; s=other", NULL, NULL, AUTH_permerror, "the key is not for mail (s=)"},
	{"testing", NULL, RECORD "; t=y", NULL, NULL, AUTH_pass, NULL},
	{"another key", NULL, "k=ed25519; p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", NULL, NULL, AUTH_fail,
         "the signature does not match the header"},
	{"not a key", NULL, "k=ed25519; p=Zm9v", NULL, NULL, AUTH_permerror, "the key is not an Ed25519 key"},
	{"several records", NULL,
         "v=spf1 -all\"\ns._domainkey.x.example TXT \"k=ed25519; p=Zm9v\"\ns._domainkey.x.example TXT \"" RECORD, NULL,
         NULL, AUTH_pass, NULL},
	{"several records, none good", NULL, "v=spf1 -all\"\ns._domainkey.x.example TXT \"p=Zm9v", NULL, NULL,
         AUTH_permerror, "the key is of another kind than a= (k=)"},
	{"short RSA key", "v=1; a=rsa-sha256; d=x.example; s=s; h=from;", "p=" RSA_768, NULL, NULL, AUTH_policy,
         "the RSA key is too short"},
	{"not an RSA key", "v=1; a=rsa-sha256; d=x.example; s=s; h=from;", "p=Zm9v", NULL, NULL, AUTH_permerror,
         "the key is not an RSA key"},
	{"no tags", "hello", NULL, NULL, NULL, AUTH_permerror, "the field is not a list of tags"},
};

static struct slice zone_of(struct arena *a, const char *record)
{
	if (record[0] == '!') return arena_printf(a, "s._domainkey.x.example %s\n", record + 1);
	return arena_printf(a, "s._domainkey.x.example TXT \"%s\"\n", record);
}

static void test_cases(void **state)
{
	static const struct dkim_options options = {.now = NOW};
	struct verifying t;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		arena_init(&t.arena, 1 << 20);
		struct slice field = sign(&t.arena, cases[i].tags ? cases[i].tags : PLAIN, SLICE(HEADER), SLICE(BODY));
		const char *header = cases[i].header ? cases[i].header : HEADER,
			   *body = cases[i].body ? cases[i].body : BODY;
		const char *zone = zone_of(&t.arena, cases[i].record ? cases[i].record : RECORD).p;
		verify(&t, arena_printf(&t.arena, "%.*s%s", SLICE_ARG(field), header), slice_str(body), zone, &options);
		assert_int_equal(t.verdict.count, 1);
		const struct dkim_signature *s = &t.verdict.signatures[0];
		if (s->result != cases[i].result || !slice_equal(slice_str(s->problem), slice_str(cases[i].problem)))
			fail_msg("%s: %s, %s", cases[i].name, auth_result_text(s->result),
			         s->problem ? s->problem : "no problem");
		assert_int_equal(t.verdict.result, s->result);
		assert_int_equal(s->testing, slice_equal(slice_str(cases[i].name), SLICE("testing")));
		bool partial = s->result == AUTH_pass && slice_starts(slice_str(cases[i].name), SLICE("l="));
		if (s->result == AUTH_pass && s->partial != partial) fail_msg("%s: partial", cases[i].name);
		arena_free(&t.arena);
	}
}

/* ---- the examples of the standards ----------------------------------------------------------------------------- */

static const char rfc6376[] = /* A.2 */
	"DKIM-Signature: v=1; a=rsa-sha256; s=brisbane; d=example.com;\r\n"
	"      c=simple/simple; q=dns/txt; i=joe@football.example.com;\r\n"
	"      h=Received : From : To : Subject : Date : Message-ID;\r\n"
	"      bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
	"      b=AuUoFEfDxTDkHlLXSZEpZj79LICEps6eda7W3deTVFOk4yAUoqOB\r\n"
	"      4nujc7YopdG5dWLSdNg6xNAZpOPr+kHxt1IrE+NahM6L/LbvaHut\r\n"
	"      KVdkLLkpVaVVQPzeRDI009SO2Il5Lu7rDNH6mZckBdrIx0orEtZV\r\n"
	"      4bmp/YzhwvcubU4=;\r\n"
	"Received: from client1.football.example.com  [192.0.2.1]\r\n"
	"      by submitserver.example.com with SUBMISSION;\r\n"
	"      Fri, 11 Jul 2003 21:01:54 -0700 (PDT)\r\n"
	"From: Joe SixPack <joe@football.example.com>\r\n"
	"To: Suzie Q <suzie@shopping.example.net>\r\n"
	"Subject: Is dinner ready?\r\n"
	"Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
	"Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n"
	"\r\n";
static const char rfc6376_zone[] = /* C */
	"brisbane._domainkey.example.com TXT "
	"\"v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYt\" "
	"\"IxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhi\" "
	"\"tdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB\"\n";
static const char rfc6376_body[] = "Hi.\r\n\r\nWe lost the game. Are you hungry yet?\r\n\r\nJoe.\r\n";

static const char rfc8463[] = /* A.3 */
	"DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n"
	" d=football.example.com; i=@football.example.com;\r\n"
	" q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n"
	" subject : date : message-id : from : subject : date;\r\n"
	" bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
	" b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r\n"
	" Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\r\n"
	"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n"
	" d=football.example.com; i=@football.example.com;\r\n"
	" q=dns/txt; s=test; t=1528637909; h=from : to : subject :\r\n"
	" date : message-id : from : subject : date;\r\n"
	" bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
	" b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3\r\n"
	" DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz\r\n"
	" dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=\r\n"
	"From: Joe SixPack <joe@football.example.com>\r\n"
	"To: Suzie Q <suzie@shopping.example.net>\r\n"
	"Subject: Is dinner ready?\r\n"
	"Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
	"Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n"
	"\r\n";
static const char rfc8463_zone[] =
	"brisbane._domainkey.football.example.com TXT \"v=DKIM1; " RECORD "\"\n"
	"test._domainkey.football.example.com TXT "
	"\"v=DKIM1; k=rsa; "
	"p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQi\" "
	"\"Y/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G\" "
	"\"+2kryOTIKT+l/K4w3QIDAQAB\"\n";
static const char rfc8463_body[] = "Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n";

static void test_rfc6376(void **state)
{
	static const struct dkim_options options = {.now = NOW};
	struct verifying t;
	arena_init(&t.arena, 1 << 20);
	verify(&t, slice_str(rfc6376), slice_str(rfc6376_body), rfc6376_zone, &options);
	assert_int_equal(t.verdict.result, AUTH_pass);
	assert_int_equal(t.verdict.count, 1);
	const struct dkim_signature *s = &t.verdict.signatures[0];
	assert_true(slice_equal(s->domain, SLICE("example.com")));
	assert_true(slice_equal(s->selector, SLICE("brisbane")));
	assert_true(slice_equal(s->identity, SLICE("joe@football.example.com")));
	assert_true(slice_equal(s->signature, SLICE("AuUoFEfD")));
	assert_string_equal(s->algorithm, "rsa-sha256");
	assert_int_equal(s->key_bits, 1024);
	assert_int_equal(s->signed_at, 0);
	assert_false(s->testing || s->secure || s->partial);
	/* With 2048 bits asked for it is too short. */
	static const struct dkim_options strict = {.now = NOW, .min_rsa_bits = 1025};
	verify(&t, slice_str(rfc6376), slice_str(rfc6376_body), rfc6376_zone, &strict);
	assert_int_equal(t.verdict.result, AUTH_policy);
	arena_free(&t.arena);
}

static void test_rfc8463(void **state)
{
	static const struct dkim_options options = {.now = NOW};
	struct verifying t;
	arena_init(&t.arena, 1 << 20);
	verify(&t, slice_str(rfc8463), slice_str(rfc8463_body), rfc8463_zone, &options);
	assert_int_equal(t.verdict.result, AUTH_pass);
	assert_int_equal(t.verdict.count, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(t.verdict.signatures[i].result, AUTH_pass);
		assert_int_equal(t.verdict.signatures[i].signed_at, 1528637909);
	}
	assert_string_equal(t.verdict.signatures[0].algorithm, "ed25519-sha256");
	assert_string_equal(t.verdict.signatures[1].algorithm, "rsa-sha256");
	arena_free(&t.arena);
}

/* Every octet counts: none can be changed alone, but for two bits of b= that are no part of the signature (RFC
 * 4648 3.5). */
static void test_every_octet(void **state)
{
	static const struct dkim_options options = {.now = NOW};
	struct verifying t;
	char header[sizeof rfc6376], body[sizeof rfc6376_body];
	memcpy(header, rfc6376, sizeof header);
	memcpy(body, rfc6376_body, sizeof body);
	for (size_t i = 0; i < sizeof body - 1; i++) {
		arena_init(&t.arena, 1 << 20);
		body[i] ^= 1;
		verify(&t, slice_str(rfc6376), slice_of(body, sizeof body - 1), rfc6376_zone, &options);
		if (t.verdict.result != AUTH_fail)
			fail_msg("octet %zu of the body: %s", i, auth_result_text(t.verdict.result));
		body[i] ^= 1;
		arena_free(&t.arena);
	}
	size_t last_digit = slice_search(slice_str(header), SLICE("4=;"));
	for (size_t i = 0; i < sizeof header - 3; i++) {
		if (i == last_digit) continue;
		arena_init(&t.arena, 1 << 20);
		header[i] ^= 1;
		verify(&t, slice_of(header, sizeof header - 1), slice_str(rfc6376_body), rfc6376_zone, &options);
		if (t.verdict.result == AUTH_pass) fail_msg("octet %zu of the header", i);
		header[i] ^= 1;
		arena_free(&t.arena);
	}
}

/* ---- several signatures ---------------------------------------------------------------------------------------- */

static void test_results_together(void **state)
{
	static const struct {
		const char *selectors;
		enum auth_result result;
	} sets[] = {
		{"", AUTH_none},         {"g", AUTH_pass},  {"brtg", AUTH_pass},   {"bt", AUTH_temperror},
		{"rtb", AUTH_temperror}, {"rb", AUTH_fail}, {"r", AUTH_permerror},
	};
	/* good, bad (another key), revoked, temporary */
	static const char zone[] =
		"g._domainkey.x.example TXT \"" RECORD "\"\n"
		"b._domainkey.x.example TXT \"k=ed25519; p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"\n"
		"r._domainkey.x.example TXT \"p=\"\n"
		"t._domainkey.x.example SERVFAIL\n";
	static const struct dkim_options options = {.now = NOW};
	for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
		struct verifying t;
		arena_init(&t.arena, 1 << 20);
		struct slice header = SLICE(HEADER);
		for (const char *c = sets[i].selectors + strlen(sets[i].selectors); c-- > sets[i].selectors;) {
			struct slice tags =
				arena_printf(&t.arena, "v=1; a=ed25519-sha256; d=x.example; h=from; s=%c;", *c);
			struct slice field = sign(&t.arena, tags.p, SLICE(HEADER), SLICE(BODY));
			header = arena_printf(&t.arena, "%.*s%.*s", SLICE_ARG(field), SLICE_ARG(header));
		}
		verify(&t, header, SLICE(BODY), zone, &options);
		if (t.verdict.result != sets[i].result)
			fail_msg("[%s]: %s", sets[i].selectors, auth_result_text(t.verdict.result));
		assert_int_equal(t.verdict.count, strlen(sets[i].selectors));
		for (size_t j = 0; j < t.verdict.count; j++)
			assert_int_equal(t.verdict.signatures[j].selector.p[0], sets[i].selectors[j]);
		arena_free(&t.arena);
	}
}

/* Signatures over SIGNATURES_MOST are not looked at; those on top are. */
static void test_many_signatures(void **state)
{
	static const struct dkim_options options = {.now = NOW};
	struct verifying t;
	arena_init(&t.arena, 1 << 20);
	struct slice header = sign(&t.arena, PLAIN, SLICE(HEADER), SLICE(BODY));
	for (int i = 0; i < DKIM_SIGNATURES_MOST; i++)
		header = arena_printf(&t.arena,
		                      "DKIM-Signature: v=1; a=ed25519-sha256; d=%d.example; s=s; b=Zm9v\r\n%.*s", i,
		                      SLICE_ARG(header));
	header = arena_printf(&t.arena, "%.*s%s", SLICE_ARG(header), HEADER);
	verify(&t, header, SLICE(BODY), zone_of(&t.arena, RECORD).p, &options);
	assert_int_equal(t.verdict.count, DKIM_SIGNATURES_MOST);
	assert_int_equal(t.verdict.result, AUTH_permerror);
	assert_true(slice_equal(t.verdict.signatures[0].domain, SLICE("9.example")));
	assert_true(slice_equal(t.verdict.signatures[9].domain, SLICE("0.example")));
	arena_free(&t.arena);
}

static void test_names_of_signatures(void **state)
{
	static const struct dkim_options options = {.now = NOW};
	struct verifying t;
	arena_init(&t.arena, 1 << 20);
	verify(&t,
	       SLICE("DKIM-Signature: v=1; d=x; s=s; b=QUJDREVGR0hJSktM\nDKIM-Signature: v=1; d=x; s=s; b=QUJDREVG\n "
	             "R0hJWktM\n"
	             "DKIM-Signature: v=1; d=x; s=s; b=Zm9v\nDKIM-Signature: d=x; s=s; b=Zm9vZm9vZm9v\n"),
	       SLICE(""), "", &options);
	static const char *const names[] = {"QUJDREVGR0hJS", "QUJDREVGR0hJW", "Zm9v", "Zm9vZm9v"};
	for (size_t i = 0; i < 3; i++) assert_true(slice_equal(t.verdict.signatures[i].signature, slice_str(names[i])));
	assert_int_equal(t.verdict.signatures[3].signature.n, 0); /* not read: v= is missing */
	arena_free(&t.arena);
}

/* ---- a header that came back ----------------------------------------------------------------------------------- */

struct own_key {
	const char *domain, *selector, *record;
};

static bool find_own(void *arg, struct slice domain, struct slice selector, struct slice *record)
{
	const struct own_key *k = arg;
	*record = slice_str(k->record);
	return slice_equal(domain, slice_str(k->domain)) && slice_equal(selector, slice_str(k->selector));
}

#define RELAXED "v=1; a=ed25519-sha256; c=relaxed/relaxed; d=x.example; s=s; h=from:subject:subject;"

static const struct {
	const char *name, *tags, *header; /* NULL: RELAXED; as signed */
	struct own_key key;
	enum auth_result result;
	const char *problem;
} returned[] = {
	{"as it was", NULL, NULL, {"x.example", "s", RECORD}, AUTH_pass, NULL},
	{"fields on top, folded anew",
         NULL,
         "Return-Path: <joe@x.example>\nReceived: 3\nFrom:  Joe\n <joe@x.example>\nSubject: a test of\n folding\n",
         {"x.example", "s", RECORD},
         AUTH_pass,
         NULL},
	{"cut off",
         NULL,
         "Received: 2\r\nFrom: Joe <joe@x.exa",
         {"x.example", "s", RECORD},
         AUTH_fail,
         "the signature does not match the header"},
	{"another subject",
         NULL,
         "From: Joe <joe@x.example>\r\nSubject: spam\r\n",
         {"x.example", "s", RECORD},
         AUTH_fail,
         "the signature does not match the header"},
	{"long over", RELAXED " t=1; x=2;", NULL, {"x.example", "s", RECORD}, AUTH_pass, NULL},
	{"of tomorrow", RELAXED " t=1700086400;", NULL, {"x.example", "s", RECORD}, AUTH_pass, NULL},
	{"l=", RELAXED " l=1000;", NULL, {"x.example", "s", RECORD}, AUTH_pass, NULL},
	{"of others", NULL, NULL, {"y.example", "s", RECORD}, AUTH_permerror, "there is no key"},
	{"another selector", NULL, NULL, {"x.example", "t", RECORD}, AUTH_permerror, "there is no key"},
	{"no key record", NULL, NULL, {"x.example", "s", "hello"}, AUTH_permerror, "the key record's syntax is wrong"},
	{"another key",
         NULL,
         NULL,
         {"x.example", "s", "k=ed25519; p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},
         AUTH_fail,
         "the signature does not match the header"},
};

static void test_returned_header(void **state)
{
	static const struct dkim_options options = {.now = NOW, .header_only = true, .at_any_time = true};
	for (size_t i = 0; i < sizeof returned / sizeof *returned; i++) {
		struct arena a;
		struct dkim_verifier *v;
		struct dkim_verdict verdict;
		struct own_key key = returned[i].key;
		arena_init(&a, 1 << 20);
		struct slice field =
			sign(&a, returned[i].tags ? returned[i].tags : RELAXED, SLICE(HEADER), SLICE(BODY));
		struct slice header =
			arena_printf(&a, "%.*s%s", SLICE_ARG(field), returned[i].header ? returned[i].header : HEADER);
		assert_int_equal(dkim_verify_begin(&a, header, &options, &v), ERR_OK);
		dkim_verify_records(v, find_own, &key);
		if (i % 2) dkim_verify_body(v, SLICE("what there is of a body does not count"));
		dkim_verify_end(v, &verdict);
		assert_int_equal(verdict.count, 1);
		const struct dkim_signature *s = &verdict.signatures[0];
		if (s->result != returned[i].result ||
		    !slice_equal(slice_str(s->problem), slice_str(returned[i].problem)))
			fail_msg("%s: %s, %s", returned[i].name, auth_result_text(s->result),
			         s->problem ? s->problem : "no problem");
		arena_free(&a);
	}
}

/* ---- what is not done, and too much ---------------------------------------------------------------------------- */

static void test_without_keys(void **state)
{
	static const struct dkim_options options = {.now = NOW};
	struct arena a;
	struct dkim_verifier *v;
	struct dkim_verdict verdict;
	arena_init(&a, 1 << 20);
	assert_int_equal(dkim_verify_begin(&a, slice_str(rfc8463), &options, &v), ERR_OK);
	assert_int_equal(dkim_verify_count(v), 2);
	dkim_verify_body(v, SLICE("x"));
	dkim_verify_end(v, NULL);
	assert_int_equal(dkim_verify_begin(&a, slice_str(rfc8463), &options, &v), ERR_OK);
	dkim_verify_end(v, &verdict);
	assert_int_equal(verdict.result, AUTH_temperror);
	assert_int_equal(dkim_verify_begin(&a, SLICE(HEADER), &options, &v), ERR_OK);
	assert_int_equal(dkim_verify_count(v), 0);
	dkim_verify_end(v, &verdict);
	assert_int_equal(verdict.result, AUTH_none);
	arena_free(&a);
}

static void test_no_memory(void **state)
{
	static const struct dkim_options options = {.now = NOW};
	struct dkim_verifier *v;
	struct dkim_verdict verdict;
	struct resolver *r;
	char why[256];
	enum error e = ERR_NO_MEMORY;
	assert_int_equal(resolver_new_table(slice_str(rfc8463_zone), &r, why), ERR_OK);
	for (size_t limit = 64; limit < 64000; limit += 64) {
		struct arena a;
		arena_init(&a, limit);
		e = dkim_verify_begin(&a, slice_str(rfc8463), &options, &v);
		if (!e) {
			dkim_verify_keys(v, r, 0);
			dkim_verify_body(v, slice_str(rfc8463_body));
			dkim_verify_end(v, &verdict);
			assert_true(verdict.result == AUTH_pass || verdict.result == AUTH_temperror);
		}
		arena_free(&a);
	}
	assert_int_equal(e, ERR_OK);
	assert_int_equal(verdict.result, AUTH_pass);
	resolver_free(r);
}

/* 256 KiB of header: ten signatures that name 20,000 fields each, of 40,000 there are. */
static void test_big_header(void **state)
{
	static const struct dkim_options options = {.now = NOW};
	struct verifying t;
	arena_init(&t.arena, 64 << 20);
	char *names = arena_alloc(&t.arena, 65536), *fields = arena_alloc(&t.arena, 262144);
	size_t n = 0, m = 0;
	while (n < 40000) {
		names[n] = "ab"[n / 2 % 2];
		names[n + 1] = ':';
		n += 2;
	}
	names[n - 1] = '\0';
	while (m < 200000) {
		memcpy(fields + m, m % 2 ? "A:x\r\n" : "B:x\r\n", 5);
		m += 5;
	}
	fields[m] = '\0';
	const char *tags = arena_printf(&t.arena, "v=1; a=ed25519-sha256; d=x.example; s=s; h=from:%s;", names).p;
	struct slice header = arena_printf(&t.arena, "%s" HEADER, fields);
	struct slice field = sign(&t.arena, tags, header, SLICE(BODY));
	for (int i = 0; i < 3; i++) header = arena_printf(&t.arena, "%.*s%.*s", SLICE_ARG(field), SLICE_ARG(header));
	verify(&t, header, SLICE(BODY), zone_of(&t.arena, RECORD).p, &options);
	assert_int_equal(t.verdict.count, 3);
	for (int i = 0; i < 3; i++) assert_int_equal(t.verdict.signatures[i].result, AUTH_pass);
	arena_free(&t.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_rfc6376),
		cmocka_unit_test(test_rfc8463),
		cmocka_unit_test(test_every_octet),
		cmocka_unit_test(test_results_together),
		cmocka_unit_test(test_many_signatures),
		cmocka_unit_test(test_names_of_signatures),
		cmocka_unit_test(test_returned_header),
		cmocka_unit_test(test_without_keys),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_big_header),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
