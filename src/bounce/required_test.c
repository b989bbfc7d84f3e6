/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include <hs/hs.h>

#include "bounce/bundle.h"
#include "bounce/required.h"
#include "bounce/rules.h"

static const struct {
	const char *expression, *literals; /* in order, with a blank behind each; "": none */
} cases[] = {
	{"abcd", "abcd|"},
	{"abc", ""},
	{"(rcpt|mail) (to|from)[^\\n]{0,80} [45]\\d\\d", "rcpt to|rcpt from|mail to|mail from|"},
	{"ab?cdef", "abcdef|acdef|"},
	{"ab{0,1}cdefg", "cdefg|"},
	{"ab*cdefg", "cdefg|"},
	{"abcd+efg", "abcd|"},
	{"abcd+efghi", "efghi|"},
	{"abcd{2}ef", "abcd|"},
	{"ab[xy]cd", "abxcd|abycd|"},
	{"ab[a-z]cdef", "cdef|"},
	{"ab[^x]cdef", "cdef|"},
	{"ab[]x]cd", "ab]cd|abxcd|"},
	{"ab[x-]cd", "abxcd|ab-cd|"},
	{"ab[\\]\\n]cd", "ab]cd|ab\ncd|"},
	{"ab[\\w]cdef", "cdef|"},
	{"ab[x-z]cd", "abxcd|abycd|abzcd|"},
	{"ab[x-yw]cd", "abxcd|abycd|abwcd|"},
	{"5\\d5 ", "505 |515 |525 |535 |545 |555 |565 |575 |585 |595 |"},
	{"5[0-9]5 ", "505 |515 |525 |535 |545 |555 |565 |575 |585 |595 |"},
	{"5[\\dx]5 abcd", "5 abcd|"},
	{"5[0-9x]5 abcd", "5 abcd|"},
	{"5[\\d-x]5 abcd", "5 abcd|"},
	{"(abcd[a-z]|efgh[a-z]){1,2}x", "abcd|efgh|"},
	{"(abcd[a-z]|efgh[a-z])?x", ""},
	{"(abcd[a-z]|efgh[a-z])*x", ""},
	{"(abcd[a-z]|efgh[a-z]){0,2}x", ""},
	{"(abcd[a-z]|ef[a-z])x", ""},
	{"x((abcd[a-z]|efgh[a-z])[a-z]|[a-z]ijkl)y", "abcd|efgh|ijkl|"},
	{"abc|defg", ""},
	{"abcd|defg", "abcd|defg|"},
	{"abcd|defg[a-z]xyz", "abcd|defg|"},
	{"x(abcd|[a-z]efgh)y", "abcd|efgh|"},
	{"x(abcd|[a-z]efgh)yabcde", "yabcde|"},
	{"(ab(c|d)|e)(f|)g?hij",
         "abcfghij|abcfhij|abcghij|abchij|abdfghij|abdfhij|abdghij|abdhij|efghij|efhij|eghij|ehij|"},
	{"(?:abcd)", "abcd|"},
	{"(?i)abcd", ""},
	{"(?=abcd)efgh", ""},
	{"\\x41bcd", ""},
	{"\\Qab(cd\\E", ""},
	{"(a)bcd\\1", ""},
	{"ab\\.\\(cd\\n", "ab.(cd\n|"},
	{"abcd\\befgh", "abcd|"},
	{"^\\nabcd$", "\nabcd|"},
	{"abcd.efghi", "efghi|"},
	{"[[:alpha:]]abcd", ""},
	{"abcd)", ""},
	{"(abcd", ""},
	{"[abcd", ""},
	{"*abcd", ""},
	{"abcd\\", ""},
	{"((((abcd))))", "abcd|"},
	{"(((((abcd)))))", ""},
	{"\303\244bcd", "\303\244bcd|"},
	/* the rarer ones */
	{"( to | for )[a-z]{2,9} (mailbox|account)", " mailbox| account|"},
	{"(zyzz|xyxx)[a-z]{2,9}(tttttt|eeeeee)", "zyzz|xyxx|"},
	/* what does not fit is cut short */
	{"[0-9](abcde|abcdf|abcdg|abcdh|abcdi|abcdj|abcdk|abcdl|abcdm|abcdn)",
         "0abcd|1abcd|2abcd|3abcd|4abcd|5abcd|6abcd|7abcd|8abcd|9abcd|"},
	/* in which another one is */
	{"(x|)abcd|yabcd|efgh", "abcd|efgh|"},
};

