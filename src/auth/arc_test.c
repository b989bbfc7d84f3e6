/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "auth/arc.h"
#include "auth/signer.h"
#include "mail/header.h"

#define NOW 1700000000

/* The key pair of RFC 8463 A.2. */
static const char private_key[] = "-----BEGIN PRIVATE KEY-----\n"
				  "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
				  "-----END PRIVATE KEY-----\n";
#define RECORD "k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
#define RSA_768                                                                                                        \
	"MHwwDQYJKoZIhvcNAQEBBQADawAwaAJhAP////////////////////////////////////////////////////////"                   \
	"///////////////////////////////////////////////////////////////////////wIDAQAB"
#define ZONE "s1._domainkey.example.net TXT \"" RECORD "\"\n"

#define HEADER "From: Joe <joe@x.example>\r\nSubject: a  test\r\n of folding\r\n"
#define BODY   "Hi.\r\n\r\nWe lost the game.\r\n"

/* A chain of two sets over this message, signed with that key by another program (a few lines of Python). */
#define BODY_HASH "sTT02lKuPAH1nGYBiIjR27DGuCuXdYrdO56uQNzQX+8="
#define MESSAGE_1 "0TK9HT1xX6GRqe+oPCq9XdR+EGutQ9v43wAJ4jib3X82ibOsZCbPA5WvLfrzFmiQN16GnUpFexB7jAVIHq/1Ag=="
#define SEAL_1    "QpRRf99M4PorzoeBhjm/+7Rj25CObdr4aSfRtuLHhgQ+l0dYn6IjqFeAEruap9sNxvXs7yO0ZgdPVpJF5LPlDQ=="
#define MESSAGE_2 "Bt12ycHuGHeeRVN6KjS+lfMmGm2Ure72nuF8DVA7z9k6zo+ag1J3VojAH1m035e12RRxOnVx2/JR+o98n4efAQ=="
#define SEAL_2    "iyxPxWIlhftN4jkHzRsgmERESmMm5A6PmVYyuMk5KZmnfJOAJSih2M/c48YijCiPc/eFjx13fmb8nkpEN/wcAQ=="
#define SET(i, t, cv, seal, message)                                                                                   \
	"ARC-Seal: a=ed25519-sha256;\r\n\tb=" seal "; cv=" cv ";\r\n\td=example.net; i=" i "; s=s1;\r\n\tt=" t "\r\n"  \
	"ARC-Message-Signature: a=ed25519-sha256;\r\n\tb=" message ";\r\n\tbh=" BODY_HASH "; c=relaxed/relaxed;\r\n"   \
	"\td=example.net;\r\n\th=From:Subject;\r\n\ti=" i "; s=s1; t=" t "\r\n"                                        \
	"ARC-Authentication-Results: i=" i "; mx.example.net; arc=" cv "\r\n"
#define SET_1 SET("1", "1700000000", "none", SEAL_1, MESSAGE_1)
#define SET_2 SET("2", "1700000001", "pass", SEAL_2, MESSAGE_2)
#define CHAIN SET_2 SET_1 HEADER

/* ---- frame ---------------------------------------------------------------------------------------------------------------- */

struct trial {
	struct arena arena;
	struct signing_key *key;
};

static int set_up(void **state)
{
	static struct trial t;
	char why[256];
	arena_init(&t.arena, 256 << 20);
	*state = &t;
	return signing_key_load(slice_str(private_key), &t.key, why) != ERR_OK;
}

static int tear_down(void **state)
{
	struct trial *t = *state;
	signing_key_unref(t->key);
	arena_free(&t->arena);
	return 0;
}

static struct arc_verdict verify(struct trial *t, struct slice header, const char *body, const char *zone)
{
	struct arc_verifier *v;
	struct arc_verdict verdict;
	struct resolver *r;
	char why[256];
	if (resolver_new_table(slice_str(zone), &r, why)) fail_msg("%s", why);
	assert_int_equal(arc_verify_begin(&t->arena, header, NOW, &v), ERR_OK);
	arc_verify_keys(v, r, 0);
	for (const char *p = body; *p; p++) arc_verify_body(v, slice_of(p, 1));
	arc_verify_end(v, &verdict);
	resolver_free(r);
	return verdict;
}

