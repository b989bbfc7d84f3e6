/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/answers.h"

#include "auth/result.h"
#include "relay/test_answers.h"

#define REPORT "From: MAILER-DAEMON@ours.example\r\nTo: " VICTIM "\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n"
#define PARTS                                                                                                          \
	REPORT "Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n\r\nSorry.\r\n--b\r\n"                        \
	       "Content-Type: text/rfc822-headers\r\n\r\n"

/* Of a text that is longer the beginning is read. */
static enum judge_verdict judge_for(struct db *ledger, const char *recipient, struct slice text, size_t looked,
                                    uint64_t *about, bool *joined)
{
	struct answer_verdict v;
	struct arena memory;
	struct mime m;
	arena_init(&memory, 16 << 20);
	assert_true(mime_parse(&memory, slice_sub(text, 0, looked), &m));
	struct answer *a = answer_read(m.root, text.n > looked, "relay.ours.example", secrets);
	assert_non_null(a);
	answer_judge(a, ledger, TENANT, slice_str(recipient), NOW, &v);
	assert_non_null(v.judgement.why);
	assert_int_equal(slice_search(v.evidence, SLICE("ledger=")), 0);
	*about = v.about & 0xFFFFF;
	*joined = v.joined;
	answer_free(a);
	arena_free(&memory);
	return v.judgement.verdict;
}

static enum judge_verdict judge(struct db *ledger, struct slice text, uint64_t *about, bool *joined)
{
	return judge_for(ledger, VICTIM, text, SIZE_MAX, about, joined);
}

static const struct {
	const char *name, *text;
	enum judge_verdict verdict;
	unsigned about;
	bool joined;
} cases[] = {
	{"about proven mail", PARTS "Message-ID: <good@x>\r\n\r\n--b--\r\n", JUDGE_genuine, 1, true},
	{"about forged mail", PARTS "Message-ID: <bad@x>\r\n\r\n--b--\r\n", JUDGE_backscatter, 2, true},
	{"about both", PARTS "Message-ID: <both@x>\r\n\r\n--b--\r\n", JUDGE_backscatter, 4, true},
	{"about another tenant's mail", PARTS "Message-ID: <other@x>\r\n\r\n--b--\r\n", JUDGE_genuine, 5, true},
	{"about mail that nobody knows", PARTS "Message-ID: <new@x>\r\n\r\n--b--\r\n", JUDGE_backscatter, 4, false},
	{"about nothing", REPORT "\r\nSorry.\r\n", JUDGE_backscatter, 4, false},
	{"proven mail in running text", REPORT "\r\nSorry.\r\n> Message-ID: <good@x>\r\n", JUDGE_backscatter, 4, false},
	{"nothing at all", "", JUDGE_backscatter, 4, false},
};

static void answers_are_joined_with_what_came(void **state)
{
	struct store_test *t = *state;
	came(t->db, 1, "<good@x>", PROOF_spf, false);
	came(t->db, 2, "<bad@x>", PROOF_none, false);
	came(t->db, 3, "<both@x>", PROOF_dkim, false);
	came(t->db, 4, "<both@x>", PROOF_none, false);
	came(t->db, 5, "<other@x>", PROOF_source, true);
	for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
		uint64_t about;
		bool joined;
		enum judge_verdict v = judge(t->db, slice_str(cases[c].text), &about, &joined);
		if (v != cases[c].verdict || about != cases[c].about || joined != cases[c].joined)
			fail_msg("%s: %s, about %d, joined %d", cases[c].name, judge_text(v), (int)about, joined);
	}
}

