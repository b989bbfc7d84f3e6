/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A forger has one message of his victim's that proved itself, with our Received field and its stamp, and writes mail in the victim's name such
 * that the report of an honest server looks like one about that. Each way of writing is put into each form of report, with and without the ledger.
 * None may be believed.
 */
#include "relay/test_answers.h"

/* ---- what the forger writes: %G is the good header, %g its id with the stamp ------------------------------------- */

static const struct forgery {
	const char *header, *body;
	const char *name; /* its Message-ID as the ledger has it */
	bool copied;      /* the good Received field as it is, in the header */
} forgeries[] = {
	{"From: " VICTIM "\r\nMessage-ID: <bad@x>\r\n", "%GHi.\r\n", "<bad@x>"},
	{"From: " VICTIM "\r\nMessage-ID: <good@x>\r\n", "Hi.\r\n", "<good@x>"},
	{"From: " VICTIM "\r\n", "%GHi.\r\n", ""},
	{"From: " VICTIM "\r\nMessage-ID: <bad@x>\r\nMessage-ID: <good@x>\r\n", "Hi.\r\n", ""},
	{"From: " VICTIM "\r\nMessage-ID: <bad@x> <good@x>\r\n", "Hi.\r\n", "<bad@x> <good@x>"},
	{"From: " VICTIM "\r\nIn-Reply-To: <good@x>\r\nReferences: <good@x>\r\n", "Hi.\r\n", ""},
	{"%G", "Hi.\r\n", "<good@x>", true},
	{"", "%GHi.\r\n", ""},
	{"From: " VICTIM "\r\nMessage-ID: <bad@x>\r\nContent-Type: message/rfc822\r\n", "%G\r\nHi.\r\n", "<bad@x>"},
	{"Content-Type: message/rfc822\r\n", "%G\r\nHi.\r\n", ""},
	{"Content-Type: text/rfc822-headers\r\n", "%G\r\n", ""},
	{"Content-Type: multipart/report; report-type=delivery-status; boundary=f\r\n",
         "--f\r\n\r\nx\r\n--f\r\nContent-Type: message/delivery-status\r\n\r\nOriginal-Envelope-Id: %g\r\n\r\n"
         "Final-Recipient: rfc822; a@b\r\n\r\n--f\r\nContent-Type: message/rfc822\r\n\r\n%G\r\n--f--\r\n",
         ""},
	/* by who can tell the boundary before */
	{"Message-ID: <bad@x>\r\n", "--b\r\nContent-Type: message/rfc822\r\n\r\n%G\r\nHi.\r\n", "<bad@x>"},
	{"", "--b\r\nContent-Type: message/rfc822\r\n\r\n%G\r\nHi.\r\n", ""},
	{"", "--b\r\nContent-Type: text/rfc822-headers\r\n\r\n%G\r\n", ""},
	{"", "--b\r\n%G\r\nHi.\r\n", ""},
	{"Subject: x\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n%G\r\n", "Hi.\r\n", ""},
	{"Message-ID: <bad@x>\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\n%G\r\n", "Hi.\r\n", "<bad@x>"},
	{"",
         "--b\r\nContent-Type: message/delivery-status\r\n\r\nOriginal-Envelope-Id: %g\r\n\r\nFinal-Recipient: rfc822; "
         "a@b\r\nAction: failed\r\n\r\n",
         ""},
	{"",
         "--b\r\nContent-Type: message/disposition-notification\r\n\r\nOriginal-Message-ID: "
         "<good@x>\r\nFinal-Recipient: "
         "a@b\r\nDisposition: automatic-action/MDN-sent-automatically; displayed\r\n\r\n",
         ""},
	{"Message-ID: <bad@x>\r\n",
         "--b\r\nContent-Type: message/disposition-notification\r\n\r\nOriginal-Message-ID: "
         "<good@x>\r\nFinal-Recipient: "
         "a@b\r\nDisposition: automatic-action/MDN-sent-automatically; displayed\r\n\r\n",
         "<bad@x>"},
	{"Message-ID: <bad@x>\r\n",
         "--f\r\nContent-Type: message/delivery-status\r\n\r\nOriginal-Envelope-Id: %g\r\n\r\nFinal-Recipient: rfc822; "
         "a@b\r\n"
         "Action: failed\r\n\r\n--f\r\nContent-Type: message/rfc822\r\n\r\n%G\r\nHi.\r\n--f--\r\n",
         "<bad@x>"},
	{"", "--b--\r\n%GHi.\r\n", ""},
	{"Subject: =?utf-8?q?x=0D=0AMessage-ID:_<good@x>?=\r\n", "Hi.\r\n", ""},
	{"Subject: x\r\n\tMessage-ID: <good@x>\r\n", "Hi.\r\n", ""},
	{"X: (\r\nReceived: from x by relay.ours.example id %g; (\r\n", "Hi.\r\n", "", true},
};

