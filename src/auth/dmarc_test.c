/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "auth/dmarc.h"

static const char zone[] =
	"_dmarc.example.com TXT \"v=DMARC1; p=reject; sp=quarantine; np=none; rua=mailto:d@example.com\"\n"
	"example.com A 192.0.2.1\n"
	"mail.example.com MX \"10 mx.example.com\"\n"
	"_dmarc.own.example.com TXT \"v=DMARC1; p=none; sp=reject\"\n"
	"_dmarc.strict.example TXT \"v=DMARC1; p=reject; adkim=s; aspf=s\"\n"
	"_dmarc.test.example TXT \"v=DMARC1; p=reject; t=y; pct=0\"\n"
	"_dmarc.soft.example TXT \"v=DMARC1; p=quarantine; t=y; pct=0\"\n"
	"_dmarc.half.example TXT \"v=DMARC1; p=reject; pct=50\"\n"
	"_dmarc.two.example TXT \"v=DMARC1; p=reject\"\n"
	"_dmarc.two.example TXT \"v=DMARC1; p=none\"\n"
	"_dmarc.two.two.example TXT \"v=DMARC1; p=reject\"\n"
	"_dmarc.two.two.example TXT \"v=DMARC1; p=none\"\n"
	"_dmarc.bad.example TXT \"v=DMARC1; p=x\"\n"
	"_dmarc.badrua.example TXT \"v=DMARC1; p=x; rua=mailto:d@example.com\"\n"
	"_dmarc.nop.example TXT \"v=DMARC1; sp=reject\"\n"
	"_dmarc.bank TXT \"v=DMARC1; p=reject; np=quarantine; psd=y\"\n"
	"lost.bank A 192.0.2.2\n"
	"_dmarc.good.bank TXT \"v=DMARC1; p=none\"\n"
	"_dmarc.down.example SERVFAIL\n"
	"_dmarc.late.example TIMEOUT\n"
	"_dmarc.half.down.example TXT \"v=DMARC1; p=reject\"\n"
	"_dmarc.ex.example TXT \"v=DMARC1; p=none; sp=quarantine; np=reject\"\n"
	"gone.ex.example SERVFAIL\n"
	"here.ex.example AAAA 2001:db8::1\n"
	"_dmarc.xn--dme-0na.example TXT \"v=DMARC1; p=reject\"\n"
	"_dmarc.dept.example.com TXT \"v=DMARC1; p=reject; psd=n\"\n"
	"_dmarc.co.uk TXT \"v=DMARC1; p=reject\"\n"
	"_dmarc.some.co.uk TXT \"v=DMARC1; p=none\"\n";

/* spf, dkim: "result:domain", blanks between several. expect: result, policy, disposition (letters n q r -), s and d when aligned. */
struct row {
	const char *name, *from, *spf, *dkim, *expect, *org;
};

