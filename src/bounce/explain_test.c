/* SPDX-License-Identifier: Apache-2.0 */
/* Whole bounces, in the forms of many programs; the addresses are of documentation ranges. */
#include "bounce/explain.h"
#include "bounce/test_knowledge.h"
#include "net/test_loop.h"

#define ORIGINAL                                                                                                       \
	"Received: from desk.sender.example (desk [198.51.100.9]) by mx.sender.example; Tue, 3 Jun 2025 10:00:00 "     \
	"+0000\n"                                                                                                      \
	"From: Ann <ann@sender.example>\nTo: joe@rcpt.example\n"                                                       \
	"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\nDate: Tue, 3 Jun 2025 09:59:59 +0000\n"                                 \
	"Message-ID: <first.1@sender.example>\n\nHello.\n"

/* RFC 3464, with these words and fields. */
#define REPORT(words, fields)                                                                                          \
	"Return-Path: <>\nFrom: MAILER-DAEMON@mx.sender.example (Mail Delivery System)\nTo: ann@sender.example\n"      \
	"Subject: Undelivered Mail Returned to Sender\nMIME-Version: 1.0\n"                                            \
	"Content-Type: multipart/report; report-type=delivery-status; boundary=\"b1\"\n\n"                             \
	"--b1\nContent-Type: text/plain\n\n" words "\n--b1\nContent-Type: message/delivery-status\n\n" fields          \
	"\n--b1\nContent-Type: message/rfc822\n\n" ORIGINAL "\n--b1--\n"

#define TEXT(from, subject, words) "From: " from "\nTo: ann@sender.example\nSubject: " subject "\n\n" words

