/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bounce/literals.h"

#define H "backstop-rules 1\n"

struct seen {
	const struct rules *rules;
	size_t count, latest; /* beginning of a word */
};

static void see(void *context, uint32_t phrase, size_t end)
{
	struct seen *s = context;
	const struct rule_phrase *p = &s->rules->phrases[phrase];
	s->count++;
	if (p->set == 0) return;
	assert_true(end + LITERALS_SLACK >= s->latest);
	if (end - p->text.n > s->latest) s->latest = end - p->text.n;
}

static struct rules *read_rules(const char *text)
{
	struct rules *r;
	char problem[RULES_PROBLEM];
	if (rules_read(slice_str(text), &r, problem) != ERR_OK) fail_msg("%s", problem);
	return r;
}

static size_t count(const struct rules *r, struct slice text)
{
	struct literals *l;
	struct literals_lexicon *x = literals_lexicon_new();
	size_t counts[3];
	assert_int_equal(literals_new(r, PLACE_BODY, &l), ERR_OK);
	assert_non_null(l);
	assert_non_null(x);
	/* A copy of its own size, so that reading on is seen. */
	char *copy = malloc(text.n);
	memcpy(copy, text.p, text.n);
	for (int i = 0; i < 3; i++) { /* the lexicon has no words; all of them; none again */
		struct seen seen = {.rules = r};
		if (i == 2) literals_lexicon_forget(x);
		literals_scan(l, x, slice_of(copy, text.n), see, &seen);
		counts[i] = seen.count;
	}
	assert_int_equal(counts[0], counts[1]);
	assert_int_equal(counts[0], counts[2]);
	free(copy);
	literals_lexicon_free(x);
	literals_free(l);
	return counts[0];
}

static const struct {
	const char *lines, *text;
	size_t times;
} cases[] = {
	{"- abcd\n", "\nabcd\n", 1},
	{"- abcd\n", "\nxabcdx\n", 1},
	{"- abcd\n", "\nabc d\n", 0},
	{"- abcd\n", "\nabcd\nabcdabcd\n", 3},
	{"- abcde\n", "\nxabcdeabcde abcde\n", 3},
	{"- could not be delivered\n", "\nyour message could not be delivered.\n", 1},
	{"- could not be delivered\n", "\nyour message could not be  delivered.\n", 0},
	{"- ^ab$\n", "\nab\n", 1},
	{"- ^ab$\n", "\nabc\nab\nx\n", 1},
	{"- ^abcdefgh\n", "\nabcdefgh\n", 1},
	{"- ^abcdefgh\n", "\nx abcdefgh\n", 0},
	{"- was * refused\n", "\nwas now refused\n", 1},
	{"- was * refused\n", "\nwas  refused\n", 1},
	{"- was * refused\n", "\nwas refused\n", 0},
	{"- was * refused\n", "\nwas x\nrefused\n", 0},
	{"- was * refused\n", "\nwas 12345678 12345678 12345678 12345678 12345678 12345678 12345 refused\n", 1},
	{"- was * refused\n", "\nwas 12345678 12345678 12345678 12345678 12345678 12345678 123456 refused\n", 1},
	{"- was * refused\n", "\nwas 12345678 12345678 12345678 12345678 12345678 12345678 1234567 refused\n", 0},
	{"- a * b * cdef\n", "\na x b b y cdef\n", 1},
	{"- a * b * cdef\n", "\na x c y cdef\n", 0},
	{"- abcd * b * c\n", "\nabcd x b y c\n", 1},
	{"- an email to\n", "\nan email to an e-mail to an e--mail to an emails to\n", 2},
	{"- email sent\n", "\nemail sent or e-mail sent\n", 2},
	{"- your email\n", "\nyour e-mail\nyour email\n", 2},
	{"- \351\200\200\344\277\241\n", "\nx\351\200\200\344\277\241\n", 1},
	/* words of sets; "zz" is not there */
	{"& 9 mail & =zz\n", "\nmail mails submail e-mail\nmail\n", 4},
	{"& 9 =mail & =zz\n", "\nmail mails submail e-mail\nmail\n", 3},
	{"& 9 *mail & =zz\n", "\nmail mails submail e-mail\nmail\n", 5},
	{"& 9 =is & =zz\n", "\nis this is. 1is\nis\n", 3},
	{"& 9 is & =zz\n", "\nis this isis\nis\n", 3},
	{"& 9 not & =zz\n", "\nnot note knot\nnot\n", 3},
	{"& 9 =not & =zz\n", "\nnot note knot\nnot\n", 2},
	{"& 9 *n't & =zz\n", "\nn't can't 'n't\ncann't\n", 4},
	{"& 9 the one you sent & =zz\n", "\nthe one you sent bathe one you sent\nthe one you sent\n", 2},
	{"& 9 =the one & =zz\n", "\nthe one the ones the one\n", 2},
	{"& 9 \346\213\222 & =zz\n", "\n\346\213\222\346\213\222x\346\213\222\n", 3},
	{"- n't do\n", "\ndon't do, can't. do\n", 1},
	{"- accountability1\n", "\naccountability1 unaccountability12 accountability 1\n", 2},
	{"- account\n", "\nabcdefghijklmnopaccountabcdefghijklmnopaccount account\n", 3},
	{"- his account\n", "\nhis accounts abcdefghijklmnopqrsthis account\n", 2},
	{"- a x-y b\n", "\na x-y b a x-y c a xy b\n", 1},
	{"- (abcdefg)\n", "\n(abcdefg) (abcdefgh) (abcdef)\n", 1},
	{"& 9 abcdefghijklmnopqrs & =zz\n", "\nabcdefghijklmnopqrstuv xabcdefghijklmnopqrs abcdefghijklmnopqr\n", 1},
	{"& 9 =abcdefghijklmnopqrs & =zz\n", "\nabcdefghijklmnopqrstuv abcdefghijklmnopqrs\n", 1},
	{"& 9 *fax & =zz\n", "\nfax telefax faxes telefaxes\n", 4},
	{"& 9 'abc & =zz\n", "\n'abc x'abc\n", 1},
};

