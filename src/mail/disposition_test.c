/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mail/disposition.h"

static const struct {
	const char *name, *content;
	enum disposition_type type;
	bool automatic, sent_automatically;
	const char *modifiers, *recipient, *message_id;
} cases[] = {
	/* RFC 8098 9, the example */
	{"RFC 8098",
         "Reporting-UA: joes-pc.cs.example.com; Foomail 97.1\r\nOriginal-Recipient: "
         "rfc822;Joe_Recipient@example.com\r\n"
         "Final-Recipient: rfc822;Joe_Recipient@example.com\r\nOriginal-Message-ID: "
         "<199509192301.23456@example.org>\r\n"
         "Disposition: manual-action/MDN-sent-manually; displayed\r\n",
         DISPOSITION_DISPLAYED, false, false, "", "Joe_Recipient@example.com", "<199509192301.23456@example.org>"},
	{"automatic, with a modifier",
         "Final-Recipient: rfc822;a@b\n\nDisposition: automatic-action / MDN-sent-automatically; Deleted/error,x\n",
         DISPOSITION_DELETED, true, true, "error,x", "a@b", ""},
	{"no mode", "Disposition: displayed\n", DISPOSITION_DISPLAYED, false, false, "", "", ""},
	{"of old", "Disposition: manual-action/MDN-sent-manually (x); dispatched\n", DISPOSITION_DISPATCHED, false,
         false, "", "", ""},
	{"unknown", "Disposition: a/b; eaten\n", DISPOSITION_UNKNOWN, false, false, "", "", ""},
	{"no disposition", "Final-Recipient: rfc822;a@b\n", DISPOSITION_UNKNOWN, false, false, "", "a@b", ""},
};

static void test_reading(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct arena a;
		struct disposition d;
		arena_init(&a, 1 << 16);
		assert_true(disposition_read(&a, slice_str(cases[i].content), &d));
		bool right = d.type == cases[i].type && d.automatic == cases[i].automatic &&
		             d.sent_automatically == cases[i].sent_automatically &&
		             slice_equal(d.modifiers, slice_str(cases[i].modifiers)) &&
		             slice_equal(d.final_recipient.value, slice_str(cases[i].recipient)) &&
		             slice_equal(d.original_message_id, slice_str(cases[i].message_id));
		if (!right)
			fail_msg("%s: %d %d %d [%.*s]", cases[i].name, d.type, d.automatic, d.sent_automatically,
			         SLICE_ARG(d.modifiers));
		arena_free(&a);
	}
}

static void test_finding(void **state)
{
	struct arena a;
	struct mime m;
	struct disposition d;
	arena_init(&a, 1 << 16);
	assert_true(mime_parse(&a,
	                       SLICE("Content-Type: multipart/report; boundary=b\n\n--b\n\nread\n--b\n"
	                             "Content-Type: message/disposition-notification\n\nDisposition: a/b; "
	                             "displayed\nFailure: f\n--b--\n"),
	                       &m));
	assert_true(disposition_find(&a, m.root, &d));
	assert_true(d.part == m.root->last && slice_equal(d.failure, SLICE("f")));
	assert_true(mime_parse(&a, SLICE("From: a@b\n\nDisposition: displayed\n"), &m));
	assert_false(disposition_find(&a, m.root, &d));
	assert_false(disposition_read(&a, SLICE("Subject: x\n"), &d));
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_reading), cmocka_unit_test(test_finding)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
