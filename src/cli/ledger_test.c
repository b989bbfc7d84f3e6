/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ledger.h"

#include <fcntl.h>

#include "auth/proof.h"
#include "bounce/class.h"
#include "cli/cli.h"
#include "store/spool.h"
#include "store/store_test.h"

#define NOW 1700000000

/* A folder with a configuration, a ledger and two transactions in it. */
struct world {
	struct store_test *store;
	char config[96];
	char out[8192]; /* what the command printed */
	char in_id[SPOOL_ID_TEXT], out_id[SPOOL_ID_TEXT];
};

static void put(struct db *db, const struct ledger_passage *p)
{
	char room[LEDGER_RECORD_MOST];
	const struct ledger_bounds wide = {.lifetime = 86400, .size = 1 << 30};
	struct ledger_row row = {p->id, ledger_encode(p, room)};
	assert_int_equal(ledger_put(db, &wide, &row, 1, NOW), ERR_OK);
}

static void put_both(struct world *w)
{
	struct ledger_passage in = {.id = (uint64_t)NOW * 1000 << 20,
	                            .time = NOW,
	                            .tenant = 7,
	                            .helo = SLICE("mail.example.org"),
	                            .return_path = SLICE("a@example.org"),
	                            .handed_on = SLICE("SRS0=x@rp.example.net"),
	                            .message_id = SLICE("<1@example.org>"),
	                            .from_domain = SLICE("example.org"),
	                            .result = LEDGER_delivered,
	                            .reply_code = 250,
	                            .spf = AUTH_softfail,
	                            .dkim = AUTH_pass,
	                            .dmarc = AUTH_pass,
	                            .proof = PROOF_dkim,
	                            .class = 1 + CLASS_NDR,
	                            .size = 4096,
	                            .has_digest = true,
	                            .server = SLICE("mx.example.net [192.0.2.1]")};
	struct ledger_passage out = {.id = (uint64_t)(NOW + 60) * 1000 << 20,
	                             .time = NOW + 60,
	                             .outbound = true,
	                             .authenticated = true,
	                             .result = LEDGER_refused,
	                             .reply_code = 550,
	                             .reason = SLICE("not_your_domain"),
	                             .arc = 200,
	                             .proof = 200,
	                             .class = 7};
	ip_parse(SLICE("192.0.2.7"), &in.client);
	ledger_passage_dkim_domain(&in, SLICE("example.org"));
	ledger_passage_recipient(&in, SLICE("b@example.net"));
	ledger_passage_author(&in, SLICE("d@example.com"));
	for (int i = 0; i < 40; i++) ledger_passage_recipient(&out, SLICE("c\033@example.com"));
	put(w->store->db, &in);
	put(w->store->db, &out);
	spool_id_text(in.id, w->in_id);
	spool_id_text(out.id, w->out_id);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	assert_non_null(w);
	w->store = store_test_begin(DB_LEDGER);
	put_both(w);
	snprintf(w->config, sizeof w->config, "%s/conf", w->store->dir);
	FILE *f = fopen(w->config, "w");
	assert_non_null(f);
	fprintf(f, "hostname = mx.example.net\nstate-dir = \"%s\"\nrelay {}\n", w->store->dir);
	fclose(f);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	store_test_end(w->store);
	free(w);
	return 0;
}

/* Runs `backstop ledger -c CONFIG` with these words (of no spaces); what it prints is in w->out, complaints are dropped. */
static int ledger(struct world *w, const char *words)
{
	char text[256], path[96], *argv[16] = {(char *)(uintptr_t) "ledger", (char *)(uintptr_t) "-c", w->config};
	int argc = 3;
	snprintf(text, sizeof text, "%s", words);
	for (char *rest = text, *word; argc < 15 && (word = strsep(&rest, " "));)
		if (*word) argv[argc++] = word;
	snprintf(path, sizeof path, "%s/out", w->store->dir);
	fflush(stdout);
	fflush(stderr);
	int saved[2] = {dup(1), dup(2)}, fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600),
	    nothing = open("/dev/null", O_WRONLY);
	dup2(fd, 1);
	dup2(nothing, 2);
	int status = cli_ledger(argc, argv);
	fflush(stdout);
	dup2(saved[0], 1);
	dup2(saved[1], 2);
	ssize_t n = pread(fd, w->out, sizeof w->out - 1, 0);
	assert_true(n >= 0);
	w->out[n] = '\0';
	close(fd);
	close(nothing);
	close(saved[0]);
	close(saved[1]);
	return status;
}

static size_t lines(const char *text)
{
	size_t n = 0;
	for (; *text; text++) n += *text == '\n';
	return n;
}