static void finds(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct required r;
		char all[2048] = "";
		size_t n = 0;
		bool any = required_read(slice_str(cases[i].expression), &r);
		for (size_t k = 0; any && k < r.count; k++)
			n += (size_t)sprintf(all + n, "%.*s|", SLICE_ARG(required_literal(&r, k)));
		if (strcmp(all, cases[i].literals) != 0) fail_msg("%s: %s", cases[i].expression, all);
	}
}

struct match {
	size_t from, to;
};

static int note(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *context)
{
	*(struct match *)context = (struct match){from, to};
	return 1;
}

/* A literal in the match, before which is as much of it as was said. */
static bool has_one(const struct required *r, struct slice text, struct match m, bool reaches)
{
	for (size_t i = 0; i < r->count; i++) {
		struct slice literal = required_literal(r, i);
		for (size_t at = m.from; at + literal.n <= m.to; at++)
			if (slice_equal(slice_sub(text, at, at + literal.n), literal) &&
			    (!reaches || (at - m.from >= r->least && at + literal.n - m.from <= r->most)))
				return true;
	}
	return false;
}

static bool has_octet(const struct required_octet *o, struct slice text, struct match m, bool reaches)
{
	for (size_t at = m.from; at < m.to; at++)
		if (text.p[at] == o->octet && (!reaches || (at - m.from >= o->least && at - m.from <= o->most)))
			return true;
	return false;
}

/* What an expression is made of, at random: where libhs finds it one of its literals is. */
static void is_needed(void **state)
{
	static const char *const atoms[] = {"a",
	                                    "b",
	                                    "ab",
	                                    "(a|b)",
	                                    "[ab]",
	                                    "(ab|ba)",
	                                    "a?",
	                                    "(aa|b)?",
	                                    "[^a]",
	                                    ".",
	                                    "b{1,2}",
	                                    "(a|)",
	                                    "a+",
	                                    "(b[ab]|aa)",
	                                    "\\n",
	                                    "(a|b|c)",
	                                    "[a-c]",
	                                    "ba*",
	                                    "|",
	                                    "(aab[^b]|b+ab)",
	                                    "(aba.|bb.a){1,2}",
	                                    "(bab.)?",
	                                    "#?",
	                                    "[b#]",
	                                    "(#|a)",
	                                    "#"};
	unsigned seed = 7, needing = 0, matching = 0, with_octet = 0, with_width = 0;
	for (int round = 0; round < 600; round++) {
		char expression[256] = "a";
		struct required r;
		hs_database_t *db;
		hs_compile_error_t *why = NULL;
		hs_scratch_t *scratch = NULL;
		for (int i = 0; i < 8; i++) {
			seed = seed * 1103515245u + 12345u;
			strcat(expression, atoms[(seed >> 16) % (sizeof atoms / sizeof *atoms)]);
		}
		strcat(expression, "b");
		bool has_literals = required_read(slice_str(expression), &r);
		struct required_octet octets[REQUIRED_OCTETS];
		size_t octet_count = required_octets(slice_str(expression), octets);
		bool begins;
		size_t width = required_width(slice_str(expression), &begins);
		if (!has_literals && octet_count == 0 && !width) continue;
		if (hs_compile(expression, HS_FLAG_DOTALL | HS_FLAG_SOM_LEFTMOST, HS_MODE_BLOCK, NULL, &db, &why) !=
		    HS_SUCCESS) {
			hs_free_compile_error(why);
			continue;
		}
		needing++;
		assert_int_equal(hs_alloc_scratch(db, &scratch), HS_SUCCESS);
		for (int k = 0; k < 200; k++) {
			char text[24];
			struct match m = {0};
			for (size_t i = 0; i < sizeof text; i++)
				text[i] = "aabbab#c\n"[(seed = seed * 1103515245u + 12345u) >> 16 & 7];
			hs_scan(db, text, sizeof text, 0, scratch, note, &m);
			if (m.to == 0) continue;
			struct slice all = slice_of(text, sizeof text);
			matching++;
			for (size_t i = 0; i < octet_count; i++)
				if (!has_octet(&octets[i], all, m, width > 0))
					fail_msg("%s matches %.*s without %c", expression, SLICE_ARG(all),
					         octets[i].octet);
			with_octet += octet_count > 0;
			with_width += width > 0;
			if (width > 0 && m.to - m.from > width) fail_msg("%s is wider than %zu", expression, width);
			if (has_literals && !has_one(&r, all, m, width > 0))
				fail_msg("%s matches %.*s", expression, SLICE_ARG(all));
		}
		hs_free_scratch(scratch);
		hs_free_database(db);
	}
	assert_true(needing > 100 && matching > 500 && with_octet > 100 && with_width > 500);
}

