/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "auth/proof.h"

static const char zone[] = "_dmarc.example.com TXT \"v=DMARC1; p=reject\"\n"
			   "_dmarc.dept.example.com TXT \"v=DMARC1; p=reject; psd=n\"\n"
			   "_dmarc.down.example SERVFAIL\n";

/* spf: result of MAIL FROM's domain; HELO: of HELO. dkim: "result:domain", a "!" after it is for l=. dmarc: result and what is aligned. */
static const struct row {
	const char *name, *mail_from;
	bool tag, helo;
	const char *spf, *dkim, *dmarc, *from;
	enum proof proof;
} rows[] = {
	{"nothing was run", "example.com", 0, 0, "", "", "", "", PROOF_none},
	{"our tag", "example.com", 1, 0, "fail:example.com", "", "", "", PROOF_tag},
	{"our tag is asked first", "example.com", 1, 0, "pass:example.com", "pass:example.com", "", "", PROOF_tag},
	{"the null return path with everything", "", 1, 1, "pass:example.com", "pass:example.com", "pass:sd",
         "example.com", PROOF_none},
	{"SPF", "example.com", 0, 0, "pass:example.com", "", "", "", PROOF_spf},
	{"SPF before DKIM", "example.com", 0, 0, "pass:example.com", "pass:example.com", "pass:sd", "example.com",
         PROOF_spf},
	{"SPF of HELO", "example.com", 0, 1, "pass:example.com", "", "", "", PROOF_none},
	{"SPF of another domain", "example.com", 0, 0, "pass:www.example.com", "", "", "", PROOF_none},
	{"SPF softfail", "example.com", 0, 0, "softfail:example.com", "", "", "", PROOF_none},
	{"SPF neutral", "example.com", 0, 0, "neutral:example.com", "", "", "", PROOF_none},
	{"SPF temperror", "example.com", 0, 0, "temperror:example.com", "", "", "", PROOF_none},
	{"DKIM", "example.com", 0, 0, "fail:example.com", "pass:example.com", "", "", PROOF_dkim},
	{"DKIM of the organisation", "bounce.example.com", 0, 0, "", "pass:mail.example.com", "", "", PROOF_dkim},
	{"DKIM of the author only", "example.com", 0, 0, "", "pass:example.net", "pass:d", "example.net", PROOF_none},
	{"DKIM of another organisation below", "example.com", 0, 0, "", "pass:dept.example.com", "", "", PROOF_none},
	{"the second signature", "example.com", 0, 0, "", "fail:example.com pass:x.test pass:example.com", "", "",
         PROOF_dkim},
	{"DKIM that fails", "example.com", 0, 0, "", "fail:example.com", "", "", PROOF_none},
	{"DKIM over a part of the body", "example.com", 0, 0, "", "pass:example.com!", "", "", PROOF_none},
	{"over a part, and over the whole", "example.com", 0, 0, "", "pass:example.com! pass:example.com", "", "",
         PROOF_dkim},
	{"DMARC by a signature over a part", "example.com", 0, 0, "", "pass:example.com!", "pass:d", "example.com",
         PROOF_none},
	{"DMARC by SPF of HELO", "example.com", 0, 1, "pass:example.com", "", "pass:s", "example.com", PROOF_none},
	{"DMARC fails", "example.com", 0, 0, "fail:example.com", "fail:example.com", "fail:", "example.com",
         PROOF_none},
	{"DMARC of an author elsewhere", "example.net", 0, 0, "", "pass:example.com", "pass:d", "example.com",
         PROOF_none},
	{"DNS is down", "a.down.example", 0, 0, "", "pass:b.down.example", "pass:d", "b.down.example", PROOF_none},
	{"DNS is down, equal domains", "a.down.example", 0, 0, "", "pass:a.down.example", "", "", PROOF_dkim},
	{"any case in SPF's domain", "example.com", 0, 0, "pass:Example.COM", "", "", "", PROOF_spf},
};

static size_t signatures(const char *text, struct dkim_signature *list)
{
	size_t count = 0;
	struct slice rest = slice_str(text);
	while (rest.p && rest.n > 0) {
		struct slice domain = slice_split(&rest, ' '), result = slice_split(&domain, ':');
		list[count] = (struct dkim_signature){0};
		assert_true(auth_result_parse(result, &list[count].result));
		list[count].partial = domain.p[domain.n - 1] == '!';
		if (list[count].partial) domain.n--;
		list[count++].domain = domain;
	}
	return count;
}

static enum proof prove(struct arena *a, const struct orgdomain_source *s, const struct row *row)
{
	struct spf_verdict spf = {.helo = row->helo};
	struct dkim_signature list[4];
	struct dkim_verdict dkim = {.signatures = list, .count = signatures(row->dkim, list)};
	struct dmarc_verdict dmarc = {0};
	struct slice domain = slice_str(row->spf), letters = slice_str(row->dmarc), result = slice_split(&domain, ':');
	struct proof_facts f = {.mail_from_domain = slice_str(row->mail_from),
	                        .tag = row->tag,
	                        .from_domain = slice_str(row->from)};
	if (auth_result_parse(result, &spf.result)) {
		spf.domain = domain;
		f.spf = &spf;
	}
	if (dkim.count > 0) f.dkim = &dkim;
	if (auth_result_parse(slice_split(&letters, ':'), &dmarc.result)) {
		dmarc.spf_aligned = slice_find(letters, 's') < letters.n;
		dmarc.dkim_aligned = slice_find(letters, 'd') < letters.n;
		f.dmarc = &dmarc;
	}
	return proof_find(a, s, &f);
}

static void test_rows(void **state)
{
	struct arena a;
	struct orgdomain_source s = {0};
	char why[256];
	arena_init(&a, 1 << 20);
	assert_int_equal(resolver_new_table(slice_str(zone), &s.resolver, why), ERR_OK);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		enum proof got = prove(&a, &s, &rows[i]);
		if (got != rows[i].proof) fail_msg("%s: %s", rows[i].name, proof_text(got));
	}
	resolver_free(s.resolver);
	arena_free(&a);
}

static void test_texts(void **state)
{
	assert_string_equal(proof_text(PROOF_none), "none");
	assert_string_equal(proof_text(PROOF_dmarc), "dmarc");
	assert_string_equal(proof_text(PROOF_COUNT), "none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_texts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
