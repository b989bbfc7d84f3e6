/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "smtp/data.h"

enum { CR = 1, LF = 2, NUL = 4, EIGHT = 8, LONG = 16 };

static int facts_of(const struct data_decoder *d)
{
	return d->bare_cr * CR | d->bare_lf * LF | d->nul * NUL | d->eight_bit * EIGHT | d->line_too_long * LONG;
}

#define S(literal)                                                                                                     \
	{                                                                                                              \
		literal, sizeof(literal) - 1                                                                           \
	}

static const struct {
	const char *name;
	struct slice in, out;
	size_t left; /* octets after the end; SIZE_MAX: no end */
	int facts;
} cases[] = {
	{"ordinary", S("a\r\nb\r\n.\r\n"), S("a\r\nb\r\n"), 0, 0},
	{"empty message", S(".\r\n"), S(""), 0, 0},
	{"an empty line", S("\r\n.\r\n"), S("\r\n"), 0, 0},
	{"commands follow", S("a\r\n.\r\nMAIL FROM:<>\r\n"), S("a\r\n"), 14, 0},
	{"a second end follows", S("a\r\n.\r\n.\r\n"), S("a\r\n"), 3, 0},
	{"facts are not taken from what follows", S("a\r\n.\r\n\r\n\n\r\0\xFF"), S("a\r\n"), 6, 0},
	{"stuffed dot", S("..\r\n.\r\n"), S(".\r\n"), 0, 0},
	{"stuffed line", S("..a\r\n...\r\n.\r\n"), S(".a\r\n..\r\n"), 0, 0},
	{"dot that was not stuffed", S(".a\r\n.\r\n"), S("a\r\n"), 0, 0},
	{"dot inside a line", S("a.\r\nb\r\n.\r\n"), S("a.\r\nb\r\n"), 0, 0},
	{"no end", S("a\r\n"), S("a\r\n"), SIZE_MAX, 0},
	{"no end, dot", S("a\r\n."), S("a\r\n"), SIZE_MAX, 0},
	{"no end, dot CR", S("a\r\n.\r"), S("a\r\n"), SIZE_MAX, 0},
	{"no end, CR is not yet bare", S("a\r"), S("a\r"), SIZE_MAX, 0},
	{"CR LF of the end only is not the end", S("a.\r\n"), S("a.\r\n"), SIZE_MAX, 0},
	{"8 bit and NUL", S("\xC3\xA9\0\r\n.\r\n"), S("\xC3\xA9\0\r\n"), 0, EIGHT | NUL},
	/* Smuggling: each of these ends a message for some server, and must not for us. */
	{"LF . LF", S("a\n.\nb\r\n.\r\n"), S("a\n.\nb\r\n"), 0, LF},
	{"LF . CR LF", S("a\n.\r\nb\r\n.\r\n"), S("a\n.\r\nb\r\n"), 0, LF},
	{"CR LF . LF", S("a\r\n.\nb\r\n.\r\n"), S("a\r\n\nb\r\n"), 0, LF},
	{"CR LF . CR", S("a\r\n.\rb\r\n.\r\n"), S("a\r\n\rb\r\n"), 0, CR},
	{"CR . CR", S("a\r.\rb\r\n.\r\n"), S("a\r.\rb\r\n"), 0, CR},
	{"CR . CR LF", S("a\r.\r\nb\r\n.\r\n"), S("a\r.\r\nb\r\n"), 0, CR},
	{"CR . LF", S("a\r.\nb\r\n.\r\n"), S("a\r.\nb\r\n"), 0, CR | LF},
	{"CR CR LF . CR LF ends, with a bare CR", S("a\r\r\n.\r\n"), S("a\r\r\n"), 0, CR},
	{"CR LF . CR CR LF", S("a\r\n.\r\r\nb\r\n.\r\n"), S("a\r\n\r\r\nb\r\n"), 0, CR},
	{"CR LF NUL . CR LF", S("a\r\n\0.\r\nb\r\n.\r\n"), S("a\r\n\0.\r\nb\r\n"), 0, NUL},
	{"CR LF . NUL CR LF", S("a\r\n.\0\r\nb\r\n.\r\n"), S("a\r\n\0\r\nb\r\n"), 0, NUL},
	{"LF at the beginning", S("\n.\r\n.\r\n"), S("\n.\r\n"), 0, LF},
	{"CR at the beginning", S("\r.\r\n.\r\n"), S("\r.\r\n"), 0, CR},
	{"dot LF at the beginning", S(".\n.\r\n.\r\n"), S("\n.\r\n"), 0, LF},
	{"LF CR", S("a\n\r.\r\n.\r\n"), S("a\n\r.\r\n"), 0, CR | LF},
};
#define CASES (sizeof cases / sizeof *cases)

