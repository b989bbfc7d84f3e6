/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "auth/dmarc_record.h"

/* "itself subdomain nobody" of RFC 9989, then of RFC 7489; each one letter: n q r, or - for no DMARC; x: no record at all. Then what
 * else is set: d s strict, t testing, m milder by RFC 7489, u reports, y or N for psd. */
static const struct {
	const char *name, *text, *now, *then, *flags;
} cases[] = {
	{"least", "v=DMARC1; p=none", "nnn", "nnn", ""},
	{"no policy", "v=DMARC1", "nnn", "---", ""},
	{"no policy, reports", "v=DMARC1; rua=mailto:a@b.example", "nnn", "nnn", "u"},
	{"reject", "v=DMARC1; p=reject;", "rrr", "rrr", ""},
	{"no blanks", "v=DMARC1;p=quarantine;sp=none", "qnn", "qnn", ""},
	{"blanks and tabs", "v \t= DMARC1 \t;\tp = reject ; sp =\tquarantine ", "rqq", "rqq", ""},
	{"np", "v=DMARC1; p=none; sp=quarantine; np=reject", "nqr", "nqq", ""},
	{"np without sp", "v=DMARC1; p=none; np=reject", "nnr", "nnn", ""},
	{"case of values", "v=DMARC1; p=Reject; adkim=S; aspf=S; t=Y; psd=N", "rrr", "rrr", "dstN"},
	{"case of names", "v=DMARC1; P=reject; ADKIM=s", "rrr", "rrr", "d"},
	{"strict DKIM", "v=DMARC1; p=reject; adkim=s; aspf=r", "rrr", "rrr", "d"},
	{"values that no tag has", "v=DMARC1; p=reject; adkim=strict; aspf=; t=1; psd=maybe; pct=101", "rrr", "rrr",
         ""},
	{"unknown tags", "v=DMARC1; x=y; p=reject; rf=afrf; ri=3600; fo=1", "rrr", "rrr", ""},
	{"no tags", "v=DMARC1; ;; p; =reject; p=reject", "rrr", "rrr", ""},
	{"policy later", "v=DMARC1; rua=mailto:a@b.example; p=reject", "rrr", "rrr", "u"},
	{"bad policy", "v=DMARC1; p=refuse", "---", "---", ""},
	{"bad policy, reports", "v=DMARC1; p=refuse; rua=mailto:a@b.example", "nnn", "nnn", "u"},
	{"bad policy, bad reports", "v=DMARC1; p=refuse; rua=a@b.example", "---", "---", ""},
	{"bad sp", "v=DMARC1; p=reject; sp=quarantin", "---", "---", ""},
	{"bad sp, reports", "v=DMARC1; p=reject; sp=quarantin; rua=mailto:a@b.example", "nnn", "nnn", "u"},
	{"bad np concerns RFC 9989 only", "v=DMARC1; p=reject; np=x", "---", "rrr", ""},
	{"empty policy", "v=DMARC1; p=", "---", "---", ""},
	{"twice: the first counts", "v=DMARC1; p=reject; p=none", "rrr", "rrr", ""},
	{"testing", "v=DMARC1; p=reject; t=y", "rrr", "rrr", "t"},
	{"pct=0", "v=DMARC1; p=reject; pct=0", "rrr", "rrr", "m"},
	{"pct=50", "v=DMARC1; p=reject; pct=50", "rrr", "rrr", ""},
	{"psd", "v=DMARC1; p=reject; psd=y", "rrr", "rrr", "y"},
	{"several report addresses", "v=DMARC1; rua=x , mailto:a@b.example!10m", "nnn", "nnn", "u"},
	{"other scheme", "v=DMARC1; rua=https://example.net/dmarc", "nnn", "nnn", "u"},
	{"mailto without address", "v=DMARC1; rua=mailto:", "nnn", "---", ""},
	{"version in another case", "v=dmarc1; p=reject", "x", "", ""},
	{"another version", "v=DMARC10; p=reject", "x", "", ""},
	{"version two", "v=DMARC2; p=reject", "x", "", ""},
	{"version not first", "p=reject; v=DMARC1", "x", "", ""},
	{"no semicolon", "v=DMARC1 p=reject", "x", "", ""},
	{"blank before", " v=DMARC1; p=reject", "x", "", ""},
	{"SPF", "v=spf1 -all", "x", "", ""},
	{"name that begins alike", "version=DMARC1; p=reject", "x", "", ""},
	{"nothing", "", "x", "", ""},
	{"only a letter", "v", "x", "", ""},
};

static void describe(const struct dmarc_record *r, enum dmarc_edition e, char out[4])
{
	for (enum dmarc_relation n = DMARC_ITSELF; n <= DMARC_NO_SUCH_DOMAIN; n++)
		out[n] = "-nqr"[dmarc_record_policy(r, e, n)];
	out[3] = '\0';
}

static void test_cases(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct dmarc_record r;
		char now[4] = "x", then[4] = "", flags[16] = "", *f = flags;
		if (dmarc_record_parse(slice_str(cases[i].text), &r)) {
			describe(&r, DMARC_EDITION_9989, now);
			describe(&r, DMARC_EDITION_7489, then);
			if (r.strict_dkim) *f++ = 'd';
			if (r.strict_spf) *f++ = 's';
			if (dmarc_record_milder(&r, DMARC_EDITION_9989)) *f++ = 't';
			if (dmarc_record_milder(&r, DMARC_EDITION_7489)) *f++ = 'm';
			if (r.reports) *f++ = 'u';
			if (r.psd != DMARC_PSD_UNKNOWN) *f++ = r.psd == DMARC_PSD_YES ? 'y' : 'N';
		}
		if (strcmp(now, cases[i].now) || strcmp(then, cases[i].then) || strcmp(flags, cases[i].flags))
			fail_msg("%s: %s %s %s", cases[i].name, now, then, flags);
	}
}

static void test_octets(void **state)
{
	struct dmarc_record r;
	assert_false(dmarc_record_parse(SLICE("v=DMARC1\0; p=reject"), &r));
	assert_true(dmarc_record_parse(SLICE("v=DMARC1; p=reject\0; \xff=\xff"), &r));
	assert_true(r.bad_p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_octets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
