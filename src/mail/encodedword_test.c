/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mail/encodedword.h"

static const struct {
	const char *name, *in, *out;
} cases[] = {
	{"plain", "Hello  world", "Hello  world"},
	{"blanks around", "\r\n  Hello \r\n", "Hello"},
	{"folded", "one\r\n two\n\tthree", "one two three"},
	{"controls",
         "a\x01"
         "b\x7F",
         "a b"},
	{"8-bit, UTF-8", "caf\xC3\xA9", "caf\xC3\xA9"},
	{"8-bit, windows-1252", "caf\xE9 \x80", "caf\xC3\xA9 \xE2\x82\xAC"},
	/* RFC 2047 8, the examples */
	{"RFC 2047 From", "=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>", "Keith Moore <moore@cs.utk.edu>"},
	{"RFC 2047 To", "=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?= <keld@dkuug.dk>",
         "Keld J\xC3\xB8rn Simonsen <keld@dkuug.dk>"},
	{"RFC 2047 Cc", "=?ISO-8859-1?Q?Andr=E9?= Pirard <PIRARD@vm1.ulg.ac.be>",
         "Andr\xC3\xA9 Pirard <PIRARD@vm1.ulg.ac.be>"},
	{"RFC 2047 Subject",
         "=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
         "If you can read this you understand the example."},
	{"RFC 2047 Hebrew", "=?iso-8859-8?b?7eXs+SDv4SDp7Oj08A==?=",
         "\xD7\x9D\xD7\x95\xD7\x9C\xD7\xA9 \xD7\x9F\xD7\x91 \xD7\x99\xD7\x9C\xD7\x98\xD7\xA4\xD7\xA0"},
	{"RFC 2047 (a)", "(=?ISO-8859-1?Q?a?=)", "(a)"},
	{"RFC 2047 (a b)", "(=?ISO-8859-1?Q?a?= b)", "(a b)"},
	{"RFC 2047 (ab)", "(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)"},
	{"RFC 2047 (ab), two blanks", "(=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=)", "(ab)"},
	{"RFC 2047 (ab), folded", "(=?ISO-8859-1?Q?a?=\r\n    =?ISO-8859-1?Q?b?=)", "(ab)"},
	{"RFC 2047 (a b), encoded", "(=?ISO-8859-1?Q?a_b?=)", "(a b)"},
	{"RFC 2047 (a b), blank in the second", "(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)", "(a b)"},
	{"RFC 2231 language", "=?US-ASCII*EN?Q?Keith_Moore?=", "Keith Moore"},
	{"a character split between words", "=?utf-8?q?=C3?= =?UTF-8?B?qQ==?=", "\xC3\xA9"},
	{"ISO-2022-JP", "=?ISO-2022-JP?B?GyRCJEskYyE8JHMbKEI=?=", "\xE3\x81\xAB\xE3\x82\x83\xE3\x83\xBC\xE3\x82\x93"},
	{"three words, two charsets", "=?utf-8?q?a?= =?latin1?q?=FC?= =?utf-8?q?b?= c",
         "a\xC3\xBC"
         "b c"},
	{"touching text", "x=?utf-8?q?a?=y", "xay"},
	{"touching each other", "=?utf-8?q?a?==?utf-8?q?b?=", "ab"},
	{"in quotes", "\"=?utf-8?q?a?=\" <b@c>", "\"a\" <b@c>"},
	{"blanks inside", "=?utf-8?q?a b c?= d", "a b c d"},
	{"folded inside", "=?utf-8?b?aGVs\r\n bG8=?=", "hello"},
	{"no end", "=?utf-8?q?abc", "abc"},
	{"no end before another", "=?utf-8?q?abc =?utf-8?q?d?=", "abc d"},
	{"question mark inside", "=?utf-8?q?Why?_So?=", "Why? So"},
	{"padding before the end", "=?utf-8?b?Zg===?=", "f"},
	{"empty word",
         "a =?utf-8?q?"
         "?= b",
         "a  b"},
	{"unknown charset", "=?x-unknown?q?=FC?=", "\xC3\xBC"},
	{"unknown encoding", "=?utf-8?x?abc?=", "=?utf-8?x?abc?="},
	{"no charset", "=??q?abc?=", "=??q?abc?="},
	{"no text", "=?utf-8?q", "=?utf-8?q"},
	{"only a beginning", "a =? b", "a =? b"},
	{"line end encoded", "=?utf-8?q?a=0D=0AX-Evil:_b?=", "aX-Evil: b"},
	{"tab encoded", "=?utf-8?q?a=09b?=", "a b"},
	{"windows-1252 though it says UTF-8", "=?utf-8?q?f=FCr?=", "f\xC3\xBCr"},
	{"not UTF-8 though it says so", "=?utf-8?q?=FC=82?=", "\xEF\xBF\xBD\xEF\xBF\xBD"},
};

static void test_decoding(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct arena a;
		arena_init(&a, 1 << 16);
		struct slice out = encodedword_decode(&a, slice_str(cases[i].in));
		if (!slice_equal(out, slice_str(cases[i].out))) fail_msg("%s: [%.*s]", cases[i].name, SLICE_ARG(out));
		arena_free(&a);
	}
}

static void test_no_copy(void **state)
{
	struct arena a;
	struct slice in = SLICE(" plain ");
	arena_init(&a, 16);
	assert_ptr_equal(encodedword_decode(&a, in).p, in.p + 1);
	assert_int_equal(a.used, 0);
	assert_null(encodedword_decode(&a, SLICE("=?utf-8?q?a?=")).p);
	assert_true(arena_exhausted(&a));
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_decoding), cmocka_unit_test(test_no_copy)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
