/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "bounce/judge.h"

/* says: of tag, dkim, ledger, received: "+" for, "-" against, "." silent. facts: h header, g whole without our hop, s signs all, d doubt, o
 * own origin, f foreign origin, w the ledger would know it, c covered. */
static const struct row {
	const char *name, *says, *facts;
	enum judge_verdict verdict;
	enum coverage_case counted;
} inbound[] = {
	{"nothing is known", "....", "", JUDGE_unknown, COVERAGE_NOT_COUNTED},
	{"a tag is enough", "+...", "", JUDGE_genuine, COVERAGE_STRONG},
	{"a tag outweighs all", "+---", "hsdc", JUDGE_genuine, COVERAGE_STRONG},
	{"our signature is enough", ".+..", "h", JUDGE_genuine, COVERAGE_STRONG},
	{"also where the address has no tag", "-+..", "hc", JUDGE_genuine, COVERAGE_STRONG},
	{"our signature shown to somebody else", ".+-.", "hsc", JUDGE_unknown, COVERAGE_UNCONFIRMED},
	{"our signature with another message's hop", ".+.-", "hsc", JUDGE_unknown, COVERAGE_UNCONFIRMED},
	{"the ledger", "..+.", "h", JUDGE_genuine, COVERAGE_WEAK},
	{"the Received field", "...+", "h", JUDGE_genuine, COVERAGE_WEAK},
	{"the ledger, without a header", "..+.", "c", JUDGE_unknown, COVERAGE_NOT_COUNTED},
	{"a Message-ID from an archive: the tenant signs", ".-+.", "hsc", JUDGE_unknown, COVERAGE_UNCONFIRMED},
	{"a Message-ID from an archive: the tenant tags", "-.+.", "hc", JUDGE_unknown, COVERAGE_UNCONFIRMED},
	{"a Message-ID in a header that is not whole: the tenant signs", "..+.", "hs", JUDGE_unknown,
         COVERAGE_NOT_COUNTED},
	{"a Message-ID from an archive in a header made up whole", "..+.", "hg", JUDGE_unknown, COVERAGE_UNCONFIRMED},
	{"our signature in a header without our hop", ".++.", "hg", JUDGE_genuine, COVERAGE_STRONG},
	{"cut off, but with our hop", "..++", "hs", JUDGE_genuine, COVERAGE_WEAK},
	{"a hop from an archive", "-..+", "hc", JUDGE_unknown, COVERAGE_UNCONFIRMED},
	{"ledger and hop contradict each other", "..+-", "h", JUDGE_unknown, COVERAGE_UNCONFIRMED},
	{"silence, not covered", "....", "hw", JUDGE_unknown, COVERAGE_UNCONFIRMED},
	{"silence, covered", "....", "hwc", JUDGE_backscatter, COVERAGE_UNCONFIRMED},
	{"silence, covered, sent by others", "....", "hwcf", JUDGE_backscatter, COVERAGE_NOT_COUNTED},
	{"silence, covered, but the ledger is new", "....", "hc", JUDGE_unknown, COVERAGE_UNCONFIRMED},
	{"silence, covered, without a header", "....", "wc", JUDGE_unknown, COVERAGE_NOT_COUNTED},
	{"silence, covered, a doubt", "....", "hwcd", JUDGE_unknown, COVERAGE_UNCONFIRMED},
	{"silence, covered, from the tenant's own server", "....", "hwco", JUDGE_unknown, COVERAGE_UNCONFIRMED},
	{"a bad tag, covered, without a header", "-...", "c", JUDGE_backscatter, COVERAGE_NOT_COUNTED},
	{"a bad tag, not covered", "-...", "h", JUDGE_unknown, COVERAGE_UNCONFIRMED},
	{"no signature, covered", ".-..", "hsc", JUDGE_backscatter, COVERAGE_UNCONFIRMED},
	{"no signature, not covered", ".-..", "hs", JUDGE_unknown, COVERAGE_UNCONFIRMED},
};

static const struct row outbound[] = {
	{"nothing is known", "....", "h", JUDGE_unknown, 0},
	{"it proved itself", "..+.", "h", JUDGE_genuine, 0},
	{"its hop did", "...+", "h", JUDGE_genuine, 0},
	{"its name is known, but it came by another way", "..+.", "hg", JUDGE_unknown, 0},
	{"it did not, and came by another way", "..-.", "hg", JUDGE_backscatter, 0},
	{"it did not", "..-.", "h", JUDGE_backscatter, 0},
	{"one did, one did not", "..+-", "h", JUDGE_backscatter, 0},
	{"the other way round", "..-+", "h", JUDGE_backscatter, 0},
};

static struct provenance make(enum provenance_direction direction, const char *says, const char *facts)
{
	struct provenance p = {.direction = direction,
	                       .header = strchr(facts, 'h') != NULL,
	                       .hop_gone = strchr(facts, 'g') != NULL,
	                       .signs_all = strchr(facts, 's') != NULL,
	                       .would_know = strchr(facts, 'w') != NULL,
	                       .doubt = strchr(facts, 'd') ? "a doubt" : NULL,
	                       .origin = strchr(facts, 'o')   ? ORIGIN_OWN
	                                 : strchr(facts, 'f') ? ORIGIN_FOREIGN
	                                                      : ORIGIN_UNKNOWN};
	for (int i = 0; i < WITNESS_COUNT; i++)
		p.witnesses[i].says = says[i] == '+' ? SPEAKS_FOR : says[i] == '-' ? SPEAKS_AGAINST : SILENT;
	return p;
}

