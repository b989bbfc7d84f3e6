/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "bounce/bundle.h"
#include "bounce/rules.h"
#include "bounce/structure.h"

#define H "backstop-rules 1\n"

static const struct {
	const char *name, *text;
	enum error error;
	const char *problem;
} cases[] = {
	{"nothing but the head", H, ERR_OK, ""},
	{"CR LF, comments, empty lines", "backstop-rules 1\r\n# x\r\n\r\n  # y\r\nrevision a b\r\n", ERR_OK, ""},
	{"no head", "signal a\n", ERR_SYNTAX, "line 1: the first line is not"},
	{"a later version", "backstop-rules 2\n", ERR_SYNTAX, "line 1: the first line is not"},
	{"empty", "", ERR_SYNTAX, "line 1: the first line is not"},
	{"a phrase", H "signal a\nin subject\n- undelivered\n", ERR_OK, ""},
	{"weights and kind", H "signal a\nweigh ndr 1.5 autoreply -2\nkind delayed\nin body\n- abcd\n", ERR_OK, ""},
	{"a signal of the structure", H "signal path.null\nweigh ndr 2\n", ERR_OK, ""},
	{"its phrases", H "signal path.null\nin body\n- abcd\n", ERR_SYNTAX, "line 3: a signal of the structure"},
	{"a name twice", H "signal a\nin body\n- abcd\nsignal a\n", ERR_SYNTAX,
         "line 5: a signal of that name was there: a"},
	{"no name", H "signal\n", ERR_SYNTAX, "line 2: no name of a signal"},
	{"a bad name", H "signal Upper\n", ERR_SYNTAX, "line 2: no name of a signal: Upper"},
	{"two names", H "signal a b\n", ERR_SYNTAX, "line 2: what is this?: b"},
	{"neither phrase nor condition", H "signal a\nweigh ndr 1\n", ERR_SYNTAX,
         "neither a phrase nor a condition: a"},
	{"no such directive", H "signal a\nfoo\n", ERR_SYNTAX, "line 3: what is this?: foo"},
	{"a directive outside", H "weigh ndr 1\n", ERR_SYNTAX, "line 2: what is this?: weigh"},
	{"no class", H "bias spam 1\n", ERR_SYNTAX, "line 2: no class to weigh: spam"},
	{"other cannot be weighed", H "bias other 1\n", ERR_SYNTAX, "line 2: no class to weigh: other"},
	{"no weight", H "bias ndr\n", ERR_SYNTAX, "line 2: no weight"},
	{"a weight of letters", H "bias ndr 1e3\n", ERR_SYNTAX, "line 2: no weight: 1e3"},
	{"a weight too big", H "bias ndr 51\n", ERR_SYNTAX, "line 2: no weight: 51"},
	{"a weight too long", H "bias ndr 0.000000001\n", ERR_SYNTAX, "line 2: no weight"},
	{"a bare sign", H "bias ndr -\n", ERR_SYNTAX, "line 2: no weight: -"},
	{"nothing to weigh", H "bias\n", ERR_SYNTAX, "line 2: a class and a weight are missing"},
	{"no kind", H "signal a\nkind lost\n", ERR_SYNTAX, "line 3: no kind: lost"},
	{"no place", H "signal a\nin attic\n", ERR_SYNTAX, "line 3: no place: attic"},
	{"a phrase without place", H "signal a\n- abcd\n", ERR_SYNTAX, "line 3: the signal says no place"},
	{"a phrase outside", H "- abcd\n", ERR_SYNTAX, "line 2: a phrase, outside of a signal: abcd"},
	{"a short phrase", H "signal a\nin body\n- abc\n", ERR_LIMIT, "line 4: the phrase is too short: abc"},
	{"short, but at both edges", H "signal a\nin body\n- ^ab$\n", ERR_OK, ""},
	{"short characters of three octets", H "signal a\nin body\n- 退信\n", ERR_OK, ""},
	{"a gap", H "signal a\nin body\n- was * not\n", ERR_OK, ""},
	{"a gap at an end", H "signal a\nin body\n- was not *\n", ERR_SYNTAX, "line 4: \"*\" at an end"},
	{"a short expression", H "signal a\nin body\n~ a.\n", ERR_LIMIT, "line 4: the expression is too short"},
	{"words together", H "signal a\nin body\n& 90 mail|message & =not|*n't & deliver\n", ERR_OK, ""},
	{"words together, how near", H "signal a\nin body\n& mail & not\n", ERR_SYNTAX,
         "line 4: no number of octets: mail"},
	{"words together, too far", H "signal a\nin body\n& 401 mail & not\n", ERR_SYNTAX,
         "line 4: no number of octets: 401"},
	{"words alone", H "signal a\nin body\n& 90 mail|message\n", ERR_SYNTAX, "line 4: words that stand alone"},
	{"an empty word", H "signal a\nin body\n& 90 mail|| & not\n", ERR_LIMIT, "line 4: the word is too short"},
	{"a short word", H "signal a\nin body\n& 90 mail & =n\n", ERR_LIMIT, "line 4: the word is too short: n"},
	{"a short word of any place", H "signal a\nin body\n& 90 mail & *ab\n", ERR_LIMIT,
         "line 4: the word is too short: ab"},
	{"one of three octets", H "signal a\nin body\n& 90 mail & *abc\n", ERR_OK, ""},
	{"many gaps", H "signal a\nin body\n- abcd * b * c * d * e\n", ERR_OK, ""},
	{"a gap in a word", H "signal a\nin body\n& 90 mail & n*t\n", ERR_SYNTAX, "line 4: \"*\" in a word: n*t"},
	{"five groups", H "signal a\nin body\n& 90 aa & bb & cc & dd & ee\n", ERR_LIMIT, "line 4: too many groups"},
	{"words without place", H "signal a\n& 90 mail & not\n", ERR_SYNTAX, "line 3: the signal says no place"},
	{"a condition", H "signal a\nwhen path.null|path.daemon !header.list\nweigh ndr 1\n", ERR_OK, ""},
	{"a condition on a later signal", H "signal a\nwhen b\nsignal b\n", ERR_SYNTAX,
         "line 3: no signal above has that name: b"},
	{"a condition on itself", H "signal a\nwhen a\n", ERR_SYNTAX, "line 3: no signal above has that name: a"},
	{"an empty alternative", H "signal a\nwhen path.null|\n", ERR_SYNTAX, "line 3: no signal above has that name"},
	{"an empty condition", H "signal a\nwhen\n", ERR_SYNTAX, "line 3: an empty condition"},
	{"phrases beside a condition", H "signal a\nwhen path.null\nin body\n- abcd\n", ERR_SYNTAX,
         "line 5: the signal says no place"},
	{"a sample", H "sample ndr failed <a@b>\n| Subject: x\n|\n|  y\n", ERR_OK, ""},
	{"a sample of no class", H "sample spam\n", ERR_SYNTAX, "line 2: no class: spam"},
	{"a kind of what is no NDR", H "sample other failed\n", ERR_SYNTAX,
         "line 2: neither a kind nor a return path: failed"},
	{"two return paths", H "sample other <> <>\n", ERR_SYNTAX, "line 2: neither a kind nor a return path: <>"},
	{"a line of no sample", H "| x\n", ERR_SYNTAX, "line 2: a line of a sample, outside of one"},
	{"a line of a sample in a signal", H "sample other\nsignal a\n| x\n", ERR_SYNTAX,
         "line 4: a line of a sample, outside of one"},
};