static void finds(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		for (size_t shift = 0; shift < 9; shift++) { /* keys are looked up at some octets only */
			char rules[400], text[400];
			snprintf(rules, sizeof rules, H "signal a\nin body\n%s", cases[i].lines);
			snprintf(text, sizeof text, "\n%.*s%s", (int)shift, "        ", cases[i].text);
			struct rules *r = read_rules(rules);
			size_t times = count(r, slice_str(text));
			if (times != cases[i].times) fail_msg("case %zu: %zu times, moved by %zu", i, times, shift);
			rules_free(r);
		}
}

/* What libhs has to do: nothing with four octets in a row, or too many gaps. */
static void leaves(void **state)
{
	struct rules *r = read_rules(H "signal a\nin body\n- ab * cd\n- abcd * b * c * d\n- abcd * b * c\n~ abcd[e]\n");
	struct literals *l;
	assert_string_equal(r->phrases[0].pattern.p, "ab [^\\n]{0,60} cd");
	assert_true(r->phrases[1].pattern.n > 0 && r->phrases[1].text.n == 0);
	assert_true(r->phrases[2].pattern.n == 0 && r->phrases[2].text.n > 0);
	assert_true(r->phrases[3].pattern.n > 0 && r->phrases[3].expression && !r->phrases[0].expression);
	assert_int_equal(literals_new(r, PLACE_SUBJECT, &l), ERR_OK);
	assert_null(l);
	assert_int_equal(literals_memory(l), 0);
	rules_free(r);
}

/* ---- the same, found the slow way ------------------------------------------------------------------------------------ */

static bool is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (unsigned char)c > 127;
}

static bool stands(const struct rule_phrase *p, struct slice text, size_t at)
{
	if (at == 0 || at + p->text.n >= text.n || memcmp(text.p + at, p->text.p, p->text.n) != 0) return false;
	if (p->set == 0 || (unsigned char)p->text.p[0] >= 0xd4) return true;
	return !(p->begins && is_word(text.p[at - 1])) && !(p->ends && is_word(text.p[at + p->text.n]));
}