static const struct row by_walk[] = {
	{"DKIM aligned", "example.com", "", "pass:example.com", "pass rn d", "example.com"},
	{"SPF aligned", "example.com", "pass:example.com", "", "pass rn s", "example.com"},
	{"both", "example.com", "pass:bounce.example.com", "pass:example.com", "pass rn sd", "example.com"},
	{"nothing", "example.com", "", "", "fail rr ", "example.com"},
	{"other domain", "example.com", "pass:example.net", "pass:example.org", "fail rr ", "example.com"},
	{"SPF fails", "example.com", "fail:example.com", "fail:example.com", "fail rr ", "example.com"},
	{"softfail and neutral are no pass", "example.com", "softfail:example.com", "neutral:example.com", "fail rr ",
         "example.com"},
	{"second signature", "example.com", "", "fail:example.com pass:x.test pass:example.com", "pass rn d",
         "example.com"},
	{"relaxed: child signs for parent", "example.com", "", "pass:mail.example.com", "pass rn d", "example.com"},
	{"relaxed: parent signs for child", "mail.example.com", "", "pass:example.com", "pass qn d", "example.com"},
	{"subdomain", "mail.example.com", "", "", "fail qq ", "example.com"},
	{"subdomain that does not exist", "no.example.com", "", "", "fail nn ", "example.com"},
	{"subdomain with its own record", "own.example.com", "", "", "fail nn ", "example.com"},
	{"sp of a subdomain's record is not asked", "below.own.example.com", "", "", "fail nn ", "example.com"},
	{"domain that ends alike", "example.com", "", "pass:badexample.com", "fail rr ", "example.com"},
	{"an organisation within by psd=n", "example.com", "", "pass:dept.example.com", "fail rr ", "example.com"},
	{"that organisation itself", "a.dept.example.com", "pass:b.dept.example.com", "", "pass rn s",
         "dept.example.com"},
	{"strict: equal", "strict.example", "pass:strict.example", "pass:strict.example", "pass rn sd",
         "strict.example"},
	{"strict: child", "strict.example", "pass:a.strict.example", "pass:a.strict.example", "fail rr ",
         "strict.example"},
	{"testing: reject is quarantine", "test.example", "", "", "fail rq ", "test.example"},
	{"testing: quarantine is none", "soft.example", "", "", "fail qn ", "soft.example"},
	{"no record", "none.example", "pass:none.example", "", "none -n ", "none.example"},
	{"several records are none", "two.two.example", "", "", "none -n ", "two.two.example"},
	{"bad policy", "bad.example", "", "", "none -n ", "bad.example"},
	{"bad policy with reports", "badrua.example", "", "", "fail nn ", "badrua.example"},
	{"no policy", "nop.example", "", "", "fail nn ", "nop.example"},
	{"public suffix's policy", "lost.bank", "", "", "fail rr ", "lost.bank"},
	{"public suffix's policy for nobody", "nobody.bank", "", "", "fail qq ", "nobody.bank"},
	{"public suffix's policy for a child", "a.lost.bank", "", "pass:b.lost.bank", "pass qn d", "lost.bank"},
	{"neighbours of a public suffix", "lost.bank", "", "pass:good.bank", "fail rr ", "lost.bank"},
	{"own record below a public suffix", "good.bank", "", "", "fail nn ", "good.bank"},
	{"organisation's record below a public suffix", "a.good.bank", "", "", "fail nn ", "good.bank"},
	{"the public suffix as author", "bank", "", "pass:bank", "pass rn d", "bank"},
	{"a child signs for the public suffix", "bank", "", "pass:lost.bank", "fail rr ", "bank"},
	{"DNS is down", "down.example", "pass:down.example", "", "temperror -n ", ""},
	{"DNS is late", "late.example", "", "", "temperror -n ", ""},
	{"organisation unknown, equal", "half.down.example", "", "pass:half.down.example", "pass rn d", ""},
	{"organisation unknown, relaxed", "half.down.example", "", "pass:down.example", "temperror rn ", ""},
	{"organisation unknown, nothing", "half.down.example", "", "", "fail rr ", ""},
	{"the signer's DNS is down", "example.com", "", "pass:down.example", "fail rr ", "example.com"},
	{"SPF temperror", "example.com", "temperror:example.com", "", "temperror rn ", "example.com"},
	{"SPF temperror of another", "example.com", "temperror:example.net", "", "fail rr ", "example.com"},
	{"SPF temperror, DKIM passes", "example.com", "temperror:example.com", "pass:example.com", "pass rn d",
         "example.com"},
	{"DKIM temperror", "example.com", "", "temperror:example.com", "temperror rn ", "example.com"},
	{"existence unknown", "gone.ex.example", "", "", "temperror qn ", "ex.example"},
	{"existence unknown, passes", "gone.ex.example", "", "pass:ex.example", "pass qn d", "ex.example"},
	{"exists by another type", "here.ex.example", "", "", "fail qq ", "ex.example"},
	{"does not exist", "not.ex.example", "", "", "fail rr ", "ex.example"},
	{"case and final dot", "Example.COM.", "pass:EXAMPLE.com.", "", "pass rn s", "example.com"},
	{"U-labels", "d\xC3\xB8me.example", "", "pass:xn--dme-0na.example", "pass rn d", "xn--dme-0na.example"},
	{"no author", "", "pass:example.com", "", "none -n ", ""},
	{"no domain at all", "a..b", "", "", "none -n ", ""},
	{"an identifier that is no domain", "example.com", "pass:..", "pass:", "fail rr ", "example.com"},
};

static const struct row by_list[] = {
	{"DKIM aligned", "mail.example.com", "", "pass:www.example.com", "pass qn d", "example.com"},
	{"np is not known", "no.example.com", "", "", "fail qq ", "example.com"},
	{"its own record", "own.example.com", "", "", "fail nn ", "example.com"},
	{"psd=n is not known", "example.com", "", "pass:dept.example.com", "pass rn d", "example.com"},
	{"two of a public suffix", "a.co.uk", "", "pass:b.co.uk", "none -n ", "a.co.uk"},
	{"the suffix's record is not asked", "a.co.uk", "", "", "none -n ", "a.co.uk"},
	{"registered below a suffix", "x.some.co.uk", "", "", "fail nn ", "some.co.uk"},
	{"several records end it", "two.two.example", "", "", "none -n ", "two.example"},
	{"several at the organisation", "a.two.example", "", "", "none -n ", "two.example"},
	{"pct=0: reject is quarantine", "test.example", "", "", "fail rq ", "test.example"},
	{"pct=0: quarantine is none", "soft.example", "", "", "fail qn ", "soft.example"},
	{"pct=50 applies", "half.example", "", "", "fail rr ", "half.example"},
	{"no policy, no reports", "nop.example", "", "", "none -n ", "nop.example"},
	{"strict", "strict.example", "", "pass:a.strict.example", "fail rr ", "strict.example"},
	{"DNS is down", "down.example", "", "", "temperror -n ", "down.example"},
	{"the suffix as author", "co.uk", "", "", "fail rr ", "co.uk"},
};