static const struct {
	const char *name, *message;
	const char *recipient, *status, *host;
	enum cause cause;
	enum stage stage;
	const char *list, *address; /* NULL: none */
} bounces[] = {
	{"Postfix, a blocklist",
         REPORT("This is the mail system at host mx.sender.example.\n\n<joe@rcpt.example>: host "
                "mx1.rcpt.example[203.0.113.5]\n"
                "    said: 554 5.7.1 Service unavailable; Client host [198.51.100.7] blocked\n    using "
                "zen.spamhaus.org (in reply to "
                "RCPT TO command)\n",
                "Reporting-MTA: dns; mx.sender.example\n\nFinal-Recipient: rfc822; joe@rcpt.example\nAction: "
                "failed\nStatus: 5.7.1\n"
                "Remote-MTA: dns; mx1.rcpt.example\nDiagnostic-Code: smtp; 554 5.7.1 Service unavailable; Client host\n"
                "    [198.51.100.7] blocked using zen.spamhaus.org\n"),
         "joe@rcpt.example", "5.7.1", "mx1.rcpt.example", CAUSE_blocklist, STAGE_rcpt, "Spamhaus ZEN", "198.51.100.7"},
	{"Postfix, no such domain",
         REPORT("<joe@rcpt.example>: Host or domain name not found. Name service error for\n    name=rcpt.example "
                "type=A: Host not "
                "found\n",
                "Reporting-MTA: dns; mx.sender.example\n\nFinal-Recipient: rfc822; joe@rcpt.example\nAction: "
                "failed\nStatus: 5.4.4\n"
                "Diagnostic-Code: X-Postfix; Host or domain name not found. Name service error\n    for "
                "name=rcpt.example type=A: "
                "Host not found\n"),
         "joe@rcpt.example", "5.4.4", NULL, CAUSE_dns, STAGE_dns, NULL, NULL},
	{"Postfix, a mailbox of its own that is full",
         "From: MAILER-DAEMON@rcpt.example\nTo: ann@sender.example\nSubject: Undelivered Mail Returned to "
         "Sender\nMIME-Version: "
         "1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=b2\n\n--b2\n\n<joe@rcpt.example>: "
         "maildir "
         "delivery failed: Disk quota exceeded\n\n--b2\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; "
         "mx.rcpt.example\n\nFinal-Recipient: rfc822; joe@rcpt.example\nAction: failed\nStatus: "
         "5.2.2\nDiagnostic-Code: x-unix; Disk "
         "quota exceeded\n\n--b2--\n",
         "joe@rcpt.example", "5.2.2", NULL, CAUSE_mailbox_full, STAGE_after_acceptance, NULL, NULL},
	{"a delay that greylisting makes",
         REPORT("YOU DO NOT NEED TO RESEND YOUR MESSAGE.\n\n<joe@rcpt.example>: host mx1.rcpt.example said: 450 4.2.0 "
                "Greylisted, "
                "see later (in reply to RCPT TO command)\n",
                "Reporting-MTA: dns; mx.sender.example\n\nFinal-Recipient: rfc822; joe@rcpt.example\nAction: "
                "delayed\nStatus: 4.2.0\n"
                "Remote-MTA: dns; mx1.rcpt.example\nDiagnostic-Code: smtp; 450 4.2.0 Greylisted, see later\n"),
         "joe@rcpt.example", "4.2.0", "mx1.rcpt.example", CAUSE_greylisting, STAGE_rcpt, NULL, NULL},
	{"Exim, the words alone",
         TEXT("Mail Delivery System <Mailer-Daemon@mx.sender.example>",
              "Mail delivery failed: returning message to sender",
              "This message was created automatically by mail delivery software.\n\nA message that you sent could not "
              "be delivered to "
              "one or more of its\nrecipients. This is a permanent error. The following address(es) failed:\n\n  "
              "joe@rcpt.example\n    "
              "host mx1.rcpt.example [203.0.113.5]\n    SMTP error from remote mail server after end of data:\n    550 "
              "5.7.1 Message "
              "rejected by DMARC policy for sender.example\n\n------ This is a copy of the message, including all the "
              "headers. "
              "------\n\n" ORIGINAL),
         "joe@rcpt.example", "5.7.1", "mx1.rcpt.example", CAUSE_authentication, STAGE_data, NULL, NULL},
	{"qmail",
         TEXT("MAILER-DAEMON@mx.sender.example", "failure notice",
              "Hi. This is the qmail-send program at mx.sender.example.\nI'm afraid I wasn't able to deliver your "
              "message to the "
              "following addresses.\nThis is a permanent error; I've given up. Sorry it didn't work "
              "out.\n\n<joe@rcpt.example>:\n"
              "203.0.113.5 does not like recipient.\nRemote host said: 550 5.1.1 <joe@rcpt.example>: no such "
              "user\nGiving up on "
              "203.0.113.5.\n\n--- Below this line is a copy of the message.\n\n" ORIGINAL),
         "joe@rcpt.example", "5.1.1", "203.0.113.5", CAUSE_mailbox_unknown, STAGE_rcpt, NULL, NULL},
	{"MDaemon, a transcript with times",
         TEXT("MDaemon at mx.sender.example <MDaemon@mx.sender.example>", "Permanent Delivery Failure",
              "Failed address: joe@rcpt.example\n\n--- Session Transcript ---\n Tue 10:00:01: Attempting SMTP "
              "connection to "
              "[203.0.113.5:25]\n Tue 10:00:01: <-- 220 hello\n Tue 10:00:01: --> MAIL From:<ann@sender.example>\n "
              "Tue 10:00:01: <-- 250 Ok\n Tue 10:00:02: --> RCPT To:<joe@rcpt.example>\n Tue 10:00:02: <-- 550 5.1.1 "
              "No such "
              "user\n Tue 10:00:02: --> QUIT\n--- End Transcript ---\n"),
         "joe@rcpt.example", "5.1.1", "203.0.113.5", CAUSE_mailbox_unknown, STAGE_rcpt, NULL, NULL},
	{"Exim, two recipients: the reply of the first ends where the second begins",
         TEXT("Mail Delivery System <Mailer-Daemon@mx.sender.example>",
              "Mail delivery failed: returning message to sender",
              "The following address(es) failed:\n\n  joe@rcpt.example\n    host mx1.rcpt.example [203.0.113.5]\n    "
              "SMTP error "
              "from remote mail server after RCPT TO:<joe@rcpt.example>:\n    550 5.1.1 User unknown\n  "
              "bob@other.example\n    host mx2.other.example [203.0.113.6]\n    SMTP error from remote mail server "
              "after end of "
              "data:\n    554 5.7.1 spam message rejected\n\n------ This is a copy of the message, including all the "
              "headers. "
              "------\n\n" ORIGINAL),
         "joe@rcpt.example", "5.1.1", "mx1.rcpt.example", CAUSE_mailbox_unknown, STAGE_rcpt, NULL, NULL},
	{"a host with a comment",
         REPORT("Refused.\n",
                "Reporting-MTA: dns; mx.sender.example (tcp-daemon)\n\nFinal-Recipient: rfc822; "
                "joe@rcpt.example\nAction: "
                "failed\nStatus: 5.2.2\nRemote-MTA: dns; mx1.rcpt.example. (203.0.113.5, the server for the domain)\n"
                "Diagnostic-Code: smtp; 552 5.2.2 full\n"),
         "joe@rcpt.example", "5.2.2", "mx1.rcpt.example", CAUSE_mailbox_full, STAGE_rcpt, NULL, NULL},
	{"Domino, because of its own directory",
         TEXT("Postmaster@rcpt.example", "DELIVERY FAILURE: User joe not listed in Domino Directory",
              "Your message\n\n  Subject: Hello\n\nwas not delivered to:\n\n  joe@rcpt.example\n\nbecause:\n\n  User "
              "joe "
              "(joe@rcpt.example) not listed in Domino Directory\n"),
         "joe@rcpt.example", NULL, NULL, CAUSE_mailbox_unknown, STAGE_after_acceptance, NULL, NULL},
	{"late, and no word why",
         REPORT("Delivery to the following recipients has been delayed.\n\n    joe@rcpt.example\n",
                "Reporting-MTA: dns; mx.sender.example\n\nFinal-Recipient: rfc822; joe@rcpt.example\nAction: "
                "delayed\nStatus: "
                "4.4.7\n"),
         "joe@rcpt.example", "4.4.7", NULL, CAUSE_delay, STAGE_local, NULL, NULL},
	{"qmail, tried for a week",
         TEXT("MAILER-DAEMON@mx.sender.example", "failure notice",
              "Hi. This is the qmail-send program at mx.sender.example.\nI'm afraid I wasn't able to deliver your "
              "message to the "
              "following addresses.\n\n<joe@rcpt.example>:\nSorry, I wasn't able to establish an SMTP connection. "
              "(#4.4.1)\nI'm not "
              "going to try again; this message has been in the queue too long.\n\n--- Below this line is a copy of "
              "the "
              "message.\n\n" ORIGINAL),
         "joe@rcpt.example", "4.4.1", NULL, CAUSE_unreachable, STAGE_expired, NULL, NULL},
	{"Sendmail, a transcript with pipelining",
         TEXT("Mail Delivery Subsystem <MAILER-DAEMON@mx.sender.example>", "Returned mail: see transcript for details",
              "   ----- The following addresses had permanent fatal errors -----\n<joe@rcpt.example>\n    (reason: 550 "
              "5.1.1 "
              "<joe@rcpt.example>... User unknown)\n\n   ----- Transcript of session follows -----\n... while talking "
              "to "
              "mx1.rcpt.example.:\n>>> DATA\n<<< 550 5.1.1 <joe@rcpt.example>... User unknown\n550 5.1.1 "
              "<joe@rcpt.example>... User "
              "unknown\n<<< 503 5.0.0 Need RCPT (recipient)\n\n" ORIGINAL),
         "joe@rcpt.example", "5.1.1", "mx1.rcpt.example", CAUSE_mailbox_unknown, STAGE_rcpt, NULL, NULL},
	{"Gmail",
         TEXT("Mail Delivery Subsystem <mailer-daemon@googlemail.com>", "Delivery Status Notification (Failure)",
              "Delivery to the following recipient failed permanently:\n\n     joe@rcpt.example\n\nTechnical details "
              "of permanent "
              "failure:\nGoogle tried to deliver your message, but it was rejected by the server for the recipient "
              "domain "
              "rcpt.example by mx1.rcpt.example. [203.0.113.5].\n\nThe error that the other server returned was:\n552 "
              "5.3.4 Message "
              "size exceeds fixed limit\n\n----- Original message -----\n\n" ORIGINAL),
         "joe@rcpt.example", "5.3.4", "mx1.rcpt.example", CAUSE_size, STAGE_unknown, NULL, NULL},
	{"Exchange, a code in quotes",
         TEXT("Microsoft Outlook <postmaster@sender.example>", "Undeliverable: Hello",
              "Delivery has failed to these recipients or groups:\n\njoe@rcpt.example\nA problem "
              "occurred.\n\nDiagnostic information "
              "for administrators:\n\nGenerating server: ex1.sender.example\n\njoe@rcpt.example\nRemote Server "
              "returned '550 5.7.606 "
              "Access denied, banned sending IP [198.51.100.7]. To request removal from this list please visit "
              "https://sender.office.com/'\n\nOriginal message headers:\n\n" ORIGINAL),
         "joe@rcpt.example", "5.7.606", NULL, CAUSE_blocklist, STAGE_unknown, "Microsoft 365 blocked senders list",
         "198.51.100.7"},
	{"Exchange 5.5: recipient not recognized",
         TEXT("System Administrator <postmaster@rcpt.example>", "Undeliverable: Hello",
              "Your message\n\n  To:      joe@rcpt.example\n  Subject: Hello\n  Sent:    Tue, 3 Jun 2025 09:59:59 "
              "+0000\n\ndid not "
              "reach the following recipient(s):\n\njoe@rcpt.example on Tue, 3 Jun 2025 10:00:01 +0000\n    The "
              "recipient name is not "
              "recognized\n"),
         "joe@rcpt.example", NULL, NULL, CAUSE_mailbox_unknown, STAGE_after_acceptance, NULL, NULL},
	{"the words say more than the report",
         REPORT("Could not deliver to joe@rcpt.example: mx1.rcpt.example said: 550 the mailbox is full\n",
                "Reporting-MTA: dns; mx.sender.example\n\nFinal-Recipient: rfc822; joe@rcpt.example\nAction: "
                "failed\nStatus: 5.0.0\n"
                "Diagnostic-Code: smtp; 550 failed\n"),
         "joe@rcpt.example", NULL, NULL, CAUSE_mailbox_full, STAGE_rcpt, NULL, NULL},
	{"the first that failed of several",
         REPORT("Several.\n",
                "Reporting-MTA: dns; mx.sender.example\n\nFinal-Recipient: rfc822; ok@rcpt.example\nAction: "
                "delivered\nStatus: 2.0.0\n\nFinal-Recipient: rfc822; joe@rcpt.example\nAction: failed\nStatus: "
                "5.1.1\nRemote-MTA: dns; mx1.rcpt.example\nDiagnostic-Code: smtp; 550 5.1.1 no such user\n"),
         "joe@rcpt.example", "5.1.1", "mx1.rcpt.example", CAUSE_mailbox_unknown, STAGE_rcpt, NULL, NULL},
	{"a refusal that looks like the announcement of an original",
         TEXT("MAILER-DAEMON@mx.sender.example", "Undelivered Mail Returned to Sender",
              "I'm sorry to have to inform you that your message could not be delivered.\n\n<joe@rcpt.example>: host "
              "mx1.rcpt.example[203.0.113.5] said: 550 5.7.350 Remote server returned message detected as spam -> 550 "
              "Spam (in reply "
              "to end of DATA command)\n\n" ORIGINAL),
         "joe@rcpt.example", "5.7.350", "mx1.rcpt.example", CAUSE_content, STAGE_data, NULL, NULL},
	{"Postfix, a connection that was lost",
         REPORT("<joe@rcpt.example>: lost connection with mx1.rcpt.example[203.0.113.5] while\n    sending message "
                "body\n",
                "Reporting-MTA: dns; mx.sender.example\n\nFinal-Recipient: rfc822; joe@rcpt.example\nAction: "
                "failed\nStatus: 4.4.2\nDiagnostic-Code: X-Postfix; lost connection with\n    "
                "mx1.rcpt.example[203.0.113.5] while sending message body\n"),
         "joe@rcpt.example", "4.4.2", "mx1.rcpt.example", CAUSE_unreachable, STAGE_data, NULL, NULL},
	{"GMX, the enhanced code alone",
         TEXT("Mail Delivery System <mailer-daemon@gmx.example>", "Mail delivery failed: returning message to sender",
              "A message that you sent could not be delivered to one or more of\nits recipients. The following "
              "address\nfailed:\n\n\"joe@rcpt.example\":\nSMTP error from remote server after RCPT command:\nhost: "
              "mx1.rcpt.example\n5.2.2 <joe@rcpt.example>... Mailbox full\n"),
         "joe@rcpt.example", "5.2.2", "mx1.rcpt.example", CAUSE_mailbox_full, STAGE_rcpt, NULL, NULL},
	{"what a program returned, and a file as the recipient",
         REPORT("<joe@rcpt.example>\n    (reason: 77)\n\nmaildrop: maildir over quota.\n",
                "Reporting-MTA: dns; mx.sender.example\n\nOriginal-Recipient: rfc822; joe@rcpt.example\n"
                "Final-Recipient: rfc822; /var/mail/joe\nAction: failed\nStatus: 5.3.0\nDiagnostic-Code: X-Unix; "
                "77\n"),
         "joe@rcpt.example", "5.3.0", NULL, CAUSE_mailbox_full, STAGE_unknown, NULL, NULL},
	{"Courier, the server's name on a line of its own",
         TEXT("MAILER-DAEMON@mx.sender.example", "NOTICE: mail delivery status.",
              "This is a delivery status notification from mx.sender.example,\nrunning the Courier mail "
              "server.\n\nYour message to the following recipients cannot be "
              "delivered:\n\n<joe@rcpt.example>:\n    mx1.rcpt.example [203.0.113.5]:\n>>> RCPT "
              "TO:<joe@rcpt.example>\n<<< 550 User unknown\n"),
         "joe@rcpt.example", NULL, "mx1.rcpt.example", CAUSE_mailbox_unknown, STAGE_rcpt, NULL, NULL},
	{"Chinese marks are no part of an address",
         TEXT("Postmaster@sender.example", "系统退信",
              "您好，joe@rcpt.example：很抱歉，您发送的邮件被退回\n\n退信原因：550 User not found\n"),
         "joe@rcpt.example", NULL, NULL, CAUSE_mailbox_unknown, STAGE_rcpt, NULL, NULL},
	{"nothing but a subject", TEXT("MAILER-DAEMON@mx.sender.example", "Mail could not be delivered", "Sorry.\n"),
         NULL, NULL, NULL, CAUSE_unknown, STAGE_local, NULL, NULL},
};

