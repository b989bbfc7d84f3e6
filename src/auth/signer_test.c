/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auth/dkim.h"
#include "auth/signing_key.h"

#define NOW 1700000000

/* The keys of RFC 8463 A.2. */
static const char ed25519[] = "-----BEGIN PRIVATE KEY-----\n"
			      "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
			      "-----END PRIVATE KEY-----\n";
static const char zone[] = "s._domainkey.x.example TXT \"k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"\n";

static struct signing_key *load(void)
{
	struct signing_key *k;
	char why[256];
	assert_int_equal(signing_key_load(slice_str(ed25519), &k, why), ERR_OK);
	return k;
}

static struct slice sign(struct arena *a, const struct signing *s, const char *header, const char *body)
{
	struct signer *g;
	struct slice field;
	assert_int_equal(signer_begin(a, slice_str(header), s, &g), ERR_OK);
	for (struct slice rest = slice_str(body); rest.n > 0; rest = slice_sub(rest, 3, rest.n))
		signer_body(g, slice_sub(rest, 0, 3));
	assert_int_equal(signer_end(g, &field), ERR_OK);
	return field;
}

static struct dkim_signature verify(struct arena *a, struct slice header, const char *body, int64_t now)
{
	struct dkim_options o = {.now = now};
	struct dkim_verifier *v;
	struct dkim_verdict verdict;
	struct resolver *r;
	char why[256];
	assert_int_equal(resolver_new_table(slice_str(zone), &r, why), ERR_OK);
	assert_int_equal(dkim_verify_begin(a, header, &o, &v), ERR_OK);
	dkim_verify_keys(v, r, 0);
	dkim_verify_body(v, slice_str(body));
	dkim_verify_end(v, &verdict);
	resolver_free(r);
	assert_int_equal(verdict.count, 1);
	return verdict.signatures[0];
}

static void test_whole_field(void **state)
{
	struct arena a;
	arena_init(&a, 65536);
	struct signing_key *k = load();
	struct signing s = {.key = k,
	                    .domain = SLICE("x.example"),
	                    .selector = SLICE("s"),
	                    .now = NOW,
	                    .lifetime = 3600};
	struct slice field = sign(&a, &s, "From: a\r\nSubject: b\r\nX: y\r\n\r\n", "Hi.\r\n");
	/* Ed25519 is deterministic, and so are we. */
	static const char wanted[] = "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; d=x.example; s=s;\r\n"
				     "\tt=1700000000; x=1700003600; h=From:From:Subject:Subject;\r\n"
				     "\tbh=";
	if (!slice_starts(field, slice_str(wanted))) fail_msg("%.*s", SLICE_ARG(field));
	assert_true(slice_ends_nocase(field, SLICE("==\r\n")));
	assert_true(slice_equal(field, sign(&a, &s, "From: a\nSubject: b\nX: y\n", "Hi.\n")));
	signing_key_unref(k);
	arena_free(&a);
}

static const struct {
	const char *name, *header, *body;
} messages[] = {
	{"plain", "From: a\r\nTo: b\r\nSubject: c\r\n\r\n", "Hi.\r\n"},
	{"LF", "From: a\nTo: b\nSubject: c\n\n", "Hi.\n"},
	{"no empty line", "From: a\r\n", ""},
	{"empty body", "From: a\r\n\r\n", ""},
	{"no line end", "From: a\r\n\r\n", "Hi."},
	{"blanks and empty lines", "From: a\r\n\r\n", " \t \r\n  a \t b \r\n\r\n\r\n"},
	{"folded, repeated, malformed fields",
         "Received: 1\r\nFrom:\r\n a\r\nrubbish\r\nRECEIVED : 2\r\nTo: a,\r\n\tb\r\nTo: c\r\n\r\n", "x\r\n"},
	{"8-bit", "From: \xC3\xA9\r\nSubject: \xFF\r\n\r\n", "\xC3\xA9\r\n"},
};

static void test_verifies(void **state)
{
	static const struct slice names[] = {{"received", 8}, {"to", 2}, {"Cc", 2}, {"TO", 2}};
	struct signing_key *k = load();
	for (size_t i = 0; i < 2 * sizeof messages / sizeof *messages; i++) {
		struct arena a;
		arena_init(&a, 65536);
		const char *header = messages[i / 2].header, *body = messages[i / 2].body;
		struct signing s = {.key = k,
		                    .domain = SLICE("x.example"),
		                    .selector = SLICE("s"),
		                    .now = NOW,
		                    .lifetime = 60};
		if (i % 2) {
			s.headers = names;
			s.header_count = sizeof names / sizeof *names;
		}
		struct slice field = sign(&a, &s, header, body),
			     all = arena_printf(&a, "%.*s%s", SLICE_ARG(field), header);
		struct dkim_signature v = verify(&a, all, body, NOW);
		if (v.result != AUTH_pass) fail_msg("%s: %s", messages[i / 2].name, v.problem);
		assert_int_equal(verify(&a, all, body, NOW + 61).result, AUTH_fail);
		/* Another From on top, and another body. */
		v = verify(&a, arena_printf(&a, "From: z\r\n%.*s", SLICE_ARG(all)), body, NOW);
		assert_string_equal(v.problem, "the signature does not match the header");
		assert_string_equal(verify(&a, all, "other", NOW).problem, "the body was changed");
		arena_free(&a);
	}
	signing_key_unref(k);
}

static void test_refuses(void **state)
{
	struct arena a;
	struct signer *g;
	struct signing_key *k = load();
	struct signing s = {.key = k, .domain = SLICE("x.example"), .selector = SLICE("s")};
	arena_init(&a, 65536);
	assert_int_equal(signer_begin(&a, SLICE("To: b\r\n\r\nFrom: a\r\n"), &s, &g), ERR_SYNTAX);
	assert_null(g);
	assert_int_equal(signer_begin(&a, SLICE("From: a\r\nfrom : b\r\n"), &s, &g), ERR_SYNTAX);
	assert_int_equal(signer_begin(&a, SLICE("From: a\r\n"), &s, &g), ERR_OK);
	signer_body(g, SLICE("x"));
	assert_int_equal(signer_end(g, NULL), ERR_OK);
	arena_free(&a);
	for (size_t limit = 64; limit < 12000; limit += 64) {
		struct slice field;
		arena_init(&a, limit);
		enum error e = signer_begin(&a, SLICE("From: a\r\n"), &s, &g);
		assert_true(e == ERR_OK || e == ERR_NO_MEMORY);
		if (!e) e = signer_end(g, &field);
		assert_true(e == ERR_OK || e == ERR_NO_MEMORY || e == ERR_SYSTEM);
		arena_free(&a);
	}
	signing_key_unref(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_field),
		cmocka_unit_test(test_verifies),
		cmocka_unit_test(test_refuses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
