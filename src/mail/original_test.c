/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mail/original.h"

#define RETURNED                                                                                                       \
	"Return-Path: <a@b>\nReceived: from x by y; today\nFrom: a@b\nTo: c@d\nSubject: hi\nMessage-ID: <1@b>\n"
#define NAME_40  "n234567890n234567890n234567890n234567890"
#define LINES_10 "1\n2\n\n3\n4\n5\n6\n\n\n7\n8\n9\n0\n"
#define LINES_11 LINES_10 "1\n"
#define REPORT   "Content-Type: multipart/report; boundary=b\n\n--b\n\nsorry\n--b\n"

static const struct {
	const char *name, *message;
	enum original_form form;
	bool announced;
	const char *message_id, *subject;
} cases[] = {
	{"embedded message", REPORT "Content-Type: message/rfc822\n\n" RETURNED "\nbody\n--b--\n", ORIGINAL_MESSAGE,
         false, "<1@b>", "hi"},
	{"for UTF-8", REPORT "Content-Type: message/global\n\n" RETURNED "\nbody\n--b--\n", ORIGINAL_MESSAGE, false,
         "<1@b>", "hi"},
	{"partial", REPORT "Content-Type: message/partial\n\n" RETURNED "\nbody\n--b--\n", ORIGINAL_MESSAGE, false,
         "<1@b>", "hi"},
	{"embedded header only", REPORT "Content-Type: message/rfc822\n\n" RETURNED "--b--\n", ORIGINAL_MESSAGE, false,
         "<1@b>", "hi"},
	{"in base64",
         REPORT "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n"
                "RnJvbTogYUBiCk1lc3NhZ2UtSUQ6IDwxQGI+ClN1YmplY3Q6IGhpCgp4Cg==\n--b--\n",
         ORIGINAL_MESSAGE, false, "<1@b>", "hi"},
	{"attached header", REPORT "Content-Type: text/rfc822-headers\n\n" RETURNED "--b--\n", ORIGINAL_HEADERS, false,
         "<1@b>", "hi"},
	{"attached header after empty lines", REPORT "Content-Type: message/global-headers\n\n\n\n" RETURNED "--b--\n",
         ORIGINAL_HEADERS, false, "<1@b>", "hi"},
	{"attached header of another name", REPORT "Content-Type: message/rfc822-headers\n\n" RETURNED "--b--\n",
         ORIGINAL_HEADERS, false, "<1@b>", "hi"},
	{"the message comes before the header",
         REPORT "Content-Type: text/rfc822-headers\n\nFrom: x@y\nMessage-ID: <2@b>\n--b\nContent-Type: "
                "message/rfc822\n\n" RETURNED "--b--\n",
         ORIGINAL_MESSAGE, false, "<1@b>", "hi"},
	{"a part that is the message itself", REPORT RETURNED "\nbody\n--b--\n", ORIGINAL_MESSAGE, false, "<1@b>",
         "hi"},
	{"an embedded message that is text",
         REPORT "Content-Type: message/rfc822\n\nSorry: it failed.\n\n--- Below this line is a copy of the "
                "message.\n\n" RETURNED "\nx\n--b--\n",
         ORIGINAL_QUOTED, true, "<1@b>", "hi"},
	{"behind a wrong boundary",
         REPORT "Content-Type: message/delivery-status\n\nReporting-MTA: dns; a\n\n--c\nContent-Type: "
                "text/rfc822-headers\n\n" RETURNED "--b--\n",
         ORIGINAL_QUOTED, false, "<1@b>", "hi"},
	{"as an attachment of text",
         "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nsorry\n--b\nContent-Disposition: attachment\n\n" RETURNED
         "--b--\n",
         ORIGINAL_QUOTED, false, "<1@b>", "hi"},
	{"as an attached file",
         REPORT "Content-Type: application/octet-stream; name=original.EML\n\n" RETURNED "\nbody\n--b--\n",
         ORIGINAL_MESSAGE, false, "<1@b>", "hi"},
	{"as a file of another kind",
         REPORT "Content-Type: application/octet-stream; name=original.exe\n\n" RETURNED "\nbody\n--b--\n",
         ORIGINAL_NONE, false, "", ""},
	{"qmail",
         "From: q@b\n\nHi. This is the qmail-send program.\n\n--- Below this line is a copy of the "
         "message.\n\n" RETURNED "\nbody\n",
         ORIGINAL_QUOTED, true, "<1@b>", "hi"},
	{"Exim",
         "From: e@b\n\n------ This is a copy of the message, including all the headers. ------\n\n" RETURNED "\nbody\n",
         ORIGINAL_QUOTED, true, "<1@b>", "hi"},
	{"Exchange",
         "From: e@b\n\nDiagnostic information for administrators:\n\nGenerating server: x\n\nOriginal message "
         "headers:\n\n" RETURNED,
         ORIGINAL_QUOTED, true, "<1@b>", "hi"},
	{"sendmail of old", "From: e@b\n\n   ----- Unsent message follows -----\n" RETURNED "\nbody\n", ORIGINAL_QUOTED,
         true, "<1@b>", "hi"},
	{"Russian",
         "From: e@b\n\n---- \xD0\x98\xD1\x81\xD1\x85\xD0\xBE\xD0\xB4\xD0\xBD\xD0\xBE\xD0\xB5 "
         "\xD1\x81\xD0\xBE\xD0\xBE\xD0\xB1\xD1\x89"
         "\xD0\xB5\xD0\xBD\xD0\xB8\xD0\xB5 ----\n" RETURNED,
         ORIGINAL_QUOTED, true, "<1@b>", "hi"},
	{"no announcement", "From: e@b\n\nIt failed.\n\n" RETURNED "\nbody\n", ORIGINAL_QUOTED, false, "<1@b>", "hi"},
	{"quoted with signs", "From: e@b\n\n> From: a@b\n> Subject: hi\n> Message-ID:\n>  <1@b>\n>\n> body\n",
         ORIGINAL_QUOTED, false, "<1@b>", "hi"},
	{"quoted with signs, one line", "From: e@b\n\n> From: a@b\n> Subject: hi\n> Message-ID: <1@b>\n>\n> body\n",
         ORIGINAL_QUOTED, false, "<1@b>", "hi"},
	{"quoted with blanks",
         "From: e@b\n\n    From: a@b\n    Subject: hi\n       there\n    Message-ID: <1@b>\n\nx\n", ORIGINAL_QUOTED,
         false, "<1@b>", "hi\n   there"},
	{"quoted with bars", "From: e@b\n\n| From: a@b\n| To: x\n| Subject: hi\n", ORIGINAL_QUOTED, false, "", "hi"},
	{"announced, few fields", "From: e@b\n\nOriginal message:\n\nFrom: a@b\nSubject: hi\n", ORIGINAL_QUOTED, true,
         "", "hi"},
	{"a Message-ID alone", "From: e@b\n\nMessage-Id: <1@b>\nwas not delivered\n", ORIGINAL_QUOTED, false, "<1@b>",
         ""},
	{"the better of two places",
         "From: e@b\n\nYour message\n\n  To: x@y\n  Subject: short\n  Date: today\n\nfailed.\n\nOriginal message "
         "headers:\n\n" RETURNED,
         ORIGINAL_QUOTED, true, "<1@b>", "hi"},
	{"a wrapped line in it",
         "From: e@b\n\nMessage header follows:\n\nReceived: from x\nby y; today\nSubject: hi\nMessage-ID: <1@b>\n",
         ORIGINAL_QUOTED, true, "<1@b>", "hi"},
	{"in HTML", "Content-Type: text/html\n\n<p>Original message headers:</p><pre>" RETURNED "</pre>",
         ORIGINAL_QUOTED, true, "<1@b>", "hi"},
	{"in quoted-printable",
         "Content-Transfer-Encoding: quoted-printable\n\nReturned message:\n\nFrom: a@b\nSubject: h=\ni\nMessage-ID: "
         "<1=40b>\n",
         ORIGINAL_QUOTED, true, "<1@b>", "hi"},
	{"none", "From: e@b\n\nHello,\n\nhow are you? See http://example.com/\nTo: be or not to be\n", ORIGINAL_NONE,
         false, "", ""},
	{"a transcript is none", "From: e@b\n\n>>> RCPT TO:<x@y>\n<<< 550 5.1.1 unknown\n>>> DATA\n", ORIGINAL_NONE,
         false, "", ""},
	{"a delivery report is none",
         "From: e@b\n\nReporting-MTA: dns; x\n\nFinal-Recipient: rfc822; c@d\nAction: failed\nStatus: 5.1.1\n",
         ORIGINAL_NONE, false, "", ""},
	{"nothing", "", ORIGINAL_NONE, false, "", ""},
};