static const struct {
	const char *name, *words;
	int status;
	size_t lines;
} cases[] = {
	{"all", "", CLI_DONE, 2},
	{"as JSON", "--json", CLI_DONE, 2},
	{"one", "--limit 1", CLI_DONE, 1},
	{"no limit", "--limit 0", CLI_DONE, 2},
	{"by Message-ID", "--message-id 1@example.org", CLI_DONE, 1},
	{"by Message-ID in brackets", "--message-id <1@example.org>", CLI_DONE, 1},
	{"by another Message-ID", "--message-id 2@example.org", CLI_NO, 0},
	{"by return path", "--return-path A@example.org", CLI_DONE, 1},
	{"by return path in brackets", "--return-path <a@example.org>", CLI_DONE, 1},
	{"by return path handed on", "--return-path SRS0=x@rp.example.net", CLI_DONE, 1},
	{"by recipient", "--recipient b@example.net", CLI_DONE, 1},
	{"by another's recipient", "--recipient a@example.org", CLI_NO, 0},
	{"since its time", "--since 1700000060", CLI_DONE, 1},
	{"since later", "--since 1700000061", CLI_DONE, 0},
	{"since much later", "--since 1h", CLI_DONE, 0},
	{"a tenant that is not there", "--tenant nobody", CLI_NO, 0},
	{"the null return path", "--return-path <>", CLI_USAGE, 0},
	{"two at once", "--return-path a@b --recipient a@b", CLI_USAGE, 0},
	{"no number", "--limit x", CLI_USAGE, 0},
	{"no time", "--since yesterday", CLI_USAGE, 0},
	{"no verb", "frobnicate", CLI_USAGE, 0},
	{"show without id", "show", CLI_USAGE, 0},
	{"show what is no id", "show nonsense", CLI_USAGE, 0},
	{"show another", "show 0000000000000", CLI_NO, 0},
};

static void test_cases(void **state)
{
	struct world *w = *state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int status = ledger(w, cases[i].words);
		if (status != cases[i].status || lines(w->out) != cases[i].lines)
			fail_msg("%s: status %d, printed:\n%s", cases[i].name, status, w->out);
	}
}

static void test_json(void **state)
{
	struct world *w = *state;
	char words[64], wanted[1024];
	snprintf(words, sizeof words, "show %s --json", w->in_id);
	assert_int_equal(ledger(w, words), CLI_DONE);
	snprintf(wanted, sizeof wanted,
	         "{\"id\":\"%s\",\"time\":1700000000,\"direction\":\"in\",\"tenant\":null,\"client\":\"192.0.2.7\","
	         "\"authenticated\":false,\"helo\":\"mail.example.org\",\"return_path\":\"a@example.org\","
	         "\"handed_on\":\"SRS0=x@rp.example.net\",\"recipients\":[\"b@example.net\"],\"recipient_count\":1,"
	         "\"message_id\":\"<1@example.org>\",\"from_domain\":\"example.org\",\"authors\":[\"d@example.com\"],"
	         "\"result\":\"delivered\","
	         "\"reply_code\":250,\"reason\":null,\"spf\":\"softfail\",\"dkim\":\"pass\",\"dmarc\":\"pass\","
	         "\"arc\":\"none\",\"dkim_domains\":[\"example.org\"],\"proof\":\"dkim\",\"verified\":true,\"class\":"
	         "\"ndr\",\"size\":"
	         "4096,"
	         "\"digest\":\"0000000000000000000000000000000000000000000000000000000000000000\","
	         "\"server\":\"mx.example.net [192.0.2.1]\"}\n",
	         w->in_id);
	assert_string_equal(w->out, wanted);
}

/* What strangers wrote cannot write to the terminal, and values of a later release are no crash. */
static void test_for_a_person(void **state)
{
	struct world *w = *state;
	char words[64];
	snprintf(words, sizeof words, "show %s", w->out_id);
	assert_int_equal(ledger(w, words), CLI_DONE);
	assert_null(strchr(w->out, '\033'));
	assert_non_null(strstr(w->out, "recipient      <c?@example.com>\n"));
	assert_non_null(strstr(w->out, "               8 more\n"));
	assert_non_null(strstr(w->out, "result         refused, 550 not_your_domain\n"));
	assert_non_null(strstr(w->out, "proof          unknown\n"));
	assert_non_null(strstr(w->out, "arc=unknown\n"));
	snprintf(words, sizeof words, "show %s", w->in_id);
	assert_int_equal(ledger(w, words), CLI_DONE);
	assert_non_null(strstr(w->out, "handed on as   <SRS0=x@rp.example.net>\n"));
	assert_non_null(strstr(w->out, "results        spf=softfail dkim=pass dmarc=pass arc=none\n"));
	assert_int_equal(ledger(w, ""), CLI_DONE);
	assert_null(strchr(w->out, '\033'));
	assert_non_null(strstr(w->out, "<a@example.org> -> <b@example.net> <1@example.org>\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_cases, setup, teardown),
		cmocka_unit_test_setup_teardown(test_json, setup, teardown),
		cmocka_unit_test_setup_teardown(test_for_a_person, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