static void our_received_field_tells_which_it_is(void **state)
{
	static const struct {
		unsigned hop;
		const char *id;
		bool bare; /* without its stamp, as somebody would write it who guessed */
		enum judge_verdict verdict;
		bool joined;
	} hops[] = {
		{1, "Message-ID: <1@x>\r\n", false, JUDGE_genuine, true},
		{1, "Message-ID: <1@x>\r\n", true, JUDGE_backscatter, true},
		{2, "Message-ID: <1@x>\r\n", false, JUDGE_backscatter, true},
		{3, "Message-ID: <1@x>\r\n", true, JUDGE_backscatter,
	         true},                                  /* the one without a Message-ID is in doubt */
		{1, "", false, JUDGE_backscatter, true}, /* and here it is, whatever the hop says */
		{2, "", false, JUDGE_backscatter, true},
		{3, "", true, JUDGE_backscatter, false},
	};
	struct store_test *t = *state;
	char id[SPOOL_ID_TEXT], text[2000];
	uint64_t about;
	bool joined;
	came(t->db, 1, "<1@x>", PROOF_spf, false);
	came(t->db, 2, "", PROOF_none, false);
	for (size_t i = 0; i < sizeof hops / sizeof *hops; i++) {
		struct arena a;
		arena_init(&a, 65536);
		struct slice trace = hops[i].bare ? slice_str(spool_id_text(id_of(hops[i].hop), id))
		                                  : stamped_id(&a, hops[i].hop, hops[i].hop == 1);
		snprintf(text, sizeof text,
		         PARTS "Received: from a ([192.0.2.1]) by RELAY.ours.example with ESMTP id %.*s; "
		               "x\r\n%s\r\n--b--\r\n",
		         SLICE_ARG(trace), hops[i].id);
		enum judge_verdict v = judge(t->db, slice_str(text), &about, &joined);
		arena_free(&a);
		if (v != hops[i].verdict || joined != hops[i].joined)
			fail_msg("%d: %s, joined %d", (int)i, judge_text(v), joined);
	}
}

/* Return paths with histories of their own. */
static const struct known {
	const char *return_path, *handed_on, *message_id;
	int64_t age; /* seconds */
	uint32_t tenant;
	bool outbound;
	enum ledger_result result;
	enum proof proof;
} history[] = {
	{"proven@a.test", "", "<p1@a.test>", 60, TENANT, false, LEDGER_delivered, PROOF_spf},
	{"proven@a.test", "", "<p2@a.test>", 50, TENANT, false, LEDGER_spooled, PROOF_dkim},
	{"forged@a.test", "", "<f1@b.test>", 60, TENANT, false, LEDGER_delivered, PROOF_none},
	{"both@a.test", "", "<b1@a.test>", 60, TENANT, false, LEDGER_delivered, PROOF_spf},
	{"both@a.test", "", "<b2@b.test>", 50, TENANT, false, LEDGER_delivered, PROOF_none},
	{"same@a.test", "", "<s@a.test>", 60, TENANT, false, LEDGER_delivered, PROOF_spf},
	{"same@a.test", "", "<s@a.test>", 50, TENANT, false, LEDGER_delivered, PROOF_none},
	{"nameless@a.test", "", "<n@a.test>", 60, TENANT, false, LEDGER_delivered, PROOF_spf},
	{"nameless@a.test", "", "", 50, TENANT, false, LEDGER_delivered, PROOF_none},
	{"two@a.test", "", "<t1@a.test>", 60, TENANT, false, LEDGER_delivered, PROOF_spf},
	{"two@a.test", "", "<t2@b.test> <t1@a.test>", 50, TENANT, false, LEDGER_delivered, PROOF_none},
	{"words@a.test", "", "<w@a.test>", 60, TENANT, false, LEDGER_delivered, PROOF_spf},
	{"words@a.test", "", "=?utf-8?q?=3Cw=40a.test=3E?=", 50, TENANT, false, LEDGER_delivered, PROOF_none},
	{"bare@a.test", "", "<b@a.test>", 60, TENANT, false, LEDGER_delivered, PROOF_spf},
	{"bare@a.test", "", "f@b.test", 50, TENANT, false, LEDGER_delivered, PROOF_none},
	{"slow@a.test", "", "<s1@b.test>", 60, TENANT, false, LEDGER_deferred, PROOF_none},
	{"refused@a.test", "", "<r@a.test>", 60, TENANT, false, LEDGER_refused, PROOF_none},
	{"old@a.test", "", "<o@a.test>", 18 * 86400, TENANT, false, LEDGER_delivered, PROOF_none},
	{"elsewhere@a.test", "", "<e@a.test>", 60, TENANT + 1, false, LEDGER_delivered, PROOF_spf},
	{"victim@a.test", "SRS0=x@us.test", "<c@b.test>", 60, TENANT, false, LEDGER_delivered, PROOF_none},
	{"writer@c.test", "", "<w1@c.test>", 60, TENANT + 2, true, LEDGER_queued, PROOF_source},
	{"writer@c.test", "", "<w2@b.test>", 50, TENANT, false, LEDGER_delivered, PROOF_none},
};

