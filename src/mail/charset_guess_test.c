/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "mail/charset.h"
#include "mail/charset_guess.h"

/* "A letter could not be delivered", or the like. */
static const struct {
	const char *name, *octets, *label;
} cases[] = {
	{"Russian, windows",
         "\xCF\xE8\xF1\xFC\xEC\xEE \xED\xE5 \xE4\xEE\xF1\xF2\xE0\xE2\xEB\xE5\xED\xEE: "
         "\xEF\xEE\xEB\xFC\xE7\xEE\xE2\xE0\xF2\xE5\xEB\xFC \xED\xE5 \xED\xE0\xE9\xE4\xE5\xED",
         "windows-1251"},
	{"Russian, KOI8",
         "\xF0\xC9\xD3\xD8\xCD\xCF \xCE\xC5 \xC4\xCF\xD3\xD4\xC1\xD7\xCC\xC5\xCE\xCF: "
         "\xD0\xCF\xCC\xD8\xDA\xCF\xD7\xC1\xD4\xC5\xCC\xD8 \xCE\xC5 \xCE\xC1\xCA\xC4\xC5\xCE",
         "koi8-u"},
	{"Ukrainian, KOI8",
         "\xEC\xC9\xD3\xD4 \xCE\xC5 \xC4\xCF\xD3\xD4\xC1\xD7\xCC\xC5\xCE\xCF: \xCF\xC4\xC5\xD2\xD6\xD5\xD7\xC1\xDE\xC1 "
         "\xCE\xC5 \xDA\xCE\xC1\xCA\xC4\xC5\xCE\xCF",
         "koi8-u"},
	{"Russian, DOS",
         "\x8F\xA8\xE1\xEC\xAC\xAE \xAD\xA5 \xA4\xAE\xE1\xE2\xA0\xA2\xAB\xA5\xAD\xAE: "
         "\xAF\xAE\xAB\xEC\xA7\xAE\xA2\xA0\xE2\xA5\xAB\xEC \xAD\xA5 \xAD\xA0\xA9\xA4\xA5\xAD",
         "ibm866"},
	{"Greek",
         "\xD4\xEF \xEC\xDE\xED\xF5\xEC\xE1 \xE4\xE5\xED \xF0\xE1\xF1\xE1\xE4\xFC\xE8\xE7\xEA\xE5: \xEF "
         "\xF7\xF1\xDE\xF3\xF4\xE7\xF2 \xE4\xE5\xED \xF5\xF0\xDC\xF1\xF7\xE5\xE9",
         "iso-8859-7"},
	{"Hebrew",
         "\xE4\xE4\xE5\xE3\xF2\xE4 \xEC\xE0 \xF0\xEE\xF1\xF8\xE4: \xE4\xF0\xEE\xF2\xEF \xE0\xE9\xF0\xE5 "
         "\xF7\xE9\xE9\xED",
         "windows-1255"},
	{"Arabic",
         "\xCA\xDA\xD0\xD1 \xCA\xD3\xE1\xED\xE3 \xD1\xD3\xC7\xE1\xCA\xDF \xC5\xE1\xEC \xC7\xE1\xE3\xD3\xCA\xE1\xE3",
         "windows-1256"},
	{"Thai",
         "\xE4\xC1\xE8\xCA\xD2\xC1\xD2\xC3\xB6\xCA\xE8\xA7\xCD\xD5\xE0\xC1\xC5\xB6\xD6\xA7\xBC\xD9\xE9\xC3\xD1\xBA\xE4"
         "\xB4\xE9",
         "tis-620"},
	{"Japanese, EUC",
         "\xA5\xE1\xA1\xBC\xA5\xEB\xA4\xF2\xC7\xDB\xBF\xAE\xA4\xC7\xA4\xAD\xA4\xDE\xA4\xBB\xA4\xF3\xA4\xC7\xA4\xB7\xA4"
         "\xBF",
         "euc-jp"},
	{"Japanese, Shift_JIS",
         "\x83\x81\x81[\x83\x8B\x82\xF0\x94z\x90M\x82\xC5\x82\xAB\x82\xDC\x82\xB9\x82\xF1\x82\xC5\x82\xB5\x82\xBD",
         "shift_jis"},
	{"Japanese, ISO-2022", "\x1B$BG[?.ITG=\x1B(B", "iso-2022-jp"},
	{"Chinese, GB", "\xC4\xFA\xB5\xC4\xD3\xCA\xBC\xFE\xCE\xDE\xB7\xA8\xCB\xCD\xB4\xEF", "gb18030"},
	{"Chinese, Big5",
         "\xB1z\xAA\xBA\xB6l\xA5\xF3\xB5L\xAAk\xB0"
         "e\xB9"
         "F\xA6\xAC\xA5\xF3\xA4H",
         "big5"},
	{"Korean", "\xB8\xDE\xC0\xCF\xC0\xBB \xBA\xB8\xB3\xBB\xC1\xF6 \xB8\xF8\xC7\xDF\xBD\xC0\xB4\xCF\xB4\xD9",
         "euc-kr"},
	{"German",
         "F\xFCr den Empf\xE4nger gr\xF6\xDF"
         "er als m\xF6glich, \xFC"
         "berf\xFCllt, gesch\xFCtzt, gel\xF6scht",
         ""},
	{"French", "Adress\xE9 \xE0 des destinataires d\xE9sign\xE9s, \xE9t\xE9 rejet\xE9, cr\xE9\xE9", ""},
	{"Polish",
         "Wiadomo\xB6\xE6 nie mog\xB3"
         "a zosta\xE6 dostarczona, poniewa\xBF skrzynka jest pe\xB3na",
         "iso-8859-2"},
	{"Polish, windows",
         "Wiadomo\x9C\xE6 nie zosta\xB3"
         "a dostarczona, poniewa\xBF skrzynka jest przepe\xB3niona, pozdrawiamy, prze\x9Clij",
         "windows-1250"},
	{"Czech",
         "Zpr\xE1vu se nepoda\xF8ilo doru\xE8it, proto\xBE"
         "e schr\xE1nka p\xF8\xEDjemce ji\xBE neexistuje, d\xECkujeme, \xBE"
         "e jste po\xE8kali, v\xB9"
         "echno",
         "iso-8859-2"},
	{"Turkish",
         "G\xF6nderdi\xF0iniz ileti al\xFD"
         "c\xFDya ula\xFEt\xFDr\xFDlamad\xFD",
         "windows-1254"},
	{"Icelandic",
         "\xDE"
         "a\xF0 var ekki h\xE6gt a\xF0 afhenda br\xE9"
         "fi\xF0, m\xF3ttakandi \xFE"
         "ekkist ekki, \xFEv\xED mi\xF0ur",
         ""},
	{"Spanish",
         "\xBFQu\xE9? El buz\xF3n est\xE1 lleno, n.\xBA 5, 3 m\xB3 \xB1"
         "5",
         ""},
	{"too short", "\xF0\xC9\xD3\xD8\xCD\xCF", ""},
	{"escapes of a terminal", "\x1B[1mbold\x1B[0m", ""},
	{"empty", "", ""},
};