static size_t identifiers(const char *text, struct dmarc_identifier *list)
{
	size_t count = 0;
	struct slice rest = slice_str(text);
	while (rest.p && rest.n > 0) {
		struct slice one = slice_split(&rest, ' '), result = slice_split(&one, ':');
		assert_true(auth_result_parse(result, &list[count].result));
		list[count++].domain = one;
	}
	return count;
}

static void run(const struct orgdomain_source *s, const struct row *rows, size_t count)
{
	struct arena a;
	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < count; i++) {
		const struct row *row = &rows[i];
		struct dmarc_identifier spf[4], dkim[4];
		struct dmarc_query q = {.from = slice_str(row->from), .spf = spf, .dkim = dkim};
		struct dmarc_verdict v;
		char got[64];
		q.spf_count = identifiers(row->spf, spf);
		q.dkim_count = identifiers(row->dkim, dkim);
		dmarc_check(&a, s, &q, &v);
		snprintf(got, sizeof got, "%s %c%c %s%s", auth_result_text(v.result), "-nqr"[v.policy],
		         "-nqr"[v.disposition], v.spf_aligned ? "s" : "", v.dkim_aligned ? "d" : "");
		if (strcmp(got, row->expect) || !slice_equal(v.org_domain, slice_str(row->org)))
			fail_msg("%s: %s [%.*s]", row->name, got, SLICE_ARG(v.org_domain));
		assert_true(v.result != AUTH_temperror || v.problem);
	}
	arena_free(&a);
}

static struct resolver *table(void)
{
	struct resolver *r;
	char why[256];
	if (resolver_new_table(slice_str(zone), &r, why)) fail_msg("%s", why);
	return r;
}

static void test_walk(void **state)
{
	struct orgdomain_source s = {.resolver = table()};
	run(&s, by_walk, sizeof by_walk / sizeof *by_walk);
	resolver_free(s.resolver);
}

static void test_list(void **state)
{
	struct suffix_list *list;
	assert_int_equal(suffix_list_load(SLICE("com\nexample\nuk\nco.uk\n"), &list), ERR_OK);
	struct orgdomain_source s = {.resolver = table(), .suffixes = list};
	run(&s, by_list, sizeof by_list / sizeof *by_list);
	suffix_list_free(list);
	resolver_free(s.resolver);
}

static const struct {
	const char *name, *header;
	enum error error;
	const char *domain;
} authors[] = {
	{"one", "From: Joe <joe@Example.COM>\r\nTo: x@y.test\r\n", ERR_OK, "example.com"},
	{"LF", "Subject: x\nFrom: joe@example.com\n\n", ERR_OK, "example.com"},
	{"folded", "From:\r\n Joe\r\n <joe@example.com>\r\n", ERR_OK, "example.com"},
	{"blank before the colon", "From : joe@example.com\r\n", ERR_OK, "example.com"},
	{"U-labels", "From: <joe@d\xC3\xB8me.example>\r\n", ERR_OK, "xn--dme-0na.example"},
	{"several authors of one domain", "From: a@example.com, b@EXAMPLE.com\r\n", ERR_OK, "example.com"},
	{"a group", "From: us: a@example.com;\r\n", ERR_OK, "example.com"},
	{"address in a comment", "From: (x@evil.test) a@example.com\r\n", ERR_OK, "example.com"},
	{"none", "To: x@y.test\r\n", ERR_NOT_FOUND, ""},
	{"in the body", "To: x@y.test\r\n\r\nFrom: a@example.com\r\n", ERR_NOT_FOUND, ""},
	{"empty", "From:\r\n", ERR_NOT_FOUND, ""},
	{"empty group", "From: nobody:;\r\n", ERR_NOT_FOUND, ""},
	{"several authors", "From: a@example.com, b@example.net\r\n", ERR_INVALID, ""},
	{"two fields", "From: a@example.com\r\nFrom: a@example.com\r\n", ERR_INVALID, ""},
	{"two fields, one empty", "From:\r\nFrom: a@example.com\r\n", ERR_INVALID, ""},
	{"literal", "From: a@[192.0.2.1]\r\n", ERR_INVALID, ""},
	{"no domain", "From: joe\r\n", ERR_INVALID, ""},
	{"bad domain", "From: joe@-x-\r\n", ERR_INVALID, ""},
	{"two brackets", "From: <a@example.com> <b@example.net>\r\n", ERR_INVALID, ""},
};

static void test_authors(void **state)
{
	struct arena a;
	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < sizeof authors / sizeof *authors; i++) {
		struct slice domain;
		enum error e = dmarc_author_domain(&a, slice_str(authors[i].header), &domain);
		if (e != authors[i].error || !slice_equal(domain, slice_str(authors[i].domain)))
			fail_msg("%s: %s [%.*s]", authors[i].name, error_name(e), SLICE_ARG(domain));
	}
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walk),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_authors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
