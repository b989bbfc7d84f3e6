/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auth/base64.h"
#include "auth/sigwrite.h"

static size_t longest_line(struct slice text)
{
	size_t longest = 0;
	while (text.p) {
		struct slice line = slice_split(&text, '\n');
		size_t column = 0;
		for (size_t i = 0; i < line.n && line.p[i] != '\r'; i++)
			column = line.p[i] == '\t' ? column / 8 * 8 + 8 : column + 1;
		if (column > longest) longest = column;
	}
	return longest;
}

static void test_field(void **state)
{
	static const char octets[256] = {1, 2, 3};
	struct arena a;
	struct sigwrite w;
	arena_init(&a, 65536);
	sigwrite_begin(&w, &a, "DKIM-Signature");
	sigwrite_tag(&w, "v", SLICE("1"));
	sigwrite_tag(&w, "d", SLICE("a-domain-of-some-length.example.net"));
	sigwrite_number(&w, "t", 1700000000);
	sigwrite_list(&w, "h",
	              SLICE("From:From:To:To:Subject:Subject:Date:Date:Message-ID:Message-ID:MIME-Version:MIME-"
	                    "Version"));
	sigwrite_octets(&w, "bh", slice_of(octets, 32));
	struct slice text = sigwrite_unsigned(&w);
	static const char wanted[] = "DKIM-Signature: v=1; d=a-domain-of-some-length.example.net; t=1700000000;\r\n"
				     "\th=From:From:To:To:Subject:Subject:Date:Date:Message-ID:Message-ID:\r\n"
				     "\tMIME-Version:MIME-Version;\r\n"
				     "\tbh=AQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=; b=";
	if (!slice_equal(text, slice_str(wanted))) fail_msg("%.*s", SLICE_ARG(text));
	text = sigwrite_signed(&w, slice_of(octets, sizeof octets));
	assert_true(slice_starts(text, slice_str(wanted)));
	assert_true(slice_ends_nocase(text, SLICE("==\r\n")));
	assert_true(longest_line(text) <= 78);
	struct slice decoded;
	assert_int_equal(base64_decode(&a, slice_sub(text, sizeof wanted - 1, text.n), &decoded), ERR_OK);
	assert_true(slice_equal(decoded, slice_of(octets, sizeof octets)));
	arena_free(&a);
}

/* Whatever the lengths are, only what cannot be folded is longer than a line. */
static void test_lengths(void **state)
{
	static char x[300];
	memset(x, 'x', sizeof x);
	for (size_t n = 1; n < sizeof x; n++) {
		struct arena a;
		struct sigwrite w;
		arena_init(&a, 65536);
		sigwrite_begin(&w, &a, "S");
		sigwrite_tag(&w, "d", slice_of(x, n));
		sigwrite_list(&w, "h", arena_printf(&a, "a:%.*s:b", (int)n, x));
		sigwrite_octets(&w, "bh", slice_of(x, n));
		assert_non_null(sigwrite_unsigned(&w).p);
		struct slice text = sigwrite_signed(&w, slice_of(x, n));
		size_t most = n + 11 > 78 ? n + 11 : 78; /* "\td=" and ";" */
		if (longest_line(text) > most) fail_msg("%zu: %.*s", n, SLICE_ARG(text));
		arena_free(&a);
	}
}

static void test_names(void **state)
{
	static const char header[] = "Received: 1\r\nFrom: a\r\nTo: b\r\nreceived: 2\r\nX: y\r\n\r\n";
	static const struct {
		const char *wanted[4], *except, *names;
	} cases[] = {
		{{NULL}, NULL, "From:From"},
		{{"to", "from", "cc"}, NULL, "to:to:from:from"},
		{{"X", "Received", "x"}, NULL, "From:From:X:Received:Received"},
		{{"from", "received"}, "RECEIVED", "from:from"},
		{{"", "a:b", "no such"}, NULL, "From:From"},
	};
	struct arena a;
	struct fields *f;
	arena_init(&a, 65536);
	assert_int_equal(fields_read(&a, slice_str(header), &f), ERR_OK);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct slice wanted[4];
		size_t count = 0;
		for (; cases[i].wanted[count]; count++) wanted[count] = slice_str(cases[i].wanted[count]);
		struct slice names = sigwrite_names(&a, f, wanted, count, cases[i].except);
		if (!slice_equal(names, slice_str(cases[i].names))) fail_msg("%zu: %.*s", i, SLICE_ARG(names));
	}
	arena_free(&a);
}

static void test_no_memory(void **state)
{
	struct arena a;
	struct sigwrite w;
	arena_init(&a, 64);
	sigwrite_begin(&w, &a, "DKIM-Signature");
	for (int i = 0; i < 10; i++) sigwrite_tag(&w, "d", SLICE("a-domain-of-some-length.example.net"));
	assert_null(sigwrite_unsigned(&w).p);
	assert_null(sigwrite_signed(&w, SLICE("x")).p);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_field),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