/* fields: of the answer's own; header: what it returns as a part of its own; text: its words. */
static const struct {
	const char *name, *recipient, *fields, *header, *text;
	enum judge_verdict verdict;
	bool joined;
} of_histories[] = {
	{"its message is proven", "proven@a.test", "", "Message-ID: <p1@a.test>\r\n", "", JUDGE_genuine, true},
	{"in other letters", "Proven@A.test", "", "message-id: <p2@a.test>\r\n", "", JUDGE_genuine, true},
	{"folded", "proven@a.test", "", "Message-ID:\r\n <p1@a.test>\r\n", "", JUDGE_genuine, true},
	{"blanks before the colon", "proven@a.test", "", "Message-ID \t: <p1@a.test>\r\n", "", JUDGE_genuine, true},
	{"quoted", "proven@a.test", "", NULL, "> Message-ID: <p1@a.test>\r\n", JUDGE_genuine, false},
	{"by In-Reply-To", "proven@a.test", "In-Reply-To: <p1@a.test>\r\n", NULL, "Away.\r\n", JUDGE_genuine, true},
	{"names nothing", "proven@a.test", "", NULL, "Sorry.\r\n", JUDGE_genuine, false},
	{"names what is not known", "proven@a.test", "", "Message-ID: <x@a.test>\r\n", "", JUDGE_unknown, false},
	{"names another's, of its domain", "proven@a.test", "", "Message-ID: <b1@a.test>\r\n", "", JUDGE_unknown, true},
	{"names another's, of another domain", "nobody@d.test", "", "Message-ID: <p1@a.test>\r\n", "",
         JUDGE_backscatter, true},
	{"its message is forged", "forged@a.test", "", "Message-ID: <f1@b.test>\r\n", "", JUDGE_backscatter, true},
	{"forged, names nothing", "forged@a.test", "", NULL, "", JUDGE_backscatter, false},
	{"forged, names what is not known", "forged@a.test", "", "Message-ID: <x@b.test>\r\n", "", JUDGE_backscatter,
         false},
	{"both, the proven one", "both@a.test", "", "Message-ID: <b1@a.test>\r\n", "", JUDGE_genuine, true},
	{"both, the proven one in the text", "both@a.test", "", NULL, "Message-ID: <b1@a.test>\r\n", JUDGE_backscatter,
         false},
	{"both, the forged one", "both@a.test", "", "Message-ID: <b2@b.test>\r\n", "", JUDGE_backscatter, true},
	{"both, names nothing", "both@a.test", "", NULL, "", JUDGE_backscatter, false},
	{"both are named, the proven one in a folded field", "both@a.test", "",
         "X: y\r\n Message-ID: <b1@a.test>\r\nMessage-ID: <b2@b.test>\r\n", "", JUDGE_backscatter, true},
	{"the forged one is named in the answer's fields, the proven one in its text", "both@a.test",
         "In-Reply-To: <b2@b.test>\r\n", NULL, "Message-ID: <b1@a.test>\r\n", JUDGE_backscatter, true},
	{"one Message-ID of both", "same@a.test", "", "Message-ID: <s@a.test>\r\n", "", JUDGE_backscatter, true},
	{"the forged one has no Message-ID", "nameless@a.test", "", "Message-ID: <n@a.test>\r\n", "", JUDGE_backscatter,
         true},
	{"the forged one has two Message-IDs in one", "two@a.test", "", "Message-ID: <t1@a.test>\r\n", "",
         JUDGE_backscatter, true},
	{"the same, taken as it is", "two@a.test", "In-Reply-To: <t2@b.test> <t1@a.test>\r\n", NULL, "Away.\r\n",
         JUDGE_backscatter, true},
	{"the forged one has an encoded Message-ID", "words@a.test", "", "Message-ID: <w@a.test>\r\n", "",
         JUDGE_backscatter, true},
	{"the forged one has a plain Message-ID", "bare@a.test", "", "Message-ID: <b@a.test>\r\n", "", JUDGE_genuine,
         true},
	{"its server took it and was too slow to say so", "slow@a.test", "", "Message-ID: <s1@b.test>\r\n", "",
         JUDGE_backscatter, true},
	{"what was refused is not answered", "refused@a.test", "", "Message-ID: <r@a.test>\r\n", "", JUDGE_unknown,
         false},
	{"too old", "old@a.test", "", "Message-ID: <o@a.test>\r\n", "", JUDGE_unknown, false},
	{"another tenant's", "elsewhere@a.test", "", "Message-ID: <e@a.test>\r\n", "", JUDGE_unknown, false},
	{"a contained return path", "srs0=X@us.test", "", NULL, "", JUDGE_backscatter, false},
	{"of another tenant, by its source", "writer@c.test", "", "Message-ID: <w1@c.test>\r\n", "", JUDGE_genuine,
         true},
	{"of another tenant, forged", "writer@c.test", "", "Message-ID: <w2@b.test>\r\n", "", JUDGE_backscatter, true},
	{"of another tenant, names nothing", "writer@c.test", "", NULL, "", JUDGE_backscatter, false},
};

