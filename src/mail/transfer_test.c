/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mail/transfer.h"

#define TEXT(literal)                                                                                                  \
	{                                                                                                              \
		literal, sizeof(literal) - 1                                                                           \
	}

enum encoding { BASE64, QP, UU };

static const struct {
	const char *name;
	enum encoding encoding;
	struct slice in, out;
} cases[] = {
	{"base64", BASE64, TEXT("aGVsbG8="), TEXT("hello")},
	/* RFC 4648 10 */
	{"base64 of nothing", BASE64, TEXT(""), TEXT("")},
	{"base64 f", BASE64, TEXT("Zg=="), TEXT("f")},
	{"base64 foobar", BASE64, TEXT("Zm9vYmFy"), TEXT("foobar")},
	{"base64 over lines", BASE64, TEXT("Zm9v\r\nYmFy\r\n"), TEXT("foobar")},
	{"base64 with rubbish between", BASE64, TEXT("Z!m 9*vYm\0Fy"), TEXT("foobar")},
	{"base64 of two texts", BASE64, TEXT("Zg==Zm8="), TEXT("ffo")},
	{"base64 without padding", BASE64, TEXT("Zm9vYg"), TEXT("foob")},
	{"base64 cut off in an octet", BASE64, TEXT("Zm9vY"), TEXT("foo")},
	{"base64 for URLs", BASE64, TEXT("-_8="), TEXT("\xFB\xFF")},
	{"base64 of high octets", BASE64, TEXT("/+79AA=="), TEXT("\xFF\xEE\xFD\0")},
	/* RFC 2045 6.7 */
	{"soft line break", QP, TEXT("Now's the time =\r\nfor all folk to come=\r\n to the aid of their country."),
         TEXT("Now's the time for all folk to come to the aid of their country.")},
	{"digits", QP, TEXT("=E4=f6=Fc=3D"), TEXT("\xE4\xF6\xFC=")},
	{"blanks at line ends", QP, TEXT("a \t\r\nb  \nc "), TEXT("a\r\nb\nc ")},
	{"blanks at the ends of long lines", QP,
         TEXT("The quick brown fox jumps \t                       \r\nover  the lazy dog, and so on.                "
              "\nx=20   \ny=3D                   "),
         TEXT("The quick brown fox jumps\r\nover  the lazy dog, and so on.\nx \ny=                   ")},
	{"blanks after a soft line break", QP, TEXT("a= \t\r\nb"), TEXT("ab")},
	{"soft line break, LF", QP, TEXT("a=\nb"), TEXT("ab")},
	{"soft line break, CR", QP, TEXT("a=\rb"), TEXT("ab")},
	{"sign at the end", QP, TEXT("a="), TEXT("a")},
	{"sign before rubbish", QP, TEXT("a=zz=4"), TEXT("a=zz=4")},
	{"sign before a sign", QP, TEXT("==41"), TEXT("=A")},
	{"never encoded", QP, TEXT("x=y http://a/?b=c\xFC\0"), TEXT("x=y http://a/?b=c\xFC\0")},
	{"uuencode", UU, TEXT("begin 644 f\n#0V%T\n`\nend\n"), TEXT("Cat")},
	{"uuencode after text", UU, TEXT("hello\r\nbegin 644 f\r\n#0V%T\r\nend\r\n"), TEXT("Cat")},
	{"uuencode without a begin", UU, TEXT("#0V%T\n"), TEXT("")},
	{"uuencode cut off", UU, TEXT("begin 644 f\n#0V"), TEXT("C")},
};

static struct slice decode(struct arena *a, enum encoding encoding, struct slice in, size_t limit)
{
	if (encoding == BASE64) return transfer_base64(a, in, limit);
	return encoding == QP ? transfer_quoted_printable(a, in, limit) : transfer_uuencode(a, in, limit);
}

/* Whole, and cut short by every limit. */
static void test_decoding(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct arena a;
		arena_init(&a, 1 << 16);
		struct slice out = decode(&a, cases[i].encoding, cases[i].in, SIZE_MAX);
		if (!slice_equal(out, cases[i].out)) fail_msg("%s: [%.*s]", cases[i].name, SLICE_ARG(out));
		for (size_t limit = 0; limit <= cases[i].out.n; limit++) {
			out = decode(&a, cases[i].encoding, cases[i].in, limit);
			if (!slice_equal(out, slice_sub(cases[i].out, 0, limit)))
				fail_msg("%s, limit %zu: [%.*s]", cases[i].name, limit, SLICE_ARG(out));
		}
		arena_free(&a);
	}
}

static void test_no_memory(void **state)
{
	struct arena a;
	arena_init(&a, 16);
	assert_non_null(arena_alloc(&a, 16));
	assert_null(transfer_base64(&a, SLICE("Zm9v"), SIZE_MAX).p);
	assert_null(transfer_quoted_printable(&a, SLICE("x"), SIZE_MAX).p);
	assert_null(transfer_uuencode(&a, SLICE("begin 6 f\n#0V%T\n"), SIZE_MAX).p);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_decoding), cmocka_unit_test(test_no_memory)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