/* Feeds `in` cut at two places; checks output, facts and what was consumed. */
static void decode_in_pieces(size_t i, size_t first, size_t second)
{
	struct data_decoder d;
	char out[256];
	size_t n = 0, consumed = 0, cuts[] = {first, second, cases[i].in.n};
	data_decoder_init(&d);
	for (size_t k = 0, from = 0; k < 3; from = cuts[k++]) {
		size_t got, used = data_decode(&d, slice_sub(cases[i].in, from, cuts[k]), out + n, &got);
		assert_true(got <= cuts[k] - from + 2);
		if (used != cuts[k] - from && !d.done) fail_msg("%s: not consumed", cases[i].name);
		consumed += used;
		n += got;
	}
	bool ended = cases[i].left != SIZE_MAX;
	if (d.done != ended || consumed != cases[i].in.n - (ended ? cases[i].left : 0))
		fail_msg("%s, cut at %zu and %zu: consumed %zu", cases[i].name, first, second, consumed);
	if (!slice_equal(slice_of(out, n), cases[i].out))
		fail_msg("%s, cut at %zu and %zu: output", cases[i].name, first, second);
	if (facts_of(&d) != cases[i].facts)
		fail_msg("%s, cut at %zu and %zu: facts %d", cases[i].name, first, second, facts_of(&d));
}

static void test_every_case_at_every_split(void **state)
{
	for (size_t i = 0; i < CASES; i++)
		for (size_t first = 0; first <= cases[i].in.n; first++)
			for (size_t second = first; second <= cases[i].in.n; second++)
				decode_in_pieces(i, first, second);
}

/* Each octet alone: every state is entered at the beginning of a piece. */
static void test_every_case_octet_by_octet(void **state)
{
	for (size_t i = 0; i < CASES; i++) {
		struct data_decoder d;
		char out[256];
		size_t n = 0, got;
		data_decoder_init(&d);
		for (size_t k = 0; k < cases[i].in.n; k++) {
			data_decode(&d, slice_sub(cases[i].in, k, k + 1), out + n, &got);
			n += got;
		}
		if (!slice_equal(slice_of(out, n), cases[i].out) || facts_of(&d) != cases[i].facts)
			fail_msg("%s", cases[i].name);
	}
}

/* Every text of up to 8 octets over the alphabet that matters, compared with a slow decoder that works by the book. */
static size_t decode_by_the_book(struct slice in, char *out, bool *done, int *facts)
{
	size_t n = 0;
	bool line_start = true;
	*done = false;
	*facts = 0;
	for (size_t i = 0; i < in.n; i++) {
		if (line_start && in.p[i] == '.') {
			if (in.n - i >= 3 && in.p[i + 1] == '\r' && in.p[i + 2] == '\n') {
				*done = true;
				return n;
			}
			line_start = false;
			/* A CR at the very end might still become the end of the message: it is withheld. */
			if (in.n - i == 2 && in.p[i + 1] == '\r') return n;
			continue;
		}
		line_start = in.p[i] == '\n' && i > 0 && in.p[i - 1] == '\r';
		if (in.p[i] == '\n' && !line_start) *facts |= LF;
		if (in.p[i] == '\r' && i + 1 < in.n && in.p[i + 1] != '\n') *facts |= CR;
		out[n++] = in.p[i];
	}
	return n;
}

static void test_all_short_texts(void **state)
{
	static const char alphabet[] = {'\r', '\n', '.', 'a'};
	for (size_t length = 0; length <= 8; length++) {
		for (size_t number = 0; number < (size_t)1 << (2 * length); number++) {
			char in[8], out[16], expected[16];
			struct data_decoder d;
			bool done;
			int facts;
			size_t got, n;
			for (size_t i = 0; i < length; i++) in[i] = alphabet[number >> (2 * i) & 3];
			n = decode_by_the_book(slice_of(in, length), expected, &done, &facts);
			data_decoder_init(&d);
			data_decode(&d, slice_of(in, length), out, &got);
			if (d.done != done || facts_of(&d) != facts ||
			    !slice_equal(slice_of(out, got), slice_of(expected, n)))
				fail_msg("length %zu, number %zu", length, number);
		}
	}
}

/* Texts of CR LF lines made of this and that, by a small generator, so that failures repeat. */
static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static size_t make_text(uint32_t *seed, char *text, size_t size)
{
	static const char *const pieces[] = {"\r\n", "\r\n.", "..", ".", "a", "line of text", "\r\n\r\n", "\xC3\xA9"};
	size_t n = 0;
	while (n + 16 < size) {
		const char *piece = pieces[next_random(seed) % 8];
		memcpy(text + n, piece, strlen(piece));
		n += strlen(piece);
	}
	return n;
}

static void test_encode_then_decode_is_identity(void **state)
{
	uint32_t seed = 42;
	for (int round = 0; round < 300; round++) {
		char text[600], wire[1400], back[1400];
		size_t n = make_text(&seed, text, 40 + next_random(&seed) % 500), w = 0, got,
		       pieces = 1 + next_random(&seed) % 40;
		struct data_encoder e;
		struct data_decoder d;
		data_encoder_init(&e);
		for (size_t at = 0; at < n; at += pieces)
			w += data_encode(&e, slice_sub(slice_of(text, n), at, at + pieces), wire + w);
		w += data_encode_end(&e, wire + w);
		data_decoder_init(&d);
		assert_int_equal(data_decode(&d, slice_of(wire, w), back, &got), w);
		assert_true(d.done && !d.bare_cr && !d.bare_lf);
		if (n < 2 || text[n - 2] != '\r' || text[n - 1] != '\n') {
			text[n++] = '\r';
			text[n++] = '\n';
		}
		if (!slice_equal(slice_of(back, got), slice_of(text, n))) fail_msg("round %d", round);
	}
}

