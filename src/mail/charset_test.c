/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mail/charset.h"
#include "mail/utf8.h"

#define EURO "\xE2\x82\xAC"
#define BAD  "\xEF\xBF\xBD"

static const struct {
	const char *name, *label;
	struct slice in;
	const char *out;
} cases[] = {
	{"ASCII", "us-ascii", {"abc", 3}, "abc"},
	{"UTF-8", "utf-8", {"\xC3\xBC", 2}, "\xC3\xBC"},
	{"UTF-8 repaired", "UTF8", {"a\xC3z\xFF\xE2\x82", 6}, "a" BAD "z" BAD BAD BAD},
	{"UTF-8 with a mark", "utf-8", {"\xEF\xBB\xBFx\xC3\xBC", 6}, "x\xC3\xBC"},
	{"UTF-8, misspelt", "uft-8", {"\xC3\xBC", 2}, "\xC3\xBC"},
	{"UTF-8 called latin 1", "iso-8859-1", {"\xC3\xBC", 2}, "\xC3\xBC"},
	{"KOI8-R called UTF-8",
         "utf-8",
         {"\xD0\xCF\xCC\xD8\xDA\xCF\xD7\xC1\xD4\xC5\xCC\xD8 \xCE\xC5 \xCE\xC1\xCA\xC4\xC5\xCE", 22},
         "пользователь не найден"},
	{"windows-1252 called UTF-8", "utf-8", {"f\xFCr \x93x\x94", 7}, "f\xC3\xBCr \xE2\x80\x9Cx\xE2\x80\x9D"},
	{"no label, UTF-8", "", {"\xC3\xBC", 2}, "\xC3\xBC"},
	{"no label, not UTF-8", "", {"\xFC\x80", 2}, "\xC3\xBC" EURO},
	{"unknown label", "x-whatever", {"\xFC", 1}, "\xC3\xBC"},
	{"ASCII that is not", "us-ascii", {"\xFC", 1}, "\xC3\xBC"},
	{"latin 1 is windows-1252", "iso-8859-1", {"\xFC\x93", 2}, "\xC3\xBC\xE2\x80\x9C"},
	{"latin 1 by its other names", "latin1", {"\xFC", 1}, "\xC3\xBC"},
	{"csISOLatin1", "csISOLatin1", {"\xFC", 1}, "\xC3\xBC"},
	{"an unassigned octet", "windows-1252", {"\x81", 1}, BAD},
	{"latin 2", "ISO_8859-2", {"\xB1", 1}, "\xC4\x85"},
	{"latin 5 is windows-1254", "iso-8859-9", {"\xFD", 1}, "\xC4\xB1"},
	{"latin 9", "ISO-8859-15", {"\xA4", 1}, EURO},
	{"Cyrillic, ISO", "iso-8859-5", {"\xB0", 1}, "\xD0\x90"},
	{"Cyrillic, windows", "windows-1251", {"\xC0", 1}, "\xD0\x90"},
	{"Cyrillic, cp1251", "cp1251", {"\xC0", 1}, "\xD0\x90"},
	{"Cyrillic, x-cp1251", "x-cp1251", {"\xC0", 1}, "\xD0\x90"},
	{"Cyrillic, KOI8-R", "koi8-r", {"\xE1", 1}, "\xD0\x90"},
	{"Ukrainian, KOI8-U", "KOI8-U", {"\xA7", 1}, "\xD1\x97"},
	{"Cyrillic, DOS", "ibm866", {"\x80", 1}, "\xD0\x90"},
	{"Greek", "iso-8859-7", {"\xC1", 1}, "\xCE\x91"},
	{"Hebrew, logical", "iso-8859-8-i", {"\xE0", 1}, "\xD7\x90"},
	{"Arabic", "windows-1256", {"\xC7", 1}, "\xD8\xA7"},
	{"Thai", "tis-620", {"\xA1", 1}, "\xE0\xB8\x81"},
	{"Baltic", "windows-1257", {"\xE0", 1}, "\xC4\x85"},
	{"Vietnamese", "windows-1258", {"\xD0", 1}, "\xC4\x90"},
	{"DOS", "cp437", {"\x81", 1}, "\xC3\xBC"},
	{"DOS, latin 1", "cp850", {"\x81", 1}, "\xC3\xBC"},
	{"DOS, latin 2", "IBM852", {"\xA5", 1}, "\xC4\x85"},
	{"macintosh", "macintosh", {"\x9F", 1}, "\xC3\xBC"},
	{"quoted label with a language", "windows-1251*ru", {"\xC0", 1}, "\xD0\x90"},
	{"UTF-16, no mark", "utf-16", {"\0a\x20\xAC", 4}, "a" EURO},
	{"UTF-16, little-endian mark",
         "utf-16",
         {"\xFF\xFE"
          "a\0\xAC\x20",
          6},
         "a" EURO},
	{"UTF-16LE", "utf-16le", {"a\0\xAC\x20", 4}, "a" EURO},
	{"UTF-16BE, a pair", "utf-16be", {"\xD8\x3D\xDE\x00", 4}, "\xF0\x9F\x98\x80"},
	{"UTF-16BE, half a pair, half a unit", "utf-16be", {"\xD8\x3D\0a\0", 5}, BAD "a" BAD},
	{"UTF-16 that is ASCII", "utf-16", {"hello", 5}, "hello"},
	{"UTF-32", "utf-32", {"\0\0\0a\0\1\xF6\0", 8}, "a\xF0\x9F\x98\x80"},
	{"UTF-32LE, out of range", "utf-32le", {"a\0\0\0\xFF\xFF\xFF\x7F", 8}, "a" BAD},
	/* RFC 2152, the examples */
	{"UTF-7", "utf-7", {"A+ImIDkQ.", 9}, "A\xE2\x89\xA2\xCE\x91."},
	{"UTF-7, Hi Mom", "unicode-1-1-utf-7", {"Hi Mom +Jjo-!", 13}, "Hi Mom \xE2\x98\xBA!"},
	{"UTF-7, plus", "utf-7", {"1 +- 2+", 7}, "1 + 2"},
	/* RFC 1843, the example */
	{"HZ",
         "hz-gb-2312",
         {"This ~~ is ~{<:Ky2;SC~}Bye.", 27},
         "This ~ is \xE5\xB7\xB1\xE6\x89\x80\xE4\xB8\x8D\xE7\x94\xA8"
         "Bye."},
	{"ISO-2022-JP",
         "iso-2022-jp",
         {"\x1B$B$K$c!<$s\x1B(Bx", 15},
         "\xE3\x81\xAB\xE3\x82\x83\xE3\x83\xBC\xE3\x82\x93x"},
	{"ISO-2022-JP that is Shift_JIS", "iso-2022-jp", {"\x82\xC9\x82\xE1", 4}, "\xE3\x81\xAB\xE3\x82\x83"},
	{"ISO-2022-JP that is UTF-8", "iso-2022-jp", {"\xE3\x81\xAB", 3}, "\xE3\x81\xAB"},
	{"Shift_JIS", "Shift_JIS", {"\x82\xC9\x82\xE1", 4}, "\xE3\x81\xAB\xE3\x82\x83"},
	{"EUC-JP", "euc-jp", {"\xA4\xCB\xA4\xE3", 4}, "\xE3\x81\xAB\xE3\x82\x83"},
	{"GB2312", "gb2312", {"\xCA\xD5\xBC\xFE", 4}, "\xE6\x94\xB6\xE4\xBB\xB6"},
	{"GBK", "GBK", {"\xCA\xD5\xBC\xFE", 4}, "\xE6\x94\xB6\xE4\xBB\xB6"},
	{"Big5", "big5", {"\xA6\xAC\xA5\xF3", 4}, "\xE6\x94\xB6\xE4\xBB\xB6"},
	{"EUC-KR", "ks_c_5601-1987", {"\xC7\xD1", 2}, "\xED\x95\x9C"},
	{"ISO-2022-KR", "iso-2022-kr", {"\x1B$)C\x0EGQ\x0F", 8}, "\xED\x95\x9C"},
	{"Shift_JIS cut off", "shift_jis", {"a\x82", 2}, "a" BAD},
	{"Shift_JIS, a wrong octet", "shift_jis", {"a\xFF\x82\xC9", 4}, "a" BAD "\xE3\x81\xAB"},
};