static void assert_text(const char *name, const char *what, struct slice got, const char *wanted)
{
	if (!slice_equal(got, slice_str(wanted)))
		fail_msg("%s: %s is \"%.*s\", not \"%s\"", name, what, SLICE_ARG(got), wanted ? wanted : "");
}

static void read_bounce(struct arena *a, struct slice message, struct explanation *e)
{
	struct mime m;
	assert_true(mime_parse(a, message, &m));
	assert_true(explain(a, knowledge, &m, e));
}

static void test_bounces(void **state)
{
	for (size_t i = 0; i < sizeof bounces / sizeof *bounces; i++) {
		struct arena a;
		struct explanation e;
		char address[IP_TEXT_SIZE];
		const char *name = bounces[i].name;
		arena_init(&a, 16 << 20);
		read_bounce(&a, slice_str(bounces[i].message), &e);
		assert_text(name, "the recipient", e.failure.recipient, bounces[i].recipient);
		if (bounces[i].status) assert_text(name, "the status", slice_str(e.status), bounces[i].status);
		assert_text(name, "the host", e.failure.host, bounces[i].host);
		assert_text(name, "the cause", slice_str(cause_name(e.verdict.cause)), cause_name(bounces[i].cause));
		assert_text(name, "the stage", slice_str(stage_name(e.verdict.stage)), stage_name(bounces[i].stage));
		assert_text(name, "the list", e.verdict.list, bounces[i].list);
		if (bounces[i].address) {
			assert_int_not_equal(e.verdict.address.family, 0);
			assert_text(name, "the address", slice_str(ip_text(&e.verdict.address, address)),
			            bounces[i].address);
		}
		arena_free(&a);
	}
}