static void remember_histories(struct db *ledger)
{
	static const struct ledger_bounds wide = {.lifetime = 30 * 86400, .size = (uint64_t)1 << 30};
	static char room[LEDGER_RECORD_MOST];
	for (size_t i = 0; i < sizeof history / sizeof *history; i++) {
		const struct known *k = &history[i];
		struct ledger_passage p = {.time = NOW - k->age,
		                           .tenant = k->tenant,
		                           .outbound = k->outbound,
		                           .return_path = slice_str(k->return_path),
		                           .handed_on = slice_str(k->handed_on),
		                           .message_id = slice_str(k->message_id),
		                           .size = 100,
		                           .result = (uint8_t)k->result,
		                           .proof = (uint8_t)k->proof};
		struct ledger_row row = {(uint64_t)p.time * 1000 << 20 | (i + 1), ledger_encode(&p, room)};
		assert_int_equal(ledger_put(ledger, &wide, &row, 1, p.time), ERR_OK);
	}
}

static void each_return_path_has_its_history(void **state)
{
	struct store_test *t = *state;
	remember_histories(t->db);
	for (size_t i = 0; i < sizeof of_histories / sizeof *of_histories; i++) {
		const char *header = of_histories[i].header;
		char text[2000];
		uint64_t about;
		bool joined;
		snprintf(text, sizeof text,
		         "Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; "
		         "boundary=b\r\n%s\r\n--b\r\n\r\n%s"
		         "\r\n%s%s\r\n--b--\r\n",
		         of_histories[i].fields, of_histories[i].text,
		         header ? "--b\r\nContent-Type: text/rfc822-headers\r\n\r\n" : "", header ? header : "");
		enum judge_verdict v =
			judge_for(t->db, of_histories[i].recipient, slice_str(text), SIZE_MAX, &about, &joined);
		if (v != of_histories[i].verdict || joined != of_histories[i].joined || (v == JUDGE_unknown && about))
			fail_msg("%s: %s, joined %d", of_histories[i].name, judge_text(v), joined);
	}
}

static void what_is_too_long_to_be_read_whole_is_not_sure(void **state)
{
	struct store_test *t = *state;
	struct slice text = SLICE(PARTS "Message-ID: <good@x>\r\n\r\n--b--\r\nand so on");
	size_t whole = text.n, part = text.n - 9;
	uint64_t about;
	bool joined;
	came(t->db, 1, "<good@x>", PROOF_spf, false);
	assert_int_equal(judge_for(t->db, VICTIM, text, part, &about, &joined), JUDGE_genuine);
	assert_false(joined);
	came(t->db, 2, "<bad@x>", PROOF_none, false);
	assert_int_equal(judge_for(t->db, VICTIM, text, part, &about, &joined), JUDGE_backscatter);
	assert_int_equal(judge_for(t->db, VICTIM, text, whole, &about, &joined), JUDGE_genuine);
	assert_true(joined);
}

static void what_cannot_be_read_is_judged_by_its_addressee(void **state)
{
	struct store_test *t = *state;
	struct answer_verdict v;
	came(t->db, 1, "<bad@x>", PROOF_none, false);
	struct answer *a = answer_read(NULL, false, "relay.ours.example", secrets);
	assert_non_null(a);
	answer_judge(a, t->db, TENANT, SLICE(VICTIM), NOW, &v);
	assert_int_equal(v.judgement.verdict, JUDGE_backscatter);
	assert_false(v.joined);
	answer_free(a);
}

static void an_empty_ledger_knows_nothing(void **state)
{
	struct store_test *t = *state;
	uint64_t about;
	bool joined;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(judge(t->db, slice_str(cases[i].text), &about, &joined), JUDGE_unknown);
		assert_int_equal(about, 0);
		assert_false(joined);
	}
}

