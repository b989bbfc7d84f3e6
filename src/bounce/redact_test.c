/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "bounce/redact.h"

#define SOURCE "192.0.2.7"

static const struct {
	const char *what, *header, *specimen;
} cases[] = {
	{"a bounce of Postfix",
         "Return-Path: <>\r\n"
         "Received: by mail.example.org (Postfix) id 4XyZ; Wed, 25 Nov 2026 10:00:00 +0000 (UTC)\r\n"
         "Date: Wed, 25 Nov 2026 10:00:00 +0000 (UTC)\r\n"
         "From: Mail Delivery System <MAILER-DAEMON@mail.example.org>\r\n"
         "Subject: Undelivered Mail Returned to Sender\r\n"
         "To: anna@trap.example.net\r\n"
         "Auto-Submitted: auto-replied\r\n"
         "MIME-Version: 1.0\r\n"
         "Content-Type: multipart/report; report-type=delivery-status;\r\n"
         "\tboundary=\"4XyZ.1764064800/mail.example.org\"\r\n"
         "Content-Transfer-Encoding: 8bit\r\n"
         "Message-Id: <20261125100000.4XyZ@mail.example.org>\r\n"
         "\r\n"
         "From: in@the.body\r\n",
         "Return-Path: <>\n"
         "Received: by mail.example.org; Wed, 25 Nov 2026 10:00:00 +0000\n"
         "Date: Wed, 25 Nov 2026 10:00:00 +0000\n"
         "From: <MAILER-DAEMON@mail.example.org>\n"
         "Subject: Undelivered Mail Returned to Sender\n"
         "Auto-Submitted: auto-replied\n"
         "Content-Type: multipart/report; report-type=delivery-status\n"
         "Message-ID: x\n"},
	{"people's names, addresses and words",
         "From: \"Anna Berg\" <anna.berg@example.org> (at home)\n"
         "Sender: anna@example.org\n"
         "Subject: Out of Office: I am in Rome until Friday\n"
         "X-Autoreply: Anna is away\n"
         "Reply-To: anna@elsewhere.example\n"
         "X-Mailer: Anna's\n"
         "References: <1@trap.example.net>\n",
         "From: <x@example.org>\nSender: <x@example.org>\nSubject: Out of Office ...\nX-Autoreply: x\n"},
	{"a subject of a person", "Subject: Re: Our meeting\n", "Subject: ...\n"},
	{"a subject of a program in other letters", "Subject: UNDELIVERABLE: Re: Our meeting\n",
         "Subject: Undeliverable ...\n"},
	{"hops: the outermost two, the source's address, nobody else's",
         "Received: from [10.1.2.3] (helo=annas-laptop) by out.example.org (Exim) for <b@trap.example.net>; Wed, 25 "
         "Nov 2026 10:00:00 +0000\n"
         "Received: from out (out.example.org [" SOURCE "]) by in.example.org with ESMTP id 1; Wed, 25 Nov 2026 "
         "09:59:00 +0000\n"
         "Received: from a by b.example.org; Wed, 25 Nov 2026 09:58:00 +0000\n",
         "Received: by out.example.org; Wed, 25 Nov 2026 10:00:00 +0000\n"
         "Received: from x ([" SOURCE "]) by in.example.org; Wed, 25 Nov 2026 09:59:00 +0000\n"},
	{"the hidden domain, wherever it stands",
         "From: MAILER-DAEMON@trap.example.net\nSender: a@Sub.Trap.Example.net\n"
         "Received: by mx.trap.example.net; 25 Nov 2026 10:00:00 +0000\n"
         "Message-ID: <1@trap.example.net>\nX-Failed-Recipients: a@trap.example.net, b@example.org\n",
         "From: <MAILER-DAEMON@x>\nSender: <x@x>\nReceived: by x; 25 Nov 2026 10:00:00 +0000\n"
         "Message-ID: x\nX-Failed-Recipients: x\n"},
	{"each field once", "From: a@example.org\nFrom: b@example.com\n", "From: <x@example.org>\n"},
	{"tokens",
         "Auto-Submitted: auto-generated (anna)\nPrecedence: bulk\n"
         "X-Auto-Response-Suppress: DR, OOF;anna@example.org, @, All\n",
         "Auto-Submitted: auto-generated\nPrecedence: bulk\nX-Auto-Response-Suppress: DR, OOF, All\n"},
	{"what cannot be read goes",
         "From: MAILER-DAEMON (Mail Delivery System)\nDate: gestern @ acht\nContent-Type: \n"
         "Received: from nowhere\nMessage-ID: anna\nPrecedence: \xe9\n",
         "Message-ID: x\n"},
	{"words where none belong",
         "Date: Wed, 25 Nov 2026 10:00:00 Anna\nPrecedence: anna\nContent-Type: text/anna-berg\nAuto-Submitted: "
         "auto-replied; owner-email=\"anna@example.org\"\nX-Auto-Response-Suppress: Anna, DR\n"
         "Received: by out.example.org; Anna Berg at home\nMessage-ID: <1@annas-laptop.local>\n",
         "Date: Wed, 25 Nov 2026 10:00:00 +0000\nAuto-Submitted: auto-replied\n"
         "X-Auto-Response-Suppress: DR\nMessage-ID: x\n"},
	{"a report's type and what else may stand there",
         "Content-Type: multipart/report; boundary=anna; report-type=\"anna\"\n", "Content-Type: multipart/report\n"},
	{"a literal and a domain that is none", "From: a@[192.0.2.9]\nSender: b@-\n", "From: <x@x>\nSender: <x@x>\n"},
	{"nothing", "", ""},
};