static void test_original(void **state)
{
	struct arena a;
	struct explanation e;
	arena_init(&a, 16 << 20);
	read_bounce(&a, slice_str(bounces[0].message), &e);
	assert_text("original", "Message-ID", e.message_id, "<first.1@sender.example>");
	assert_text("original", "Subject", e.subject, "Gr\303\274\303\237e");
	assert_text("original", "Date", e.date, "Tue, 3 Jun 2025 09:59:59 +0000");
	arena_free(&a);
}

/* Ordinary mail that is refused by a list of backscatterers: the receiver's fault. */
static void test_backscatter(void **state)
{
	static const char message[] =
		REPORT("Refused.\n",
	               "Reporting-MTA: dns; mx.sender.example\n\nFinal-Recipient: rfc822; joe@rcpt.example\nAction: "
	               "failed\nStatus: 5.7.1\nRemote-MTA: dns; mx1.rcpt.example\nDiagnostic-Code: smtp; 550 5.7.1 "
	               "Client host [198.51.100.7] blocked using ips.backscatterer.org\n");
	struct arena a;
	struct explanation e;
	arena_init(&a, 16 << 20);
	read_bounce(&a, slice_str(message), &e);
	assert_int_equal(e.verdict.actor, ACTOR_recipient_admin);
	assert_true(slice_search(e.verdict.note, SLICE("no sound reason")) < e.verdict.note.n);
	arena_free(&a);
}

