/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "bounce/fold.h"

static const struct {
	const char *name, *text, *folded; /* without the '\n' at both ends */
} cases[] = {
	{"empty", "", ""},
	{"blanks only", " \r\n\t \n", ""},
	{"capitals and wrapped lines", "Hi. This is\r\nthe QMAIL-send\tprogram", "hi. this is the qmail-send program"},
	{"an empty line parts paragraphs", "one\r\n\r\ntwo\n \n\nthree", "one\ntwo\nthree"},
	{"German", "Zustellung für Straße ÄÖÜ", "zustellung fur strasse aou"},
	{"French, with a no-break space", "Échec de la remise\xc2\xa0: œuvre", "echec de la remise : oeuvre"},
	{"Polish, Czech, Hungarian", "Żółć ŘÍČNÍ őű", "zolc ricni ou"},
	{"Turkish dotted I", "İLETİLEMEDİ ı", "iletilemedi i"},
	{"Romanian, both kinds of comma", "şţ șț", "st st"},
	{"Vietnamese", "Không thể gửi được ơ Ư", "khong the gui duoc o u"},
	{"accents put together", "e\xcc\x81te\xcc\x81", "ete"},
	{"Greek", "Δεν ΠΑΡΑΔΌΘΗΚΕ ς", "δεν παραδοθηκε σ"},
	{"Russian", "НЕ ДОСТАВЛЕНО ёЁ", "не доставлено ее"},
	{"Ukrainian", "ЇЇ Ґ", "її ґ"},
	{"Japanese broken over lines", "送信\nでき\r\n ませんでした。", "送信できませんでした。"},
	{"Japanese beside Latin keeps its blank", "送信 error\n失敗", "送信 error 失敗"},
	{"Korean keeps its blanks", "전송\n실패", "전송 실패"},
	{"full-width letters", "Ｅｒｒｏｒ　５５０", "error 550"},
	{"Arabic marks and alef", "أرسِل ـ", "ارسل "},
	{"quotes and dashes", "\xe2\x80\x9cI\xe2\x80\x99m\xe2\x80\x9d \xe2\x80\x94 x\xe2\x80\xa6", "\"i'm\" - x..."},
	{"invisible characters",
         "un\xc2\xad"
         "deliver\xe2\x80\x8b"
         "able\xef\xbb\xbf",
         "undeliverable"},
	{"no UTF-8",
         "a\xff"
         "b\xc3",
         "a?b?"},
	{"controls", "a\001b\0", "ab"},
	{"many blanks", "a                        b\n                       c", "a b c"},
	{"an empty line in many blanks", "a          \n           \r\n          b", "a\nb"},
	{"one line end behind many blanks, one before", "a                  \nb                 \n c", "a b c"},
	{"two line ends far apart", "a\n                                        \nb", "a\nb"},
	{"controls among blanks", "a \001\002\003\004\005\006\a\b\016\017\020\021\022\023\024\025\n\177 b", "a b"},
	{"only controls", "a\001\002\003\004\005\006\a\b\016\017\020\021\022\023\024\025\026\027 b", "a b"},
};

static void test_cases(void **state)
{
	char buffer[256];
	struct fold f;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		fold_begin(&f, buffer, sizeof buffer);
		fold_text(&f, slice_str(cases[i].text));
		struct slice s = fold_end(&f);
		struct slice inner = slice_sub(s, 1, s.n - 1), want = slice_str(cases[i].folded);
		if (s.n < 2 || s.p[0] != '\n' || s.p[s.n - 1] != '\n' ||
		    !slice_equal(slice_trim(inner), slice_trim(want)))
			fail_msg("%s: \"%.*s\"", cases[i].name, SLICE_ARG(s));
	}
}

static void test_pieces_and_room(void **state)
{
	char buffer[64];
	struct fold f;
	fold_begin(&f, buffer, sizeof buffer);
	fold_text(&f, SLICE("One "));
	fold_text(&f, SLICE(" two"));
	fold_paragraph(&f);
	fold_text(&f, SLICE("three"));
	struct slice s = fold_end(&f);
	assert_true(slice_equal(s, SLICE("\none two\nthree\n")));
	for (size_t room = 8; room < 40; room++) { /* never past the end, and no half character */
		fold_begin(&f, buffer, room);
		fold_text(&f, slice_str("abcdef 送信 ß… xyz"));
		s = fold_end(&f);
		assert_true(s.n <= room);
		assert_int_equal(s.p[s.n - 1], '\n');
	}
}

/* Text that is given at once, of which eight octets are read at a time, is what it is character by character. */
static void test_at_once(void **state)
{
	static const char *const characters[] = {"a",
	                                         "B",
	                                         " ",
	                                         "Z",
	                                         "~",
	                                         "\n",
	                                         "9",
	                                         "@",
	                                         "[",
	                                         "\r\n",
	                                         "\t",
	                                         "\x7f",
	                                         "\303\244",
	                                         "\351\200\201",
	                                         " ",
	                                         "e",
	                                         "\x01",
	                                         "  ",
	                                         "\342\200\246",
	                                         "."};
	unsigned seed = 1;
	for (int round = 0; round < 3000; round++) {
		char text[256], once[512], singly[512];
		struct fold f, g;
		size_t n = 0, room = round % 3 ? sizeof once : 8 + (size_t)round % 60;
		fold_begin(&g, singly, room);
		for (int i = round % 50; i >= 0; i--) {
			seed = seed * 1103515245u + 12345u;
			/* mostly letters and blanks, or there would be no eight plain ones */
			struct slice c = slice_str(characters[(seed >> 16) % ((seed >> 8) % 8 ? 5 : 20)]);
			memcpy(text + n, c.p, c.n);
			n += c.n;
			for (size_t k = 0; k < c.n; k += c.p[0] < 0 ? c.n : 1)
				fold_text(&g, slice_sub(c, k, c.p[0] < 0 ? c.n : k + 1));
		}
		fold_begin(&f, once, room);
		fold_text(&f, slice_of(text, n));
		struct slice a = fold_end(&f), b = fold_end(&g);
		if (!slice_equal(a, b))
			fail_msg("\"%.*s\": \"%.*s\", not \"%.*s\"", (int)n, text, SLICE_ARG(a), SLICE_ARG(b));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_pieces_and_room),
		cmocka_unit_test(test_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
