/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bounce/dead.h"
#include "bounce/test_knowledge.h"

#define REPORT(words, fields)                                                                                          \
	"From: MAILER-DAEMON@list.test\nTo: ann@far.test\nSubject: Undelivered\nMIME-Version: 1.0\n"                   \
	"Content-Type: multipart/report; report-type=delivery-status; boundary=b1\n\n--b1\n\n" words                   \
	"\n--b1\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; list.test\n" fields                      \
	"\n--b1\nContent-Type: text/rfc822-headers\n\nFrom: ann@far.test\nMessage-ID: <1@far.test>\n\n--b1--\n"
#define GONE(action, status, diagnostic)                                                                               \
	"\nFinal-Recipient: rfc822; gone@list.test\nAction: " action "\nStatus: " status "\n" diagnostic

static const struct {
	const char *name, *message;
	const char *found; /* addresses, each with what follows "=" as its original, and a blank */
} cases[] = {
	{"Postfix, its own table",
         REPORT("<gone@list.test>: unknown user: \"gone\"\n",
                GONE("failed", "5.1.1", "Diagnostic-Code: X-Postfix; unknown user: \"gone\"\n")),
         "gone@list.test "},
	{"Postfix before Dovecot",
         REPORT("<gone@list.test>: host 127.0.0.1 said: 550 5.1.1 <gone@list.test> User doesn't exist\n",
                GONE("failed", "5.1.1",
                     "Diagnostic-Code: smtp; 550 5.1.1 <gone@list.test> User doesn't exist: gone@list.test\n")),
         "gone@list.test "},
	{"Exim, which says it in words",
         REPORT("  gone@list.test\n    Unrouteable address\n", GONE("failed", "5.0.0", "")), "gone@list.test "},
	{"Exchange",
         REPORT("Your message wasn't delivered.\n",
                GONE("failed", "5.1.10",
                     "Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP "
                     "address lookup\n")),
         "gone@list.test "},
	{"only a code", REPORT("Sorry.\n", GONE("failed", "5.1.1", "")), "gone@list.test "},
	{"expanded from another address",
         REPORT("Sorry.\n", "\nOriginal-Recipient: rfc822;sales@list.test" GONE("failed", "5.1.1", "")),
         "gone@list.test=sales@list.test "},
	{"the original is the same",
         REPORT("Sorry.\n", "\nOriginal-Recipient: rfc822;Gone@list.test" GONE("failed", "5.1.1", "")),
         "gone@list.test "},
	{"Sendmail, on the host behind the domain",
         REPORT("550 5.1.1 <gone@list.test>... User unknown\n",
                "\nFinal-Recipient: RFC822; gone@list.test\nX-Actual-Recipient: RFC822; Gone@mail.list.test\nAction: "
                "failed\nStatus: 5.1.1\n"),
         "gone@list.test "},
	{"Sendmail, who forwards to somebody who is gone",
         REPORT("550 5.1.1 <joe@evil.test>... User unknown\n",
                "\nFinal-Recipient: RFC822; joe@list.test\nX-Actual-Recipient: RFC822; joe@evil.test\nAction: "
                "failed\nStatus: 5.1.1\nRemote-MTA: DNS; mx.evil.test\nDiagnostic-Code: SMTP; 550 5.1.1 User "
                "unknown\n"),
         ""},
	{"the same, within the domain",
         REPORT("550 5.1.1 <bob@list.test>... User unknown\n",
                "\nFinal-Recipient: RFC822; joe@list.test\nX-Actual-Recipient: RFC822; bob@list.test\nAction: "
                "failed\nStatus: 5.1.1\n"),
         ""},
	{"two, and one is full",
         REPORT("Sorry.\n",
                GONE("failed", "5.1.1",
                     "Diagnostic-Code: x-unix; user unknown\n") "\nFinal-Recipient: rfc822; full@list.test\nAction: "
                                                                "failed\nStatus: 5.2.2\n"),
         "gone@list.test "},
	{"two without a reply",
         REPORT("Sorry.\n",
                GONE("failed", "5.1.1", "") "\nFinal-Recipient: rfc822; b@list.test\nAction: failed\nStatus: "
                                            "5.0.0\n"),
         "gone@list.test "},
	{"full",
         REPORT("<gone@list.test>: maildir delivery failed: Disk quota exceeded\n", GONE("failed", "5.2.2", "")), ""},
	{"full, though the code says otherwise",
         REPORT("Sorry.\n", GONE("failed", "5.1.1", "Diagnostic-Code: smtp; 550 5.1.1 mailbox is full, over quota\n")),
         ""},
	{"delayed", REPORT("Sorry.\n", GONE("delayed", "4.1.1", "")), ""},
	{"delivered", REPORT("Fine.\n", GONE("delivered", "2.1.5", "")), ""},
	{"for now", REPORT("Sorry.\n", GONE("failed", "4.1.1", "Diagnostic-Code: smtp; 450 4.1.1 user unknown\n")), ""},
	{"a rule",
         REPORT("I do not want this.\n", GONE("failed", "5.7.1", "Diagnostic-Code: smtp; 550 5.7.1 not wanted\n")), ""},
	{"words of the message in a reply about a rule",
         REPORT("Sorry.\n",
                GONE("failed", "5.7.1",
                     "Diagnostic-Code: smtp; 550 5.7.1 rejected: the link http://user-unknown.test/ (user unknown)\n")),
         ""},
	{"a code that speaks of the sender",
         REPORT("Sorry.\n", GONE("failed", "5.1.8", "Diagnostic-Code: smtp; 550 5.1.8 Sender address: user unknown\n")),
         ""},
	{"who forwards to somebody who is gone, by the words alone",
         REPORT("Sorry.\n",
                GONE("failed", "5.1.1", "Diagnostic-Code: smtp; 550 5.1.1 <joe@evil.test>... User unknown\n")),
         ""},
	{"who forwards within the domain",
         REPORT("Sorry.\n", GONE("failed", "5.1.1", "Diagnostic-Code: smtp; 550 5.1.1 no such user joe@list.test.\n")),
         ""},
	{"named with the host behind, and at the end of a sentence",
         REPORT("Sorry.\n",
                GONE("failed", "5.1.1",
                     "Diagnostic-Code: smtp; 550 5.1.1 No such user GONE@mx.list.test. Ask gone@list.test.\n")),
         "gone@list.test "},
	{"a loop",
         REPORT("Sorry.\n", GONE("failed", "5.4.6", "Diagnostic-Code: X-Postfix; mail for list.test loops\n")), ""},
	{"no part of its own",
         "From: MAILER-DAEMON@list.test\nTo: ann@far.test\nSubject: Undelivered\n\nFinal-Recipient: rfc822; "
         "gone@list.test\nAction: failed\nStatus: 5.1.1\n",
         ""},
	{"qmail",
         "From: MAILER-DAEMON@list.test\nTo: ann@far.test\nSubject: failure notice\n\n<gone@list.test>:\nno mailbox "
         "here by that name. (#5.1.1)\n",
         ""},
	{"in a message that is returned",
         "From: MAILER-DAEMON@list.test\nTo: ann@far.test\nSubject: Undelivered\nMIME-Version: 1.0\nContent-Type: "
         "multipart/mixed; boundary=o\n\n--o\n\nSorry.\n--o\nContent-Type: message/rfc822\n\n" REPORT(
		 "x", GONE("failed", "5.1.1", "")) "\n--o--\n",
         ""},
	{"quoted by a program that says nothing of parts",
         "From: bob@list.test\nTo: ann@far.test\nSubject: Away\n\nI am away. You wrote:\n\n--f\nContent-Type: "
         "message/delivery-status\n" GONE("failed", "5.1.1", "") "\n--f--\n",
         ""},
	{"quoted by a program whose boundary can be foretold",
         "From: bob@list.test\nTo: ann@far.test\nSubject: Away\nContent-Type: multipart/mixed; boundary=next\n\n"
         "--next\n\nI am away. You wrote:\n\n--next\nContent-Type: message/delivery-status\n" GONE("failed", "5.1.1",
                                                                                                   "") "\n--next--\n",
         ""},
	{"behind the message that is returned",
         "From: MAILER-DAEMON@list.test\nTo: ann@far.test\nSubject: Undelivered\nContent-Type: multipart/report; "
         "boundary=b1\n\n--b1\n\nSorry.\n--b1\nContent-Type: message/delivery-status\n" GONE(
		 "failed", "5.2.2", "") "\n--b1\nContent-Type: message/rfc822\n\nFrom: ann@far.test\nMessage-ID: "
                                        "<1@far.test>\n\n--b1\nContent-Type: "
                                        "message/delivery-status\n" GONE("failed", "5.1.1", "") "\n--b1--\n",
         ""},
	{"nothing", "", ""},
};

static void who_does_not_exist(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct arena a;
		struct mime m;
		struct dead found[DEAD_MOST];
		char text[400] = "";
		arena_init(&a, 1 << 22);
		assert_true(mime_parse(&a, slice_str(cases[i].message), &m));
		size_t n = dead_find(&a, knowledge, &m, found);
		for (size_t k = 0; k < n; k++) {
			assert_true(found[k].words.n > 0);
			snprintf(text + strlen(text), sizeof text - strlen(text), "%.*s%s%.*s ",
			         SLICE_ARG(found[k].address), found[k].original.n ? "=" : "",
			         SLICE_ARG(found[k].original));
		}
		if (strcmp(text, cases[i].found) != 0) fail_msg("%s: %s", cases[i].name, text);
		arena_free(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(who_does_not_exist)};
	return cmocka_run_group_tests_name("bounce/dead", tests, load_knowledge, unload_knowledge);
}