static struct arc_set seal(struct trial *t, struct slice header, const char *body, const struct arc_verdict *chain,
                           int64_t now)
{
	static const struct slice names[] = {{"From", 4},
	                                     {"ARC-Seal", 8},
	                                     {"Subject", 7},
	                                     {"authentication-results", 22}};
	struct arc_sealing s = {.signing = {.key = t->key,
	                                    .domain = SLICE("example.net"),
	                                    .selector = SLICE("s1"),
	                                    .headers = names,
	                                    .header_count = 4,
	                                    .now = now},
	                        .authserv_id = SLICE("mx.example.net"),
	                        .results = arena_printf(&t->arena, " arc=%s", auth_result_text(chain->result)),
	                        .chain = chain};
	struct arc_sealer *g;
	struct arc_set set;
	assert_int_equal(arc_seal_begin(&t->arena, header, &s, &g), ERR_OK);
	arc_seal_body(g, slice_str(body));
	assert_int_equal(arc_seal_end(g, &set), ERR_OK);
	return set;
}

/* The header with the next set on top. */
static struct slice extend(struct trial *t, struct slice header, const char *body, int64_t now)
{
	struct arc_verdict chain = verify(t, header, body, ZONE);
	struct arc_set s = seal(t, header, body, &chain, now);
	return arena_printf(&t->arena, "%.*s%.*s%.*s%.*s", SLICE_ARG(s.seal), SLICE_ARG(s.message_signature),
	                    SLICE_ARG(s.authentication_results), SLICE_ARG(header));
}

static struct slice replace(struct arena *a, const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);
	assert_non_null(at);
	return arena_printf(a, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
}

/* ---- verifying ------------------------------------------------------------------------------------------------------------- */

static void test_another_programs_chain(void **state)
{
	struct trial *t = *state;
	struct arc_verdict v = verify(t, slice_str(CHAIN), BODY, ZONE);
	if (v.result != AUTH_pass) fail_msg("%s", v.problem);
	assert_int_equal(v.sets, 2);
	assert_int_equal(v.oldest_pass, 0);
	assert_true(slice_equal(v.sealer, SLICE("example.net")) && v.may_extend);
	v = verify(t, slice_str(HEADER), BODY, ZONE);
	assert_int_equal(v.result, AUTH_none);
	assert_true(v.sets == 0 && v.may_extend && !v.problem);
	v = verify(t, SLICE_EMPTY, "", ZONE);
	assert_int_equal(v.result, AUTH_none);
}