/* The ledger knows nothing of it: lost, or another node took it. */
static void a_stamp_stands_in_for_the_ledger(void **state)
{
	static const struct {
		enum stamp_kind kind;
		const char *return_path;
		enum judge_verdict verdict;
	} stamps[] = {
		{STAMP_PROVEN, VICTIM, JUDGE_genuine},
		{STAMP_UNPROVEN, VICTIM, JUDGE_backscatter},
		{STAMP_PROVEN, "evil@evil.example", JUDGE_backscatter},
	};
	struct store_test *t = *state;
	char id[SPOOL_ID_TEXT], text[2000];
	uint64_t about;
	bool joined;
	struct arena a;
	arena_init(&a, 1 << 16);
	for (size_t i = 0; i < 2 * sizeof stamps / sizeof *stamps; i++) {
		struct stamp_facts f = {.id = slice_str(spool_id_text(id_of(9), id)),
		                        .kind = stamps[i / 2].kind,
		                        .return_path = slice_str(stamps[i / 2].return_path),
		                        .time = NOW};
		struct slice stamp = stamp_write(&a, &f, secret_list[0]);
		if (i % 2)
			snprintf(text, sizeof text,
			         REPORT
			         "Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n\r\nSorry.\r\n--b\r\n"
			         "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; down.example\r\n"
			         "Original-Envelope-Id: %.*s\r\n\r\nFinal-Recipient: rfc822; bob@ours.example\r\n"
			         "Action: failed\r\nStatus: 5.1.1\r\n\r\n--b--\r\n",
			         SLICE_ARG(stamp));
		else
			snprintf(text, sizeof text,
			         PARTS "Received: from a ([192.0.2.1]) by relay.ours.example with ESMTP id %.*s; x\r\n"
			               "Message-ID: <1@x>\r\n\r\n--b--\r\n",
			         SLICE_ARG(stamp));
		enum judge_verdict v = judge(t->db, slice_str(text), &about, &joined);
		if (v != stamps[i / 2].verdict || !joined || about) fail_msg("%d: %s", (int)i, judge_text(v));
	}
	arena_free(&a);
}

#define NAME(text)                                                                                                     \
	{                                                                                                              \
		text, sizeof text - 1                                                                                  \
	}
static const struct slice a_program[] = {NAME("header.mail-program")}, a_reply[] = {NAME("person.forwards")},
			  receipt[] = {NAME("header.mail-program"), NAME("type.disposition-notification")},
			  set_up[] = {NAME("header.mail-program"), NAME("header.autoreply")},
			  generated[] = {NAME("header.mail-program"), NAME("header.auto-generated")},
			  subject[] = {NAME("header.mail-program"), NAME("subject.autoreply")},
			  by_hand[] = {NAME("header.mail-program"), NAME("answer.set-up")},
			  bulk[] = {NAME("header.mail-program"), NAME("subject.autoreply"), NAME("header.precedence")},
			  forwarded[] = {NAME("person.forwards"), NAME("header.autoreply")},
			  feedback[] = {NAME("type.feedback-report")}, tls_report[] = {NAME("type.other-report")};

#define UNCLASSIFIED                                                                                                   \
	{                                                                                                              \
		.class = CLASS_OTHER                                                                                   \
	}
#define SURE(c)                                                                                                        \
	{                                                                                                              \
		.class = CLASS_##c, .probability = 0.99                                                                \
	}
#define FAINT(c)                                                                                                       \
	{                                                                                                              \
		.class = CLASS_##c, .probability = 0.7                                                                 \
	}
#define SIGNED(c, p, signal)                                                                                           \
	{                                                                                                              \
		.class = CLASS_##c, .probability = p, .fired = signal, .fired_count = 1                                \
	}

#define COMPLAINT(fields, original)                                                                                    \
	"From: <abuse@ours.example>\r\nSubject: complaint\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; "    \
	"report-type=feedback-report; boundary=b\r\n\r\n--b\r\n\r\nSpam.\r\n--b\r\nContent-Type: "                     \
	"message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nUser-Agent: x/1\r\nVersion: 1\r\n" fields              \
	"\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n" original "Subject: pills\r\n\r\nBuy!\r\n--b--\r\n"

