/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "smtp/reply.h"

static struct arena arena;

static int begin(void **state)
{
	arena_init(&arena, 4 << 20);
	return 0;
}

static int end(void **state)
{
	reply_set_link_prefix(SLICE_EMPTY);
	arena_free(&arena);
	return 0;
}

static void test_format(void **state)
{
	static const struct {
		const char *name;
		int code;
		const char *enhanced, *text;
		bool with_enhanced;
		const char *wire;
	} rows[] = {
		{"one line", 250, "2.1.0", "ok", true, "250 2.1.0 ok\r\n"},
		{"without enhanced code", 250, "2.1.0", "ok", false, "250 ok\r\n"},
		{"none to give", 220, "", "mx.example.net ESMTP", true, "220 mx.example.net ESMTP\r\n"},
		{"many lines", 550, "5.1.1", "one\ntwo\nthree", true,
	         "550-5.1.1 one\r\n550-5.1.1 two\r\n550 5.1.1 three\r\n"},
		{"EHLO", 250, NULL, "mx\nSIZE 10\nDSN", true, "250-mx\r\n250-SIZE 10\r\n250 DSN\r\n"},
		{"empty text", 250, "2.0.0", "", true, "250 2.0.0\r\n"},
		{"nothing at all", 354, "", "", true, "354\r\n"},
		{"empty line inside", 250, "", "a\n\nb", true, "250-a\r\n250-\r\n250 b\r\n"},
		{"line end at the end", 250, "", "a\n", true, "250-a\r\n250\r\n"},
		{"control characters and 8 bit", 550, "5.0.0", "a\r\tb\x7F\xC3\xA9", true, "550 5.0.0 a??b???\r\n"},
		{"no code", 0, "", "x", true, "451 x\r\n"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct reply r;
		reply_set(&arena, &r, rows[i].code, rows[i].enhanced, slice_str(rows[i].text));
		struct slice wire = reply_format(&arena, &r, rows[i].with_enhanced);
		if (!slice_equal(wire, slice_str(rows[i].wire))) fail_msg("%s: %.*s", rows[i].name, SLICE_ARG(wire));
	}
}

/* A reply that another server gave is passed on clean, whatever it is. */
static void test_foreign_text_is_cleaned(void **state)
{
	struct reply r = {.code = 550, .text = SLICE("bad\x01\r\nworse\xFF")};
	assert_true(slice_equal(reply_format(&arena, &r, true), SLICE("550-bad?\r\n550 worse?\r\n")));
	r.text = (struct slice){NULL, 0};
	assert_true(slice_equal(reply_format(&arena, &r, true), SLICE("550\r\n")));
}

static void test_long_lines_are_cut(void **state)
{
	static char text[5000];
	for (size_t blank_every = 2; blank_every < 1200; blank_every += 97) {
		for (size_t i = 0; i < sizeof text; i++) text[i] = i % blank_every == blank_every - 1 ? ' ' : 'x';
		struct reply r = {.code = 550, .enhanced = "5.7.1", .text = slice_of(text, sizeof text)};
		struct slice wire = reply_format(&arena, &r, true);
		assert_non_null(wire.p);
		size_t lines = 0;
		for (; wire.n; lines++) {
			struct slice line = slice_split(&wire, '\n');
			assert_true(line.n <= 511);
			assert_true(slice_starts(line, wire.n ? SLICE("550-5.7.1 ") : SLICE("550 5.7.1 ")));
		}
		assert_true(lines >= 10 && lines <= 21);
	}
}

/* The blank at which a line is cut goes; a line without one is cut anywhere. */
static void test_cut_at_a_blank(void **state)
{
	static char text[700];
	memset(text, 'x', sizeof text);
	text[400] = ' ';
	struct reply r = {.code = 550, .text = slice_of(text, 600)};
	struct slice wire = reply_format(&arena, &r, true), first = slice_split(&wire, '\n');
	assert_int_equal(first.n, strlen("550-") + 400 + strlen("\r"));
	assert_int_equal(wire.n, strlen("550 ") + 199 + strlen("\r\n"));
	text[400] = 'x';
	wire = reply_format(&arena, &r, true);
	assert_int_equal(wire.n, 600 + 2 * strlen("550-\r\n"));
}

static void test_reason(void **state)
{
	struct reply r;
	reply_set_reason(&arena, &r, REASON_unknown_recipient, SLICE_EMPTY);
	assert_int_equal(r.code, 550);
	assert_string_equal(r.enhanced, "5.1.1");
	assert_int_equal(r.reason, REASON_unknown_recipient);
	assert_true(slice_equal(r.text, SLICE("no such user here")));
	reply_set_link_prefix(SLICE("https://bl.example.net/reason/"));
	reply_set_reason(&arena, &r, REASON_bad_address, SLICE("the local\x01 part"));
	assert_true(slice_equal(r.text, SLICE("bad recipient address syntax: the local? part; "
	                                      "see https://bl.example.net/reason/bad_address")));
	reply_set_reason(&arena, &r, REASON_ok, SLICE_EMPTY);
	assert_true(slice_equal(r.text, SLICE("ok")));
	reply_set_link_prefix(SLICE("https://x/"));
	reply_set_reason(&arena, &r, REASON_internal, SLICE_EMPTY);
	assert_true(slice_ends_nocase(r.text, SLICE("; see https://x/internal")));
	reply_set_link_prefix(SLICE_EMPTY);
	reply_set_reason(&arena, &r, REASON_internal, SLICE_EMPTY);
	assert_true(slice_equal(r.text, slice_str(reason_row(REASON_internal)->sentence)));
}

static void test_no_memory_loses_the_text_only(void **state)
{
	struct arena small;
	struct reply r;
	arena_init(&small, 1);
	reply_set_reason(&small, &r, REASON_no_memory, SLICE("detail"));
	assert_int_equal(r.code, 452);
	assert_true(slice_equal(r.text, slice_str(reason_row(REASON_no_memory)->sentence)));
	reply_set(&small, &r, 550, "5.1.1", SLICE("text"));
	assert_true(r.code == 550 && r.text.p && r.text.n == 0);
	assert_null(reply_format(&small, &r, true).p);
	arena_free(&small);
}

static void test_complete_enhanced(void **state)
{
	struct reply r = {.code = 452};
	reply_complete_enhanced(&r);
	assert_string_equal(r.enhanced, "4.0.0");
	reply_complete_enhanced(&r);
	assert_string_equal(r.enhanced, "4.0.0");
	r = (struct reply){.code = 354};
	reply_complete_enhanced(&r);
	assert_string_equal(r.enhanced, "");
}

static const struct {
	const char *name;
	const char *lines; /* separated by LF */
	enum reply_progress progress;
	int code;
	const char *enhanced, *text;
} readings[] = {
	{"one line", "250 ok", REPLY_DONE, 250, "", "ok"},
	{"code alone", "250", REPLY_DONE, 250, "", ""},
	{"enhanced", "550 5.1.1 no such user", REPLY_DONE, 550, "5.1.1", "no such user"},
	{"enhanced alone", "250 2.1.5", REPLY_DONE, 250, "2.1.5", ""},
	{"enhanced with long numbers", "550 5.7.999 x", REPLY_DONE, 550, "5.7.999", "x"},
	{"enhanced on every line", "550-5.1.1 one\n550-5.1.1 two\n550 5.1.1 three", REPLY_DONE, 550, "5.1.1",
         "one\ntwo\nthree"},
	{"enhanced on the first line only", "550-5.1.1 one\n550 two", REPLY_DONE, 550, "5.1.1", "one\ntwo"},
	{"another enhanced code later", "550-5.1.1 one\n550 5.1.2 two", REPLY_DONE, 550, "5.1.1", "one\n5.1.2 two"},
	{"enhanced of another class is text", "550 4.1.1 x", REPLY_DONE, 550, "", "4.1.1 x"},
	{"an address is not an enhanced code", "220 2.2.2.2 ready", REPLY_DONE, 220, "", "2.2.2.2 ready"},
	{"four digits are not", "550 5.1.1234 x", REPLY_DONE, 550, "", "5.1.1234 x"},
	{"nothing between the dots", "550 5..11 x", REPLY_DONE, 550, "", "5..11 x"},
	{"EHLO", "250-mx\n250-SIZE 10\n250 DSN", REPLY_DONE, 250, "", "mx\nSIZE 10\nDSN"},
	{"empty lines", "250-\n250-x\n250 ", REPLY_DONE, 250, "", "\nx\n"},
	{"more to come", "250-x", REPLY_MORE, 250, "", "x"},
	{"code changes", "250-x\n251 y", REPLY_BAD, 250, "", "x"},
	{"not a reply", "HTTP/1.1 400 Bad Request", REPLY_BAD, 0, "", ""},
	{"too short", "25", REPLY_BAD, 0, "", ""},
	{"empty", "", REPLY_BAD, 0, "", ""},
	{"code too small", "199 x", REPLY_BAD, 0, "", ""},
	{"code too big", "600 x", REPLY_BAD, 0, "", ""},
	{"four digits", "2500 x", REPLY_BAD, 0, "", ""},
	{"blanks before", " 250 x", REPLY_BAD, 0, "", ""},
	{"sign", "+25 x", REPLY_BAD, 0, "", ""},
};

static void test_read(void **state)
{
	for (size_t i = 0; i < sizeof readings / sizeof *readings; i++) {
		struct reply r;
		struct reply_reader rr;
		enum reply_progress p = REPLY_MORE;
		struct slice rest = slice_str(readings[i].lines);
		reply_reader_init(&rr, &arena, &r);
		while (rest.p) {
			assert_int_equal(p, REPLY_MORE);
			p = reply_reader_line(&rr, slice_split(&rest, '\n'));
		}
		bool same = p == readings[i].progress && r.code == readings[i].code && r.reason == REASON_ok &&
		            strcmp(r.enhanced, readings[i].enhanced) == 0 &&
		            slice_equal(r.text, slice_str(readings[i].text));
		if (!same) fail_msg("%s: %d %s [%.*s]", readings[i].name, r.code, r.enhanced, SLICE_ARG(r.text));
	}
}

static void test_read_limits(void **state)
{
	static char line[8000] = "550-";
	struct reply r;
	struct reply_reader rr;
	memset(line + 4, 'x', sizeof line - 4);
	reply_reader_init(&rr, &arena, &r);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(reply_reader_line(&rr, slice_of(line, sizeof line)), REPLY_MORE);
	assert_int_equal(r.text.n, REPLY_MAX_LINES * (REPLY_MAX_LINE + 1) - 1);
	assert_int_equal(reply_reader_line(&rr, SLICE("550 end")), REPLY_DONE);
	reply_reader_init(&rr, &arena, &r);
	int lines = 0;
	while (reply_reader_line(&rr, SLICE("250-endless")) == REPLY_MORE) lines++;
	assert_int_equal(lines, 16 * REPLY_MAX_LINES);
}

static void test_read_without_memory(void **state)
{
	struct arena small;
	struct reply r;
	struct reply_reader rr;
	arena_init(&small, 32);
	reply_reader_init(&rr, &small, &r);
	assert_int_equal(reply_reader_line(&rr, SLICE("550-5.1.1 short")), REPLY_MORE);
	assert_int_equal(reply_reader_line(&rr, SLICE("550 5.1.1 a text that is too long for the arena")), REPLY_DONE);
	assert_int_equal(r.code, 550);
	assert_true(slice_equal(r.text, SLICE("short")));
	arena_free(&small);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(test_format),
		TEST(test_foreign_text_is_cleaned),
		TEST(test_long_lines_are_cut),
		TEST(test_cut_at_a_blank),
		TEST(test_reason),
		TEST(test_no_memory_loses_the_text_only),
		TEST(test_complete_enhanced),
		TEST(test_read),
		TEST(test_read_limits),
		TEST(test_read_without_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
