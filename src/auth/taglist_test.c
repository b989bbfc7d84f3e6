/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "auth/taglist.h"

static const struct {
	const char *name, *text;
	const char *read; /* "name[value]" of each tag; NULL: a syntax error */
} cases[] = {
	{"one", "a=1", "a[1]"},
	{"several", "v=1; a=rsa-sha256;b=x", "v[1]a[rsa-sha256]b[x]"},
	{"a semicolon at the end", "a=1;", "a[1]"},
	{"white space after it", "a=1; \r\n ", "a[1]"},
	{"white space everywhere", " a = 1 ;\r\n\tb\r\n =\r\n x\t", "a[1]b[x]"},
	{"white space inside a value", "h=a :\r\n b", "h[a :\r\n b]"},
	{"LF", "a=1;\n b=x\n y", "a[1]b[x\n y]"},
	{"several line ends", "a=x\r\n \r\n y", "a[x\r\n \r\n y]"},
	{"empty value", "p=; q= ;", "p[]q[]"},
	{"equals in a value", "b=ab==", "b[ab==]"},
	{"long names", "abc_1=x; A=y; a=z", "abc_1[x]A[y]a[z]"},
	{"UTF-8 value", "d=\xC3\xA9.example", "d[\xC3\xA9.example]"},
	{"nothing", "", NULL},
	{"white space alone", " \r\n ", NULL},
	{"a semicolon alone", ";", NULL},
	{"an empty tag", "a=1;;b=2", NULL},
	{"an empty tag at the end", "a=1;;", NULL},
	{"begins with a semicolon", ";a=1", NULL},
	{"no equals", "a=1; b", NULL},
	{"no name", "=1", NULL},
	{"name with a digit first", "1a=1", NULL},
	{"name with a dash", "a-b=1", NULL},
	{"name with a blank", "a b=1", NULL},
	{"twice", "a=1; b=2; a=1", NULL},
	{"a line end that does not fold", "a=x\r\ny", NULL},
	{"a bare CR", "a=x\ry", NULL},
	{"a control octet", "a=x\x01y", NULL},
	{"bad UTF-8", "a=\xC3", NULL},
};

static void test_read(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct taglist tags;
		char text[256] = "";
		enum error e = taglist_read(slice_str(cases[i].text), &tags);
		for (size_t j = 0, n = 0; !e && j < tags.count; j++) {
			const struct tag *t = &tags.tags[j];
			n += (size_t)snprintf(text + n, sizeof text - n, "%.*s[%.*s]", SLICE_ARG(t->name),
			                      SLICE_ARG(t->value));
		}
		bool good = cases[i].read ? !e && strcmp(text, cases[i].read) == 0 : e == ERR_SYNTAX;
		if (!good) fail_msg("%s: %s, %s", cases[i].name, error_name(e), text);
	}
}

static void test_nul_and_limit(void **state)
{
	struct taglist tags;
	char text[4 * (TAGLIST_MOST + 1)];
	assert_int_equal(taglist_read(slice_of("a=x\0y", 5), &tags), ERR_SYNTAX);
	for (size_t i = 0; i <= TAGLIST_MOST; i++) {
		const char tag[4] = {(char)('a' + i % 26), (char)('a' + i / 26), '=', ';'};
		memcpy(text + 4 * i, tag, 4);
	}
	assert_int_equal(taglist_read(slice_of(text, sizeof text - 4), &tags), ERR_OK);
	assert_int_equal(taglist_read(slice_of(text, sizeof text), &tags), ERR_LIMIT);
}

static void test_find(void **state)
{
	struct taglist tags;
	struct slice value;
	assert_int_equal(taglist_read(SLICE("b= x y ; bh=z"), &tags), ERR_OK);
	assert_true(taglist_find(&tags, "b", &value));
	assert_true(slice_equal(value, SLICE("x y")));
	assert_true(slice_equal(taglist_tag(&tags, "b")->whole, SLICE(" x y ")));
	assert_true(taglist_find(&tags, "bh", &value));
	assert_false(taglist_find(&tags, "B", &value));
	assert_int_equal(value.n, 0);
}

static void test_words(void **state)
{
	struct slice rest = SLICE("from : To:\r\n Subject::"), word;
	static const char *const words[] = {"from", "To", "Subject", "", ""};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		assert_true(taglist_word(&rest, &word));
		assert_true(slice_equal(word, slice_str(words[i])));
	}
	assert_false(taglist_word(&rest, &word));
	assert_true(taglist_has_word(SLICE("y : S"), SLICE("s")));
	assert_false(taglist_has_word(SLICE("ys"), SLICE("s")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_nul_and_limit),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
