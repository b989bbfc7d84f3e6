/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "bounce/returned.h"

#define REPORT                                                                                                         \
	"From: MAILER-DAEMON@far.example\r\nTo: joe@ours.example\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n"     \
	"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"                              \
	"--b\r\n\r\nSorry.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; far.example\r\n" \
	"Original-Envelope-Id: 01h2x3y4z5a6b\r\n\r\nOriginal-Recipient: rfc822; bob@far.example\r\n"                   \
	"Final-Recipient: rfc822; bob@inner.far.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n"
#define ORIGINAL                                                                                                       \
	"Received: from localhost ([127.0.0.1]) by mx.far.example with ESMTP id 2; date\r\n"                           \
	"Received: from relay.ours.example ([192.0.2.1])\r\n\tby mx.far.example with ESMTP id 1; date\r\n"             \
	"From: joe@ours.example\r\nTo: bob@far.example\r\nSubject: x\r\nDate: Tue, 14 Nov 2023 22:13:20 +0000\r\n"     \
	"Message-ID: <1@ours.example>\r\n"
#define AUTO "From: bob@far.example\r\nTo: joe@ours.example\r\nSubject: Away\r\nAuto-Submitted: auto-replied\r\n"

static const struct {
	const char *name, *message;
	enum original_form form;
	bool whole, loose;
	const char *ids, *envelope_id, *recipients, *origin; /* lists: separated by blanks */
} cases[] = {
	{"a header of its own part", REPORT "--b\r\nContent-Type: text/rfc822-headers\r\n\r\n" ORIGINAL "\r\n--b--\r\n",
         ORIGINAL_HEADERS, true, false, "<1@ours.example>", "01h2x3y4z5a6b", "bob@inner.far.example bob@far.example",
         "192.0.2.1"},
	{"a whole message", REPORT "--b\r\nContent-Type: message/rfc822\r\n\r\n" ORIGINAL "\r\nHi.\r\n--b--\r\n",
         ORIGINAL_MESSAGE, true, false, "<1@ours.example>", "01h2x3y4z5a6b", "bob@inner.far.example bob@far.example",
         "192.0.2.1"},
	{"a few fields",
         REPORT "--b\r\nContent-Type: text/rfc822-headers\r\n\r\nFrom: joe@ours.example\r\nMessage-ID: "
                "<1@ours.example>\r\n\r\n--b--\r\n",
         ORIGINAL_HEADERS, false, false, "<1@ours.example>", "01h2x3y4z5a6b", "bob@inner.far.example bob@far.example",
         ""},
	{"no header", REPORT "--b--\r\n", ORIGINAL_NONE, false, false, "", "01h2x3y4z5a6b",
         "bob@inner.far.example bob@far.example", ""},
	{"cut off in the middle of the header", REPORT "--b\r\nContent-Type: message/rfc822\r\n\r\n" ORIGINAL "X-Y",
         ORIGINAL_MESSAGE, true, false, "<1@ours.example>", "01h2x3y4z5a6b", "bob@inner.far.example bob@far.example",
         "192.0.2.1"},
	{"in the text, as qmail does",
         "From: MAILER-DAEMON@far.example\nTo: joe@ours.example\nSubject: failure notice\n\nHi. This is the qmail-send "
         "program at far.example.\n\n<bob@far.example>:\nno mailbox here\n\n--- Below this line is a copy of the "
         "message.\n\nReturn-Path: <joe@ours.example>\nReceived: from x ([192.0.2.7]) by far.example; date\nFrom: "
         "joe@ours.example\nTo: bob@far.example\nDate: Tue, 14 Nov 2023 22:13:20 +0000\nMessage-ID: "
         "<1@ours.example>\n\nHi.\n",
         ORIGINAL_QUOTED, false, true, "<1@ours.example>", "", "", "192.0.2.7"},
	{"Exim's field",
         "From: MAILER-DAEMON@far.example\nX-Failed-Recipients: bob@far.example,\n  <ann@far.example>, "
         "BOB@far.example\nSubject: Mail delivery failed\n\nSorry.\n",
         ORIGINAL_NONE, false, false, "", "", "bob@far.example ann@far.example", ""},
	{"domains in other spellings",
         "From: MAILER-DAEMON@far.example\nSubject: x\nMIME-Version: 1.0\nContent-Type: multipart/report; "
         "report-type=delivery-status; boundary=b\n\n--b\n\nSorry.\n--b\nContent-Type: "
         "message/global-delivery-status\n\nReporting-MTA: dns; far.example\n\nFinal-Recipient: utf-8; "
         "ann@b\\x{FC}cher.example\nOriginal-Recipient: rfc822; bob@XN--bcher-kva.EXAMPLE\nAction: failed\n\n"
         "Final-Recipient: utf-8; Ann@B\xC3\x9C"
         "CHER.example\nAction: failed\n\n--b--\n",
         ORIGINAL_NONE, false, false, "", "", "ann@xn--bcher-kva.example bob@xn--bcher-kva.example", ""},
	{"an automatic reply",
         AUTO "In-Reply-To: <1@ours.example>\r\nReferences: <0@x> <1@ours.example>\r\n\r\nBack on Monday.\r\n",
         ORIGINAL_NONE, false, false, "<1@ours.example> <1@ours.example>", "", "", ""},
	{"an automatic reply with words in In-Reply-To",
         AUTO "In-Reply-To: Your message of today <1@ours.example>\r\n\r\nBack on Monday.\r\n", ORIGINAL_NONE, false,
         false, "<1@ours.example>", "", "", ""},
	{"an automatic reply with References only", AUTO "References: <0@x>\r\n\t<1@ours.example>\r\n\r\nBack.\r\n",
         ORIGINAL_NONE, false, false, "<1@ours.example>", "", "", ""},
	{"a read receipt",
         "From: bob@far.example\nMIME-Version: 1.0\nContent-Type: multipart/report; "
         "report-type=disposition-notification; boundary=b\n\n--b\n\nRead.\n--b\nContent-Type: "
         "message/disposition-notification\n\nFinal-Recipient: rfc822; bob@far.example\nOriginal-Message-ID: "
         "<1@ours.example>\nDisposition: manual-action/MDN-sent-manually; displayed\n\n--b--\n",
         ORIGINAL_NONE, false, false, "<1@ours.example>", "", "bob@far.example", ""},
	{"named in the text",
         "From: postmaster@far.example\n\nSorry, your mail was lost. It said\n> message-id: <1@ours.example>\nand "
         "more.\n",
         ORIGINAL_QUOTED, false, true, "<1@ours.example>", "", "", ""},
	{"an automatic reply that quotes what it answers",
         AUTO
         "In-Reply-To: <2@ours.example>\r\n\r\nBack.\r\n> From: joe@ours.example\r\n> Date: today\r\n> Message-ID: "
         "<1@ours.example>\r\n",
         ORIGINAL_QUOTED, false, false, "<2@ours.example>", "", "", ""},
	{"nothing at all", "From: postmaster@far.example\n\nSorry.\n", ORIGINAL_NONE, false, false, "", "", "", ""},
	{"empty", "", ORIGINAL_NONE, false, false, "", "", "", ""},
};

