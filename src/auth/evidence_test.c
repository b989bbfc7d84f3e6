/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/evidence.h"

#include "auth/signer.h"
#include "net/test_loop.h"

#define NOW 1700000000

/* The key pair of RFC 8463 A.2. */
static const char private_key[] = "-----BEGIN PRIVATE KEY-----\n"
				  "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
				  "-----END PRIVATE KEY-----\n";
#define RECORD "TXT \"k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"\n"

static const char zone[] = "s1._domainkey.example.net " RECORD "s1._domainkey.x.example " RECORD
			   "_dmarc.example.net TXT \"v=DMARC1; p=reject\"\n"
			   "_dmarc.slow.test SERVFAIL\n";

#define BODY "Hello.\r\n"

struct trial {
	struct arena arena;
	struct resolver *resolver;
	struct signing_key *key;
	const struct row *row;
};

static const struct row {
	const char *name, *from; /* From field's value; NULL: none */
	const char *signer;      /* d=; NULL: not signed */
	const char *mail_from;   /* domain */
	enum auth_result spf;
	bool tag, changed, sealed;
	const char *expect; /* dkim dmarc arc proof */
} rows[] = {
	{"nothing", "joe@example.net", NULL, "example.net", AUTH_fail, 0, 0, 0, "none fail none none"},
	{"signed", "joe@example.net", "example.net", "bounce.example.net", AUTH_fail, 0, 0, 0, "pass pass none dkim"},
	{"changed", "joe@example.net", "example.net", "example.net", AUTH_fail, 0, 1, 0, "fail fail none none"},
	{"SPF", "joe@example.net", NULL, "example.net", AUTH_pass, 0, 0, 0, "none pass none spf"},
	{"tag", "joe@example.net", NULL, "example.net", AUTH_fail, 1, 0, 0, "none fail none tag"},
	{"null return path", "joe@example.net", "example.net", "", AUTH_none, 0, 0, 0, "pass pass none none"},
	{"signed by another", "joe@example.net", "x.example", "example.net", AUTH_none, 0, 0, 0, "pass fail none none"},
	{"sealed", "joe@example.net", "example.net", "example.net", AUTH_none, 0, 0, 1, "pass pass pass dkim"},
	{"no policy", "joe@x.example", "x.example", "x.example", AUTH_none, 0, 0, 0, "pass none none dkim"},
	{"no author", NULL, NULL, "example.net", AUTH_pass, 0, 0, 0, "none none none spf"},
	{"several authors", "joe@example.net, x@x.example", "example.net", "example.net", AUTH_none, 0, 0, 0,
         "pass permerror none dkim"},
	{"DNS is down", "joe@slow.test", NULL, "example.net", AUTH_none, 0, 0, 0, "none temperror none none"},
};

static struct signing signing(struct trial *t, const char *domain)
{
	return (struct signing){.key = t->key, .domain = slice_str(domain), .selector = SLICE("s1"), .now = NOW};
}

/* The header of a row, signed and sealed as it says. */
static struct slice make_header(struct trial *t)
{
	const struct row *row = t->row;
	struct slice header =
		row->from ? arena_printf(&t->arena, "From: %s\r\nSubject: x\r\n", row->from) : SLICE("Subject: x\r\n");
	if (row->signer) {
		struct signing s = signing(t, row->signer);
		struct signer *g;
		struct slice field = SLICE_EMPTY;
		CHECK_ERROR(signer_begin(&t->arena, header, &s, &g), ERR_OK);
		signer_body(g, SLICE(BODY));
		CHECK_ERROR(signer_end(g, &field), ERR_OK);
		header = arena_printf(&t->arena, "%.*s%.*s", SLICE_ARG(field), SLICE_ARG(header));
	}
	if (row->sealed) {
		const struct arc_verdict none = {.result = AUTH_none, .may_extend = true};
		struct arc_sealing s = {.signing = signing(t, "x.example"),
		                        .authserv_id = SLICE("mx.x.example"),
		                        .results = SLICE(" none"),
		                        .chain = &none};
		struct arc_sealer *g;
		struct arc_set set = {SLICE_EMPTY, SLICE_EMPTY, SLICE_EMPTY};
		CHECK_ERROR(arc_seal_begin(&t->arena, header, &s, &g), ERR_OK);
		arc_seal_body(g, SLICE(BODY));
		CHECK_ERROR(arc_seal_end(g, &set), ERR_OK);
		header = arena_printf(&t->arena, "%.*s%.*s%.*s%.*s", SLICE_ARG(set.seal),
		                      SLICE_ARG(set.message_signature), SLICE_ARG(set.authentication_results),
		                      SLICE_ARG(header));
	}
	return header;
}