static void test_finding(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct arena a;
		struct mime m;
		struct original o;
		arena_init(&a, 1 << 20);
		assert_true(mime_parse(&a, slice_str(cases[i].message), &m));
		bool found = original_find(&a, m.root, &o);
		if (found != (cases[i].form != ORIGINAL_NONE) || o.form != cases[i].form ||
		    o.announced != cases[i].announced)
			fail_msg("%s: %d, form %d, %d", cases[i].name, found, o.form, o.announced);
		if (!slice_equal(o.message_id, slice_str(cases[i].message_id)) ||
		    !slice_equal(o.subject, slice_str(cases[i].subject)))
			fail_msg("%s: [%.*s] [%.*s]", cases[i].name, SLICE_ARG(o.message_id), SLICE_ARG(o.subject));
		arena_free(&a);
	}
}

static void test_details(void **state)
{
	struct arena a;
	struct mime m;
	struct original o;
	arena_init(&a, 1 << 20);
	assert_true(mime_parse(&a,
	                       SLICE(REPORT "Content-Type: message/rfc822\n\nSender: s\nList-Id: <l>\n" RETURNED
	                                    "\nbody\n--b--\n"),
	                       &m));
	assert_true(original_find(&a, m.root, &o));
	assert_true(o.root && o.root == o.part->first && o.part->type == MIME_MESSAGE_RFC822);
	assert_true(slice_equal(o.body, SLICE("body")) && slice_starts(o.header, SLICE("Sender")));
	assert_true(slice_equal(o.return_path, SLICE("<a@b>")) && slice_equal(o.from, SLICE("a@b")) &&
	            slice_equal(o.to, SLICE("c@d")));
	assert_true(slice_equal(o.sender, SLICE("s")) && slice_equal(o.list_id, SLICE("<l>")));
	assert_true(o.fields == 8 && o.received == 1);
	assert_false(original_find(&a, o.root, &o)); /* the original returns nothing */
	assert_true(original_in_text(&a, SLICE("x\nOriginal message:\n" RETURNED "\nbody"), &o));
	assert_true(o.announced && !o.part && !o.root && slice_equal(o.body, SLICE("body")));
	arena_free(&a);
}

