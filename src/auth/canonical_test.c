/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auth/canonical.h"

struct got {
	size_t n;
	char text[65536];
};

static void take(void *arg, struct slice octets)
{
	struct got *g = arg;
	assert_true(octets.n <= sizeof g->text - g->n);
	memcpy(g->text + g->n, octets.p, octets.n);
	g->n += octets.n;
}

static const struct {
	const char *name, *body, *simple, *relaxed;
} bodies[] = {
	/* RFC 6376 3.4.5 */
	{"the RFC's", " C \r\nD \t E\r\n\r\n\r\n", " C \r\nD \t E\r\n", " C\r\nD E\r\n"},
	{"empty", "", "\r\n", ""},
	{"one line end", "\r\n", "\r\n", ""},
	{"line ends", "\r\n\r\n\n", "\r\n", ""},
	{"blanks alone", " \t\r\n \r\n", " \t\r\n \r\n", ""},
	{"blanks alone, no line end", " \t", " \t\r\n", ""},
	{"no line end", "a", "a\r\n", "a\r\n"},
	{"no line end, blanks", "a ", "a \r\n", "a\r\n"},
	{"LF", "a\n\nb\n\n", "a\r\n\r\nb\r\n", "a\r\n\r\nb\r\n"},
	{"empty lines first", "\n\na\n", "\r\n\r\na\r\n", "\r\n\r\na\r\n"},
	{"runs of blanks", "\t a \t b\t\r\n", "\t a \t b\t\r\n", " a b\r\n"},
	{"a line of blanks inside", "a\r\n \t\r\nb\r\n", "a\r\n \t\r\nb\r\n", "a\r\n\r\nb\r\n"},
	{"bare CR", "a\rb \r c\r\n", "a\rb \r c\r\n", "a\rb \r c\r\n"},
	{"CR CR LF", "a \r\r\n", "a \r\r\n", "a \r\r\n"},
	{"CR at the end", "a\r", "a\r\r\n", "a\r\r\n"},
	{"a CR alone", "\r", "\r\r\n", "\r\r\n"},
	{"8-bit", "\xC3\xA9  \xFF\r\n", "\xC3\xA9  \xFF\r\n", "\xC3\xA9 \xFF\r\n"},
};

static void run_body(struct got *g, enum canonical how, struct slice body, size_t piece)
{
	struct canonical_body b;
	g->n = 0;
	canonical_body_begin(&b, how, take, g);
	for (size_t at = 0; at < body.n; at += piece) canonical_body_put(&b, slice_sub(body, at, at + piece));
	canonical_body_end(&b);
}

static void test_bodies(void **state)
{
	static struct got g;
	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
		for (size_t piece = 1; piece < 20; piece++) {
			struct slice body = slice_str(bodies[i].body);
			run_body(&g, CANONICAL_SIMPLE, body, piece);
			if (!slice_equal(slice_of(g.text, g.n), slice_str(bodies[i].simple)))
				fail_msg("%s in pieces of %zu, simple: [%.*s]", bodies[i].name, piece, (int)g.n,
				         g.text);
			run_body(&g, CANONICAL_RELAXED, body, piece);
			if (!slice_equal(slice_of(g.text, g.n), slice_str(bodies[i].relaxed)))
				fail_msg("%s in pieces of %zu, relaxed: [%.*s]", bodies[i].name, piece, (int)g.n,
				         g.text);
		}
}

/* Longer than the stage, and ending at each place of it. */
static void test_long_bodies(void **state)
{
	static struct got g;
	static char body[3 * CANONICAL_STAGE];
	for (size_t i = 0; i < sizeof body; i++) body[i] = i % 5 == 3 || i % 5 == 4 ? ' ' : 'x';
	for (size_t n = CANONICAL_STAGE - 8; n < sizeof body; n += n < 2 * CANONICAL_STAGE ? 1 : 97) {
		body[n - 1] = '\n';
		run_body(&g, CANONICAL_SIMPLE, slice_of(body, n), n);
		assert_int_equal(g.n, n + 1);
		assert_memory_equal(g.text, body, n - 1);
		run_body(&g, CANONICAL_RELAXED, slice_of(body, n), n);
		size_t wanted = 0;
		for (size_t i = 0; i < n - 1; i++) {
			if (i % 5 == 4 || (body[i] == ' ' && i + 3 >= n)) continue;
			assert_int_equal(g.text[wanted++], body[i]);
		}
		assert_int_equal(g.n, wanted + 2);
		body[n - 1] = (n - 1) % 5 >= 3 ? ' ' : 'x';
	}
}