/* What was done to the chain, and why it fails; NULL: it passes. */
static const struct {
	const char *name, *from, *to, *problem;
} changes[] = {
	{"blanks and folds", "Subject: a  test\r\n of", "Subject:\ta test \r\n  of", NULL},
	{"LF", "\r\nSubject", "\nSubject", NULL},
	{"a field that is not signed", "From: Joe", "Received: x\r\nFrom: Joe", NULL},
	{"case of a name", "ARC-Seal:", "arc-seal:", NULL},
	{"another subject", "a  test", "a best", "a signature does not match"},
	{"results of the first set", "arc=none", "arc=pass", "a signature does not match"},
	{"results of the second set", "arc=pass", "arc=fail", "a signature does not match"},
	{"time of the first seal", "t=1700000000\r\nARC-Message", "t=1700000009\r\nARC-Message",
         "a signature does not match"},
	{"a seal's signature", "b=iyxPx", "b=jyxPx", "a signature does not match"},
	{"a message signature", "b=Bt12y", "b=Ct12y", "a signature does not match"},
	{"an older message signature", "b=0TK9H", "b=1TK9H", "a signature does not match"},
	{"body hash", "bh=sTT0", "bh=tTT0", "the body was changed"},
	{"an instance is missing", SET_1, "", "an instance lacks a field"},
	{"a seal is missing", "ARC-Seal: a", "X-Seal: a", "an instance lacks a field"},
	{"results are missing", "ARC-Authentication-Results: i=1", "X: i=1", "an instance lacks a field"},
	{"a message signature is missing", "ARC-Message-Signature: a", "X: a", "an instance lacks a field"},
	{"a set twice", "ARC-Seal: a", SET_1 "ARC-Seal: a", "an instance has a field twice"},
	{"results twice", "From: Joe", "ARC-Authentication-Results: i=2; mx.example.net; arc=pass\r\nFrom: Joe",
         "an instance has a field twice"},
	{"results without instance", "Results: i=2; ",
         "Results: ", "a field has no instance from 1 to 50 (i=), or is malformed"},
	{"instance 0", "Results: i=2; ", "Results: i=0; ",
         "a field has no instance from 1 to 50 (i=), or is malformed"},
	{"instance 51", "Results: i=2; ", "Results: i=51; ",
         "a field has no instance from 1 to 50 (i=), or is malformed"},
	{"a seal without instance", " i=2; s=s1;\r\n\tt", " s=s1;\r\n\tt",
         "a field has no instance from 1 to 50 (i=), or is malformed"},
	{"a seal with an odd instance", " i=2; s=s1;\r\n\tt", " i=two; s=s1;\r\n\tt",
         "a field has no instance from 1 to 50 (i=), or is malformed"},
	{"a tag twice", " i=2; s=s1;\r\n\tt", " i=2; s=s1; s=s1;\r\n\tt",
         "a field has no instance from 1 to 50 (i=), or is malformed"},
	{"the second seal says none", "cv=pass", "cv=none", "a seal does not say cv=pass"},
	{"the first seal says pass", "cv=none", "cv=pass", "the first seal does not say cv=none"},
	{"the first seal says fail", "cv=none", "cv=fail", "the first seal does not say cv=none"},
	{"the newest seal says fail", "cv=pass", "cv=fail", "an earlier handler found the chain broken (cv=fail)"},
	{"a seal with an odd word", "cv=pass", "cv=good", "cv= is not known"},
	{"a seal with h=", "cv=pass", "h=From; cv=pass", "ARC-Seal has h= or bh="},
	{"a seal without a time", "s=s1;\r\n\tt=1700000001", "s=s1", "t= is missing"},
	{"a message signature without a time", "s=s1; t=1700000001", "s=s1", "a signature does not match"},
	{"a seal without a domain", "d=example.net; i=2; s=s1;\r\n\tt", "i=2; s=s1;\r\n\tt", "d= is missing"},
	{"a message signature without a domain", "d=example.net;\r\n\th=", "h=", "d= is missing"},
	{"h= with an empty name is a list", "h=From:Subject", "h=From::Subject", "a signature does not match"},
	{"h= without names is a list", "h=From:Subject", "h=", "a signature does not match"},
	{"no h=", "h=From:Subject;", "", "h= is missing"},
	{"h= names ARC-Seal", "h=From:Subject", "h=From:Subject:arc-seal", "h= names ARC-Seal"},
	{"SHA-1 of a seal", "ed25519-sha256", "rsa-sha1", "SHA-1 is not accepted"},
	{"no algorithm", "Seal: a=ed25519-sha256;", "Seal:", "a= is missing"},
	{"an unknown algorithm", "ed25519-sha256", "rsa-sha512", "a= is an algorithm that is not known"},
	{"an expired signature", "h=From:Subject", "x=1699999999; h=From:Subject", "x= is not after t="},
	{"no key", "d=example.net", "d=example.org", "there is no key"},
};

