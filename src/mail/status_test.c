/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mail/original.h"
#include "mail/report.h"
#include "mail/status.h"

#define MESSAGE_GROUP "Reporting-MTA: dns; mx.example.net\r\nArrival-Date: Mon, 23 Nov 2026 22:17:00 +0000\r\n\r\n"

struct wanted {
	const char *final, *original;
	enum status_action action;
	const char *status, *remote, *diagnostic;
};

static const struct {
	const char *name, *content, *reporting_mta;
	struct wanted recipients[3];
} cases[] = {
	/* RFC 3464 appendix E, the first example */
	{"RFC 3464 simple",
         "Reporting-MTA: dns; cs.utk.edu\r\n\r\nOriginal-Recipient: rfc822;louisl@larry.slip.umd.edu\r\n"
         "Final-Recipient: rfc822;louisl@larry.slip.umd.edu\r\nAction: failed\r\nStatus: 4.0.0\r\n"
         "Diagnostic-Code: smtp; 426 connection timed out\r\nLast-Attempt-Date: Thu, 7 Jul 1994 17:15:49 -0400\r\n",
         "cs.utk.edu",
         {{"louisl@larry.slip.umd.edu", "louisl@larry.slip.umd.edu", STATUS_FAILED, "4.0.0", "",
           "426 connection timed out"}}},
	/* the second, of several recipients */
	{"RFC 3464 several",
         "Reporting-MTA: dns; cs.utk.edu\r\n\r\nOriginal-Recipient: rfc822;arathib@vnet.ibm.com\r\n"
         "Final-Recipient: rfc822;arathib@vnet.ibm.com\r\nAction: failed\r\nStatus: 5.0.0 (permanent failure)\r\n"
         "Diagnostic-Code: smtp;\r\n 550 'arathib@vnet.IBM.COM' is not a registered gateway user\r\n"
         "Remote-MTA: dns; vnet.ibm.com\r\n\r\nOriginal-Recipient: rfc822;johnh@hpnjld.njd.hp.com\r\n"
         "Final-Recipient: rfc822;johnh@hpnjld.njd.hp.com\r\nAction: delayed\r\nStatus: 4.0.0 (hpnjld.njd.jp.com: host "
         "name lookup "
         "failure)\r\n\r\nOriginal-Recipient: rfc822;wsnell@sdcc13.ucsd.edu\r\nFinal-Recipient: "
         "rfc822;wsnell@sdcc13.ucsd.edu\r\n"
         "Action: failed\r\nStatus: 5.0.0\r\nDiagnostic-Code: smtp; 550 user unknown\r\nRemote-MTA: dns; "
         "sdcc13.ucsd.edu\r\n",
         "cs.utk.edu",
         {{"arathib@vnet.ibm.com", "arathib@vnet.ibm.com", STATUS_FAILED, "5.0.0", "vnet.ibm.com",
           "550 'arathib@vnet.IBM.COM' is not a registered gateway user"},
          {"johnh@hpnjld.njd.hp.com", "johnh@hpnjld.njd.hp.com", STATUS_DELAYED, "4.0.0", "", ""},
          {"wsnell@sdcc13.ucsd.edu", "wsnell@sdcc13.ucsd.edu", STATUS_FAILED, "5.0.0", "sdcc13.ucsd.edu",
           "550 user unknown"}}},
	{"LF",
         "Reporting-MTA: dns; a\n\nFinal-Recipient: rfc822; b@c\nAction: failed\nStatus: 5.1.1\n",
         "a",
         {{"b@c", "", STATUS_FAILED, "5.1.1", "", ""}}},
	{"an empty line within a group",
         MESSAGE_GROUP "Final-Recipient: rfc822; b@c\r\n\r\nAction: failed\r\n\r\nStatus: 5.1.1\r\n",
         "mx.example.net",
         {{"b@c", "", STATUS_FAILED, "5.1.1", "", ""}}},
	{"an empty line of blanks",
         MESSAGE_GROUP "Final-Recipient: rfc822; b@c\r\nAction: failed\r\n \r\nFinal-Recipient: rfc822; d@e\r\n"
                       "Action: relayed\r\n",
         "mx.example.net",
         {{"b@c", "", STATUS_FAILED, "", "", ""}, {"d@e", "", STATUS_RELAYED, "", "", ""}}},
	{"no empty line anywhere",
         "Reporting-MTA: dns; a\r\nFinal-Recipient: rfc822; b@c\r\nAction: failed\r\nFinal-Recipient: rfc822; "
         "d@e\r\nAction: delivered\r\n",
         "a",
         {{"b@c", "", STATUS_FAILED, "", "", ""}, {"d@e", "", STATUS_DELIVERED, "", "", ""}}},
	{"the original recipient comes second",
         MESSAGE_GROUP "Final-Recipient: rfc822; b@c\r\nOriginal-Recipient: rfc822;x@y\r\nAction: expanded\r\n\r\n"
                       "Final-Recipient: rfc822; d@e\r\nOriginal-Recipient: rfc822;z@y\r\nAction: failed\r\n",
         "mx.example.net",
         {{"b@c", "x@y", STATUS_EXPANDED, "", "", ""}, {"d@e", "z@y", STATUS_FAILED, "", "", ""}}},
	{"groups with an original recipient only",
         MESSAGE_GROUP
         "Original-Recipient: rfc822;x@y\r\nAction: failed\r\n\r\nOriginal-Recipient: rfc822;z@y\r\nAction: failed\r\n",
         "mx.example.net",
         {{"", "x@y", STATUS_FAILED, "", "", ""}, {"", "z@y", STATUS_FAILED, "", "", ""}}},
	{"groups without an address",
         MESSAGE_GROUP "Action: failed\r\nStatus: 5.0.0\r\n\r\nAction: failed\r\nStatus: 5.1.1\r\n",
         "mx.example.net",
         {{"", "", STATUS_FAILED, "5.0.0", "", ""}, {"", "", STATUS_FAILED, "5.1.1", "", ""}}},
	{"fields of the message among those of the recipient",
         "Final-Recipient: rfc822; b@c\r\nReporting-MTA: dns; a\r\nAction: failed\r\n",
         "a",
         {{"b@c", "", STATUS_FAILED, "", "", ""}}},
	{"addresses in brackets, types in other ways",
         MESSAGE_GROUP "Final-Recipient: RFC822; <b@c>\r\nAction: FAILED (really)\r\nStatus: (x) 5.1.1\r\n\r\n"
                       "Final-Recipient: b@c\r\nAction: failure\r\n\r\nFinal-Recipient: LOCAL;\"J. Doe\" <d@e> "
                       "(x)\r\nAction: bounced\r\n",
         "mx.example.net",
         {{"b@c", "", STATUS_FAILED, "5.1.1", "", ""},
          {"b@c", "", STATUS_FAILED, "", "", ""},
          {"d@e", "", STATUS_ACTION_NONE, "", "", ""}}},
	{"xtext that was left, and UTF-8",
         MESSAGE_GROUP
         "Final-Recipient: utf-8; \\x{FC}b@c\r\nOriginal-Recipient: rfc822;x+2By+40z\r\nAction: failed\r\n",
         "mx.example.net",
         {{"\xC3\xBC"
           "b@c",
           "x+y@z", STATUS_FAILED, "", "", ""}}},
	{"repeated fields: the first counts",
         MESSAGE_GROUP "Final-Recipient: rfc822; b@c\r\nAction: failed\r\nStatus: 5.1.1\r\nStatus: 5.0.0\r\n",
         "mx.example.net",
         {{"b@c", "", STATUS_FAILED, "5.1.1", "", ""}}},
	{"lines that are no fields",
         MESSAGE_GROUP "sorry\r\nFinal-Recipient: rfc822; b@c\r\nit failed\r\nAction: failed\r\n",
         "mx.example.net",
         {{"b@c", "", STATUS_FAILED, "", "", ""}}},
	{"another part behind it",
         MESSAGE_GROUP "Final-Recipient: rfc822; b@c\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\nStatus: 5.1.1\r\n",
         "mx.example.net",
         {{"b@c", "", STATUS_ACTION_NONE, "", "", ""}}},
	{"no recipient", MESSAGE_GROUP, "mx.example.net", {{NULL}}},
};