/* ---- what an honest server makes of it: %H its header, %h without our field and those above, %B its body, %Q all of it quoted, %N its Message-ID - */

#define FROM "From: MAILER-DAEMON@ours.example\r\nTo: " VICTIM "\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n"
#define PARTS                                                                                                          \
	FROM "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\r\nSorry.\r\n"
#define STATUS                                                                                                         \
	"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; "                                     \
	"down.example\r\n\r\nFinal-Recipient: "                                                                        \
	"rfc822; bob@ours.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n"

static const char *const reports[] = {
	PARTS STATUS "--b\r\nContent-Type: message/rfc822\r\n\r\n%H\r\n%B\r\n--b--\r\n",
	PARTS STATUS "--b\r\nContent-Type: text/rfc822-headers\r\n\r\n%H\r\n--b--\r\n",
	PARTS STATUS "--b\r\nContent-Type: message/rfc822\r\n\r\n%h\r\n%B\r\n--b--\r\n",
	PARTS STATUS "--b\r\nContent-Type: text/rfc822-headers\r\n\r\n%h\r\n--b--\r\n",
	PARTS "--b\r\nContent-Type: message/rfc822\r\n\r\n%h\r\n%B\r\n--b--\r\n",
	PARTS "--b\r\nContent-Type: text/plain\r\n\r\n%h\r\n%B\r\n--b--\r\n",
	PARTS STATUS "--b\r\nContent-Type: message/rfc822\r\n\r\n%h",
	FROM "\r\nSorry, bob@ours.example does not exist.\r\n\r\n--- Below this line is a copy of the "
	     "message.\r\n\r\n%H\r\n%B",
	FROM "\r\nSorry, bob@ours.example does not exist.\r\n\r\n--- Below this line is a copy of the "
	     "message.\r\n\r\n%h\r\n%B",
	FROM "\r\nSorry, bob@ours.example does not exist.\r\n\r\n%Q",
	FROM "\r\nSorry, bob@ours.example does not exist.\r\n\r\n%B",
	FROM "Auto-Submitted: auto-replied\r\nIn-Reply-To: %N\r\nReferences: %N\r\n\r\nI am away.\r\n",
	FROM "Auto-Submitted: auto-replied\r\nReferences: <good@x>\r\n\r\nI am away.\r\n",
	FROM "Auto-Submitted: auto-replied\r\nIn-Reply-To: %N\r\n\r\nI am away. You wrote:\r\n%Q",
	FROM "Auto-Submitted: auto-replied\r\n\r\nI am away.\r\n",
	FROM "Auto-Submitted: auto-replied\r\nIn-Reply-To: %N\r\n\r\nI am away. You wrote:\r\n%B",
	FROM "Auto-Submitted: auto-replied\r\nIn-Reply-To: %N\r\nContent-Type: text/plain\r\n\r\nI am away. You "
	     "wrote:\r\n%B",
	FROM "Auto-Submitted: auto-replied\r\nIn-Reply-To: %N\r\nContent-Type: multipart/alternative; "
	     "boundary=b\r\n\r\n--b\r\n\r\nI am "
	     "away. You wrote:\r\n%B\r\n--b--\r\n",
	FROM "Auto-Submitted: auto-replied\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nI am away. "
	     "You wrote:\r\n"
	     "%h\r\n%B\r\n--b--\r\n",
	FROM "Auto-Submitted: auto-replied\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\nI am "
	     "away. You "
	     "wrote:\r\n%B\r\n--b--\r\n",
};

struct writing {
	char *to;
	size_t n, room;
};

static void put(struct writing *w, struct slice text)
{
	assert_true(w->n + text.n < w->room);
	memcpy(w->to + w->n, text.p, text.n);
	w->n += text.n;
}

static struct slice expand(struct arena *a, const char *pattern, char names[], const struct slice values[])
{
	struct writing w = {.to = arena_alloc(a, 65536), .room = 65536};
	for (const char *p = pattern; *p; p++) {
		const char *which = *p == '%' ? strchr(names, p[1]) : NULL;
		if (which && p[1])
			put(&w, values[which - names]), p++;
		else
			put(&w, slice_of(p, 1));
	}
	return slice_of(w.to, w.n);
}

static struct slice quoted(struct arena *a, struct slice text)
{
	struct writing w = {.to = arena_alloc(a, 65536), .room = 65536};
	while (text.p && text.n) {
		struct slice line = slice_split(&text, '\n');
		put(&w, SLICE("> "));
		put(&w, line);
		put(&w, SLICE("\n"));
	}
	return slice_of(w.to, w.n);
}

