/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mail/mailtext.h"

static struct arena arena;

static int begin(void **state)
{
	arena_init(&arena, 1 << 20);
	return 0;
}

static int end(void **state)
{
	arena_free(&arena);
	return 0;
}

static void expect(struct mailtext *t, const char *text)
{
	struct slice got = mailtext_result(t);
	if (!got.p || !slice_equal(got, slice_str(text))) fail_msg("got [%.*s]", SLICE_ARG(got));
}

static void test_field(void **state)
{
	struct mailtext t;
	mailtext_init(&t, &arena, 1);
	mailtext_field(&t, "Empty", SLICE(" \r\n\t"));
	mailtext_field(&t, "Subject", SLICE("one\r\nX-Injected: two\n\tthree"));
	mailtext_typed_field(&t, "Remote-MTA", "dns", SLICE("mx\x01.example\x7F"));
	mailtext_field(&t, "Latin", SLICE("caf\xE9 caf\xC3\xA9"));
	expect(&t, "Subject: one X-Injected: two three\r\nRemote-MTA: dns; mx?.example?\r\nLatin: caf? caf?\r\n");
}

static void test_field_is_folded(void **state)
{
	struct mailtext t;
	mailtext_init(&t, &arena, 16);
	mailtext_field(&t, "Diagnostic-Code",
	               SLICE("smtp; 550 5.1.1 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789"));
	expect(&t, "Diagnostic-Code: smtp; 550 5.1.1 0123456789 0123456789 0123456789 0123456789\r\n"
	           " 0123456789 0123456789\r\n");
}

static void test_utf8(void **state)
{
	struct mailtext t;
	mailtext_init(&t, &arena, 1);
	t.utf8 = true;
	mailtext_verbatim(&t, SLICE("caf\xC3\xA9  \xE9\r\n\xE2\x82"));
	expect(&t, "caf\xC3\xA9  ?  ??");
}

static void test_paragraph(void **state)
{
	struct mailtext t;
	mailtext_init(&t, &arena, 1);
	mailtext_paragraph(&t, 4,
	                   SLICE("first line\nsecond   line\r\n\n"
	                         "a third line that is long enough to be wrapped somewhere near its end, here"));
	expect(&t, "    first line\r\n    second line\r\n    a third line that is long enough to be wrapped somewhere "
	           "near its "
	           "end,\r\n    here\r\n");
}

static void test_long_word_is_cut(void **state)
{
	static char word[3000];
	struct mailtext t;
	memset(word, 'x', sizeof word);
	mailtext_init(&t, &arena, 1);
	mailtext_field(&t, "X", slice_of(word, sizeof word));
	mailtext_paragraph(&t, 2, slice_of(word, sizeof word));
	mailtext_verbatim(&t, slice_of(word, sizeof word));
	struct slice got = mailtext_result(&t);
	assert_int_equal(got.n, (2 + 4 * 3 + 3000 + 2) + (2 + 3 * 4 + 3000 + 2) + MAILTEXT_MOST);
	while (got.p) assert_true(slice_split(&got, '\n').n <= 999);
}

static void test_lines(void **state)
{
	struct mailtext t;
	mailtext_init(&t, &arena, 1);
	mailtext_lines(&t, SLICE("a\nb\r\n\r\nc"));
	mailtext_lines(&t, SLICE("d\n"));
	mailtext_lines(&t, SLICE(""));
	expect(&t, "a\r\nb\r\n\r\nc\r\nd\r\n");
}

static void test_quoted_printable(void **state)
{
	struct mailtext t;
	mailtext_init(&t, &arena, 1);
	mailtext_quoted_printable(
		&t, SLICE("a=b \r\n\xE9\t\nbare\rCR\n"
	                  "0123456789012345678901234567890123456789012345678901234567890123456789012345\n"
	                  "012345678901234567890123456789012345678901234567890123456789012345678901234\xE9"));
	expect(&t, "a=3Db=20\r\n=E9=09\r\nbare=0DCR\r\n"
	           "012345678901234567890123456789012345678901234567890123456789012345678901234=\r\n5\r\n"
	           "012345678901234567890123456789012345678901234567890123456789012345678901234=\r\n=E9\r\n");
}

static void test_exhaustion_sticks(void **state)
{
	struct arena small;
	struct mailtext t;
	arena_init(&small, 64);
	mailtext_init(&t, &small, 16);
	assert_false(mailtext_failed(&t));
	for (int i = 0; i < 20; i++) mailtext_raw(&t, "0123456789");
	assert_true(mailtext_failed(&t));
	assert_null(mailtext_result(&t).p);
	arena_free(&small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_field, begin, end),
		cmocka_unit_test_setup_teardown(test_field_is_folded, begin, end),
		cmocka_unit_test_setup_teardown(test_utf8, begin, end),
		cmocka_unit_test_setup_teardown(test_paragraph, begin, end),
		cmocka_unit_test_setup_teardown(test_long_word_is_cut, begin, end),
		cmocka_unit_test_setup_teardown(test_lines, begin, end),
		cmocka_unit_test_setup_teardown(test_quoted_printable, begin, end),
		cmocka_unit_test(test_exhaustion_sticks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