static void test_guess(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct slice label = charset_guess(slice_str(cases[i].octets));
		if (!slice_equal(label, slice_str(cases[i].label)))
			fail_msg("%s: [%.*s]", cases[i].name, SLICE_ARG(label));
		if (label.n) assert_true(charset_known(label));
	}
}

/* As it stands in a report: behind English, an address, a reply. */
static void test_guess_in_a_report(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[1000];
		int n = snprintf(text, sizeof text,
		                 "Dear user,\n\n<jo@example.com>: 550 5.1.1 User unknown\n%s\n--\nMX\n",
		                 cases[i].octets);
		struct slice label = charset_guess(slice_of(text, (size_t)n));
		if (!slice_equal(label, slice_str(cases[i].label)))
			fail_msg("%s: [%.*s]", cases[i].name, SLICE_ARG(label));
	}
}

static void test_text_is_read(void **state)
{
	struct arena a;
	arena_init(&a, 1 << 12);
	struct slice text = charset_to_utf8(&a, SLICE("us-ascii"), slice_str(cases[0].octets), SIZE_MAX);
	assert_true(slice_starts(text, SLICE("\xD0\x9F\xD0\xB8\xD1\x81\xD1\x8C\xD0\xBC\xD0\xBE ")));
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_guess), cmocka_unit_test(test_guess_in_a_report),
	                                   cmocka_unit_test(test_text_is_read)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