static void test_encode(void **state)
{
	static const struct {
		const char *in, *wire;
	} rows[] = {
		{"", ".\r\n"},
		{"a\r\n", "a\r\n.\r\n"},
		{"a", "a\r\n.\r\n"},
		{".", "..\r\n.\r\n"},
		{".\r\n", "..\r\n.\r\n"},
		{"a\r\n.b\r\n..\r\n", "a\r\n..b\r\n...\r\n.\r\n"},
		{"a\r", "a\r\n.\r\n"},
		{"a\n.b\r\n", "a\n.b\r\n.\r\n"},
		{"a.\r\n", "a.\r\n.\r\n"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct slice in = slice_str(rows[i].in);
		for (size_t cut = 0; cut <= in.n; cut++) {
			struct data_encoder e;
			char out[64];
			data_encoder_init(&e);
			size_t n = data_encode(&e, slice_sub(in, 0, cut), out);
			n += data_encode(&e, slice_sub(in, cut, in.n), out + n);
			n += data_encode_end(&e, out + n);
			if (!slice_equal(slice_of(out, n), slice_str(rows[i].wire)))
				fail_msg("row %zu, cut %zu", i, cut);
		}
	}
}

static void test_scan_chunks(void **state)
{
	static const struct {
		const char *name;
		struct slice in;
		int facts;
	} rows[] = {
		{"ordinary", S("a\r\n.\r\nb\r\n"), 0},
		{"no line end", S("a"), 0},
		{"bare LF", S("a\nb\r\n"), LF},
		{"bare CR", S("a\rb\r\n"), CR},
		{"CR at the very end", S("a\r\nb\r"), CR},
		{"CR CR LF", S("a\r\r\n"), CR},
		{"8 bit, NUL", S("\xFF\0\r\n"), EIGHT | NUL},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		for (size_t cut = 0; cut <= rows[i].in.n; cut++) {
			struct data_decoder d;
			data_decoder_init(&d);
			data_scan(&d, slice_sub(rows[i].in, 0, cut));
			data_scan(&d, slice_sub(rows[i].in, cut, rows[i].in.n));
			data_scan_end(&d);
			if (facts_of(&d) != rows[i].facts)
				fail_msg("%s, cut at %zu: %d", rows[i].name, cut, facts_of(&d));
		}
	}
}

/* RFC 5321 4.5.3.1.6: 1000 octets with CR LF, the stuffed dot not counted. */
static void test_long_lines(void **state)
{
	for (size_t n = 997; n <= 999; n++) {
		for (size_t step = 1; step < 1100; step += 333) {
			char in[1100] = ".", out[1200];
			struct data_decoder d, s;
			size_t length = 1 + n;
			memset(in + 1, '.', n);
			memcpy(in + length, "\r\nx\r\n.\r\n", 8);
			length += 8;
			data_decoder_init(&d);
			data_decoder_init(&s);
			for (size_t at = 0, got; at < length; at += step) {
				struct slice piece = slice_sub(slice_of(in, length), at, at + step);
				data_decode(&d, piece, out, &got);
				data_scan(&s, at ? piece : slice_sub(piece, 1, piece.n));
			}
			assert_true(d.done);
			assert_int_equal(d.line_too_long, n > 998);
			assert_int_equal(s.line_too_long, n > 998);
		}
	}
}

/* Counters in the vector loop hold 255; a run of CRs far longer than that, and facts at each place of a vector. */
static void test_facts_in_long_input(void **state)
{
	size_t size = 200000, got;
	char *in = malloc(size), *out = malloc(size + 2);
	struct data_decoder d;
	for (size_t i = 0; i < size; i += 2) memcpy(in + i, "\r\n", 2);
	data_decoder_init(&d);
	assert_int_equal(data_decode(&d, slice_of(in, size), out, &got), size);
	assert_int_equal(facts_of(&d), 0);
	for (size_t at = 100000; at < 100040; at++) {
		char was = in[at];
		in[at] = (char)0x80;
		data_decoder_init(&d);
		data_decode(&d, slice_of(in, size), out, &got);
		assert_int_equal(facts_of(&d), EIGHT | (was == '\n' ? CR : LF));
		in[at] = 0;
		data_decoder_init(&d);
		data_scan(&d, slice_of(in, size));
		assert_int_equal(facts_of(&d), NUL | (was == '\n' ? CR : LF));
		in[at] = was;
	}
	free(in);
	free(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_case_at_every_split),
		cmocka_unit_test(test_every_case_octet_by_octet),
		cmocka_unit_test(test_all_short_texts),
		cmocka_unit_test(test_encode_then_decode_is_identity),
		cmocka_unit_test(test_encode),
		cmocka_unit_test(test_scan_chunks),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_facts_in_long_input),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