/* Greylisting settles by itself while it is tried, and is the sending server's fault when it was given up. */
static void test_given_up(void **state)
{
	static const struct {
		const char *name, *message;
		enum actor actor;
	} reports[] = {
		{"a warning, by its words",
	         TEXT("Mail Delivery System <Mailer-Daemon@mx.sender.example>", "Warning: message delayed 24 hours",
	              "A message that you sent has not yet been delivered to one or more of its\nrecipients after more "
	              "than 24 hours on the queue.\n\n  joe@rcpt.example\n    host mx1.rcpt.example [203.0.113.5]\n   "
	              " SMTP error from remote mail server after RCPT TO:<joe@rcpt.example>:\n    451 4.7.1 "
	              "Greylisted, please come back later\n\nNo action is required on your part. Delivery attempts "
	              "will continue for\nsome time.\n"),
	         ACTOR_nobody},
		{"given up",
	         TEXT("MAILER-DAEMON@mx.sender.example", "failure notice",
	              "Hi. This is the qmail-send program at mx.sender.example.\nThis is a permanent error; I've given "
	              "up.\n\n<joe@rcpt.example>:\n203.0.113.5 does not like recipient.\nRemote host said: 451 4.7.1 "
	              "Greylisted, please come back later\nGiving up on 203.0.113.5.\nI'm not going to try again; "
	              "this message has been in the queue too long.\n"),
	         ACTOR_sender_admin},
	};
	struct arena a;
	struct explanation e;
	arena_init(&a, 16 << 20);
	for (size_t i = 0; i < sizeof reports / sizeof *reports; i++) {
		read_bounce(&a, slice_str(reports[i].message), &e);
		assert_int_equal(e.verdict.cause, CAUSE_greylisting);
		if (e.verdict.actor != reports[i].actor)
			fail_msg("%s: %s", reports[i].name, actor_name(e.verdict.actor));
	}
	arena_free(&a);
}

