/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mail/report.h"

static struct arena arena;

static int begin(void **state)
{
	arena_init(&arena, 1 << 20);
	return 0;
}

static int end(void **state)
{
	arena_free(&arena);
	return 0;
}

#define TEXT(literal)                                                                                                  \
	{                                                                                                              \
		"" literal, sizeof(literal) - 1                                                                        \
	}

static struct report_recipient bob(void)
{
	return (struct report_recipient){.original = TEXT("rfc822;Bob+2Bx@Example.com"),
	                                 .address = TEXT("bob+x@example.com"),
	                                 .action = REPORT_failed,
	                                 .status = TEXT("5.1.1"),
	                                 .remote_mta = TEXT("mail.example.com"),
	                                 .reply = TEXT("550 5.1.1 no such user\nsee https://example.com/x"),
	                                 .last_attempt = 1795472280};
}

static struct report about(const struct report_recipient *to, size_t count)
{
	return (struct report){.reporting_mta = TEXT("mx.example.net"),
	                       .from_address = TEXT("MAILER-DAEMON@mx.example.net"),
	                       .to = TEXT("alice@example.org"),
	                       .envid = TEXT("QQ+2B314159"),
	                       .arrival = 1795472220,
	                       .date = 1795472340,
	                       .message_id = TEXT("r1@mx.example.net"),
	                       .boundary = TEXT("b0undary"),
	                       .recipients = to,
	                       .recipient_count = count,
	                       .original = TEXT("Received: from x\n\tby y; z\nMessage-ID: <m1@example.org>\n"
	                                        "Subject: Lunch\nFrom: alice@example.org\n\nThe body.\n")};
}

static struct slice written(const struct report *r, struct report_message *m)
{
	assert_true(report_write(&arena, r, m));
	return m->text;
}

static bool has(struct slice text, const char *what)
{
	return slice_search(text, slice_str(what)) < text.n;
}

static void assert_has(struct slice text, const char *what)
{
	if (!has(text, what)) fail_msg("[%s] is not in:\n%.*s", what, SLICE_ARG(text));
}

static void test_whole_failure_report(void **state)
{
	static const char expected[] =
		"From: Mail Delivery System <MAILER-DAEMON@mx.example.net>\r\n"
		"To: <alice@example.org>\r\n"
		"Subject: Your message could not be delivered\r\n"
		"Date: Mon, 23 Nov 2026 22:19:00 +0000\r\n"
		"Message-ID: <r1@mx.example.net>\r\n"
		"In-Reply-To: <m1@example.org>\r\n"
		"References: <m1@example.org>\r\n"
		"Auto-Submitted: auto-replied\r\n"
		"MIME-Version: 1.0\r\n"
		"Content-Type: multipart/report; report-type=delivery-status;\r\n"
		"\tboundary=\"b0undary\"\r\n"
		"Content-Transfer-Encoding: 7bit\r\n"
		"\r\n"
		"\r\n--b0undary\r\n"
		"Content-Type: text/plain; charset=us-ascii\r\n"
		"Content-Transfer-Encoding: 7bit\r\n"
		"\r\n"
		"This is the mail server mx.example.net.\r\n"
		"\r\n"
		"Your message could not be delivered to:\r\n"
		"\r\n"
		"<bob+x@example.com>\r\n"
		"    There is no such address. Please look for a typing mistake in it.\r\n"
		"    The server mail.example.com said:\r\n"
		"        550 5.1.1 no such user\r\n"
		"        see https://example.com/x\r\n"
		"\r\n"
		"It will not be tried again for the addresses that failed.\r\n"
		"\r\n"
		"The message this is about:\r\n"
		"    Subject: Lunch\r\n"
		"    Received here: Mon, 23 Nov 2026 22:17:00 +0000\r\n"
		"\r\n"
		"The next part of this report is for programs. After it comes the header of your message.\r\n"
		"\r\n--b0undary\r\n"
		"Content-Type: message/delivery-status\r\n"
		"Content-Transfer-Encoding: 7bit\r\n"
		"\r\n"
		"Original-Envelope-Id: QQ+314159\r\n"
		"Reporting-MTA: dns; mx.example.net\r\n"
		"Arrival-Date: Mon, 23 Nov 2026 22:17:00 +0000\r\n"
		"\r\n"
		"Original-Recipient: rfc822; Bob+x@Example.com\r\n"
		"Final-Recipient: rfc822; bob+x@example.com\r\n"
		"Action: failed\r\n"
		"Status: 5.1.1\r\n"
		"Remote-MTA: dns; mail.example.com\r\n"
		"Diagnostic-Code: smtp; 550 5.1.1 no such user see https://example.com/x\r\n"
		"Last-Attempt-Date: Mon, 23 Nov 2026 22:18:00 +0000\r\n"
		"\r\n--b0undary\r\n"
		"Content-Type: text/rfc822-headers\r\n"
		"Content-Transfer-Encoding: 7bit\r\n"
		"\r\n"
		"Received: from x\r\n"
		"\tby y; z\r\n"
		"Message-ID: <m1@example.org>\r\n"
		"Subject: Lunch\r\n"
		"From: alice@example.org\r\n"
		"\r\n--b0undary--\r\n";
	struct report_recipient to = bob();
	struct report r = about(&to, 1);
	struct report_message m;
	struct slice text = written(&r, &m);
	if (!slice_equal(text, slice_str(expected))) fail_msg("%.*s", SLICE_ARG(text));
	assert_false(m.eight_bit || m.smtputf8 || m.full);
}

