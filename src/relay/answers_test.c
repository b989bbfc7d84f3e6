/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/answers.h"

#include "auth/proof.h"
#include "store/store_test.h"

#define NOW    1795000000
#define DAY    86400
#define TENANT 7

static const struct ledger_bounds wide = {.lifetime = 30 * DAY, .size = (uint64_t)1 << 30};

/* What the ledger knows. Each return path has a history of its own. */
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
	{"refused@a.test", "", "<r@a.test>", 60, TENANT, false, LEDGER_refused, PROOF_none},
	{"old@a.test", "", "<o@a.test>", 16 * DAY, TENANT, false, LEDGER_delivered, PROOF_none},
	{"elsewhere@a.test", "", "<e@a.test>", 60, TENANT + 1, false, LEDGER_delivered, PROOF_spf},
	{"victim@a.test", "SRS0=x@us.test", "<c@b.test>", 60, TENANT, false, LEDGER_delivered, PROOF_none},
	{"writer@c.test", "", "<w1@c.test>", 60, TENANT + 2, true, LEDGER_queued, PROOF_source},
	{"writer@c.test", "", "<w2@b.test>", 50, TENANT, false, LEDGER_delivered, PROOF_none},
};

static int setup(void **state)
{
	struct store_test *t = store_test_begin(DB_LEDGER);
	for (size_t i = 0; i < sizeof history / sizeof *history; i++) {
		const struct known *k = &history[i];
		char room[LEDGER_RECORD_MOST];
		struct ledger_passage p = {.id = (uint64_t)(NOW - k->age) * 1000 << 20 | i,
		                           .time = NOW - k->age,
		                           .tenant = k->tenant,
		                           .outbound = k->outbound,
		                           .return_path = slice_str(k->return_path),
		                           .handed_on = slice_str(k->handed_on),
		                           .message_id = slice_str(k->message_id),
		                           .result = (uint8_t)k->result,
		                           .proof = (uint8_t)k->proof};
		struct ledger_row row = {p.id, ledger_encode(&p, room)};
		assert_int_equal(ledger_put(t->db, &wide, &row, 1, NOW), ERR_OK);
	}
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	store_test_end(*state);
	return 0;
}

static const struct {
	const char *name, *recipient, *header, *body;
	enum answer_verdict verdict;
	bool by_id;
} cases[] = {
	{"its message is proven", "proven@a.test", "", "Message-ID: <p1@a.test>\r\n", ANSWER_PROVEN, true},
	{"another case, quoted", "Proven@A.test", "", "> message-id: <p2@a.test>\r\n", ANSWER_PROVEN, true},
	{"folded", "proven@a.test", "", "Message-ID:\r\n <p1@a.test>\r\n", ANSWER_PROVEN, true},
	{"blanks before the colon", "proven@a.test", "", "Message-ID \t: <p1@a.test>\r\n", ANSWER_PROVEN, true},
	{"by In-Reply-To", "proven@a.test", "In-Reply-To: <p1@a.test>\r\n", "Away.\r\n", ANSWER_PROVEN, true},
	{"names nothing", "proven@a.test", "", "Sorry.\r\n", ANSWER_PROVEN, false},
	{"names what is not known", "proven@a.test", "", "Message-ID: <x@a.test>\r\n", ANSWER_UNKNOWN, false},
	{"names somebody else's", "proven@a.test", "", "Message-ID: <b1@a.test>\r\n", ANSWER_UNKNOWN, false},
	{"its message is forged", "forged@a.test", "", "Message-ID: <f1@b.test>\r\n", ANSWER_UNPROVEN, true},
	{"forged, names nothing", "forged@a.test", "", "", ANSWER_UNPROVEN, false},
	{"forged, names what is not known", "forged@a.test", "", "Message-ID: <x@b.test>\r\n", ANSWER_UNPROVEN, false},
	{"both, the proven one", "both@a.test", "", "Message-ID: <b1@a.test>\r\n", ANSWER_PROVEN, true},
	{"both, the forged one", "both@a.test", "", "Message-ID: <b2@b.test>\r\n", ANSWER_UNPROVEN, true},
	{"both, names nothing", "both@a.test", "", "", ANSWER_UNPROVEN, false},
	{"both are named, the proven one first", "both@a.test", "",
         "X: y\r\n Message-ID: <b1@a.test>\r\nMessage-ID: <b2@b.test>\r\n", ANSWER_UNPROVEN, true},
	{"the forged one is named in the header", "both@a.test", "In-Reply-To: <b2@b.test>\r\n", "", ANSWER_UNPROVEN,
         true},
	{"one Message-ID of both", "same@a.test", "", "Message-ID: <s@a.test>\r\n", ANSWER_UNPROVEN, true},
	{"the forged one has no Message-ID", "nameless@a.test", "", "Message-ID: <n@a.test>\r\n", ANSWER_UNPROVEN,
         true},
	{"what was refused is not answered", "refused@a.test", "", "Message-ID: <r@a.test>\r\n", ANSWER_UNKNOWN, false},
	{"too old", "old@a.test", "", "Message-ID: <o@a.test>\r\n", ANSWER_UNKNOWN, false},
	{"another tenant's", "elsewhere@a.test", "", "Message-ID: <e@a.test>\r\n", ANSWER_UNKNOWN, false},
	{"a contained return path", "srs0=X@us.test", "", "", ANSWER_UNPROVEN, false},
	{"of another tenant, by its source", "writer@c.test", "", "Message-ID: <w1@c.test>\r\n", ANSWER_PROVEN, true},
	{"of another tenant, forged", "writer@c.test", "", "Message-ID: <w2@b.test>\r\n", ANSWER_UNPROVEN, true},
	{"of another tenant, names nothing", "writer@c.test", "", "", ANSWER_UNPROVEN, false},
	{"nobody", "nobody@a.test", "", "Message-ID: <p1@a.test>\r\n", ANSWER_UNKNOWN, false},
};