static void check_recipient(const char *name, const struct wanted *w, const struct status_recipient *r)
{
	bool right = slice_equal(r->final, slice_str(w->final)) && slice_equal(r->original, slice_str(w->original)) &&
	             r->action == w->action && slice_equal(r->status, slice_str(w->status)) &&
	             slice_equal(r->remote_mta.value, slice_str(w->remote)) &&
	             slice_equal(r->diagnostic.value, slice_str(w->diagnostic));
	if (!right)
		fail_msg("%s: [%.*s] [%.*s] %d [%.*s] [%.*s] [%.*s]", name, SLICE_ARG(r->final), SLICE_ARG(r->original),
		         r->action, SLICE_ARG(r->status), SLICE_ARG(r->remote_mta.value),
		         SLICE_ARG(r->diagnostic.value));
}

static void test_reading(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct arena a;
		struct status_report r;
		arena_init(&a, 1 << 20);
		assert_true(status_read(&a, slice_str(cases[i].content), &r));
		if (!slice_equal(r.reporting_mta.value, slice_str(cases[i].reporting_mta)))
			fail_msg("%s: from [%.*s]", cases[i].name, SLICE_ARG(r.reporting_mta.value));
		size_t n = 0;
		while (n < 3 && cases[i].recipients[n].final) n++;
		if (n != r.recipient_count) fail_msg("%s: %zu recipients", cases[i].name, r.recipient_count);
		for (size_t k = 0; k < n; k++)
			check_recipient(cases[i].name, &cases[i].recipients[k], &r.recipients[k]);
		arena_free(&a);
	}
}

