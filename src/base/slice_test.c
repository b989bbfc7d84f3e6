/* SPDX-License-Identifier: Apache-2.0 */
#include "base/slice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define S(literal) SLICE(literal)

static void assert_slice(struct slice got, struct slice want)
{
	if (!slice_equal(got, want)) fail_msg("\"%.*s\" is not \"%.*s\"", SLICE_ARG(got), SLICE_ARG(want));
}

static void split_walks_all_fields(void **state)
{
	static const struct {
		const char *text, *fields[5];
		size_t n;
	} rows[] = {
		{"a,b,c", {"a", "b", "c"}, 3}, {"", {""}, 1},        {",", {"", ""}, 2}, {"abc", {"abc"}, 1},
		{",,x", {"", "", "x"}, 3},     {"x,", {"x", ""}, 2},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct slice rest = slice_str(rows[i].text);
		size_t n = 0;
		while (rest.p) {
			assert_true(n < rows[i].n);
			assert_slice(slice_split(&rest, ','), slice_str(rows[i].fields[n++]));
		}
		assert_int_equal(n, rows[i].n);
	}
	struct slice none = {NULL, 0};
	assert_null(slice_split(&none, ',').p);
	assert_null(none.p);
}

static void numbers_are_plain_decimal(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		uint64_t value;
	} rows[] = {
		{"0", true, 0},
		{"00000000000000000012", true, 12},
		{"18446744073709551615", true, UINT64_MAX},
		{"18446744073709551616", false, 0},
		{"99999999999999999999", false, 0},
		{"000000000000000000000", false, 0},
		{"", false, 0},
		{"-1", false, 0},
		{"+1", false, 0},
		{" 1", false, 0},
		{"1 ", false, 0},
		{"0x10", false, 0},
		{"1a", false, 0},
		{"1/", false, 0},
		{"1:", false, 0},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint64_t value = 77;
		if (slice_to_u64(slice_str(rows[i].text), &value) != rows[i].ok) fail_msg("\"%s\"", rows[i].text);
		assert_int_equal(value, rows[i].ok ? rows[i].value : 77);
	}
}

static void only_ascii_letters_fold(void **state)
{
	static const struct {
		const char *a, *b;
		bool equal;
	} rows[] = {
		{"RCPT TO:", "rcpt to:", true}, {"@[`{", "@[`{", true},     {"@", "`", false}, {"[", "{", false},
		{"\xc4", "\xe4", false},        {"azAZ09", "AZaz09", true}, {"", "", true},    {"a", "ab", false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct slice a = slice_str(rows[i].a), b = slice_str(rows[i].b);
		if (slice_equal_nocase(a, b) != rows[i].equal) fail_msg("\"%s\" \"%s\"", rows[i].a, rows[i].b);
		if (rows[i].equal) assert_true(slice_hash_nocase(a) == slice_hash_nocase(b));
		if (!rows[i].equal) assert_false(slice_hash_nocase(a) == slice_hash_nocase(b));
	}
	assert_true(slice_starts_nocase(S("MAIL FROM:<>"), S("mail from:")));
	assert_false(slice_starts_nocase(S("MAIL"), S("mail from:")));
	assert_true(slice_ends_nocase(S("a.Example.NET"), S(".example.net")));
	assert_false(slice_ends_nocase(S("net"), S(".example.net")));
	assert_true(slice_ends_nocase(S("x"), SLICE_EMPTY));
}

/* The word-wise fold of the hash agrees with the octet-wise one for every octet, in every position. */
/* Wherever it stands in words of all lengths. */
static void one_octet_makes_a_difference(void **state)
{
	static const struct {
		char a, b;
		bool same;
	} rows[] = {{'a', 'A', true}, {'Z', 'z', true},        {'@', '`', false},  {'[', '{', false}, {'a', 'b', false},
	            {'1', '1', true}, {'\xC1', '\xE1', false}, {'-', '\r', false}, {'\0', ' ', false}};
	for (size_t n = 1; n < 30; n++)
		for (size_t at = 0; at < n; at++)
			for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
				char a[31], b[31];
				memset(a, 'x', n), memset(b, 'X', n);
				a[at] = rows[r].a, b[at] = rows[r].b;
				a[n] = '1', b[n] = '2';
				assert_int_equal(slice_equal_nocase(slice_of(a, n), slice_of(b, n)), rows[r].same);
				assert_int_equal(slice_starts_nocase(slice_of(a, n + 1), slice_of(b, n)), rows[r].same);
				assert_int_equal(slice_ends_nocase(slice_of(a, n), slice_of(b, n)), rows[r].same);
			}
	assert_true(slice_equal_nocase(SLICE_EMPTY, (struct slice){NULL, 0}));
	assert_true(slice_starts_nocase(SLICE_EMPTY, SLICE_EMPTY));
}

static void hash_folds_like_the_comparison(void **state)
{
	char a[20], b[20];
	for (size_t n = 1; n < sizeof a; n++) {
		for (int c = 0; c < 256; c++) {
			memset(a, 'x', sizeof a);
			memset(b, 'X', sizeof b);
			a[n - 1] = (char)c;
			b[n - 1] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c >= 'a' && c <= 'z' ? c - 32 : c);
			assert_true(slice_hash_nocase(slice_of(a, n)) == slice_hash_nocase(slice_of(b, n)));
			b[n - 1] = (char)(c ^ 0x80);
			assert_false(slice_hash_nocase(slice_of(a, n)) == slice_hash_nocase(slice_of(b, n)));
		}
	}
}