/* From <>, to victim@xn--bcher-kva.example. */
static void whom_a_complaint_answers(void **state)
{
	static const struct {
		const char *message;
		bool complains;
	} complaints[] = {
		{COMPLAINT("", "From: evil@evil.example\r\n"), true},
		{COMPLAINT("", ""), true},
		{COMPLAINT("Original-Mail-From: evil@evil.example\r\n", "From: evil@evil.example\r\n"), true},
		{COMPLAINT("Original-Mail-From: <victim@xn--bcher-kva.example>\r\n", "From: evil@evil.example\r\n"),
	         false},
		{COMPLAINT("Original-Mail-From: victim@b\xC3\xBC"
	                   "cher.example\r\n",
	                   ""),
	         false},
		{COMPLAINT("", "From: \"Victim, the\" <Victim@XN--bcher-kva.example>\r\n"), false},
		{COMPLAINT("", "From: Victim <victim @ b\xC3\xBC"
	                       "cher . example>\r\n"),
	         false},
		{COMPLAINT("", "Return-Path: <victim@xn--bcher-kva.example>\r\nFrom: evil@evil.example\r\n"), false},
		{COMPLAINT("", "From: evil@evil.example\r\nReply-To: x@y.example, victim@xn--bcher-kva.example\r\n"),
	         false},
		{"From: x@ours.example\r\nSubject: x\r\n\r\nFeedback\r\n", false},
	};
	struct envelope_recipient to[COMPLAINED_TO + 1] = {{.address = SLICE("victim@xn--bcher-kva.example")}};
	struct classification sure = SIGNED(ARF, 0.99, feedback), other = SIGNED(OTHER, 0.99, feedback),
			      words = SURE(ARF);
	for (size_t i = 0; i <= COMPLAINED_TO; i++) to[i] = to[0];
	for (size_t i = 0; i < sizeof complaints / sizeof *complaints; i++) {
		struct envelope e = {.recipients = to, .recipient_count = 1};
		struct arena a;
		struct mime m;
		arena_init(&a, 1 << 20);
		assert_true(mime_parse(&a, slice_str(complaints[i].message), &m));
		if (answers_complains(&sure, m.root, &e) != complaints[i].complains) fail_msg("complaint %d", (int)i);
		assert_false(answers_complains(&other, m.root, &e));
		assert_false(answers_complains(&words, m.root, &e));
		assert_false(answers_complains(&sure, NULL, &e));
		e.recipient_count = COMPLAINED_TO + 1;
		assert_false(answers_complains(&sure, m.root, &e));
		arena_free(&a);
	}
}

#define MARKED(c, signals)                                                                                             \
	{                                                                                                              \
		.class = CLASS_##c, .probability = 0.99, .fired = signals,                                             \
		.fired_count = sizeof signals / sizeof *signals                                                        \
	}

