/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mail/header.h"

#define FIELDS_MAX 8

static const struct {
	const char *name, *message;
	struct {
		const char *name, *value; /* unfolded; name "" is a malformed line */
	} fields[FIELDS_MAX];
	const char *body; /* NULL: the empty line is missing */
} cases[] = {
	{"ordinary", "A: 1\r\nB: 2\r\n\r\nbody", {{"A", "1"}, {"B", "2"}}, "body"},
	{"LF", "A: 1\nB: 2\n\nbody", {{"A", "1"}, {"B", "2"}}, "body"},
	{"mixed line ends", "A: 1\r\nB: 2\n\r\nbody", {{"A", "1"}, {"B", "2"}}, "body"},
	{"folded", "A: 1\r\n\t2\r\n 3\r\nB: x\r\n\r\n", {{"A", "1\t2 3"}, {"B", "x"}}, ""},
	{"a continuation of blanks only", "A: 1\r\n \r\nB: 2\r\n\r\n", {{"A", "1"}, {"B", "2"}}, ""},
	{"blank before the colon", "A \t: 1\r\n\r\n", {{"A", "1"}}, ""},
	{"no blank after the colon", "A:1\r\n\r\n", {{"A", "1"}}, ""},
	{"empty value", "A:\r\nB: \r\n\r\n", {{"A", ""}, {"B", ""}}, ""},
	{"colon in the value", "A: b: c\r\n\r\n", {{"A", "b: c"}}, ""},
	{"no header", "\r\nA: 1\r\n", {{NULL}}, "A: 1\r\n"},
	{"no header, LF", "\nbody", {{NULL}}, "body"},
	{"nothing at all", "", {{NULL}}, NULL},
	{"no empty line", "A: 1\r\nB: 2\r\n", {{"A", "1"}, {"B", "2"}}, NULL},
	{"cut off", "A: 1\r\nB: 2", {{"A", "1"}, {"B", "2"}}, NULL},
	{"a line without colon", "A: 1\r\nrubbish\r\nB: 2\r\n\r\n", {{"A", "1"}, {"", "rubbish"}, {"B", "2"}}, ""},
	{"mbox line",
         "From a@b  Mon Nov 23 22:17:00 2026\nA: 1\n\n",
         {{"", "From a@b  Mon Nov 23 22:17:00 2026"}, {"A", "1"}},
         ""},
	{"begins with a continuation", " x: y\r\nA: 1\r\n\r\n", {{"", "x: y"}, {"A", "1"}}, ""},
	{"only a colon", ": x\r\nA: 1\r\n\r\n", {{"", ": x"}, {"A", "1"}}, ""},
	{"a blank within a name", "A b: x\r\n\r\n", {{"", "A b: x"}}, ""},
	{"blanks, then no colon", "A \t\r\nB: x\r\n\r\n", {{"", "A"}, {"B", "x"}}, ""},
	{"the colon on the next line", "A\r\n : x\r\n\r\n", {{"", "A : x"}}, ""},
	{"8-bit name", "S\xC3\xA9: x\r\n\r\n", {{"", "S\xC3\xA9: x"}}, ""},
	{"a bare CR is no line end", "A: 1\rB: 2\r\n\r\n", {{"A", "1\rB: 2"}}, ""},
	{"CR CR LF is no empty line", "A: 1\r\n\r\r\nB: 2\r\n\r\n", {{"A", "1"}, {"", ""}, {"B", "2"}}, ""},
};

static void test_fields(void **state)
{
	struct arena a;
	arena_init(&a, 65536);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct header_iterator it;
		struct header_field f;
		size_t n = 0;
		header_begin(&it, slice_str(cases[i].message));
		for (; header_next(&it, &f); n++) {
			const char *name = n < FIELDS_MAX ? cases[i].fields[n].name : NULL;
			if (!name) fail_msg("%s: too many fields", cases[i].name);
			if (!slice_equal(f.name, slice_str(name)) || f.malformed != (*name == 0) ||
			    !slice_equal(header_unfold(&a, f.value), slice_str(cases[i].fields[n].value)))
				fail_msg("%s: field %zu is [%.*s] [%.*s]", cases[i].name, n, SLICE_ARG(f.name),
				         SLICE_ARG(f.value));
		}
		if (n < FIELDS_MAX && cases[i].fields[n].name) fail_msg("%s: too few fields", cases[i].name);
		if (it.ended != (cases[i].body != NULL)) fail_msg("%s: end", cases[i].name);
		if (cases[i].body) assert_string_equal(cases[i].message + it.at, cases[i].body);
	}
	arena_free(&a);
}