static void test_delay_notice(void **state)
{
	struct report_recipient to = bob();
	to.action = REPORT_delayed;
	to.status = SLICE("4.4.1");
	to.retry_until = 1795904220;
	struct report r = about(&to, 1);
	struct report_message m;
	struct slice text = written(&r, &m);
	assert_has(text, "Subject: Your message is delayed\r\n");
	assert_has(text, "It will be tried until Sat, 28 Nov 2026 22:17:00 +0000.\r\n");
	assert_has(text, "You need not send a delayed message again.\r\n");
	assert_has(text, "Action: delayed\r\nStatus: 4.4.1\r\n");
	assert_has(text, "Will-Retry-Until: Sat, 28 Nov 2026 22:17:00 +0000\r\n");
	assert_false(has(text, "not be tried again"));
}

static void test_success_reports(void **state)
{
	struct report_recipient to[3] = {bob(), bob(), bob()};
	to[0].action = REPORT_relayed;
	to[1].action = REPORT_delivered;
	to[2].action = REPORT_expanded;
	for (int i = 0; i < 3; i++) to[i].status = to[i].reply = SLICE_EMPTY;
	struct report r = about(to, 3);
	struct report_message m;
	struct slice text = written(&r, &m);
	assert_has(text, "Subject: Your message was delivered\r\n");
	assert_has(text, "Action: relayed\r\nStatus: 2.0.0\r\n");
	assert_has(text, "Action: delivered\r\nStatus: 2.0.0\r\n");
	assert_has(text, "Action: expanded\r\nStatus: 2.0.0\r\n");
	r.recipient_count = 1;
	assert_has(written(&r, &m), "Subject: Your message was passed on\r\n");
}

static void test_the_worst_comes_first(void **state)
{
	struct report_recipient to[2] = {bob(), bob()};
	to[0].action = REPORT_delayed;
	to[0].address = SLICE("slow@example.com");
	struct report r = about(to, 2);
	struct report_message m;
	struct slice text = written(&r, &m);
	assert_has(text, "Subject: Your message could not be delivered\r\n");
	assert_true(slice_search(text, SLICE("<bob+x@")) < slice_search(text, SLICE("<slow@")));
}

static void test_our_own_decision_has_no_remote_server(void **state)
{
	struct report_recipient to = bob();
	to.remote_mta = SLICE_EMPTY;
	to.reply = SLICE("expired after 5 days");
	to.status = SLICE("4.4.7");
	struct report r = about(&to, 1);
	struct report_message m;
	struct slice text = written(&r, &m);
	assert_has(text, "Status: 4.4.7\r\nDiagnostic-Code: x-backstop; expired after 5 days\r\n");
	assert_false(has(text, "Remote-MTA"));
	assert_false(has(text, " said:"));
}

static void test_a_wrong_status_becomes_the_general_one(void **state)
{
	static const char *const wrong[] = {"",     "2.1.5", "5.1",   "5.1.1.1",  "5.1.1234",
	                                    "5..1", "5.a.1", "X.1.1", "5.1.1\r\n"};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct report_recipient to = bob();
		to.status = slice_str(wrong[i]);
		struct report r = about(&to, 1);
		struct report_message m;
		if (!has(written(&r, &m), "Status: 5.0.0\r\n")) fail_msg("%s", wrong[i]);
	}
}

static void test_nothing_can_be_injected(void **state)
{
	static const char attack[] = "x\r\nBcc: evil@example\r\n\r\n--b0undary\r\nContent-Type: text/html\r\n\r\n<b>";
	struct slice evil = slice_str(attack);
	struct report_recipient to = {.original = TEXT("rfc822;a+0D+0ABcc:+20evil@example"),
	                              .address = evil,
	                              .status = evil,
	                              .remote_mta = evil,
	                              .reply = evil,
	                              .explanation = evil};
	struct report r = {.reporting_mta = evil,
	                   .from_address = evil,
	                   .to = evil,
	                   .envid = TEXT("a+0D+0ABcc:+20x"),
	                   .message_id = evil,
	                   .date = 1,
	                   .boundary = TEXT("other"),
	                   .recipients = &to,
	                   .recipient_count = 1,
	                   .original = TEXT("Message-ID: <a\r\n b>\r\nSubject: x\r\n\r\n")};
	struct report_message m;
	struct slice text = written(&r, &m);
	assert_false(has(text, "\r\nBcc:") || has(text, "\n--b0undary") || has(text, "In-Reply-To"));
}