static void test_inbound(void **state)
{
	for (size_t i = 0; i < sizeof inbound / sizeof *inbound; i++) {
		const struct row *row = &inbound[i];
		struct provenance p = make(PROVENANCE_INBOUND, row->says, row->facts);
		struct judgement j;
		judge_inbound(&p, strchr(row->facts, 'c') != NULL, &j);
		if (j.verdict != row->verdict) fail_msg("%s: %s, %s", row->name, judge_text(j.verdict), j.why);
		if (judge_case(&p, &j) != row->counted) fail_msg("%s: counted", row->name);
	}
}

static void test_outbound(void **state)
{
	for (size_t i = 0; i < sizeof outbound / sizeof *outbound; i++) {
		struct provenance p = make(PROVENANCE_OUTBOUND, outbound[i].says, outbound[i].facts);
		struct judgement j;
		judge_outbound(&p, &j);
		if (j.verdict != outbound[i].verdict)
			fail_msg("%s: %s, %s", outbound[i].name, judge_text(j.verdict), j.why);
	}
}

/* ---- the invariants, for all that there can be ----------------------------------------------------------------- */

static void check_inbound(const char *says, const char *facts, bool covered)
{
	struct provenance p = make(PROVENANCE_INBOUND, says, facts);
	struct judgement j, uncovered;
	judge_inbound(&p, covered, &j);
	assert_non_null(j.why);
	bool any_for = strchr(says, '+'), strong = says[0] == '+' || says[1] == '+', header = strchr(facts, 'h');
	if (j.verdict == JUDGE_genuine) {
		assert_true(any_for);
		if (!strong) { /* not by what can be copied, when a stronger witness could have spoken */
			assert_true(header);
			assert_null(strchr(says, '-'));
			if (strpbrk(facts, "sg")) assert_int_equal(says[3], '+');
		}
	}
	if (j.verdict == JUDGE_backscatter) {
		assert_true(covered);
		assert_false(any_for);
		assert_null(strchr(facts, 'd'));
		assert_null(strchr(facts, 'o'));
		assert_true(header || says[0] == '-');
		assert_true(strchr(says, '-') || strchr(facts, 'w'));
	}
	/* Coverage decides between unknown and backscatter, and nothing else. */
	judge_inbound(&p, false, &uncovered);
	assert_true((j.verdict == JUDGE_genuine) == (uncovered.verdict == JUDGE_genuine));
	assert_int_not_equal(uncovered.verdict, JUDGE_backscatter);
	bool confirmed = judge_case(&p, &j) == COVERAGE_WEAK || judge_case(&p, &j) == COVERAGE_STRONG;
	assert_true(confirmed == (j.verdict == JUDGE_genuine));
}

static void check_outbound(const char *says, const char *facts)
{
	struct provenance p = make(PROVENANCE_OUTBOUND, says, facts);
	struct judgement j;
	judge_outbound(&p, &j);
	assert_non_null(j.why);
	assert_true((j.verdict == JUDGE_backscatter) == (strchr(says, '-') != NULL));
	assert_true((j.verdict == JUDGE_genuine) == (strchr(says, '+') && !strchr(says, '-') && !strchr(facts, 'g')));
}

static void test_invariants(void **state)
{
	for (int i = 0; i < 81; i++) {
		char says[5] = {".+-"[i % 3], ".+-"[i / 3 % 3], ".+-"[i / 9 % 3], ".+-"[i / 27], 0};
		for (int k = 0; k < 256; k++) {
			char facts[8] = {k & 1 ? 'h' : ' ',  k & 2 ? 's' : ' ',  k & 4 ? 'd' : ' ',   k & 8 ? 'o' : ' ',
			                 k & 16 ? 'f' : ' ', k & 64 ? 'w' : ' ', k & 128 ? 'g' : ' ', 0};
			check_inbound(says, facts, k & 32);
			check_outbound(says, facts);
		}
	}
}

/* ---- words ----------------------------------------------------------------------------------------------------- */

static void test_evidence(void **state)
{
	struct arena a;
	struct provenance p = make(PROVENANCE_INBOUND, "-+..", "h");
	arena_init(&a, 1 << 16);
	p.witnesses[0].why = "no tag";
	p.witnesses[1].why = "signed";
	p.witnesses[1].detail = SLICE("s._domainkey.example.net");
	p.witnesses[2].why = "unknown";
	p.witnesses[2].detail = SLICE("<a\r\nX: y)@\xC3\xA4\0>");
	p.witnesses[3].why = "none";
	struct slice text = judge_evidence(&a, &p);
	assert_true(
		slice_equal(text,
	                    SLICE("tag=against (no tag); dkim=for (signed: s._domainkey.example.net); ledger=silent "
	                          "(unknown: <a??X: y?@?\?\?>); received=silent (none)")));
	arena_free(&a);
	for (size_t limit = 1; limit < 600; limit++) {
		arena_init(&a, limit);
		text = judge_evidence(&a, &p);
		assert_true(!text.p || slice_ends_nocase(text, SLICE("(none)")));
		arena_free(&a);
	}
	assert_string_equal(judge_text(JUDGE_backscatter), "backscatter");
	assert_string_equal(judge_text((enum judge_verdict)99), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inbound),
		cmocka_unit_test(test_outbound),
		cmocka_unit_test(test_invariants),
		cmocka_unit_test(test_evidence),
	};
	return cmocka_run_group_tests_name("bounce/judge", tests, NULL, NULL);
}
