/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bounce/explain_recipients.h"
#include "bounce/test_knowledge.h"

#define TEXT(words) "From: MAILER-DAEMON@mx.sender.example\nTo: ann@sender.example\nSubject: failed\n\n" words

/* "address cause status" of each, failed unless "late" or "sent" stands before. */
static const struct {
	const char *name, *message, *recipients[5];
} bounces[] = {
	{"groups of a delivery status",
         "From: MAILER-DAEMON@mx.sender.example\nTo: ann@sender.example\nSubject: failed\nMIME-Version: "
         "1.0\nContent-Type: "
         "multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nSeveral.\n--b\nContent-Type: "
         "message/delivery-status\n\nReporting-MTA: dns; mx.sender.example\n\nFinal-Recipient: rfc822; "
         "a@x.example\nAction: "
         "failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 no such user\n\nFinal-Recipient: rfc822; "
         "b@x.example\nAction: delayed\nStatus: 4.2.2\nDiagnostic-Code: smtp; 452 4.2.2 over quota\n\nFinal-Recipient: "
         "rfc822; "
         "c@x.example\nAction: delivered\nStatus: 2.0.0\n\n--b--\n",
         {"a@x.example mailbox_unknown 5.1.1", "late b@x.example mailbox_full 4.2.2", "sent c@x.example - 2.0.0"}},
	{"Exim's paragraphs",
         TEXT("The following address(es) failed:\n\n  a@x.example\n    host mx.x.example [203.0.113.5]\n    SMTP error "
              "from remote "
              "mail server after RCPT TO:<a@x.example>:\n    550 5.1.1 unknown user\n  b@y.example\n    retry timeout "
              "exceeded\n\nBye.\n"),
         {"a@x.example mailbox_unknown 5.1.1", "b@y.example unreachable "}},
	{"qmail's paragraphs",
         TEXT("I wasn't able to deliver.\n\n<a@x.example>:\n203.0.113.5 does not like recipient.\nRemote host said: "
              "552 5.2.2 "
              "full\nGiving up on 203.0.113.5.\n\n<b@y.example>:\nSorry, I couldn't find any host named y.example. "
              "(#5.1.2)\n"),
         {"a@x.example mailbox_full 5.2.2", "b@y.example dns 5.1.2"}},
	{"one recipient, whose address is in the wrapped reply",
         TEXT("<a@x.example>: host mx.x.example said: 550 5.1.1\n    <a@x.example>: User unknown\n"),
         {NULL}},
	{"a letter with addresses", TEXT("Failed.\n\nSee\n  help@x.example\n  more@x.example\n"), {NULL}},
};

static void test_recipients(void **state)
{
	for (size_t i = 0; i < sizeof bounces / sizeof *bounces; i++) {
		struct arena a;
		struct mime m;
		struct explanation e;
		struct explained_recipient *list;
		size_t n, wanted = 0;
		arena_init(&a, 16 << 20);
		assert_true(mime_parse(&a, slice_str(bounces[i].message), &m));
		assert_true(explain(&a, knowledge, &m, &e));
		assert_true(explain_recipients(&a, knowledge, &m, &e, &list, &n));
		while (bounces[i].recipients[wanted]) wanted++;
		if (n != wanted) fail_msg("%s: %zu recipients", bounces[i].name, n);
		for (size_t j = 0; j < n; j++) {
			struct slice told =
				arena_printf(&a, "%s%.*s %s %s",
			                     list[j].delivered ? "sent "
			                     : list[j].delayed ? "late "
			                                       : "",
			                     SLICE_ARG(list[j].address),
			                     list[j].delivered ? "-" : cause_name(list[j].cause), list[j].status);
			if (!slice_equal(told, slice_str(bounces[i].recipients[j])))
				fail_msg("%s: %.*s", bounces[i].name, SLICE_ARG(told));
		}
		arena_free(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_recipients)};
	return cmocka_run_group_tests(tests, load_knowledge, unload_knowledge);
}