static void hash_sees_every_octet_and_the_length(void **state)
{
	char a[40] = {0}, b[40] = {0};
	for (size_t n = 0; n < sizeof a; n++) {
		assert_true(slice_hash(slice_of(a, n)) == slice_hash(slice_of(b, n)));
		assert_false(slice_hash(slice_of(a, n)) == slice_hash(slice_of(a, n + 1)));
		b[n] = 1;
		assert_false(slice_hash(slice_of(a, n + 1)) == slice_hash(slice_of(b, n + 1)));
		b[n] = 0;
	}
	assert_false(slice_hash(S("ABC")) == slice_hash(S("abc")));
	assert_true(slice_hash((struct slice){NULL, 0}) == slice_hash(SLICE_EMPTY));
}

/* Values that are stored must not change: the first is of the reference's test vectors for SipHash-1-3. */
static void hash_of_a_given_key_is_the_standard_one(void **state)
{
	static const uint64_t key[2] = {0x0706050403020100u, 0x0f0e0d0c0b0a0908u}, other[2] = {1, 2};
	assert_true(slice_hash_keyed(SLICE_EMPTY, key, false) == 0xabac0158050fc4dcu);
	assert_true(slice_hash_keyed(S("a@example.org"), key, false) == 0x793bb6cc0dab2d21u);
	assert_true(slice_hash_keyed(S("A@Example.ORG"), key, true) == 0x793bb6cc0dab2d21u);
	assert_true(slice_hash_keyed(S("12345678"), key, true) == 0x11a8ebb5cd0da9ceu);
	assert_false(slice_hash_keyed(S("12345678"), other, true) == 0x11a8ebb5cd0da9ceu);
}

static void finding(void **state)
{
	assert_int_equal(slice_find(S("a@b@c"), '@'), 1);
	assert_int_equal(slice_find_last(S("a@b@c"), '@'), 3);
	assert_int_equal(slice_find(S("abc"), '@'), 3);
	assert_int_equal(slice_find_last(S("abc"), '@'), 3);
	assert_int_equal(slice_find((struct slice){NULL, 0}, '@'), 0);
	assert_int_equal(slice_search(S("one\r\n.\r\ntwo"), S("\r\n.\r\n")), 3);
	assert_int_equal(slice_search(S("abc"), S("abcd")), 3);
	assert_int_equal(slice_search(S("abc"), S("x")), 3);
	assert_int_equal(slice_search(S("abc"), SLICE_EMPTY), 0);
	assert_int_equal(slice_search((struct slice){NULL, 0}, S("x")), 0);
}

/* As when it is looked for octet by octet, in texts of few octets that have it often, nearly, or not. */
static void searching(void **state)
{
	char text[200], needle[20];
	unsigned seed = 1;
	for (int round = 0; round < 20000; round++) {
		size_t n = (unsigned)round % sizeof text, length = 1 + (unsigned)round % 7, at = 0;
		for (size_t i = 0; i < n; i++) text[i] = "aab"[(seed = seed * 1103515245u + 12345u) >> 16 & 1];
		for (size_t i = 0; i < length; i++) needle[i] = "aba"[((seed = seed * 1103515245u + 12345u) >> 16) % 3];
		if (round % 3 == 0) needle[length / 2] = 'x';
		while (at + length <= n && memcmp(text + at, needle, length) != 0) at++;
		if (at + length > n) at = n;
		assert_int_equal(slice_search(slice_of(text, n), slice_of(needle, length)), at);
	}
}

/* Many places that are nearly it: what is left is looked through otherwise. */
static void searching_where_all_is_nearly_it(void **state)
{
	static char text[100000];
	memset(text, 'a', sizeof text);
	assert_int_equal(slice_search(slice_of(text, sizeof text), S("aaabaaa")), sizeof text);
	memcpy(text + sizeof text - 20, "aaabaaa", 7);
	assert_int_equal(slice_search(slice_of(text, sizeof text), S("aaabaaa")), sizeof text - 20);
}

static void cutting(void **state)
{
	assert_slice(slice_trim(S(" \t\r\n a b \r\n")), S("a b"));
	assert_slice(slice_trim(S(" \t ")), SLICE_EMPTY);
	assert_slice(slice_sub(S("hello"), 1, 3), S("el"));
	assert_slice(slice_sub(S("hello"), 3, 99), S("lo"));
	assert_slice(slice_sub(S("hello"), 9, 99), SLICE_EMPTY);
	assert_slice(slice_sub(S("hello"), 4, 2), SLICE_EMPTY);
	assert_true(slice_starts(S("hello"), S("he")));
	assert_false(slice_starts(S("hello"), S("He")));
	assert_true(slice_starts((struct slice){NULL, 0}, SLICE_EMPTY));
}

static void comparing(void **state)
{
	assert_true(slice_compare(S("a"), S("b")) < 0);
	assert_true(slice_compare(S("ab"), S("a")) > 0);
	assert_true(slice_compare(S("\xff"), S("a")) > 0);
	assert_int_equal(slice_compare(S("ab"), S("ab")), 0);
	assert_int_equal(slice_compare((struct slice){NULL, 0}, SLICE_EMPTY), 0);
	assert_true(slice_equal((struct slice){NULL, 0}, SLICE_EMPTY));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(split_walks_all_fields),
		cmocka_unit_test(numbers_are_plain_decimal),
		cmocka_unit_test(only_ascii_letters_fold),
		cmocka_unit_test(one_octet_makes_a_difference),
		cmocka_unit_test(hash_folds_like_the_comparison),
		cmocka_unit_test(hash_sees_every_octet_and_the_length),
		cmocka_unit_test(hash_of_a_given_key_is_the_standard_one),
		cmocka_unit_test(finding),
		cmocka_unit_test(searching),
		cmocka_unit_test(searching_where_all_is_nearly_it),
		cmocka_unit_test(cutting),
		cmocka_unit_test(comparing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