/* However a message arrives, the end is found when and where it is found in the whole. */
static void test_end_in_pieces(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct slice whole = slice_str(cases[i].message);
		size_t expected = cases[i].body ? whole.n - strlen(cases[i].body) : HEADER_NOT_YET;
		for (size_t step = 1; step <= whole.n; step++) {
			size_t scanned = 0, end = HEADER_NOT_YET;
			for (size_t n = 0; n < whole.n && end == HEADER_NOT_YET;) {
				n = n + step < whole.n ? n + step : whole.n;
				end = header_end(slice_sub(whole, 0, n), &scanned);
				assert_true(scanned <= n);
			}
			if (end != expected) fail_msg("%s: step %zu gives %zu", cases[i].name, step, end);
		}
	}
}

#define MAIL                                                                                                           \
	"Received: from a\r\n\tby b; Mon\r\nreceived: from c\r\nReceived : from d\r\nSubject: one\r\n two\r\n"         \
	"subject: three\r\nMessage-ID: <x@y>\r\nFrom: a@b\r\nTo: c@d\r\nDate: now\r\nrubbish\r\n\r\n"                  \
	"Received: in the body\r\n"
static const struct slice mail = {MAIL, sizeof MAIL - 1};

static void test_find_and_count(void **state)
{
	struct header_field f;
	struct arena a;
	arena_init(&a, 4096);
	assert_true(header_find(mail, "SUBJECT", &f));
	assert_true(slice_equal(header_unfold(&a, f.value), SLICE("one two")));
	assert_true(slice_equal(f.raw, SLICE("Subject: one\r\n two\r\n")));
	assert_false(header_find(mail, "X-None", &f));
	assert_int_equal(header_count(mail, "Received"), 3);
	arena_free(&a);
}

static void test_survey(void **state)
{
	static const struct header_limits none = {0};
	struct header_survey s;
	header_survey(mail, &none, &s);
	assert_int_equal(s.verdict, HEADER_OK);
	assert_true(s.complete);
	assert_int_equal(s.octets, mail.n - strlen("Received: in the body\r\n"));
	assert_int_equal(s.fields, 10);
	assert_int_equal(s.received, 3);
	assert_int_equal(s.malformed, 1);
	assert_false(s.eight_bit);
	assert_true(slice_equal(slice_trim(s.message_id), SLICE("<x@y>")));
	assert_true(slice_starts(slice_trim(s.subject), SLICE("one")));
	header_survey(SLICE("Subject: caf\xC3\xA9\r\n"), &none, &s);
	assert_true(s.eight_bit && !s.complete);
	header_survey(SLICE_EMPTY, &none, &s);
	assert_int_equal(s.fields, 0);
}

static void test_limits(void **state)
{
	static const struct {
		struct header_limits limits;
		enum header_verdict verdict;
	} rows[] = {
		{{.octets = 163}, HEADER_TOO_BIG},       {{.octets = 164}, HEADER_OK},
		{{.fields = 9}, HEADER_TOO_MANY_FIELDS}, {{.fields = 10}, HEADER_OK},
		{{.received = 2}, HEADER_TOO_MANY_HOPS}, {{.received = 3}, HEADER_OK},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct header_survey s;
		header_survey(mail, &rows[i].limits, &s);
		if (s.verdict != rows[i].verdict) fail_msg("row %zu: %d, %zu octets", i, s.verdict, s.octets);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_fields), cmocka_unit_test(test_end_in_pieces),
	                                   cmocka_unit_test(test_find_and_count), cmocka_unit_test(test_survey),
	                                   cmocka_unit_test(test_limits)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