static void test_cases(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct rules *r;
		char problem[RULES_PROBLEM];
		enum error e = rules_read(slice_str(cases[i].text), &r, problem);
		if (e != cases[i].error || !strstr(problem, cases[i].problem) || !r != (e != ERR_OK))
			fail_msg("%s: %s: %s", cases[i].name, error_name(e), problem);
		rules_free(r);
	}
}

static void test_contents(void **state)
{
	static const char text[] = H "revision 7\nbias ndr -5.25\n"
				     "signal path.null\nweigh ndr +2 autoreply 1\n"
				     "signal a\nin subject body\nkind delayed\n- ^Zurück (x) *  E-Mail an$\n~ 5\\d\\d\n"
				     "signal b\nwhen a|!path.null path.user\nweigh ndr -1\n"
				     "sample ndr delayed <a@b>\n| Subject: x\n|\n|  y\n";
	struct rules *r;
	char problem[RULES_PROBLEM];
	assert_int_equal(rules_read(slice_str(text), &r, problem), ERR_OK);
	assert_true(slice_equal(r->revision, SLICE("7")));
	assert_true(r->bias[CLASS_NDR] == -5.25f);
	assert_true(r->signals[STRUCTURE_PATH_NULL].weight[CLASS_NDR] == 2 &&
	            r->signals[STRUCTURE_PATH_NULL].weight[CLASS_AUTOREPLY] == 1);
	assert_int_equal(r->signal_count, STRUCTURE_COUNT + 2);
	const struct rule_signal *a = &r->signals[STRUCTURE_COUNT], *b = a + 1;
	assert_int_equal(a->places, 1 << PLACE_SUBJECT | 1 << PLACE_BODY);
	assert_int_equal(a->kind, KIND_DELAYED);
	assert_int_equal(r->phrase_count, 2);
	assert_string_equal(r->phrases[0].text.p, "\nzuruck (x) \1 e\2mail an\n");
	assert_string_equal(r->phrases[1].pattern.p, "5\\d\\d");
	assert_int_equal(b->term_count, 3);
	/* what is decided sooner comes first */
	assert_true(b->derived && b->terms[0].group == 1 && b->terms[1].group == 0 && b->terms[2].negated);
	assert_int_equal(r->sample_count, 1);
	assert_true(slice_equal(r->samples[0].message, SLICE("Subject: x\n\n y\n")));
	assert_true(r->samples[0].envelope_known && slice_equal(r->samples[0].mail_from, SLICE("a@b")));
	rules_free(r);
}