static void test_changes(void **state)
{
	struct trial *t = *state;
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
		struct slice header = replace(&t->arena, CHAIN, changes[i].from, changes[i].to);
		struct arc_verdict v = verify(t, header, BODY, ZONE);
		const char *want = changes[i].problem, *got = v.problem;
		bool same = want ? got && strcmp(want, got) == 0 : !got;
		if (!same || v.result != (want ? AUTH_fail : AUTH_pass))
			fail_msg("%s: %s: %s", changes[i].name, auth_result_text(v.result), got ? got : "-");
		assert_true(v.may_extend == (strstr(changes[i].name, "newest") == NULL));
	}
}

static const struct {
	const char *name, *zone, *problem;
} zones[] = {
	{"two keys, one good",
         ZONE "s1._domainkey.example.net TXT \"k=ed25519; p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"\n", NULL},
	{"DNS is down", "s1._domainkey.example.net SERVFAIL\n", "DNS did not answer for the key"},
	{"revoked", "s1._domainkey.example.net TXT \"k=ed25519; p=\"\n", "the key is revoked"},
	{"another hash", "s1._domainkey.example.net TXT \"h=sha1; " RECORD "\"\n",
         "a key record does not allow the hash (h=)"},
	{"a short RSA key", "s1._domainkey.example.net TXT \"k=rsa; p=" RSA_768 "\"\n",
         "a key is of another kind than a= (k=)"},
};

static void test_keys(void **state)
{
	struct trial *t = *state;
	for (size_t i = 0; i < sizeof zones / sizeof *zones; i++) {
		struct arc_verdict v = verify(t, slice_str(CHAIN), BODY, zones[i].zone);
		const char *want = zones[i].problem, *got = v.problem;
		if (want ? !got || strcmp(want, got) != 0 : got != NULL)
			fail_msg("%s: %s", zones[i].name, got ? got : "-");
	}
}

static void test_body(void **state)
{
	struct trial *t = *state;
	assert_string_equal(verify(t, slice_str(CHAIN), BODY "x", ZONE).problem, "the body was changed");
	assert_null(verify(t, slice_str(CHAIN), BODY "\r\n\r\n", ZONE).problem);
}

static void test_abandoned_and_not_asked(void **state)
{
	struct trial *t = *state;
	struct arc_verifier *v;
	struct arc_verdict verdict;
	assert_int_equal(arc_verify_begin(&t->arena, slice_str(CHAIN), NOW, &v), ERR_OK);
	assert_int_equal(arc_verify_count(v), 2);
	arc_verify_end(v, NULL);
	assert_int_equal(arc_verify_begin(&t->arena, slice_str(CHAIN), NOW, &v), ERR_OK);
	arc_verify_end(v, &verdict);
	assert_int_equal(verdict.result, AUTH_fail);
}

/* ---- sealing ----------------------------------------------------------------------------------------------------------------- */

static void test_equal_to_another_programs(void **state)
{
	struct trial *t = *state;
	struct slice one = extend(t, SLICE(HEADER), BODY, NOW), two = extend(t, one, BODY, NOW + 1);
	if (!slice_equal(one, SLICE(SET_1 HEADER))) fail_msg("%.*s", SLICE_ARG(one));
	if (!slice_equal(two, SLICE(CHAIN))) fail_msg("%.*s", SLICE_ARG(two));
}

static void test_oldest_pass(void **state)
{
	struct trial *t = *state;
	struct slice one = extend(t, SLICE(HEADER), BODY, NOW);
	struct slice changed = replace(&t->arena, arena_strdup(&t->arena, one), "a  test", "[list] a test");
	assert_int_equal(verify(t, changed, BODY, ZONE).result, AUTH_fail);
	/* The list says that the chain passed before it changed the message. */
	struct arc_verdict before = verify(t, one, BODY, ZONE);
	struct arc_set s = seal(t, changed, BODY, &before, NOW);
	struct slice two =
		arena_printf(&t->arena, "%.*s%.*s%.*s%.*s", SLICE_ARG(s.seal), SLICE_ARG(s.message_signature),
	                     SLICE_ARG(s.authentication_results), SLICE_ARG(changed));
	struct arc_verdict v = verify(t, two, BODY, ZONE);
	assert_int_equal(v.result, AUTH_pass);
	assert_int_equal(v.oldest_pass, 2);
	v = verify(t, extend(t, two, BODY, NOW), BODY, ZONE);
	assert_int_equal(v.result, AUTH_pass);
	assert_int_equal(v.oldest_pass, 2);
}

/* RFC 8617 5.2, step 5: older message signatures need not be good, not even in form, as long as their set is known. The
 * other program's chain again, sealed over a first message signature that lacks d=. */
static void test_older_message_signature_bad_in_form(void **state)
{
	static const char first[] =
		"Xil3Rx6hP+cmDx+Hb07r4TQEEp7v8DNnsE2vWwztE8YtFAeoaIa+EuPzS4NG3bZHcBtorCjeGLQQX7dVqmSPBQ==";
	static const char second[] =
		"W5YK4MV6wRpBCn2Pcue37cJhpsO/RqBiADFVEMKi7aXtXa94zlkSKt3Hhli9SI/fIL3kcqNr0YxJ7GaCD11VBQ==";
	static const char message[] =
		"UjcKMlWQf7mQO3lJBvB+1yBudxQG/pGH7zr1EqsiaUJMNx59gPyErQM13EktuagbLg/RqVmhbOvtQ9PusE+pCA==";
	struct trial *t = *state;
	struct arena *a = &t->arena;
	struct slice one = replace(a, SET_1 HEADER, SEAL_1, first);
	one = replace(a, arena_strdup(a, one), MESSAGE_1, message);
	one = replace(a, arena_strdup(a, one), "\td=example.net;\r\n\th=", "\th=");
	struct arc_verdict v = verify(t, one, BODY, ZONE);
	assert_string_equal(v.problem, "d= is missing");
	struct slice set = replace(a, SET_2, SEAL_2, second);
	v = verify(t, arena_printf(a, "%.*s%.*s", SLICE_ARG(set), SLICE_ARG(one)), BODY, ZONE);
	if (v.result != AUTH_pass) fail_msg("%s", v.problem);
	assert_int_equal(v.oldest_pass, 2);
}

#define SPACED(gap) "Hi.\r\n\r\nWe lost" gap "the game.\r\n"
#define NO_C_SET(seal, message, hash)                                                                                  \
	"ARC-Seal: a=ed25519-sha256;\r\n\tb=" seal "; cv=none;\r\n\td=example.net; i=1; s=s1;\r\n\tt=1700000000\r\n"   \
	"ARC-Message-Signature: a=ed25519-sha256;\r\n\tb=" message ";\r\n\tbh=" hash ";\r\n"                           \
	"\td=example.net;\r\n\th=From:Subject;\r\n\ti=1; s=s1; t=1700000000\r\n"                                       \
	"ARC-Authentication-Results: i=1; mx.example.net; arc=none\r\n"

/* Sets by the other program whose message signature has no c=, made canonical in this way and that. */
static const struct {
	const char *name, *set, *body;
	enum auth_result result;
} without_c[] = {
	{"relaxed/relaxed",
         NO_C_SET("e0tg4iSYNElrw36Dyz5Id0Dk2vquBjhNO2HdBQ9g50WPfEV8LJeRjnRqZevFa7qK8PBQoWOCQ7WabpjiDb8KAQ==",
                  "wbN7Q1FxEQC1itK1vAcXcfZfumnSkOKCkm5mpPcJSVmlef5c0GfViB6tTln36asoFIFkNAqtF+RYFBf39mZeAA==",
                  BODY_HASH),
         SPACED(" \t "), AUTH_pass},
	{"simple/simple",
         NO_C_SET("fLb9NsdtHXGgBLGqUfZ73vXK53AuDA+0D0Qxdm6zoTFcf95lUXUkO5R4A2nsjTTcKQDhfuBfGNEqsdQZzN2DDw==",
                  "xO4ruSTdDRSCKT0PBJZELSdVmVdRCZQMTVl23GrPQkIgMiD/0jcnbr6Dfu2WJFl864mJXjTfSx3ypor0BokCBg==",
                  "XJFz0Nr6YdRDInafk3sfsRcYRlbmKnA5wEgpReXWWz4="),
         SPACED("  "), AUTH_pass},
	{"simple/simple, another blank",
         NO_C_SET("fLb9NsdtHXGgBLGqUfZ73vXK53AuDA+0D0Qxdm6zoTFcf95lUXUkO5R4A2nsjTTcKQDhfuBfGNEqsdQZzN2DDw==",
                  "xO4ruSTdDRSCKT0PBJZELSdVmVdRCZQMTVl23GrPQkIgMiD/0jcnbr6Dfu2WJFl864mJXjTfSx3ypor0BokCBg==",
                  "XJFz0Nr6YdRDInafk3sfsRcYRlbmKnA5wEgpReXWWz4="),
         SPACED("   "), AUTH_fail},
	{"relaxed/simple",
         NO_C_SET("G+TAS8ixseP+jLIPEfaI+HO2++oRYm1rFStgs1tZ1s8c91uIqoLJicefQRa1BPVf+p4EmUkcqra0e2cNFIAmDA==",
                  "9svuE9p5Wkmcwao9w2qaGUeczgCdjRukp56R2HshH99rn5z92ctl/hVRGao61yH3gEK6MWc0b7C7mdSskZG3Ag==",
                  "XJFz0Nr6YdRDInafk3sfsRcYRlbmKnA5wEgpReXWWz4="),
         SPACED("  "), AUTH_fail},
};

static void test_without_c(void **state)
{
	struct trial *t = *state;
	for (size_t i = 0; i < sizeof without_c / sizeof *without_c; i++) {
		struct slice header = arena_printf(&t->arena, "%s%s", without_c[i].set, HEADER);
		struct arc_verdict v = verify(t, header, without_c[i].body, ZONE);
		if (v.result != without_c[i].result)
			fail_msg("%s: %s", without_c[i].name, v.problem ? v.problem : "passes");
	}
}

/* RFC 8617 5.1.2: a broken chain is sealed as such, with a seal over its own set alone; 5.1.3: and never again. */
static void test_broken_chain(void **state)
{
	struct trial *t = *state;
	struct slice broken = replace(&t->arena, CHAIN, "a  test", "a best");
	struct arc_verdict v = verify(t, broken, BODY, ZONE);
	struct arc_set s = seal(t, broken, BODY, &v, NOW), again;
	assert_true(slice_search(s.seal, SLICE("cv=fail")) < s.seal.n && slice_search(s.seal, SLICE("i=3")) < s.seal.n);
	/* As if it were the only set: what it covers does not depend on the sets before. */
	struct slice other = replace(&t->arena, arena_strdup(&t->arena, broken), "b=iyxPx", "b=jyxPx");
	again = seal(t, other, BODY, &v, NOW);
	assert_true(slice_equal(s.seal, again.seal));
	struct slice sealed =
		arena_printf(&t->arena, "%.*s%.*s%.*s%.*s", SLICE_ARG(s.seal), SLICE_ARG(s.message_signature),
	                     SLICE_ARG(s.authentication_results), SLICE_ARG(broken));
	v = verify(t, sealed, BODY, ZONE);
	assert_int_equal(v.result, AUTH_fail);
	assert_false(v.may_extend);
	again = seal(t, sealed, BODY, &v, NOW);
	assert_true(again.seal.n == 0 && again.message_signature.n == 0 && again.authentication_results.n == 0);
}

static void test_fifty_sets(void **state)
{
	struct trial *t = *state;
	struct slice header = SLICE(HEADER);
	for (int i = 0; i < ARC_SETS_MOST; i++) header = extend(t, header, BODY, NOW);
	struct arc_verdict v = verify(t, header, BODY, ZONE);
	assert_int_equal(v.result, AUTH_pass);
	assert_int_equal(v.sets, ARC_SETS_MOST);
	assert_int_equal(v.oldest_pass, ARC_SETS_MOST - 10); /* older ones are not looked at */
	assert_false(v.may_extend);
	assert_int_equal(seal(t, header, BODY, &v, NOW).seal.n, 0);
	struct slice more = arena_printf(&t->arena, "ARC-Seal: i=51\r\n%.*s", SLICE_ARG(header));
	assert_int_equal(verify(t, more, BODY, ZONE).result, AUTH_fail);
}

static void test_usual_names(void **state)
{
	struct trial *t = *state;
	struct slice header =
		SLICE("DKIM-Signature: b\r\nDKIM-Signature: a\r\nAuthentication-Results: x; none\r\n" HEADER);
	struct arc_verdict chain = verify(t, header, BODY, ZONE);
	struct arc_sealing s =
		{.signing = {.key = t->key, .domain = SLICE("example.net"), .selector = SLICE("s1"), .now = NOW},
	         .authserv_id = SLICE("mx.example.net"),
	         .results = SLICE(" none"),
	         .chain = &chain};
	struct arc_sealer *g;
	struct arc_set set;
	assert_int_equal(arc_seal_begin(&t->arena, header, &s, &g), ERR_OK);
	arc_seal_end(g, NULL);
	assert_int_equal(arc_seal_begin(&t->arena, header, &s, &g), ERR_OK);
	arc_seal_body(g, SLICE(BODY));
	assert_int_equal(arc_seal_end(g, &set), ERR_OK);
	assert_true(slice_search(set.message_signature, SLICE("DKIM-Signature:DKIM-Signature")) <
	            set.message_signature.n);
	assert_true(slice_search(set.message_signature, SLICE("Authentication-Results")) == set.message_signature.n);
	struct slice sealed =
		arena_printf(&t->arena, "%.*s%.*s%.*s%.*s", SLICE_ARG(set.seal), SLICE_ARG(set.message_signature),
	                     SLICE_ARG(set.authentication_results), SLICE_ARG(header));
	assert_int_equal(verify(t, sealed, BODY, ZONE).result, AUTH_pass);
}

/* Long keys make long signatures, long lists of names long lines: none over RFC 5322's 998 octets. */
static void test_long_lines(void **state)
{
	struct trial *t = *state;
	struct slice names[300];
	struct signing_key *key;
	struct arc_verdict chain = {.result = AUTH_none, .may_extend = true};
	struct arc_sealer *g;
	struct arc_set set;
	for (size_t i = 0; i < 300; i++) names[i] = arena_printf(&t->arena, "X-A-Rather-Long-Name-%zu", i);
	assert_int_equal(signing_key_generate(SIGNING_RSA, 3072, &key), ERR_OK);
	struct arc_sealing s = {.signing = {.key = key,
	                                    .domain = SLICE("example.net"),
	                                    .selector = SLICE("s1"),
	                                    .headers = names,
	                                    .header_count = 300,
	                                    .now = NOW},
	                        .authserv_id = SLICE("mx.example.net"),
	                        .results = SLICE(" none"),
	                        .chain = &chain};
	assert_int_equal(arc_seal_begin(&t->arena, SLICE(HEADER), &s, &g), ERR_OK);
	arc_seal_body(g, SLICE(BODY));
	assert_int_equal(arc_seal_end(g, &set), ERR_OK);
	struct slice all = arena_printf(&t->arena, "%.*s%.*s", SLICE_ARG(set.seal), SLICE_ARG(set.message_signature));
	while (all.p && all.n > 0) assert_true(slice_split(&all, '\n').n < 998);
	signing_key_unref(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_another_programs_chain, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_changes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_keys, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_body, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_abandoned_and_not_asked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_equal_to_another_programs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_oldest_pass, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_older_message_signature_bad_in_form, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_without_c, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_broken_chain, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_fifty_sets, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_usual_names, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_long_lines, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