static void what_an_answer_is(void **state)
{
	static const struct {
		const char *sender, *header;
		struct classification class;
		enum answer_ground ground;
	} kinds[] = {
		/* whatever the classifier says */
		{"", "Subject: x\r\n\r\n", UNCLASSIFIED, ANSWER_marked},
		{"", "Subject: x\r\n\r\n", SURE(OTHER), ANSWER_marked},
		{"", "Content-Type: multipart/report\r\n\r\n", SIGNED(ARF, 0.99, feedback), ANSWER_marked},
		{"joe@ours.example", "Auto-Submitted: auto-replied (vacation)\r\n\r\n", SURE(OTHER), ANSWER_marked},
		{"joe@ours.example", "Auto-Submitted: Auto-Replied\r\n\r\n", UNCLASSIFIED, ANSWER_marked},
		{"Postmaster@ours.example", "Content-Type: multipart/report; x=y\r\n\r\n", UNCLASSIFIED, ANSWER_marked},
		{"postmaster@ours.example", "Content-Type: multipart/report\r\n\r\n", SURE(OTHER), ANSWER_marked},
		{"MAILER-DAEMON@ours.example", "Subject: x\r\n\r\n", UNCLASSIFIED, ANSWER_marked},
		/* by what it is */
		{"joe@ours.example", "Subject: x\r\n\r\n", UNCLASSIFIED, ANSWER_none},
		{"joe@ours.example", "Subject: x\r\n\r\n", SURE(OTHER), ANSWER_none},
		{"joe@ours.example", "Auto-Submitted: auto-generated\r\n\r\n", SURE(OTHER), ANSWER_none},
		{"joe@ours.example", "Auto-Submitted: auto-generated\r\n\r\n", SURE(AUTOREPLY), ANSWER_classed},
		{"joe@ours.example", "Content-Type: multipart/report\r\n\r\n", UNCLASSIFIED, ANSWER_none},
		{"joe@ours.example", "Content-Type: multipart/report\r\n\r\n", SURE(NDR), ANSWER_classed},
		{"joe@ours.example", "Subject: x\r\n\r\n", SURE(CHALLENGE), ANSWER_classed},
		{"joe@ours.example", "Subject: x\r\n\r\n", FAINT(NDR), ANSWER_likely},
		{"joe@ours.example", "Subject: x\r\n\r\n", FAINT(AUTOREPLY), ANSWER_likely},
		{"joe@ours.example", "Subject: x\r\n\r\n", SURE(ARF), ANSWER_none},
		{"postmaster@ours.example", "Content-Type: text/plain\r\n\r\n", SURE(OTHER), ANSWER_none},
		{"postmaster@ours.example", "Content-Type: text/plain\r\n\r\n", SURE(NDR), ANSWER_classed},
		/* a person's program */
		{"joe@ours.example", "Subject: x\r\n\r\n", SIGNED(NDR, 0.99, a_program), ANSWER_likely},
		{"joe@ours.example", "Subject: x\r\n\r\n", SIGNED(NDR, 0.7, a_program), ANSWER_none},
		{"joe@ours.example", "Subject: Re: x\r\n\r\n", SIGNED(AUTOREPLY, 0.99, a_reply), ANSWER_likely},
		{"joe@ours.example", "Subject: Re: x\r\n\r\n", SIGNED(AUTOREPLY, 0.7, a_reply), ANSWER_none},
		{"", "Subject: Re: x\r\n\r\n", SIGNED(AUTOREPLY, 0.7, a_reply), ANSWER_marked},
		/* one that answers by itself */
		{"joe@ours.example", "Subject: x\r\n\r\n", MARKED(AUTOREPLY, receipt), ANSWER_classed},
		{"joe@ours.example", "Subject: x\r\n\r\n", MARKED(AUTOREPLY, set_up), ANSWER_classed},
		{"joe@ours.example", "Subject: x\r\n\r\n", MARKED(AUTOREPLY, generated), ANSWER_classed},
		{"joe@ours.example", "Subject: x\r\n\r\n", MARKED(AUTOREPLY, bulk), ANSWER_classed},
		{"joe@ours.example", "Subject: Absence\r\n\r\n", MARKED(AUTOREPLY, subject), ANSWER_likely},
		{"joe@ours.example", "Subject: Automatic reply: x\r\n\r\n", MARKED(AUTOREPLY, by_hand), ANSWER_classed},
		{"joe@ours.example", "Subject: Fwd: x\r\n\r\n", MARKED(AUTOREPLY, forwarded), ANSWER_likely},
		/* reports that answer nobody */
		{"postmaster@ours.example", "Content-Type: multipart/report\r\n\r\n", SIGNED(ARF, 0.99, feedback),
	         ANSWER_none},
		{"postmaster@ours.example", "Content-Type: multipart/report\r\n\r\n", SIGNED(OTHER, 0.99, tls_report),
	         ANSWER_none},
		{"postmaster@ours.example", "Content-Type: multipart/report\r\nAuto-Submitted: auto-replied\r\n\r\n",
	         SIGNED(OTHER, 0.99, tls_report), ANSWER_marked},
	};
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		struct arena a;
		struct address sender = {.null = true};
		arena_init(&a, 1 << 16);
		if (kinds[i].sender[0])
			assert_int_equal(address_parse(&a, slice_str(kinds[i].sender), false, &sender), ADDRESS_OK);
		enum answer_ground g = answers_ground(&sender, slice_str(kinds[i].header), &kinds[i].class);
		if (g != kinds[i].ground)
			fail_msg("%d: <%s> %s is %s", (int)i, kinds[i].sender, kinds[i].header, answer_ground_text(g));
		arena_free(&a);
	}
	(void)state;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(answers_are_joined_with_what_came),
		TEST(our_received_field_tells_which_it_is),
		TEST(each_return_path_has_its_history),
		TEST(what_is_too_long_to_be_read_whole_is_not_sure),
		TEST(an_empty_ledger_knows_nothing),
		TEST(a_stamp_stands_in_for_the_ledger),
		TEST(what_cannot_be_read_is_judged_by_its_addressee),
		cmocka_unit_test(what_an_answer_is),
		cmocka_unit_test(whom_a_complaint_answers),
	};
	return cmocka_run_group_tests_name("relay/answers", tests, NULL, NULL);
}