#define FORWARDED(original, said)                                                                                      \
	REPORT("Sorry.\n", "Reporting-MTA: dns; mx.club.example\n\nOriginal-Recipient: rfc822; " original              \
	                   "\nFinal-Recipient: rfc822; joe@home.example\nAction: failed\nStatus: 5.0.0\n"              \
	                   "Remote-MTA: dns; mx1.home.example\nDiagnostic-Code: smtp; " said "\n")

static const struct {
	const char *name, *message, *written_to; /* written_to: NULL, the message was not sent on */
	enum actor actor;
	const char *advice, *note;
} forwardings[] = {
	{"SPF", FORWARDED("joe@club.example", "550 5.7.23 SPF check failed"), "joe@club.example", ACTOR_recipient_admin,
         "rewrite the return path (SRS)", "written to joe@club.example; from there it was sent on to joe@home.example"},
	{"SPF without a forwarding", FORWARDED("joe@home.example", "550 5.7.23 SPF check failed"), NULL,
         ACTOR_sender_admin, "SPF record", ""},
	{"a name of the same organisation", FORWARDED("joe@mail1.home.example", "550 5.1.1 no such user"), NULL,
         ACTOR_sender, "spelling", ""},
	{"a forwarding to nowhere", FORWARDED("joe@club.example", "550 5.1.1 no such user"), "joe@club.example",
         ACTOR_recipient_admin, "joe@club.example is forwarded to an address that does not work", "sent on to"},
	{"the reverse name is the forwarder's too", FORWARDED("joe@club.example", "550 5.7.25 no PTR record"),
         "joe@club.example", ACTOR_sender_admin, "PTR record", "sent on to"},
	{"a full mailbox", FORWARDED("joe@club.example", "552 5.2.2 mailbox full"), "joe@club.example",
         ACTOR_recipient_admin, "make room", "sent on to joe@home.example"},
	{"Exim's words",
         TEXT("Mail Delivery System <Mailer-Daemon@mx.club.example>",
              "Mail delivery failed: returning message to sender",
              "A message that you sent could not be delivered to one or more of its\nrecipients. The following "
              "address(es) failed:\n\n  joe@home.example\n    (generated from joe@club.example)\n    host "
              "mx1.home.example [203.0.113.5]\n    SMTP error from remote mail server after RCPT "
              "TO:<joe@home.example>:\n    550 5.1.1 no such user\n"),
         "joe@club.example", ACTOR_recipient_admin, "forwarded to an address that does not work", "sent on to"},
};

