/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mail/feedback.h"

/* RFC 5965 appendix B.2, the full example, shortened. */
static const char full[] = "Feedback-Type: abuse\r\n"
			   "User-Agent: SomeGenerator/1.0\r\n"
			   "Version: 1\r\n"
			   "Original-Mail-From: <somespammer@example.net>\r\n"
			   "Original-Rcpt-To: <user@example.com>\r\n"
			   "Arrival-Date: Thu, 8 Mar 2005 14:00:00 EDT\r\n"
			   "Reporting-MTA: dns; mail.example.com\r\n"
			   "Source-IP: 192.0.2.1\r\n"
			   "Authentication-Results: mail.example.com;\r\n"
			   "               spf=fail smtp.mail=somespammer@example.com\r\n"
			   "Reported-Domain: example.net\r\n"
			   "Reported-Uri: http://example.net/earn_money.html\r\n"
			   "Reported-Uri: mailto:user@example.com\r\n"
			   "Removal-Recipient: user@example.com\r\n";

static void test_reading(void **state)
{
	struct arena a;
	struct feedback f;
	arena_init(&a, 1 << 16);
	assert_true(feedback_read(&a, slice_str(full), &f));
	assert_true(slice_equal(f.type, SLICE("abuse")) && slice_equal(f.version, SLICE("1")));
	assert_true(slice_equal(f.user_agent, SLICE("SomeGenerator/1.0")) &&
	            slice_equal(f.source_ip, SLICE("192.0.2.1")));
	assert_true(slice_equal(f.original_mail_from, SLICE("<somespammer@example.net>")));
	assert_true(slice_equal(f.original_rcpt_to, SLICE("<user@example.com>")));
	assert_true(slice_equal(f.reporting_mta.type, SLICE("dns")) &&
	            slice_equal(f.reporting_mta.value, SLICE("mail.example.com")));
	assert_true(slice_equal(f.reported_domain, SLICE("example.net")));
	assert_true(slice_equal(f.reported_uri, SLICE("http://example.net/earn_money.html")));
	assert_int_equal(slice_find(f.authentication_results, '\n'), f.authentication_results.n);
	assert_int_equal(header_count(f.fields, "Reported-URI"), 2);
	assert_int_equal(f.auth_failure.n, 0);
	assert_true(feedback_read(&a,
	                          SLICE("\n\nfeedback-type: auth-failure\n\nAuth-Failure: dkim\nReceived-Date: d\n"),
	                          &f));
	assert_true(slice_equal(f.auth_failure, SLICE("dkim")) && slice_equal(f.arrival_date, SLICE("d")));
	assert_false(feedback_read(&a, SLICE("Version: 1\n"), &f));
	arena_free(&a);
}

static void test_finding(void **state)
{
	static const struct {
		const char *name, *message;
		bool found;
	} rows[] = {
		{"as it should be",
	         "Content-Type: multipart/report; boundary=b\n\n--b\n\nx\n--b\nContent-Type: "
	         "message/feedback-report\n\nFeedback-Type: abuse\n--b--\n",
	         true},
		{"in base64",
	         "Content-Type: message/feedback-report\nContent-Transfer-Encoding: "
	         "base64\n\nRmVlZGJhY2stVHlwZTogYWJ1c2UK\n",
	         true},
		{"as text",
	         "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n\nFeedback-Type: abuse\nVersion: 1\n--b--\n",
	         true},
		{"in the middle of a text", "From: a@b\n\nIt says\nFeedback-Type: abuse\n", false},
		{"without its type", "Content-Type: message/feedback-report\n\nVersion: 1\n", false},
		{"in a message within",
	         "Content-Type: message/rfc822\n\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\n",
	         false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct arena a;
		struct mime m;
		struct feedback f;
		arena_init(&a, 1 << 16);
		assert_true(mime_parse(&a, slice_str(rows[i].message), &m));
		bool found = feedback_find(&a, m.root, &f);
		if (found != rows[i].found || found != (f.part != NULL) || found != slice_equal(f.type, SLICE("abuse")))
			fail_msg("%s: %d", rows[i].name, found);
		arena_free(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_reading), cmocka_unit_test(test_finding)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