static struct slice report_of(struct arena *a, const struct forgery *f, const char *report)
{
	struct slice good_id = stamped_id(a, 1, true), bad_id = stamped_id(a, 2, false);
	struct slice good =
		arena_printf(a,
	                     "Received: from a ([192.0.2.1]) by relay.ours.example with ESMTP id %.*s; x\r\n"
	                     "From: " VICTIM "\r\nDate: x\r\nMessage-ID: <good@x>\r\n",
	                     SLICE_ARG(good_id));
	const struct slice own[] = {good, good_id};
	struct slice header = expand(a, f->header, (char[]){"Gg"}, own), body = expand(a, f->body, (char[]){"Gg"}, own);
	struct slice whole =
		arena_printf(a,
	                     "Received: from relay by down.ours.example id 1; x\r\n"
	                     "Received: from id ([203.0.113.9]) by relay.ours.example with ESMTP id %.*s; x\r\n"
	                     "%.*s",
	                     SLICE_ARG(bad_id), SLICE_ARG(header));
	struct slice quote = quoted(a, arena_printf(a, "%.*s\r\n%.*s", SLICE_ARG(header), SLICE_ARG(body)));
	const struct slice parts[] = {whole, header, body, quote, slice_str(f->name)};
	return expand(a, report, (char[]){"HhBQN"}, parts);
}

static enum judge_verdict judge(struct db *ledger, struct slice text, struct slice *evidence, struct arena *a)
{
	struct answer_verdict v;
	struct mime m;
	assert_true(mime_parse(a, text, &m));
	struct answer *answer = answer_read(m.root, false, "relay.ours.example", secrets);
	assert_non_null(answer);
	answer_judge(answer, ledger, TENANT, SLICE(VICTIM), NOW, &v);
	*evidence = arena_copy(a, v.evidence);
	answer_free(answer);
	return v.judgement.verdict;
}

/* ledger: it knows both; else it was lost. */
static void try_all(struct db *db, bool ledger)
{
	for (size_t i = 0; i < sizeof forgeries / sizeof *forgeries; i++) {
		struct store_test *own = ledger ? store_test_begin(DB_LEDGER) : NULL;
		if (own) came(own->db, 1, "<good@x>", PROOF_spf, false);
		if (own) came(own->db, 2, forgeries[i].name, PROOF_none, false);
		for (size_t k = 0; k < sizeof reports / sizeof *reports; k++) {
			struct arena a;
			struct slice evidence;
			arena_init(&a, 16 << 20);
			/* The good header as it is, and ours taken away: as if it had come by another way. Then
			 * nothing but the ledger knows that it came twice. */
			if (!ledger && forgeries[i].copied && strstr(reports[k], "%h")) continue;
			struct slice text = report_of(&a, &forgeries[i], reports[k]);
			if (judge(own ? own->db : db, text, &evidence, &a) == JUDGE_genuine) {
				print_message("%.*s\n%.*s\n", SLICE_ARG(evidence), SLICE_ARG(text));
				fail_msg("forgery %d in report %d, %s the ledger", (int)i, (int)k,
				         ledger ? "with" : "without");
			}
			arena_free(&a);
		}
		if (own) store_test_end(own);
	}
}

static void no_forgery_is_believed(void **state)
{
	struct store_test *t = *state;
	try_all(t->db, true);
}

static void nor_without_the_ledger(void **state)
{
	struct store_test *t = *state;
	try_all(t->db, false);
}

/* The forms are such as are believed of who tells the truth. */
static void but_who_tells_the_truth_is(void **state)
{
	static const struct forgery honest = {"From: " VICTIM "\r\nDate: x\r\nMessage-ID: <good@x>\r\n", "Hi.\r\n",
	                                      "<good@x>"};
	struct store_test *t = *state;
	came(t->db, 1, "<good@x>", PROOF_spf, false);
	for (size_t k = 0; k < sizeof reports / sizeof *reports; k++) {
		struct arena a;
		struct slice evidence;
		arena_init(&a, 16 << 20);
		/* Its own field says that it did not prove itself: that is another one's in these. */
		bool ours = strstr(reports[k], "%H") != NULL;
		enum judge_verdict v = judge(t->db, report_of(&a, &honest, reports[k]), &evidence, &a);
		if (v != (ours ? JUDGE_backscatter : JUDGE_genuine))
			fail_msg("report %d: %s, %.*s", (int)k, judge_text(v), SLICE_ARG(evidence));
		arena_free(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(no_forgery_is_believed, setup, teardown),
		cmocka_unit_test_setup_teardown(nor_without_the_ledger, setup, teardown),
		cmocka_unit_test_setup_teardown(but_who_tells_the_truth_is, setup, teardown),
	};
	return cmocka_run_group_tests_name("relay/answers_hostile", tests, NULL, NULL);
}