static void test_forwarding(void **state)
{
	struct arena a;
	struct explanation e;
	arena_init(&a, 16 << 20);
	for (size_t i = 0; i < sizeof forwardings / sizeof *forwardings; i++) {
		const char *name = forwardings[i].name;
		read_bounce(&a, slice_str(forwardings[i].message), &e);
		const char *written_to = forwardings[i].written_to ? forwardings[i].written_to : "";
		if (!slice_equal(e.failure.written_to, slice_str(written_to)))
			fail_msg("%s: written to %.*s", name, SLICE_ARG(e.failure.written_to));
		if (e.verdict.actor != forwardings[i].actor) fail_msg("%s: %s", name, actor_name(e.verdict.actor));
		if (slice_search(e.verdict.advice, slice_str(forwardings[i].advice)) == e.verdict.advice.n)
			fail_msg("%s: advice: %.*s", name, SLICE_ARG(e.verdict.advice));
		struct slice note = slice_str(forwardings[i].note);
		if (note.n ? slice_search(e.verdict.note, note) == e.verdict.note.n : e.verdict.note.n > 0)
			fail_msg("%s: note: %.*s", name, SLICE_ARG(e.verdict.note));
	}
	arena_free(&a);
}

/* Any beginning of a bounce is read, and an arena of any size is enough or is said not to be. */
static void test_cut(void **state)
{
	struct slice message = slice_str(bounces[0].message);
	struct arena a;
	struct explanation e;
	struct mime m;
	for (size_t n = 0; n < message.n; n += 7) {
		arena_init(&a, 16 << 20);
		read_bounce(&a, slice_sub(message, 0, n), &e);
		arena_free(&a);
	}
	size_t failed = 0, done = 0;
	for (size_t limit = 500; limit < 100000; limit += 500) {
		arena_init(&a, limit);
		if (mime_parse(&a, message, &m) && explain(&a, knowledge, &m, &e))
			done++;
		else
			failed++;
		arena_free(&a);
	}
	assert_true(failed > 0 && done > 0);
}