static enum answer_verdict judge(struct store_test *t, const char *recipient, const char *header, struct slice body,
                                 size_t memory, struct answer_witness *w)
{
	struct blob blob;
	blob_init(&blob, memory, t->dir);
	assert_int_equal(blob_append(&blob, slice_str(header)), ERR_OK);
	assert_int_equal(blob_append(&blob, body), ERR_OK);
	enum answer_verdict v = answers_judge(t->db, TENANT, slice_str(recipient), slice_str(header), &blob, NOW, w);
	blob_free(&blob);
	return v;
}

/* In memory, and in a file. */
static void test_verdicts(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		for (size_t memory = 0; memory <= 1 << 20; memory += 1 << 20) {
			struct answer_witness w;
			print_message("%s\n", cases[i].name);
			assert_int_equal(judge(*state, cases[i].recipient, cases[i].header, slice_str(cases[i].body),
			                       memory, &w),
			                 cases[i].verdict);
			assert_int_equal(w.by_id, cases[i].by_id);
			assert_int_equal(w.about != 0, cases[i].verdict != ANSWER_UNKNOWN);
		}
}

/* A forger hides his Message-ID behind more than is looked at, and names a proven one before: that is in doubt. */
static void test_what_is_not_looked_through_is_in_doubt(void **state)
{
	static const char known[] = "Message-ID: <b1@a.test>\r\n";
	struct answer_witness w;
	size_t n = 0, most = 200000;
	char *text = malloc(most);
	assert_non_null(text);
	while (n < 100 * (sizeof known - 1)) n += (size_t)sprintf(text + n, "%s", known);
	assert_int_equal(judge(*state, "both@a.test", "", slice_of(text, n), 1 << 20, &w), ANSWER_UNPROVEN);
	assert_int_equal(judge(*state, "proven@a.test", "", slice_of(text, n), 1 << 20, &w), ANSWER_UNKNOWN);
	memset(text, 'x', most);
	memcpy(text, known, sizeof known - 1);
	assert_int_equal(judge(*state, "both@a.test", "", slice_of(text, most), 1 << 20, &w), ANSWER_UNPROVEN);
	assert_int_equal(judge(*state, "both@a.test", "", slice_of(text, most), 0, &w), ANSWER_UNPROVEN);
	memcpy(text, "Message-ID: <p1@a.test>\r\n", sizeof known - 1);
	assert_int_equal(judge(*state, "proven@a.test", "", slice_of(text, most), 0, &w), ANSWER_PROVEN);
	free(text);
}

static void test_what_an_answer_is(void **state)
{
	static const struct {
		bool null, postmaster;
		const char *header;
		bool answer;
	} mails[] = {
		{true, false, "Subject: x\r\n\r\n", true},
		{false, false, "Subject: x\r\n\r\n", false},
		{false, false, "Auto-Submitted: auto-replied (vacation)\r\n\r\n", true},
		{false, false, "Auto-Submitted: auto-generated\r\n\r\n", false},
		{false, false, "Content-Type: multipart/report; boundary=b\r\n\r\n", false},
		{false, true, "Content-Type: multipart/report; boundary=b\r\n\r\n", true},
		{false, true, "Content-Type: text/plain\r\n\r\n", false},
	};
	for (size_t i = 0; i < sizeof mails / sizeof *mails; i++) {
		struct address a = {.null = mails[i].null,
		                    .local = mails[i].postmaster ? SLICE("postmaster") : SLICE("joe"),
		                    .domain = SLICE("a.test")};
		assert_int_equal(answers_is_answer(&a, slice_str(mails[i].header)), mails[i].answer);
	}
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test_setup_teardown(test_verdicts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_not_looked_through_is_in_doubt, setup, teardown),
		cmocka_unit_test(test_what_an_answer_is),
	};
	return cmocka_run_group_tests(all, NULL, NULL);
}