static void test_details(void **state)
{
	struct arena a;
	struct status_report r;
	arena_init(&a, 1 << 20);
	assert_true(
		status_read(&a,
	                    SLICE("Original-Envelope-Id: QQ314159\r\nReporting-MTA: DNS ; a.example (a "
	                          "comment)\r\nDSN-Gateway: dns; g\r\n"
	                          "Received-From-MTA: dns; f\r\nArrival-Date: today\r\nX-Queue: 7\r\n\r\n"
	                          "Final-Recipient: rfc822; b@c\r\nDiagnostic-Code: X-Unix; 67\r\nFinal-Log-ID: 9\r\n"
	                          "Last-Attempt-Date: now\r\nWill-Retry-Until: later\r\nX-Display-Name: B\r\nX-Other: "
	                          "1\r\n"),
	                    &r));
	const struct status_recipient *p = &r.recipients[0];
	assert_true(slice_equal(r.original_envelope_id, SLICE("QQ314159")));
	assert_true(slice_equal(r.reporting_mta.type, SLICE("DNS")) &&
	            slice_equal(r.reporting_mta.value, SLICE("a.example (a comment)")));
	assert_true(slice_equal(r.dsn_gateway.value, SLICE("g")) && slice_equal(r.received_from_mta.value, SLICE("f")));
	assert_true(slice_equal(r.arrival_date, SLICE("today")));
	assert_true(slice_search(r.message_fields, SLICE("X-Queue: 7")) < r.message_fields.n);
	assert_true(slice_equal(p->diagnostic.type, SLICE("X-Unix")) && slice_equal(p->diagnostic.value, SLICE("67")));
	assert_true(slice_equal(p->final_log_id, SLICE("9")) && slice_equal(p->last_attempt_date, SLICE("now")));
	assert_true(slice_equal(p->will_retry_until, SLICE("later")) && slice_equal(p->x_display_name, SLICE("B")));
	assert_true(slice_starts(p->fields, SLICE("Final-Recipient")) &&
	            slice_ends_nocase(p->fields, SLICE("X-Other: 1\r\n")));
	assert_false(status_read(&a, SLICE("Subject: x\r\n\r\nhello"), &r));
	assert_false(status_read(&a, SLICE_EMPTY, &r));
	arena_free(&a);
}

#define REPORT "Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n\r\nsorry\r\n--b\r\nContent-Type: "
#define GROUPS "Reporting-MTA: dns; a\r\n\r\nFinal-Recipient: rfc822; b@c\r\nAction: failed\r\n"

static void test_finding(void **state)
{
	static const struct {
		const char *name, *message;
		bool found, declared;
		size_t recipients;
	} rows[] = {
		{"as it should be", REPORT "message/delivery-status\r\n\r\n" GROUPS "--b--\r\n", true, true, 1},
		{"for UTF-8", REPORT "message/global-delivery-status\r\n\r\n" GROUPS "--b--\r\n", true, true, 1},
		{"in base64",
	         REPORT "message/delivery-status\r\nContent-Transfer-Encoding: base64\r\n\r\n"
	                "RmluYWwtUmVjaXBpZW50OiByZmM4MjI7IGJAYwpBY3Rpb246IGZhaWxlZAo=\r\n--b--\r\n",
	         true, true, 1},
		{"two parts",
	         REPORT "message/delivery-status\r\n\r\n" GROUPS
	                "--b\r\nContent-Type: message/delivery-status\r\n\r\n" GROUPS "--b--\r\n",
	         true, true, 2},
		{"as text",
	         REPORT "text/plain\r\n\r\nDetails:\r\n\r\n" GROUPS "\r\nSome more words.\r\nStatus: 9\r\n--b--\r\n",
	         true, false, 1},
		{"as another type", REPORT "application/octet-stream\r\n\r\n" GROUPS "--b--\r\n", true, false, 1},
		{"as an attached text",
	         REPORT "text/plain; name=details.txt\r\nContent-Disposition: attachment\r\n\r\n" GROUPS "--b--\r\n",
	         true, false, 1},
		{"a message in it has one",
	         REPORT "message/rfc822\r\n\r\n" REPORT "message/delivery-status\r\n\r\n" GROUPS "--b--\r\n", false,
	         false, 0},
		{"text that speaks of it", "From: a@b\r\n\r\nThe field Final-Recipient: is not here.\r\n", false, false,
	         0},
		{"an empty one", REPORT "message/delivery-status\r\n\r\n\r\n--b--\r\n", false, false, 0},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct arena a;
		struct mime m;
		struct status_report r;
		arena_init(&a, 1 << 20);
		assert_true(mime_parse(&a, slice_str(rows[i].message), &m));
		bool found = status_find(&a, m.root, &r);
		if (found != rows[i].found || r.declared != rows[i].declared || r.recipient_count != rows[i].recipients)
			fail_msg("%s: %d, %d, %zu recipients", rows[i].name, found, r.declared, r.recipient_count);
		if (found && r.recipients[0].status.n) fail_msg("%s: read on", rows[i].name);
		arena_free(&a);
	}
}

