/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/answers.h"

#include "auth/proof.h"
#include "auth/result.h"
#include "store/spool.h"
#include "store/store_test.h"

#define NOW    1700000000
#define TENANT 7
#define VICTIM "victim@far.example"
#define REPORT "From: MAILER-DAEMON@ours.example\r\nTo: " VICTIM "\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n"
#define PARTS                                                                                                          \
	REPORT "Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n\r\nSorry.\r\n--b\r\n"                        \
	       "Content-Type: text/rfc822-headers\r\n\r\n"

static int setup(void **state)
{
	*state = store_test_begin(DB_LEDGER);
	return 0;
}

static int teardown(void **state)
{
	store_test_end(*state);
	return 0;
}

static uint64_t id_of(unsigned n)
{
	return ((uint64_t)NOW - 3600) * 1000 << 20 | n;
}

static void came(struct db *ledger, unsigned n, const char *message_id, enum proof proof, bool outbound)
{
	static const struct ledger_bounds wide = {.lifetime = 30 * 86400, .size = (uint64_t)1 << 30};
	static char room[LEDGER_RECORD_MOST];
	struct ledger_passage p = {.time = NOW - 3600,
	                           .tenant = outbound ? TENANT + 1 : TENANT,
	                           .outbound = outbound,
	                           .result = outbound ? LEDGER_queued : LEDGER_delivered,
	                           .return_path = SLICE(VICTIM),
	                           .message_id = slice_str(message_id),
	                           .proof = proof};
	ledger_passage_recipient(&p, SLICE("bob@ours.example"));
	struct ledger_row row = {id_of(n), ledger_encode(&p, room)};
	assert_int_equal(ledger_put(ledger, &wide, &row, 1, p.time), ERR_OK);
}

static enum judge_verdict judge(struct db *ledger, struct slice text, size_t memory, uint64_t *about, bool *joined)
{
	struct answer_verdict v;
	struct blob message;
	blob_init(&message, memory, "/tmp");
	assert_int_equal(blob_append(&message, text), ERR_OK);
	struct answer *a = answer_read(&message, "relay.ours.example");
	assert_non_null(a);
	answer_judge(a, ledger, TENANT, SLICE(VICTIM), NOW, &v);
	assert_non_null(v.judgement.why);
	assert_int_equal(slice_search(v.evidence, SLICE("ledger=")), 0);
	*about = v.about & 0xFFFFF;
	*joined = v.joined;
	answer_free(a);
	blob_free(&message);
	return v.judgement.verdict;
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

/* The same in memory and in a file. */
static void answers_are_joined_with_what_came(void **state)
{
	struct store_test *t = *state;
	came(t->db, 1, "<good@x>", PROOF_spf, false);
	came(t->db, 2, "<bad@x>", PROOF_none, false);
	came(t->db, 3, "<both@x>", PROOF_dkim, false);
	came(t->db, 4, "<both@x>", PROOF_none, false);
	came(t->db, 5, "<other@x>", PROOF_source, true);
	for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
		uint64_t about;
		bool joined;
		size_t c = i / 2;
		enum judge_verdict v = judge(t->db, slice_str(cases[c].text), i % 2 ? 16 : 1 << 20, &about, &joined);
		if (v != cases[c].verdict || about != cases[c].about || joined != cases[c].joined)
			fail_msg("%s: %s, about %d, joined %d", cases[c].name, judge_text(v), (int)about, joined);
	}
}

