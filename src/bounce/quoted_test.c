/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bounce/quoted.h"

static const struct {
	const char *name, *text, *own;
} texts[] = {
	{"nothing", "", ""},
	{"nothing quoted", "Hello:\nmy words\n", "Hello:\nmy words\n"},
	{"above", "Jo wrote:\n> I am away\n> until May\n\nThen later.\n", "Jo wrote:\n>\nThen later.\n"},
	{"below", "Then later.\n\nJo wrote:\n> I am away\n", "Then later.\n\nJo wrote:\n>"},
	{"an empty line after who", "Jo wrote:\n\n> I am away\nOK\n", "Jo wrote:\n\n>OK\n"},
	{"two empty lines after who", "Jo wrote:\n\n\n> I am away\n", "Jo wrote:\n\n\n> I am away\n"},
	{"an empty line between", "Jo wrote:\n> I am\n\n> away\nOK\n", "Jo wrote:\n>OK\n"},
	{"in parts", "Jo wrote:\n> a\nYes.\nAnn wrote:\n> b\nNo.\n", "Jo wrote:\n>Yes.\nAnn wrote:\n>No.\n"},
	{"deeper", "Jo wrote:\n> a\n>> b\n> c\nOK\n", "Jo wrote:\n>OK\n"},
	{"CR LF", "Jo wrote:\r\n> a\r\n\r\n> b\r\nOK\r\n", "Jo wrote:\r\n>OK\r\n"},
	{"a wide colon", "田中さん：\n> a\nOK\n", "田中さん：\n>OK\n"},
	{"nobody's", "see below\n> I am away\n", "see below\n> I am away\n"},
	{"the reply of a server", "The server said:\n> 550 unknown\n", "The server said:\n> 550 unknown\n"},
	{"a transcript", "while talking to mx:\n>>> DATA\n", "while talking to mx:\n>>> DATA\n"},
	{"a header", "Begin forwarded message:\n\n> From: a@example.net\n> x\n",
         "Begin forwarded message:\n\n> From: a@example.net\n> x\n"},
	{"no end of line", "Jo wrote:\n>", "Jo wrote:\n>"},
	{"no end of its words", "Jo wrote:\n> a", "Jo wrote:\n>"},
};

static void test_own_words(void **state)
{
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		char own[200];
		size_t n = 0;
		struct slice text = slice_str(texts[i].text), piece;
		while (quoted_next(&text, &piece)) {
			assert_true(n + piece.n < sizeof own);
			memcpy(own + n, piece.p, piece.n);
			n += piece.n;
		}
		own[n] = 0;
		if (strcmp(own, texts[i].own) != 0) fail_msg("%s: %s", texts[i].name, own);
	}
}

static const struct {
	const char *subject, *text, *own; /* own NULL: all of it */
} answers[] = {
	{"AW: Abwesend", "Danke!\n\nVon: Ann\nGesendet: Montag\nAn: Jo\nBetreff: Abwesend\n\nIch bin fort.\n",
         "Danke!\n\n"},
	{"RE: RE: away", "OK\n*From:* Ann <a@example.net>\n*Sent:* today\n*To:* Jo\n*Subject:* RE: away\nx\n", "OK\n"},
	{"回复：不在办公室", "好\n发件人: 李\n发送时间: 2024\n收件人: 王\n主题: 不在办公室\n我不在\n", "好\n"},
	{"Fwd: undeliverable", "De : MAILER\nDate : lundi\nÀ : Jo\nObjet : undeliverable\n\nfailed\n", ""},
	{"FW: long subject that goes on", "From: a\nSent: b\nTo: c\nCc: d\nSubject: long subject\nx\n", ""},
	{"Re: other", "From: a\nSent: b\nTo: c\nSubject: away\nx\n", NULL},
	{"away", "From: a\nSent: b\nTo: c\nSubject: away\nx\n", NULL},
	{"Undeliverable: away", "To: c\nSubject: away\nSent: b\nReason: unknown\nx\n", NULL},
	{"Read: away", "From: a\nTo: c\nSubject: away\nSent: b\nwas read\n", NULL},
	{"Re: away", "To: c\nSubject: away\nSent: b\n\nwas not delivered\n", NULL},
	{"Re: away", "From: a\nSent: b\n\nTo: c\nSubject: away\n", NULL},
	{"Re: away", "http://x.example: a\n12: b\na@b: c\nSubject: away\n", NULL},
	{"Re: away", "From:\nSent:\nTo:\nSubject: away\n", NULL},
	{"Re: a", "From: x\nSent: b\nTo: c\nSubject: away\n", NULL},
	{"Re:", "From: a\nSent: b\nTo: c\nSubject: away\n", NULL},
	{"Re: away", "", NULL},
};

static void test_answered_below(void **state)
{
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
		struct slice text = slice_str(answers[i].text);
		size_t n = quoted_message(text, quoted_subject(slice_str(answers[i].subject)));
		size_t want = answers[i].own ? strlen(answers[i].own) : text.n;
		if (n != want) fail_msg("%s: %s: %zu", answers[i].subject, answers[i].text, n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_own_words), cmocka_unit_test(test_answered_below)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
