/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "bounce/addressee.h"

static const struct {
	const char *name, *message, *header;
	bool transported, author, report;
} cases[] = {
	{"given back to its author", "To: ann@example.org\n\n", "Received: from a by b\nFrom: Ann <ANN@example.org>\n",
         true, true, false},
	{"its return path", "To: bounces@example.org\n\n",
         "Return-Path: <bounces@example.org>\nFrom: ann@example.org\n", true, true, false},
	{"the other half of the address", "To: ann@example.org.uk\n\n", "From: ann@example.org\n", false, false, false},
	{"a longer local part", "To: ann@example.org\n\n", "From: joann@example.org\n", false, false, false},
	{"one of several", "To: jo@example.net,\n \"Ann\" <ann@example.org>\n\n", "From: ann@example.org\n", false,
         true, false},
	{"delivered to", "To: list@example.net\nDelivered-To: ann@example.org\n\n", "From: ann@example.org\n", false,
         true, false},
	{"quoted", "To: ann@example.org\n\n", "> Message-ID: <1@x>\n> From: ann@example.org\n>\n> To: x\n", true, true,
         false},
	{"folded", "To: ann@example.org\n\n", "From: \"A long\n  name\"\n\t<ann@example.org>\n", false, true, false},
	{"who got it is not who wrote it", "To: ann@example.org\n\n", "From: jo@example.net\nTo: ann@example.org\n",
         false, false, false},
	{"behind the header", "To: ann@example.org\n\n", "Subject: x\n\nFrom: ann@example.org\n", false, false, false},
	{"a report that is handed on", "To: help@example.net\n\n",
         "Return-Path: <>\nFrom: MAILER-DAEMON@mx.example.com (Mail)\nTo: ann@example.org\n", true, false, true},
	{"a report by its type", "To: help@example.net\n\n", "From: x@y\nContent-Type: Multipart/Report; boundary=a\n",
         false, false, true},
	{"no addresses", "To: undisclosed-recipients:;\n\n", "From: Ann\nSender: @\nReturn-Path: <>\n", true, false,
         false},
	{"nothing", "\n", "", false, false, false},
};

static void whose_it_is(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct arena a;
		struct mime m;
		arena_init(&a, 1 << 20);
		assert_true(mime_parse(&a, slice_str(cases[i].message), &m));
		struct addressee_findings f = addressee_compare(m.root, slice_str(cases[i].header));
		if (f.transported != cases[i].transported || f.author != cases[i].author || f.report != cases[i].report)
			fail_msg("%s: %d %d %d", cases[i].name, f.transported, f.author, f.report);
		arena_free(&a);
	}
}

static void much_is_not_looked_at(void **state)
{
	static char header[1 << 20];
	struct arena a;
	struct mime m;
	for (size_t i = 0; i + 16 <= sizeof header; i += 16) memcpy(header + i, "From: a@b, c@d,\n", 16);
	arena_init(&a, 1 << 20);
	assert_true(mime_parse(&a, SLICE("To: e@f\n\n"), &m));
	assert_false(addressee_compare(m.root, slice_of(header, sizeof header)).author);
	memset(header, '@', sizeof header);
	memcpy(header, "From: ", 6);
	assert_false(addressee_compare(m.root, slice_of(header, sizeof header)).author);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whose_it_is),
		cmocka_unit_test(much_is_not_looked_at),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