static void test_limits(void **state)
{
	char *text = malloc(RULES_TEXT_MOST + 1), problem[RULES_PROBLEM];
	struct rules *r;
	assert_non_null(text);
	memset(text, '\n', RULES_TEXT_MOST + 1);
	assert_int_equal(rules_read(slice_of(text, RULES_TEXT_MOST + 1), &r, problem), ERR_LIMIT);
	size_t n = (size_t)sprintf(text, H "signal a\nin body\n");
	for (int i = 0; i <= RULES_PHRASES; i++) n += (size_t)sprintf(text + n, "- phrase %d\n", i);
	assert_int_equal(rules_read(slice_of(text, n), &r, problem), ERR_LIMIT);
	n = (size_t)sprintf(text, H);
	for (int i = 0; i <= RULES_SIGNALS; i++)
		n += (size_t)sprintf(text + n, "signal s%d\nin body\n- phrase %d\n", i, i);
	assert_int_equal(rules_read(slice_of(text, n), &r, problem), ERR_LIMIT);
	n = (size_t)sprintf(text, H);
	for (int i = 0; i <= RULES_SAMPLES; i++) n += (size_t)sprintf(text + n, "sample other\n");
	assert_int_equal(rules_read(slice_of(text, n), &r, problem), ERR_LIMIT);
	n = (size_t)sprintf(text, H "signal a\nwhen");
	for (int i = 0; i < 100; i++) n += (size_t)sprintf(text + n, " path.null");
	assert_int_equal(rules_read(slice_of(text, n), &r, problem), ERR_LIMIT);
	free(text);
}

