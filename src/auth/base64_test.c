/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auth/base64.h"

static const struct {
	const char *name, *text, *octets; /* NULL: a syntax error */
} cases[] = {
	{"nothing", "", ""},
	{"one octet", "Zg==", "f"},
	{"two octets", "Zm8=", "fo"},
	{"three octets", "Zm9v", "foo"},
	{"six octets", "Zm9vYmFy", "foobar"},
	{"without padding", "Zm9vYg", "foob"},
	{"without padding, two", "Zm9vYmE", "fooba"},
	{"folded", "Zm9v\r\n\tYm\n Fy", "foobar"},
	{"blanks in the padding", " Z g = =\r\n ", "f"},
	{"all of the alphabet", "+/+/", "\xFB\xFF\xBF"},
	{"one digit alone", "Zm9vY", NULL},
	{"half the padding", "Zg=", NULL},
	{"padding after whole octets", "Zm9v=", NULL},
	{"three padding", "Z===", NULL},
	{"text after padding", "Zg==Zg==", NULL},
	{"padding alone", "=", NULL},
	{"the alphabet for addresses", "-_-_", NULL},
	{"8-bit", "Zm9\xC3", NULL},
};

static void test_decode(void **state)
{
	struct arena a;
	struct slice out;
	arena_init(&a, 65536);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		enum error e = base64_decode(&a, slice_str(cases[i].text), &out);
		bool good =
			cases[i].octets ? e == ERR_OK && slice_equal(out, slice_str(cases[i].octets)) : e == ERR_SYNTAX;
		if (!good) fail_msg("%s: %s, [%.*s]", cases[i].name, error_name(e), SLICE_ARG(out));
	}
	assert_int_equal(base64_decode(&a, slice_of("Zg\0=", 4), &out), ERR_SYNTAX);
	arena_free(&a);
}

static void test_round_trip(void **state)
{
	char octets[70];
	struct arena a;
	struct slice out;
	arena_init(&a, 65536);
	for (size_t n = 0; n < sizeof octets; n++) {
		octets[n] = (char)(n * 37 + 200);
		struct slice text = base64_encode(&a, slice_of(octets, n));
		assert_int_equal(text.n, (n + 2) / 3 * 4);
		assert_int_equal(base64_decode(&a, text, &out), ERR_OK);
		assert_true(slice_equal(out, slice_of(octets, n)));
	}
	assert_true(slice_equal(base64_encode(&a, SLICE("fooba")), SLICE("Zm9vYmE=")));
	arena_free(&a);
}

static void test_no_memory(void **state)
{
	struct arena a;
	struct slice out;
	arena_init(&a, 16);
	assert_int_equal(base64_decode(&a, SLICE("Zm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFy"), &out), ERR_NO_MEMORY);
	assert_null(base64_encode(&a, SLICE("a text of more than a dozen octets")).p);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
