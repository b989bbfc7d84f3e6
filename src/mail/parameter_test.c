/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mail/parameter.h"

static const struct {
	const char *name, *field, *main, *parameter, *value; /* value NULL: there is none */
} cases[] = {
	{"token", "text/plain; charset=utf-8", "text/plain", "charset", "utf-8"},
	{"any case", "TEXT/Plain; CharSet=utf-8", "TEXT/Plain", "charset", "utf-8"},
	{"quoted", "text/plain; charset=\"utf-8\"", "text/plain", "charset", "utf-8"},
	{"quoted with escapes", "a/b; name=\"x\\\"y\\\\z\"", "a/b", "name", "x\"y\\z"},
	{"quoted, folded", "a/b; name=\"x\r\n y\"", "a/b", "name", "x y"},
	{"semicolon in quotes", "a/b; name=\"x;charset=y\"; charset=z", "a/b", "charset", "z"},
	{"second", "a/b; x=1; y=2", "a/b", "y", "2"},
	{"first counts", "a/b; x=1; x=2", "a/b", "x", "1"},
	{"none", "a/b; x=1", "a/b", "y", NULL},
	{"only the beginning of a name", "a/b; xy=1", "a/b", "x", NULL},
	{"no parameters", "a/b", "a/b", "x", NULL},
	{"nothing", "", "", "x", NULL},
	{"only a parameter", "charset=x", "charset=x", "charset", "x"},
	{"comments", "a/b (c) ; (d) x (e) = (f) 1 (g); y=2", "a/b", "x", "1"}, /* RFC 2045 5.1 */
	{"nested comment", "a/b (c (d) e); x=1", "a/b", "x", "1"},
	{"unclosed comment", "a/b (c; x=1", "a/b", "x", NULL},
	{"semicolon missing after the type", "text/plain charset=utf-8", "text/plain", "charset", "utf-8"},
	{"semicolon missing between", "a/b; x=1 y=2", "a/b", "y", "2"},
	{"value before a missing semicolon", "a/b; x=1 y=2", "a/b", "x", "1"},
	{"semicolon missing, folded", "text/plain\r\n\tcharset=\"utf-8\"", "text/plain", "charset", "utf-8"},
	{"blanks unquoted", "attachment; filename=my long file.txt; size=1", "attachment", "filename",
         "my long file.txt"},
	{"blanks around the sign", "a/b; x = 1", "a/b", "x", "1"},
	{"end quote missing", "a/b; x=\"1", "a/b", "x", "1"},
	{"end quote missing, more follows", "a/b; x=\"1; y=2", "a/b", "y", "2"},
	{"empty value", "a/b; x=; y=2", "a/b", "x", ""},
	{"no value", "a/b; x; y=2", "a/b", "y", "2"},
	{"semicolons in a row", "a/b;; ;x=1;", "a/b", "x", "1"},
	{"signs in a token", "m/x; boundary=----=_Part_1.2", "m/x", "boundary", "----=_Part_1.2"},
	/* RFC 2231 3, 4, 4.1: the examples */
	{"RFC 2231 continuations",
         "message/external-body; access-type=URL;\r\n URL*0=\"ftp://\";\r\n "
         "URL*1=\"cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar\"",
         "message/external-body", "url", "ftp://cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar"},
	{"RFC 2231 charset", "application/x-stuff;\r\n title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A",
         "application/x-stuff", "title", "This is ***fun***"},
	{"RFC 2231 both",
         "application/x-stuff\r\n title*0*=us-ascii'en'This%20is%20even%20more%20\r\n "
         "title*1*=%2A%2A%2Afun%2A%2A%2A%20\r\n "
         "title*2=\"isn't it!\"",
         "application/x-stuff", "title", "This is even more ***fun*** isn't it!"},
	{"RFC 2231 latin 1", "a/b; n*=iso-8859-1''%FC", "a/b", "n", "\xC3\xBC"},
	{"RFC 2231 out of order", "a/b; n*1=b; n*0=a", "a/b", "n", "ab"},
	{"RFC 2231 with a gap", "a/b; n*0=a; n*2=c", "a/b", "n", "a"},
	{"RFC 2231 without the first", "a/b; n*1=b", "a/b", "n", NULL},
	{"RFC 2231 beside a plain one", "a/b; n=plain; n*=utf-8''ext", "a/b", "n", "ext"},
	{"RFC 2231 without charset", "a/b; n*=abc", "a/b", "n", "abc"},
	{"RFC 2231 broken digits", "a/b; n*=utf-8''%zz%4", "a/b", "n", "%zz%4"},
	{"encoded word", "attachment; filename=\"=?iso-8859-1?q?=FC.txt?=\"", "attachment", "filename", "\xC3\xBC.txt"},
	{"a boundary is no encoded word", "m/x; boundary=\"=?utf-8?q?a?=\"", "m/x", "boundary", "=?utf-8?q?a?="},
	{"type with blanks", "text / plain; x=1", "text / plain", "x", "1"},
};

static void test_parameters(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct arena a;
		struct slice value = SLICE_EMPTY, field = slice_str(cases[i].field), word = parameter_main(field);
		arena_init(&a, 1 << 16);
		if (!slice_equal(word, slice_str(cases[i].main)))
			fail_msg("%s: main is [%.*s]", cases[i].name, SLICE_ARG(word));
		bool found = parameter_find(&a, field, cases[i].parameter, &value);
		if (found != (cases[i].value != NULL) || (found && !slice_equal(value, slice_str(cases[i].value))))
			fail_msg("%s: %d [%.*s]", cases[i].name, found, SLICE_ARG(value));
		arena_free(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_parameters)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