static void test_full_original(void **state)
{
	struct report_recipient to = bob();
	struct report r = about(&to, 1);
	struct report_message m;
	r.return_full = true;
	struct slice text = written(&r, &m);
	assert_true(m.full);
	assert_has(text, "After it comes your message.\r\n");
	assert_has(text, "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 7bit\r\n\r\nReceived: from x\r\n");
	assert_has(text, "\r\n\r\nThe body.\r\n\r\n--b0undary--\r\n");
	r.original = SLICE("Subject: x\r\n\r\ncaf\xE9\r\n");
	text = written(&r, &m);
	assert_true(m.full && m.eight_bit && !m.smtputf8);
	assert_has(text, "boundary=\"b0undary\"\r\nContent-Transfer-Encoding: 8bit\r\n");
	r.original = SLICE("Subject: x\r\n\r\nbare\rCR\r\n");
	text = written(&r, &m);
	assert_true(!m.full && !m.eight_bit);
	assert_has(text, "text/rfc822-headers");
}

static void test_eight_bit_header_is_encoded(void **state)
{
	struct report_recipient to = bob();
	struct report r = about(&to, 1);
	struct report_message m;
	r.original = SLICE("Subject: caf\xE9\r\nX: 1\r\n\r\nbody");
	struct slice text = written(&r, &m);
	assert_has(text, "text/rfc822-headers\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nSubject: "
	                 "caf=E9\r\nX: 1\r\n");
	assert_false(m.eight_bit || m.smtputf8);
}

static void test_smtputf8(void **state)
{
	struct report_recipient to = bob();
	to.address = SLICE("b\xC3\xB8"
	                   "b@example.com");
	to.original = SLICE("utf-8;b\\x{F8}b@example.com");
	struct report r = about(&to, 1);
	struct report_message m;
	r.original = SLICE("Subject: caf\xC3\xA9\r\n\r\nbody");
	struct slice text = written(&r, &m);
	assert_has(text, "Original-Recipient: utf-8; b\\x{F8}b@example.com\r\nFinal-Recipient: utf-8; "
	                 "b\\x{F8}b@example.com\r\n");
	assert_false(m.eight_bit || m.smtputf8);
	r.smtputf8 = true;
	text = written(&r, &m);
	assert_true(m.eight_bit && m.smtputf8);
	assert_has(text, "message/global-delivery-status\r\nContent-Transfer-Encoding: 8bit\r\n");
	assert_has(text, "Final-Recipient: utf-8; b\xC3\xB8"
	                 "b@example.com\r\n");
	assert_has(text, "message/global-headers\r\nContent-Transfer-Encoding: 8bit\r\n\r\nSubject: caf\xC3\xA9\r\n");
	assert_has(text, "text/plain; charset=utf-8");
	r.original = SLICE("Subject: caf\xE9\r\n\r\nbody"); /* not UTF-8 */
	assert_has(written(&r, &m), "text/rfc822-headers\r\nContent-Transfer-Encoding: quoted-printable\r\n");
	r.original = SLICE("Subject: caf\xC3\xA9\r\n\r\nbody");
	r.return_full = true;
	assert_has(written(&r, &m), "Content-Type: message/global\r\n");
}

static void test_no_original(void **state)
{
	struct report_recipient to = bob();
	struct report r = about(&to, 1);
	struct report_message m;
	r.original = (struct slice){NULL, 0};
	r.arrival = 0;
	struct slice text = written(&r, &m);
	assert_false(has(text, "rfc822-headers") || has(text, "The message this is about") ||
	             has(text, "Arrival-Date"));
}

static void test_no_memory(void **state)
{
	struct report_recipient to = bob();
	struct report r = about(&to, 1);
	struct report_message m;
	for (size_t limit = 16; limit < 4000; limit += 64) {
		struct arena small;
		arena_init(&small, limit);
		bool made = report_write(&small, &r, &m);
		assert_true(made == (m.text.p != NULL && !arena_exhausted(&small)));
		arena_free(&small);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(test_whole_failure_report),
		TEST(test_delay_notice),
		TEST(test_success_reports),
		TEST(test_the_worst_comes_first),
		TEST(test_our_own_decision_has_no_remote_server),
		TEST(test_a_wrong_status_becomes_the_general_one),
		TEST(test_nothing_can_be_injected),
		TEST(test_full_original),
		TEST(test_eight_bit_header_is_encoded),
		TEST(test_smtputf8),
		TEST(test_no_original),
		TEST(test_no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
