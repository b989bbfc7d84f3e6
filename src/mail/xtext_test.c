/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mail/xtext.h"

static const struct {
	const char *name;
	struct slice in;
	const char *out; /* NULL: malformed */
	bool valid;
} cases[] = {
	{"empty", {"", 0}, "", true},
	{"plain", {"QQ314159", 8}, "QQ314159", true},
	{"RFC 3461 plus and equals", {"a+2Bb+3Dc", 9}, "a+b=c", true},
	{"lower case digits are read", {"a+2bb", 5}, "a+b", true},
	{"a blank encoded", {"a+20b", 5}, "a b", true},
	{"line end encoded: decodes, but is not valid", {"a+0D+0Ab", 8}, "a\r\nb", false},
	{"raw equals", {"a=b", 3}, NULL, false},
	{"raw blank", {"a b", 3}, NULL, false},
	{"plus at the end", {"a+", 2}, NULL, false},
	{"one digit", {"a+4", 3}, NULL, false},
	{"not digits", {"a+GG", 4}, NULL, false},
	{"8-bit octet", {"\xE9", 1}, NULL, false},
	{"control character", {"a\x01", 2}, NULL, false},
};

static void test_decode(void **state)
{
	struct arena a;
	arena_init(&a, 65536);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct slice out = xtext_decode(&a, cases[i].in);
		bool right = cases[i].out ? out.p && slice_equal(out, slice_str(cases[i].out)) : out.p == NULL;
		if (!right || xtext_valid(cases[i].in) != cases[i].valid) fail_msg("%s", cases[i].name);
	}
	arena_free(&a);
}

static void test_encode_then_decode_every_octet(void **state)
{
	struct arena a;
	char all[256];
	arena_init(&a, 65536);
	for (int i = 0; i < 256; i++) all[i] = (char)i;
	struct slice encoded = xtext_encode(&a, slice_of(all, sizeof all));
	assert_true(slice_search(encoded, SLICE("+00+01")) < encoded.n);
	assert_true(slice_equal(xtext_decode(&a, encoded), slice_of(all, sizeof all)));
	assert_true(slice_equal(xtext_encode(&a, SLICE("a+b=c d")), SLICE("a+2Bb+3Dc+20d")));
	arena_free(&a);
}

static void test_exhaustion(void **state)
{
	struct arena a;
	arena_init(&a, 16);
	assert_null(xtext_encode(&a, SLICE("0123456789")).p);
	assert_null(xtext_decode(&a, SLICE("0123456789012345678901234567890123456789")).p);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_decode),
	                                   cmocka_unit_test(test_encode_then_decode_every_octet),
	                                   cmocka_unit_test(test_exhaustion)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