static void test_codes(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {{"5.1.1", "5.1.1"},
	            {" 4.2.200 x", "4.2.200"},
	            {"5.1.1.", "5.1.1"},
	            {"5.1.1(x)", "5.1.1"},
	            {"3.1.1", ""},
	            {"5.1", ""},
	            {"5.1.", ""},
	            {"5.1.1234", ""},
	            {"5.1.1.1", ""},
	            {"55.1.1", ""},
	            {"", ""},
	            {"x5.1.1", ""}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (!slice_equal(status_code(slice_str(rows[i].in)), slice_str(rows[i].out)))
			fail_msg("%s", rows[i].in);
}

/* The reports that we write are read as they were meant. */
static void test_our_own(void **state)
{
	const struct report_recipient to[] = {{.original = SLICE("rfc822;suzie+2Bx@shop.test"),
	                                       .address = SLICE("suzie+x@shop.test"),
	                                       .action = REPORT_failed,
	                                       .status = SLICE("5.1.1"),
	                                       .remote_mta = SLICE("mx.shop.test"),
	                                       .reply = SLICE("550 5.1.1 no such user")},
	                                      {.address = SLICE("joe@shop.test"),
	                                       .action = REPORT_delayed,
	                                       .status = SLICE("4.4.1"),
	                                       .reply = SLICE("no answer"),
	                                       .retry_until = 1795472220}};
	const struct report report = {.reporting_mta = SLICE("mx.example.net"),
	                              .from_address = SLICE("MAILER-DAEMON@mx.example.net"),
	                              .to = SLICE("a@b.test"),
	                              .envid = SLICE("QQ314159"),
	                              .date = 1795472220,
	                              .message_id = SLICE("1@mx.example.net"),
	                              .boundary = SLICE("b0undary"),
	                              .recipients = to,
	                              .recipient_count = 2,
	                              .original = SLICE("From: a@b.test\r\nMessage-ID: <7@b.test>\r\n\r\nbody\r\n")};
	struct arena a;
	struct report_message written;
	struct mime m;
	struct status_report r;
	struct original o;
	arena_init(&a, 1 << 20);
	assert_true(report_write(&a, &report, &written));
	assert_true(mime_parse(&a, written.text, &m));
	assert_int_equal(m.root->type, MIME_MULTIPART_REPORT);
	assert_true(status_find(&a, m.root, &r) && r.declared);
	assert_true(slice_equal(r.reporting_mta.value, report.reporting_mta) &&
	            slice_equal(r.original_envelope_id, report.envid));
	assert_int_equal(r.recipient_count, 2);
	const struct status_recipient *failed = &r.recipients[0], *delayed = &r.recipients[1];
	assert_true(slice_equal(failed->final, to[0].address) && failed->action == STATUS_FAILED);
	assert_true(slice_equal(failed->status, to[0].status) && slice_equal(failed->diagnostic.value, to[0].reply));
	assert_true(slice_equal(failed->remote_mta.value, to[0].remote_mta));
	assert_true(slice_equal(delayed->final, to[1].address) && delayed->action == STATUS_DELAYED);
	assert_true(delayed->will_retry_until.n > 0 && failed->will_retry_until.n == 0);
	assert_true(original_find(&a, m.root, &o) && slice_equal(o.message_id, SLICE("<7@b.test>")));
	arena_free(&a);
}

static void test_limits(void **state)
{
	struct arena a;
	struct status_report r;
	static char content[STATUS_OCTETS * 4];
	static const char unit[] = "Final-Recipient:a\n";
	for (size_t i = 0; i + sizeof unit <= sizeof content; i += sizeof unit - 1)
		memcpy(content + i, unit, sizeof unit - 1);
	arena_init(&a, 16 << 20);
	assert_true(status_read(&a, slice_of(content, sizeof content), &r));
	assert_true(r.recipient_count == STATUS_RECIPIENTS && r.cut);
	arena_free(&a);
	arena_init(&a, 2000);
	assert_false(status_read(&a, slice_of(content, sizeof content), &r));
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_reading), cmocka_unit_test(test_details),
	                                   cmocka_unit_test(test_finding), cmocka_unit_test(test_codes),
	                                   cmocka_unit_test(test_our_own), cmocka_unit_test(test_limits)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