/* ---- is it listed now? ----------------------------------------------------------------------------------------- */

static const char zone[] =
	"7.100.51.198.zen.spamhaus.org A 127.0.0.4\n"
	"8.100.51.198.zen.spamhaus.org A 127.255.255.254\n"
	"9.100.51.198.zen.spamhaus.org SERVFAIL\n"
	"10.100.51.198.zen.spamhaus.org A 192.0.2.1\n"
	"11.100.51.198.zen.spamhaus.org A 127.0.0.1\n"
	"7.100.51.198.dnsbl.sorbs.net A 127.0.0.6\n"
	"bad.example.dbl.spamhaus.org A 127.0.1.2\n"
	"7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.zen.spamhaus.org A 127.0.0.2\n";

static const struct {
	const char *name, *reply;
	enum listed listed;
} questions[] = {
	{"listed", "550 [198.51.100.7] blocked using zen.spamhaus.org", LISTED_YES},
	{"not listed", "550 [198.51.100.6] blocked using zen.spamhaus.org", LISTED_NO},
	{"an error of the question", "550 [198.51.100.8] blocked using zen.spamhaus.org", LISTED_UNKNOWN},
	{"no answer", "550 [198.51.100.9] blocked using zen.spamhaus.org", LISTED_UNKNOWN},
	{"a refusal to answer", "550 [198.51.100.11] blocked using zen.spamhaus.org", LISTED_UNKNOWN},
	{"an answer that is none", "550 [198.51.100.10] blocked using zen.spamhaus.org", LISTED_UNKNOWN},
	{"a closed list is not asked", "550 [198.51.100.7] blocked using dnsbl.sorbs.net", LISTED_UNKNOWN},
	{"no address", "550 blocked using zen.spamhaus.org", LISTED_UNKNOWN},
	{"a domain", "550 bad.example.dbl.spamhaus.org", LISTED_YES},
	{"another domain", "550 good.example.dbl.spamhaus.org", LISTED_NO},
	{"IPv6", "550 2001:db8::7 blocked using zen.spamhaus.org", LISTED_YES},
	{"no list", "550 5.1.1 no such user [198.51.100.7]", LISTED_UNKNOWN},
};

static void body_listed(void *arg)
{
	struct resolver *r;
	char why[256];
	struct arena a;
	arena_init(&a, 16 << 20);
	CHECK_ERROR(resolver_new_table(slice_str(zone), &r, why), ERR_OK);
	for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
		struct reply_verdict v;
		struct reply_context c = {.text = slice_str(questions[i].reply)};
		CHECK(explain_reply(&a, knowledge, &c, &v));
		enum listed got = listed_now(r, &v, clock_deadline(5000));
		if (got != questions[i].listed) fprintf(stderr, "%s: %d\n", questions[i].name, got);
		CHECK(got == questions[i].listed);
	}
	resolver_free(r);
	arena_free(&a);
}

static void test_listed(void **state)
{
	run_in_fiber(body_listed, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounces),  cmocka_unit_test(test_original),   cmocka_unit_test(test_backscatter),
		cmocka_unit_test(test_given_up), cmocka_unit_test(test_forwarding), cmocka_unit_test(test_cut),
		cmocka_unit_test(test_listed),
	};
	return cmocka_run_group_tests(tests, load_knowledge, unload_knowledge);
}