static struct slice redact(struct arena *a, struct slice header, char room[REDACT_MOST])
{
	struct ip source;
	assert_true(ip_parse(SLICE(SOURCE), &source));
	struct redact_about about = {.source = ip_unit(&source), .hidden = SLICE("trap.example.net")};
	return redact_header(a, header, &about, room);
}

static void fields_by_their_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char room[REDACT_MOST], again[REDACT_MOST];
		struct arena a;
		arena_init(&a, 1 << 20);
		struct slice got = redact(&a, slice_str(cases[i].header), room);
		if (!slice_equal(got, slice_str(cases[i].specimen)))
			fail_msg("%s:\n%.*s", cases[i].what, SLICE_ARG(got));
		if (!slice_equal(redact(&a, got, again), got)) fail_msg("%s: changes again", cases[i].what);
		arena_free(&a);
	}
}

static void a_specimen_is_whole_fields(void **state)
{
	(void)state;
	static char header[8192];
	char room[REDACT_MOST];
	size_t n = 0;
	struct arena a;
	arena_init(&a, 1 << 20);
	/* three domains of 250 octets in each of three fields pass the most there may be */
	static const char *const names[] = {"From", "Sender", "Return-Path"};
	for (size_t i = 0; i < 3; i++) {
		n += (size_t)snprintf(header + n, sizeof header - n, "%s: ", names[i]);
		for (int j = 0; j < 3; j++) {
			n += (size_t)snprintf(header + n, sizeof header - n, "%sa@", j ? ", " : "");
			for (int k = 0; k < 26; k++)
				n += (size_t)snprintf(header + n, sizeof header - n, "%cbcdefgh.", 'a' + k);
			n += (size_t)snprintf(header + n, sizeof header - n, "org");
		}
		n += (size_t)snprintf(header + n, sizeof header - n, "\n");
	}
	n += (size_t)snprintf(header + n, sizeof header - n, "Precedence: bulk\n");
	struct slice got = redact(&a, slice_of(header, n), room);
	assert_true(got.n <= REDACT_MOST);
	assert_true(slice_ends_nocase(got, SLICE("\nPrecedence: bulk\n"))); /* what is small still fits */
	assert_true(slice_search(got, SLICE("Return-Path")) == got.n);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_by_their_rules),
		cmocka_unit_test(a_specimen_is_whole_fields),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