static void our_received_field_tells_which_it_is(void **state)
{
	static const struct {
		unsigned hop;
		const char *id;
		enum judge_verdict verdict;
		bool joined;
	} hops[] = {
		{1, "Message-ID: <1@x>\r\n", JUDGE_genuine, true},
		{2, "Message-ID: <1@x>\r\n", JUDGE_backscatter, true},
		{3, "Message-ID: <1@x>\r\n", JUDGE_backscatter, true}, /* the one without a Message-ID is in doubt */
		{1, "", JUDGE_backscatter, true},                      /* and here it is, whatever the hop says */
		{2, "", JUDGE_backscatter, true},
		{3, "", JUDGE_backscatter, false},
	};
	struct store_test *t = *state;
	char id[SPOOL_ID_TEXT], text[2000];
	uint64_t about;
	bool joined;
	came(t->db, 1, "<1@x>", PROOF_spf, false);
	came(t->db, 2, "", PROOF_none, false);
	for (size_t i = 0; i < sizeof hops / sizeof *hops; i++) {
		snprintf(text, sizeof text,
		         PARTS
		         "Received: from a ([192.0.2.1]) by RELAY.ours.example with ESMTP id %s; x\r\n%s\r\n--b--\r\n",
		         spool_id_text(id_of(hops[i].hop), id), hops[i].id);
		enum judge_verdict v = judge(t->db, slice_str(text), 1 << 20, &about, &joined);
		if (v != hops[i].verdict || joined != hops[i].joined)
			fail_msg("%d: %s, joined %d", (int)i, judge_text(v), joined);
	}
}

static void what_is_too_long_to_be_read_whole_is_not_sure(void **state)
{
	struct store_test *t = *state;
	static char text[ANSWER_LOOKED + 100];
	uint64_t about;
	bool joined;
	came(t->db, 1, "<good@x>", PROOF_spf, false);
	size_t n = (size_t)snprintf(text, sizeof text, PARTS "Message-ID: <good@x>\r\n\r\n--b--\r\n");
	memset(text + n, 'x', sizeof text - n);
	assert_int_equal(judge(t->db, slice_of(text, sizeof text), 1 << 20, &about, &joined), JUDGE_genuine);
	assert_false(joined);
	came(t->db, 2, "<bad@x>", PROOF_none, false);
	assert_int_equal(judge(t->db, slice_of(text, sizeof text), 1 << 20, &about, &joined), JUDGE_backscatter);
	assert_int_equal(judge(t->db, slice_of(text, n), 1 << 20, &about, &joined), JUDGE_genuine);
}

static void an_empty_ledger_knows_nothing(void **state)
{
	struct store_test *t = *state;
	uint64_t about;
	bool joined;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(judge(t->db, slice_str(cases[i].text), 1 << 20, &about, &joined), JUDGE_unknown);
		assert_int_equal(about, 0);
		assert_false(joined);
	}
}

static void what_an_answer_is(void **state)
{
	static const struct {
		const char *sender, *header;
		bool answer;
	} kinds[] = {
		{"", "Subject: x\r\n\r\n", true},
		{"joe@ours.example", "Subject: x\r\n\r\n", false},
		{"joe@ours.example", "Auto-Submitted: auto-replied (vacation)\r\n\r\n", true},
		{"joe@ours.example", "Auto-Submitted: auto-generated\r\n\r\n", false},
		{"joe@ours.example", "Content-Type: multipart/report\r\n\r\n", false},
		{"Postmaster@ours.example", "Content-Type: multipart/report; x=y\r\n\r\n", true},
		{"postmaster@ours.example", "Content-Type: text/plain\r\n\r\n", false},
	};
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		struct arena a;
		struct address sender = {.null = true};
		arena_init(&a, 1 << 16);
		if (kinds[i].sender[0])
			assert_int_equal(address_parse(&a, slice_str(kinds[i].sender), false, &sender), ADDRESS_OK);
		assert_int_equal(answers_is_answer(&sender, slice_str(kinds[i].header)), kinds[i].answer);
		arena_free(&a);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(answers_are_joined_with_what_came),
		TEST(our_received_field_tells_which_it_is),
		TEST(what_is_too_long_to_be_read_whole_is_not_sure),
		TEST(an_empty_ledger_knows_nothing),
		cmocka_unit_test(what_an_answer_is),
	};
	return cmocka_run_group_tests_name("relay/answers", tests, NULL, NULL);
}
