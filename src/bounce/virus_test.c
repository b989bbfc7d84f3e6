/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bounce/virus.h"

static const struct {
	const char *message;
	bool virus;
} cases[] = {
	{"Subject: VIRUS (Eicar-Test-Signature) IN MAIL FROM YOU\n\nOur content checker found ...\n", true},
	{"Subject: {Virus?} your mail\n\nOur virus checker found that you sent W32/Klez\n", true},
	{"Subject: Norton AntiVirus detected a virus in a message you sent\n\nx\n", true},
	{"Subject: Warning\n\nThe message\nyou sent   contained a\nvirus and was not delivered.\n", true},
	{"Subject: =?utf-8?q?Virus_gefunden?=\n\nx\n", true},
	{"Subject: Hinweis\nContent-Type: text/plain; charset=utf-8\n\nIn Ihrer Nachricht wurde ein Virus gefunden.\n",
         true},
	{"Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\n\n<p>We found a virus "
         "in "
         "your mail</p>\n--b--\n",
         true},
	{"Subject: Re: virus found\n\nI had that too last week.\n", false},
	{"Subject: Undelivered Mail Returned to Sender\n\nThis is the mail system.\n", false},
	{"Subject: flu\n\nThe virus is going round in town.\n", false},
	/* what another server said, in fields, and what the returned message says */
	{"Subject: Undelivered\nContent-Type: multipart/report; boundary=b\n\n--b\n\nI could not deliver it.\n--b\n"
         "Content-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\nDiagnostic-Code: smtp; 554 virus found in "
         "it\n"
         "--b\nContent-Type: message/rfc822\n\nSubject: virus found in your mail\n\nwe found a virus in it\n--b--\n",
         false},
	{"", false},
};

static void notices_of_scanners(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct arena a;
		struct mime m;
		arena_init(&a, 1 << 20);
		assert_true(mime_parse(&a, slice_str(cases[i].message), &m));
		if (virus_notice(&a, m.root) != cases[i].virus) fail_msg("%s", cases[i].message);
		arena_free(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(notices_of_scanners)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
