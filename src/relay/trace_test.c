/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "relay/trace.h"

static const struct {
	const char *title, *message;
	uint64_t size_limit;
	int64_t hop_limit;
	enum reason want;
	const char *message_id;
	size_t size;
	bool dated, several;
} cases[] = {
	{"ordinary", "Message-ID: <1@x>\r\nSubject: a\r\n\r\nbody\r\n", 1000, 5, REASON_ok, "<1@x>", 33},
	{"dated", "Date: x\r\n\r\n", 1000, 5, REASON_ok, "", 11, true},
	{"folded Message-ID", "Message-ID:\r\n <1@x>\r\n\r\n", 1000, 5, REASON_ok, "<1@x>", 23},
	{"two Message-IDs", "Message-ID: <1@x>\r\nA: b\r\nMESSAGE-ID: <2@x>\r\n\r\n", 1000, 5, REASON_ok, "<1@x>", 46,
         false, true},
	{"no header", "\r\nbody\r\n", 1000, 5, REASON_ok, "", 2},
	{"no body", "Subject: a\r\n", 1000, 5, REASON_ok, "", 12},
	{"empty", "", 1000, 5, REASON_ok, "", 0},
	{"too big", "Subject: aaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n\r\n", 20, 5, REASON_header_too_big, "", 0},
	{"a loop", "Received: a\r\nReceived: b\r\nReceived: c\r\n\r\n", 1000, 2, REASON_too_many_hops, "", 0},
	{"just not a loop", "Received: a\r\nReceived: b\r\n\r\nReceived: c\r\n", 1000, 2, REASON_ok, "", 28},
};

static void check(size_t i, size_t memory_limit)
{
	struct arena a;
	struct blob b;
	struct trace_header h;
	arena_init(&a, 100000);
	blob_init(&b, memory_limit, "/tmp");
	assert_int_equal(blob_append(&b, slice_str(cases[i].message)), ERR_OK);
	enum reason got = trace_read_header(&a, &b, cases[i].size_limit, cases[i].hop_limit, &h);
	if (got != cases[i].want) fail_msg("%s: %s", cases[i].title, reason_row(got)->name);
	if (!got && !slice_equal(h.message_id, slice_str(cases[i].message_id)))
		fail_msg("%s: id %.*s", cases[i].title, SLICE_ARG(h.message_id));
	if (!got && h.dated != cases[i].dated) fail_msg("%s: dated", cases[i].title);
	if (!got && h.several_ids != cases[i].several) fail_msg("%s: several", cases[i].title);
	if (!got && h.size != cases[i].size) fail_msg("%s: size %zu", cases[i].title, h.size);
	blob_free(&b);
	arena_free(&a);
}

static void headers_are_judged_in_memory_and_in_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		check(i, 100000);
		check(i, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(headers_are_judged_in_memory_and_in_files)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