static void test_conversion(void **state)
{
	assert_int_equal(charset_prepare(), 0);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct arena a;
		arena_init(&a, 1 << 16);
		struct slice label = slice_str(cases[i].label), out = charset_to_utf8(&a, label, cases[i].in, SIZE_MAX);
		if (!slice_equal(out, slice_str(cases[i].out))) fail_msg("%s: [%.*s]", cases[i].name, SLICE_ARG(out));
		for (size_t limit = 0; limit < out.n; limit++) {
			struct slice cut = charset_to_utf8(&a, label, cases[i].in, limit);
			if (cut.n > limit || !utf8_valid(cut))
				fail_msg("%s, limit %zu: [%.*s]", cases[i].name, limit, SLICE_ARG(cut));
		}
		arena_free(&a);
	}
}

static void test_labels(void **state)
{
	static const char *const known[] = {"UTF-8",       "us-ascii",        "ISO-8859-16",    "windows-1250",
	                                    "cp-850",      "KOI8-RU",         "x-mac-roman",    "iso-8859-11",
	                                    "CP936",       "GB18030",         "EUC-TW",         "big5-hkscs",
	                                    "x-sjis",      "cp949",           "johab",          "csKOI8R",
	                                    "csShiftJIS",  "ISO_8859-1:1987", "ANSI_X3.4-1968", "x-euc-jp",
	                                    "windows-31j", "utf-16le",        "Windows-874",    "ibm-1125"};
	static const char *const unknown[] =
		{"", "x-", "iso-8859-", "iso-8859-12", "iso-8859-17", "windows-9999", "cs", "klingon", "utf-9"};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (!charset_known(slice_str(known[i]))) fail_msg("%s is not known", known[i]);
	for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
		if (charset_known(slice_str(unknown[i]))) fail_msg("%s is known", unknown[i]);
}

static void test_no_copy(void **state)
{
	struct arena a;
	struct slice text = SLICE("caf\xC3\xA9");
	arena_init(&a, 16);
	assert_ptr_equal(charset_to_utf8(&a, SLICE("utf-8"), text, SIZE_MAX).p, text.p);
	assert_int_equal(charset_to_utf8(&a, SLICE("utf-8"), text, 4).n, 3);
	assert_int_equal(a.used, 0);
	assert_null(charset_to_utf8(&a, SLICE("latin1"), SLICE("eight \xE9 bits and more"), SIZE_MAX).p);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_conversion), cmocka_unit_test(test_labels),
	                                   cmocka_unit_test(test_no_copy)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
