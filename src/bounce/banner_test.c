/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bounce/banner.h"

#define CAUTION                                                                                                        \
	"CAUTION: This email originated from outside the organization. Do not click links or open attachments.\n"

static const struct {
	const char *name, *text, *own;
} texts[] = {
	{"nothing", "", ""},
	{"none", "Hello,\n\nexternal\n", "Hello,\n\nexternal\n"},
	{"a caution", CAUTION "\nHello\n", "Hello\n"},
	{"CR LF", "External mail: mind the links and\r\nattachments.\r\n\r\nHello\r\n", "Hello\r\n"},
	{"a tag", "[EXTERNAL EMAIL]\n\nHello\n", "Hello\n"},
	{"between stars", "*****\nExternal message: be careful with links and attachments.\n*****\nHello\n", "Hello\n"},
	{"two", "[EXTERNAL]\n\n" CAUTION "\nHello\n", "Hello\n"},
	{"German", "Achtung, externe E-Mail: Links und Anhänge nur öffnen, wenn Sie den Absender kennen.\n\nHallo\n",
         "Hallo\n"},
	{"not often", "You don't often get email from jo@example.net. Learn why this is important\n\nHello\n",
         "Hello\n"},
	{"nothing below", CAUTION, CAUTION},
	{"only a row below", CAUTION "-----\n", CAUTION "-----\n"},
	{"a report", "Your message to an external recipient was blocked: links and attachments are not allowed.\n\nx\n",
         "Your message to an external recipient was blocked: links and attachments are not allowed.\n\nx\n"},
	{"of delivery", "The message from outside was not delivered, for its attachment has a link.\n\nx\n",
         "The message from outside was not delivered, for its attachment has a link.\n\nx\n"},
	{"stars of the author's own", "*****\nHello\n*****\nx\n", "*****\nHello\n*****\nx\n"},
	{"further down", "Hello\n\n" CAUTION "\nx\n", "Hello\n\n" CAUTION "\nx\n"},
};

static void test_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct slice own = banner_skip(slice_str(texts[i].text));
		if (!slice_equal(own, slice_str(texts[i].own))) fail_msg("%s: \"%.*s\"", texts[i].name, SLICE_ARG(own));
	}
}

/* A long paragraph is no banner, whatever it says; and octets of NUL are nothing special. */
static void test_long_and_odd(void **state)
{
	(void)state;
	char text[2000];
	memset(text, 'x', sizeof text);
	memcpy(text, CAUTION, sizeof CAUTION - 2);
	text[sizeof text - 4] = text[sizeof text - 3] = '\n';
	struct slice whole = slice_of(text, sizeof text);
	assert_int_equal(banner_skip(whole).n, whole.n);
	struct slice odd = SLICE("*\0*\n\n[EXT]\0\n\nx");
	assert_int_equal(banner_skip(odd).n, odd.n);
	assert_int_equal(banner_skip((struct slice){NULL, 0}).n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_long_and_odd),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