static size_t count_slowly(const struct rules *r, struct slice text)
{
	size_t n = 0;
	for (size_t i = 0; i < r->phrase_count; i++)
		for (size_t at = 0; at < text.n && !r->phrases[i].repeated; at++) n += stands(&r->phrases[i], text, at);
	return n;
}

static size_t put_letters(char *to, unsigned *seed, size_t n)
{
	static const char *const letters[] = {"a", "b", " ", "a", "-", "b", "\303\244", "\351\200\200", "a", "b"};
	size_t used = 0;
	while (n-- > 0)
		used += (size_t)sprintf(to + used, "%s", letters[(*seed = *seed * 1103515245u + 12345u) >> 16 & 7]);
	return used;
}

static void agrees_with_the_slow_way(void **state)
{
	unsigned seed = 1;
	size_t all = 0;
	for (int round = 0; round < 200; round++) {
		char rules[8192], text[2048] = "\n";
		size_t n = (size_t)sprintf(rules, H "signal a\nin body\n");
		for (int i = 0; i < 30; i++) {
			static const char *const before[] = {"- x", "& 9 ab", "& 9 =ab", "& 9 *aba"};
			n += (size_t)sprintf(rules + n, "%s", before[i & 3]);
			n += put_letters(rules + n, &seed, 3 + (size_t)i / 3);
			n += (size_t)sprintf(rules + n, "%s\n", i & 3 ? "b & zzzz" : "b");
		}
		struct rules *r = read_rules(rules);
		size_t used = 1;
		for (int i = 0; i < 30; i++) { /* phrases among letters */
			struct slice word = r->phrases[(seed >> 8) % r->phrase_count].text;
			used += put_letters(text + used, &seed, 4);
			if (memchr(word.p, '\1', word.n) || memchr(word.p, '\2', word.n)) continue;
			memcpy(text + used, word.p, word.n);
			used += word.n;
		}
		text[used++] = '\n';
		size_t slow = count_slowly(r, slice_of(text, used)), fast = count(r, slice_of(text, used));
		if (slow != fast) fail_msg("round %d: %zu, not %zu\n%s", round, fast, slow, rules);
		all += slow;
		rules_free(r);
	}
	assert_true(all > 2000);
}

/* More phrases of one word, and more words, than a lexicon has room for. */
static void more_than_a_lexicon_has(void **state)
{
	static char rules[1 << 16], text[1 << 19];
	size_t n = (size_t)sprintf(rules, H "signal a\nin body\n"), used = (size_t)sprintf(text, "\n");
	for (int i = 0; i < 200; i++) n += (size_t)sprintf(rules + n, "- (word%c%c\n", 'a' + i % 26, 'a' + i / 26);
	for (int i = 0; i < 100; i++) n += (size_t)sprintf(rules + n, "- (same + %d\n", 1000 + i);
	sprintf(rules + n, "& 9 ab & =zz\n");
	for (int i = 0; i < 40000; i++) used += (size_t)sprintf(text + used, " ab%d", i);
	for (int i = 0; i < 100; i++) used += (size_t)sprintf(text + used, " (same + %d (wordab", 1000 + i);
	used += (size_t)sprintf(text + used, "\n");
	struct rules *r = read_rules(rules);
	assert_int_equal(count(r, slice_of(text, used)), 40000 + 100 + 100);
	rules_free(r);
}

/* Whatever may stand in a gap is tried, which a text can make take long; but not very long. */
static void hostile_gaps(void **state)
{
	static char text[48 * 1024];
	struct rules *r = read_rules(H "signal a\nin body\n- aaaa * aaaa * b\n- b * aaaa * aaaa\n");
	memset(text, 'a', sizeof text);
	for (size_t i = 4; i < sizeof text; i += 5) text[i] = ' ';
	text[0] = text[sizeof text - 1] = '\n';
	clock_t begun = clock();
	assert_int_equal(count(r, slice_of(text, sizeof text)), 0);
	assert_true(clock() - begun < 2 * CLOCKS_PER_SEC); /* 0.2 s with the sanitizers */
	rules_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds),
		cmocka_unit_test(leaves),
		cmocka_unit_test(agrees_with_the_slow_way),
		cmocka_unit_test(more_than_a_lexicon_has),
		cmocka_unit_test(hostile_gaps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