static struct evidence_run *begin(struct trial *t, const struct spf_verdict *spf)
{
	const struct evidence_check check = {.header = make_header(t),
	                                     .spf = spf,
	                                     .mail_from_domain = slice_str(t->row->mail_from),
	                                     .tag = t->row->tag,
	                                     .source = {.resolver = t->resolver, .deadline = clock_deadline(5000)},
	                                     .now = NOW};
	struct evidence_run *run = NULL;
	CHECK_ERROR(evidence_begin(&t->arena, &check, &run), ERR_OK);
	return run;
}

static void examine(void *arg)
{
	struct trial *t = arg;
	struct spf_verdict spf = {.result = AUTH_none, .domain = SLICE_EMPTY};
	struct evidence e;
	struct evidence_run *run = begin(t, &spf);
	char got[128];
	CHECK(evidence_needs_body(run) == (t->row->signer || t->row->sealed));
	evidence_ask(run);
	evidence_body(run, SLICE("He"));
	evidence_body(run, t->row->changed ? SLICE("y.\r\n") : SLICE("llo.\r\n"));
	spf.result = t->row->spf; /* SPF may be ready last */
	spf.domain = slice_str(t->row->mail_from);
	evidence_end(run, &e);
	snprintf(got, sizeof got, "%s %s %s %s", auth_result_text(e.dkim.result), auth_result_text(e.dmarc.result),
	         auth_result_text(e.arc.result), proof_text(e.proof));
	CHECK(e.spf == &spf);
	if (strcmp(got, t->row->expect)) fprintf(stderr, "%s: %s\n", t->row->name, got);
	CHECK(strcmp(got, t->row->expect) == 0);
}

static int set_up(void **state)
{
	static struct trial t;
	char why[256];
	t.row = rows;
	arena_init(&t.arena, 64 << 20);
	*state = &t;
	return resolver_new_table(slice_str(zone), &t.resolver, why) ||
	       signing_key_load(slice_str(private_key), &t.key, why);
}

static int tear_down(void **state)
{
	struct trial *t = *state;
	signing_key_unref(t->key);
	resolver_free(t->resolver);
	arena_free(&t->arena);
	return 0;
}

static void test_in_fibers(void **state)
{
	struct trial *t = *state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		t->row = &rows[i];
		run_in_fiber(examine, t);
	}
}

static void test_outside_fibers(void **state)
{
	struct trial *t = *state;
	test_failures = 0;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		t->row = &rows[i];
		examine(t);
	}
	assert_int_equal(test_failures, 0);
}

/* What was not asked for is not known. */
static void test_not_asked(void **state)
{
	struct trial *t = *state;
	struct evidence e;
	t->row = &rows[1];
	struct evidence_run *run = begin(t, NULL);
	evidence_body(run, SLICE(BODY));
	evidence_end(run, &e);
	assert_int_equal(e.dkim.result, AUTH_temperror);
	assert_int_equal(e.dmarc.result, AUTH_temperror);
	assert_int_equal(e.proof, PROOF_none);
	evidence_end(begin(t, NULL), NULL);
}

static void test_no_memory(void **state)
{
	struct arena a;
	const struct evidence_check check = {.header = SLICE("From: a@b\r\nDKIM-Signature: x\r\n"), .now = NOW};
	struct evidence_run *run;
	for (size_t limit = 1; limit < 4096; limit += 300) {
		arena_init(&a, limit);
		if (evidence_begin(&a, &check, &run) == ERR_OK)
			evidence_end(run, NULL);
		else
			assert_null(run);
		arena_free(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_in_fibers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_outside_fibers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_not_asked, set_up, tear_down),
		cmocka_unit_test(test_no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