static void test_offset(void **state)
{
	static const struct {
		const char *text;
		size_t offset;
	} rows[] = {
		{"sorry\n\nOriginal message:\n\n" RETURNED, 7},
		{"sorry\n\n" RETURNED, 7},
		{"sorry\n", 6},
		{"To: a@b\nSubject: x\nDate: today\n\nfailed\n", 39},
		{"failed\n\nMessage-ID: <1@b>\n", 26},
		{"", 0},
		{"Original message:\n\nnothing of it", 32},
		{"x\n>> | Original message:\n> From: a@b\n> Message-ID: <1@b>\n", 2}, /* quoted */
		{"xFrom: a@b\nx To: c\nSubject: s Message-ID: <1@b>\n", 48},          /* no fields */
		{"Original message:\nFrom://x\nTo: c\nhttp: x\n", 0},                 /* one is an address of the web */
		{"x\nFrom: a@b\n" NAME_40 ": x\nMessage-ID: <1@b>\n", 2},
		{"x\nFrom: a@b\n" NAME_40 "n: x\nor\nMessage-ID: <1@b>\n", 78}, /* too long for a name */
		/* Eleven lines between the announcement and the header, and twelve; those of another header do not count. */
		{"x\nOriginal message:\n" LINES_11 RETURNED, 2},
		{"x\nOriginal message:\n" LINES_11 "l\n" RETURNED, 47},
		{"x\nOriginal message:\nl\nTo: c\nDate: today\n\n" LINES_10 RETURNED, 2}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (original_offset(slice_str(rows[i].text)) != rows[i].offset)
			fail_msg("row %zu: %zu", i, original_offset(slice_str(rows[i].text)));
}

static void test_in_file(void **state)
{
	(void)state;
	static const struct {
		const char *message;
		size_t header; /* octets */
	} files[] = {
		{"Content-Type: application/octet-stream; name=a.eml\n\n\nFrom: a@b\nSubject: c\n\nx\n", 22},
		{"Content-Disposition: attachment; filename=\"a.EML\"\nContent-Transfer-Encoding: "
	         "base64\n\nRnJvbTogYUBiCgp4",
	         11},
		{"Content-Type: application/octet-stream; name=a.exe\n\nFrom: a@b\n\nx\n", 0},
		{"Content-Type: application/octet-stream; name=a.eml\n\nhello\n\nFrom: a@b\n", 0},
		{"Content-Type: text/plain; name=a.eml\n\nFrom: a@b\n\nx\n", 0},
	};
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		struct arena a;
		struct mime m;
		arena_init(&a, 1 << 20);
		assert_true(mime_parse(&a, slice_str(files[i].message), &m));
		assert_int_equal(original_in_file(&a, m.root).n, files[i].header);
		arena_free(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_in_file), cmocka_unit_test(test_finding),
	                                   cmocka_unit_test(test_details), cmocka_unit_test(test_offset)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