static const char *join(struct arena *a, const struct slice *list, size_t count)
{
	struct slice text = SLICE_EMPTY;
	for (size_t i = 0; i < count; i++)
		text = arena_printf(a, "%.*s%s%.*s", SLICE_ARG(text), i ? " " : "", SLICE_ARG(list[i]));
	return text.n ? text.p : "";
}

static void check(const char *name, const char *what, const char *got, const char *wanted)
{
	if (strcmp(got, wanted) != 0) fail_msg("%s: %s is \"%s\", not \"%s\"", name, what, got, wanted);
}

static void reports_of_many_kinds(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct arena a;
		struct mime m;
		struct returned r;
		char origin[IP_TEXT_SIZE] = "";
		arena_init(&a, 1 << 20);
		assert_true(mime_parse(&a, slice_str(cases[i].message), &m));
		assert_true(returned_read(&a, m.root, &r));
		if (r.origin.family) ip_text(&r.origin, origin);
		check(cases[i].name, "ids", join(&a, r.ids, r.id_count), cases[i].ids);
		check(cases[i].name, "recipients", join(&a, r.recipients, r.recipient_count), cases[i].recipients);
		check(cases[i].name, "envelope id", arena_printf(&a, "%.*s", SLICE_ARG(r.envelope_id)).p,
		      cases[i].envelope_id);
		check(cases[i].name, "origin", origin, cases[i].origin);
		if (r.form != cases[i].form) fail_msg("%s: form %d", cases[i].name, (int)r.form);
		if (r.whole != cases[i].whole || r.loose != cases[i].loose)
			fail_msg("%s: whole %d, loose %d", cases[i].name, r.whole, r.loose);
		if (r.referred != (strstr(cases[i].name, "References only") != NULL))
			fail_msg("%s: referred", cases[i].name);
		bool lone = slice_equal(slice_str(cases[i].name), SLICE("named in the text"));
		assert_int_equal(r.header.n > 0, r.form != ORIGINAL_NONE && !lone);
		arena_free(&a);
	}
}

static void more_than_there_is_room_for(void **state)
{
	static char text[400000];
	size_t n = (size_t)snprintf(text, sizeof text, "X-Failed-Recipients: a@x");
	for (int i = 0; i < 5000; i++) n += (size_t)snprintf(text + n, sizeof text - n, ", b%d@x", i);
	n += (size_t)snprintf(text + n, sizeof text - n, "\n\n");
	for (int i = 0; i < 5000; i++) n += (size_t)snprintf(text + n, sizeof text - n, "Message-ID: <%d@x>\n", i);
	struct arena a;
	struct mime m;
	struct returned r;
	arena_init(&a, 8 << 20);
	assert_true(mime_parse(&a, slice_of(text, n), &m));
	assert_true(returned_read(&a, m.root, &r));
	assert_int_equal(r.recipient_count, RETURNED_RECIPIENTS);
	assert_in_range(r.id_count, 1, RETURNED_IDS);
	arena_free(&a);
}

static void without_memory(void **state)
{
	bool good = false;
	for (size_t limit = 256; limit < 64000; limit += 256) {
		struct arena a;
		struct mime m;
		struct returned r;
		arena_init(&a, limit);
		good = mime_parse(&a, slice_str(cases[0].message), &m) && returned_read(&a, m.root, &r);
		if (good) assert_int_equal(r.form, ORIGINAL_HEADERS);
		arena_free(&a);
	}
	assert_true(good);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reports_of_many_kinds),
		cmocka_unit_test(more_than_there_is_room_for),
		cmocka_unit_test(without_memory),
	};
	return cmocka_run_group_tests_name("bounce/returned", tests, NULL, NULL);
}