/* Texts of all kinds of blanks, long and short lines: whole they give what they give octet by octet. */
static void test_whole_is_as_in_pieces(void **state)
{
	static const char octets[] = "xxxxxxxxxxxxxxxxxxx  \t\n\r";
	static struct got whole, pieces;
	static char body[3000];
	uint32_t seed = 1;
	for (int round = 0; round < 300; round++) {
		size_t kinds = sizeof octets - 1 - (size_t)round % 5;
		for (size_t i = 0; i < sizeof body; i++) {
			seed = seed * 1664525 + 1013904223;
			body[i] = octets[(seed >> 16) % kinds];
		}
		for (enum canonical how = CANONICAL_SIMPLE; how <= CANONICAL_RELAXED; how++) {
			run_body(&whole, how, slice_of(body, sizeof body), sizeof body);
			run_body(&pieces, how, slice_of(body, sizeof body), 1);
			assert_int_equal(whole.n, pieces.n);
			assert_memory_equal(whole.text, pieces.text, whole.n);
		}
	}
}

static const struct {
	const char *name, *field, *simple, *relaxed;
} fields[] = {
	/* RFC 6376 3.4.5 */
	{"the RFC's A", "A: X\r\n", "A: X\r\n", "a:X\r\n"},
	{"the RFC's B", "B : Y\t\r\n\tZ  \r\n", "B : Y\t\r\n\tZ  \r\n", "b:Y Z\r\n"},
	{"LF", "A: x\n y\n", "A: x\r\n y\r\n", "a:x y\r\n"},
	{"cut off", "A: x", "A: x\r\n", "a:x\r\n"},
	{"empty", "A:\r\n", "A:\r\n", "a:\r\n"},
	{"blanks alone", "A: \t\r\n \r\n", "A: \t\r\n \r\n", "a:\r\n"},
	{"upper case stays in the value", "SUBJECT: A:B\r\n", "SUBJECT: A:B\r\n", "subject:A:B\r\n"},
	{"bare CR", "A: x\ry\r\n", "A: x\ry\r\n", "a:x\ry\r\n"},
	{"8-bit", "A: \xC3\xA9\r\n", "A: \xC3\xA9\r\n", "a:\xC3\xA9\r\n"},
};

static struct header_field field_of(const char *text)
{
	struct header_iterator it;
	struct header_field f;
	header_begin(&it, slice_str(text));
	assert_true(header_next(&it, &f));
	return f;
}

static void test_fields(void **state)
{
	static struct got g;
	struct canonical_out out;
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		for (enum canonical how = CANONICAL_SIMPLE; how <= CANONICAL_RELAXED; how++) {
			struct header_field f = field_of(fields[i].field);
			const char *wanted = how == CANONICAL_SIMPLE ? fields[i].simple : fields[i].relaxed;
			g.n = 0;
			canonical_begin(&out, take, &g);
			canonical_field(&out, how, &f);
			canonical_flush(&out);
			if (!slice_equal(slice_of(g.text, g.n), slice_str(wanted)))
				fail_msg("%s, %d: [%.*s]", fields[i].name, (int)how, (int)g.n, g.text);
		}
}

static const struct {
	const char *name, *field, *hole, *simple, *relaxed;
} signatures[] = {
	{"at the end", "DKIM-Signature: a=1; b=XY\r\n Z\r\n", "XY\r\n Z",
         "DKIM-Signature: a=1; b=", "dkim-signature:a=1; b="},
	{"inside", "S: b= XY ;\r\n a=1\r\n", " XY ", "S: b=;\r\n a=1", "s:b=; a=1"},
	{"blanks around", "S: a=1 \r\n ; b =XY; c=2\n", "XY", "S: a=1 \r\n ; b =; c=2", "s:a=1 ; b =; c=2"},
};

static void test_signatures(void **state)
{
	static struct got g;
	struct canonical_out out;
	for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++)
		for (enum canonical how = CANONICAL_SIMPLE; how <= CANONICAL_RELAXED; how++) {
			struct header_field f = field_of(signatures[i].field);
			struct slice hole = slice_str(signatures[i].hole);
			const char *wanted = how == CANONICAL_SIMPLE ? signatures[i].simple : signatures[i].relaxed;
			hole.p = f.value.p + slice_search(f.value, hole);
			g.n = 0;
			canonical_begin(&out, take, &g);
			canonical_signature(&out, how, &f, hole);
			canonical_flush(&out);
			if (!slice_equal(slice_of(g.text, g.n), slice_str(wanted)))
				fail_msg("%s, %d: [%.*s]", signatures[i].name, (int)how, (int)g.n, g.text);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_long_bodies),
		cmocka_unit_test(test_whole_is_as_in_pieces),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_signatures),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