static const struct {
	const char *name, *text;
	enum error error;
	const char *problem;
} bundles[] = {
	{"no rules at all", H, ERR_OK, ""},
	{"a sample that is right",
         H "bias ndr -1\nsignal a\nin subject\nweigh ndr 2\n- failure notice\n"
           "sample ndr\n| Subject: Failure  notice\n|\nsample other\n| Subject: success\n",
         ERR_OK, ""},
	{"a sample that is wrong",
         H "bias ndr -1\nsignal a\nin subject\nweigh ndr 2\n- notice\n"
           "sample other\n| Subject: Notice\n",
         ERR_INVALID, "line 7: the sample is ndr failed, by from.absent body.empty a"},
	{"a sample of another kind",
         H "bias ndr -1\nsignal a\nin subject\nweigh ndr 2\nkind failed\n- notice\n"
           "sample ndr delayed\n| Subject: Notice\n",
         ERR_INVALID, "line 8: the sample is ndr failed, by from.absent body.empty a"},
	{"no expression", H "signal a\nin body\n~ ((((\n", ERR_INVALID, "line 4: "},
	{"an expression without end", H "signal a\nin body\n~ abcd.*efgh\n", ERR_INVALID,
         "line 4: the expression matches less"},
	{"an expression of nothing", H "signal a\nin body\n~ (abcd)?\n", ERR_INVALID,
         "line 4: the expression matches less"},
	{"a mistake in the text", "x", ERR_SYNTAX, "line 1: "},
};

static void test_bundles(void **state)
{
	for (size_t i = 0; i < sizeof bundles / sizeof *bundles; i++) {
		struct bundle *b;
		char problem[BUNDLE_PROBLEM];
		enum error e = bundle_load(slice_str(bundles[i].text), &b, problem);
		if (e != bundles[i].error || !strstr(problem, bundles[i].problem) || !b != (e != ERR_OK))
			fail_msg("%s: %s: %s", bundles[i].name, error_name(e), problem);
		bundle_unref(b);
	}
}

#define THREADS     4
#define EXPRESSIONS 60
#define LINE        (sizeof "~ [a-z]word00\n" - 1)

struct share {
	void (*work)(void *);
	void *context;
};

static void *work_once(void *arg)
{
	struct share *s = arg;
	s->work(s->context);
	return NULL;
}

static void work_together(void (*work)(void *), void *context)
{
	pthread_t threads[THREADS];
	struct share s = {work, context};
	for (size_t i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, work_once, &s), 0);
	for (size_t i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
}

/* Expressions that are shared out become the same bundle, and the first mistake is the one that is told. */
static void test_threads(void **state)
{
	const struct bundle_help help = {.together = work_together};
	char text[EXPRESSIONS * LINE + 64], problem[BUNDLE_PROBLEM];
	struct bundle *b;
	size_t n = (size_t)snprintf(text, sizeof text, "%ssignal a\nin body\n", H);
	for (size_t i = 0; i < EXPRESSIONS; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "~ [a-z]word%02zu\n", i);
	assert_int_equal(bundle_load_helped(slice_of(text, n), &help, &b, problem), ERR_OK);
	assert_true(bundle_was_compiled(b) && bundle_memory(b) > 0);
	bundle_unref(b);
	for (size_t first = 0; first < EXPRESSIONS - 1; first += 7) {
		char wrong[sizeof text], line[32];
		memcpy(wrong, text, n);
		for (size_t i = first; i < EXPRESSIONS; i += 3)
			wrong[n - (EXPRESSIONS - i) * LINE + 2] = '('; /* for "[" */
		snprintf(line, sizeof line, "line %zu: ", first + 4);
		assert_int_equal(bundle_load_helped(slice_of(wrong, n), &help, &b, problem), ERR_INVALID);
		assert_ptr_equal(strstr(problem, line), problem);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),   cmocka_unit_test(test_contents), cmocka_unit_test(test_limits),
		cmocka_unit_test(test_bundles), cmocka_unit_test(test_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