static const struct {
	const char *expression, *octets; /* each with how much is before it */
} octet_cases[] = {
	{"[a-z]{2}\\?( [a-z])?\\n", "?2-2 \n3-5 "},
	{"\\n(re|aw)( ?\\[\\d\\])? ?: ?[^ ]", ":3-8 \n0-0 "},
	{"\\n<[^>]{1,9}@[^>]{1,9}>:", "@3-11 <1-1 >5-21 "},
	{"^a?(bc|d){2,3}#", "#2-7 "},
	{"a#?b", ""},
	{"a#*b", ""},
	{"a#{0,2}b", ""},
	{"a#{2}b", "#1-1 "},
	{"a[#]b", "#1-1 "},
	{"a(b#)c", "#2-2 "},
	{"a(b#|c)d", ""},
	{"a#|b#", ""},
	{"[45]\\d\\d a", "00-0 "},
	{"a[0-9]{2,5}", "01-1 "},
	{"a[0-9a]", ""},
	{"a(5|6)", "01-1 "},
	{"a(#", ""},
	{"", ""},
};

static void octets(void **state)
{
	for (size_t i = 0; i < sizeof octet_cases / sizeof *octet_cases; i++) {
		struct required_octet octets[REQUIRED_OCTETS];
		char all[100] = "";
		size_t count = required_octets(slice_str(octet_cases[i].expression), octets);
		for (size_t k = 0; k < count; k++)
			sprintf(all + strlen(all), "%c%zu-%zu ", octets[k].octet, octets[k].least, octets[k].most);
		if (strcmp(all, octet_cases[i].octets) != 0) fail_msg("%s: %s", octet_cases[i].expression, all);
	}
}

static const struct {
	const char *expression;
	size_t width;
	bool begins;
} widths[] = {
	{"abcd", 4, false},
	{"ab?c[d-f]", 4, false},
	{"(ab|c\\n\\d)x{2,5}", 8, false},
	{"(ab|(c|def){2}){3}.", 19, false},
	{"a{3}b{0,2}", 5, false},
	{"a{3}?b{0,2}+", 5, false},
	{"ab|cdef|g", 4, false},
	{"^ab", 2, true},
	{"^(ab|cde)f", 4, true},
	{"^ab|cd", 0, true},
	{"a|^b", 0, false},
	{"(^|\\n)ab", 0, false},
	{"ab$", 0, false},
	{"\\bab", 0, false},
	{"a+", 0, false},
	{"ab*", 0, false},
	{"a{2,}", 0, false},
	{"((a{1000}){1000}){1000}b", 1000000001, false},
	{"((a{1000}){1000}){2000}b", 0, false},
	{"a{4294967296}{4294967296}", 0, false},
	{"(?i)a", 0, false},
	{"", 0, false},
};

static void wide(void **state)
{
	for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
		bool begins;
		size_t width = required_width(slice_str(widths[i].expression), &begins);
		if (width != widths[i].width || begins != widths[i].begins)
			fail_msg("%s: %zu, %d", widths[i].expression, width, begins);
	}
}

/* Not less than libhs says, and known of most expressions of the default bundle. */
static void default_widths(void **state)
{
	struct rules *r;
	char problem[RULES_PROBLEM];
	size_t known = 0;
	assert_int_equal(rules_read(bundle_default_text(), &r, problem), ERR_OK);
	for (size_t i = 0; i < r->phrase_count; i++) {
		const struct rule_phrase *p = &r->phrases[i];
		hs_expr_info_t *info;
		hs_compile_error_t *why;
		bool begins;
		if (p->number == 0) continue;
		size_t width = required_width(p->pattern, &begins);
		known += width > 0;
		if (width == 0) continue;
		assert_int_equal(hs_expression_info(p->pattern.p, HS_FLAG_DOTALL, &info, &why), HS_SUCCESS);
		if (width < info->max_width) fail_msg("%s: %zu, not %u", p->pattern.p, width, info->max_width);
		free(info);
	}
	assert_true(10 * known > 9 * r->expression_count);
	rules_free(r);
}

/* Most expressions of the default bundle have some. */
static void default_bundle(void **state)
{
	struct rules *r;
	char problem[RULES_PROBLEM];
	size_t gated = 0;
	assert_int_equal(rules_read(bundle_default_text(), &r, problem), ERR_OK);
	for (size_t i = 0; i < r->expression_count; i++) gated += r->expressions[i].gated;
	assert_true(2 * gated > r->expression_count);
	rules_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds), cmocka_unit_test(is_needed),      cmocka_unit_test(octets),
		cmocka_unit_test(wide),  cmocka_unit_test(default_widths), cmocka_unit_test(default_bundle),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
