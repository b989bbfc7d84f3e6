/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "auth/signer.h"
#include "bounce/judge.h"

#define DAY    INT64_C(86400)
#define NOW    INT64_C(1700000000)
#define TENANT 7

/* The key of RFC 8463 A.2. */
static const char private_key[] = "-----BEGIN PRIVATE KEY-----\n"
				  "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
				  "-----END PRIVATE KEY-----\n";
static const struct provenance_key keys[] = {
	{SLICE_EMPTY, SLICE_EMPTY, SLICE_EMPTY},
	{{"ours.example", 12}, {"old", 3}, {"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", 66}},
};
static const struct provenance_key broken[] = {{{"ours.example", 12}, {"old", 3}, {"hello", 5}}};
static const struct slice hostnames[] = {{"relay.ours.example", 18}, {"mx2.ours.example", 16}};

/* ---- a ledger of a few rows ------------------------------------------------------------------------------------ */

static const struct slice bob[] = {{"bob@far.example", 15}}, list[] = {{"list@far.example", 16}};

static struct provenance_row row(uint64_t id, bool outbound, const char *return_path, const char *message_id)
{
	return (struct provenance_row){.id = id,
	                               .time = NOW - 3600,
	                               .tenant = TENANT,
	                               .outbound = outbound,
	                               .taken = true,
	                               .author = SLICE_EMPTY,
	                               .return_path = slice_str(return_path),
	                               .handed_on = SLICE_EMPTY,
	                               .message_id = slice_str(message_id),
	                               .recipients = bob,
	                               .recipient_count = 1};
}

static struct provenance_row rows[PROVENANCE_ROWS + 100];
static size_t row_count;

static struct provenance_row *add_row(struct provenance_row r)
{
	rows[row_count] = r;
	return &rows[row_count++];
}

/* There is more than was handed over. */
static bool rows_cut;

static bool by_message_id(void *ledger, struct slice id, provenance_take *take, void *arg)
{
	for (size_t i = 0; i < row_count; i++)
		if (slice_equal(rows[i].message_id, id) && !take(&rows[i], arg)) return true;
	return !rows_cut;
}

static bool by_trace(void *ledger, struct slice id, provenance_take *take, void *arg)
{
	for (size_t i = 0; i < row_count; i++) {
		char text[32];
		snprintf(text, sizeof text, "trace%08u", (unsigned)rows[i].id);
		if (slice_equal(id, slice_str(text)) && !take(&rows[i], arg)) return true;
	}
	return true;
}

static bool by_return_path(void *ledger, struct slice address, provenance_take *take, void *arg)
{
	for (size_t i = 0; i < row_count; i++)
		if (slice_equal_nocase(rows[i].return_path, address) && !take(&rows[i], arg)) return true;
	return !rows_cut;
}

static bool asks[PROVENANCE_ROWS + 100]; /* by row: to have the addressee answered */

static bool by_author(void *ledger, struct slice address, provenance_take *take, void *arg)
{
	for (size_t i = 0; i < row_count; i++)
		if (asks[i] && !take(&rows[i], arg)) return true;
	return !rows_cut;
}

static const struct provenance_ledger ledger = {by_message_id, by_trace, by_return_path, by_author, NULL};

/* ---- inbound --------------------------------------------------------------------------------------------------- */

#define HOP_FAR  "Received: from relay.ours.example ([192.0.2.1]) by mx.far.example with ESMTP id 4XyZ; date\r\n"
#define HOP_OURS "Received: from pc ([10.0.0.9])\r\n\tby RELAY.ours.example with ESMTPA id trace00000001;\r\n\tdate\r\n"
#define TEXT                                                                                                           \
	"From: Joe <joe@ours.example>\r\nTo: bob@far.example\r\nSubject: a  test\r\nDate: Tue, 14 Nov 2023 22:13:20 "  \
	"+0000\r\nMessage-ID: <1@ours.example>\r\n"

enum returned_as { WHOLE, QUOTED, UNSIGNED, CUT, REFOLDED, FORGED, WITHOUT_HOP, NO_HEADER, BARE, OLD };

/* What is known and what came; the addressee is joe@ours.example. */
static const struct incoming {
	const char *name;
	enum returned_as as;
	const char *of; /* the recipient that it speaks of; NULL: none */
	const char *
		facts; /* l: in the ledger; o: from another address; r: of another Message-ID; y: a year ago; n: not taken;
	                      t: of another tenant; L: to a list; N: without a Message-ID; T F E: tag valid, forged, expired; a: tags all;
	                      k: has keys; s: signs all; M: the ledger reaches back; e: sends elsewhere; D: keys of another domain; B: a broken record */
	const char *says;
	bool doubt;
} incoming[] = {
	{"nothing known", WHOLE, NULL, "", "....", 0},
	{"signed", WHOLE, NULL, "k", ".+..", 0},
	{"signed, folded anew and with fields on top", REFOLDED, NULL, "ks", ".+..", 0},
	{"signed, in the text of the report", QUOTED, NULL, "ks", ".+..", 0},
	{"signed, without our hop", WITHOUT_HOP, NULL, "ks", ".+..", 0},
	{"signed, a key of others", WHOLE, NULL, "D", "....", 0},
	{"signed, a key of others, all is signed", WHOLE, NULL, "Ds", ".-..", 0},
	{"signed long ago", OLD, NULL, "ks", "....", 1},
	{"signed, cut off", CUT, NULL, "ks", "....", 1},
	{"a signature put on another header", FORGED, NULL, "k", "....", 1},
	{"a signature put on another header, all is signed", FORGED, NULL, "ks", ".-..", 1},
	{"signed, and our record is broken, all is signed", WHOLE, NULL, "Bs", "....", 1},
	{"not signed", UNSIGNED, NULL, "k", "....", 0},
	{"not signed, all is signed", UNSIGNED, NULL, "ks", ".-..", 0},
	{"not signed, not whole, all is signed", BARE, NULL, "ks", "....", 0},
	{"not signed, and it also sends by other ways", UNSIGNED, NULL, "kMe", "....", 1},
	{"not signed, and the ledger is old enough", UNSIGNED, NULL, "kM", "....", 0},
	{"no header", NO_HEADER, NULL, "kslM", "....", 0},
	{"a good tag", NO_HEADER, NULL, "T", "+...", 0},
	{"a forged tag", NO_HEADER, NULL, "F", "-...", 0},
	{"an expired tag", NO_HEADER, NULL, "E", "....", 0},
	{"an expired tag, all are tagged", NO_HEADER, NULL, "Ea", "....", 0},
	{"no tag, all are tagged", NO_HEADER, NULL, "a", "-...", 0},
	{"in the ledger", UNSIGNED, NULL, "l", "..++", 1},
	{"in the ledger, that recipient", UNSIGNED, "BOB@far.example", "l", "..++", 1},
	{"in the ledger, another recipient", UNSIGNED, "bob@forward.example", "l", "...+", 1},
	{"in the ledger, another recipient, no hop", BARE, "bob@forward.example", "l", "....", 1},
	{"in the ledger, with more recipients than are kept", BARE, "bob@forward.example", "lm", "..+.", 1},
	{"in the ledger, from another address", UNSIGNED, NULL, "lo", "..--", 1},
	{"in the ledger, but our hop is another message's", UNSIGNED, NULL, "lr", "...-", 0},
	{"another one in the ledger, without a Message-ID", BARE, "friend@far.example", "lN", "....", 1},
	{"the same, from another address", BARE, NULL, "lNo", "....", 0},
	{"the same, a year ago", BARE, NULL, "lNy", "....", 0},
	{"in the ledger, a year ago", UNSIGNED, NULL, "ly", "....", 0},
	{"in the ledger, never sent", UNSIGNED, NULL, "ln", "....", 0},
	{"in the ledger, of another tenant", UNSIGNED, NULL, "lt", "....", 0},
	{"a Message-ID from the archive of a list", BARE, "list@far.example", "lLks", "..+.", 1},
	{"the same in a header made up whole", WITHOUT_HOP, "list@far.example", "lLDs", ".-+.", 1},
	{"the same, to an address without a tag", BARE, "list@far.example", "lLa", "-.+.", 1},
	{"all", WHOLE, "bob@far.example", "lkTas", "++++", 1},
};

static struct slice signature(struct arena *a, struct slice header, int64_t when)
{
	struct signing s = {.domain = SLICE("ours.example"), .selector = SLICE("old"), .lifetime = DAY};
	struct signing_key *key;
	struct signer *g;
	struct slice field;
	char why[256];
	assert_int_equal(signing_key_load(slice_str(private_key), &key, why), ERR_OK);
	s.key = key;
	s.now = when;
	assert_int_equal(signer_begin(a, header, &s, &g), ERR_OK);
	signer_body(g, SLICE("the body, which does not come back\r\n"));
	assert_int_equal(signer_end(g, &field), ERR_OK);
	signing_key_unref(key);
	return field;
}

static struct slice header_of(struct arena *a, enum returned_as as)
{
	struct slice own = signature(a, SLICE(TEXT), as == OLD ? NOW - 18 * DAY : NOW - 16 * DAY);
	switch (as) {
	case UNSIGNED: return SLICE(HOP_FAR HOP_OURS TEXT);
	case CUT:
		return slice_sub(arena_printf(a, HOP_FAR "%.*s" HOP_OURS TEXT, SLICE_ARG(own)), 0,
		                 sizeof HOP_FAR + own.n + sizeof HOP_OURS + 60);
	case REFOLDED:
		return arena_printf(a,
		                    "X-Spam: no\nReturn-Path: <joe@ours.example>\n" HOP_FAR
		                    "%.*sFrom:  Joe\n\t<joe@ours.example>\nTo: bob@far.example\nSubject: a test\nDate: "
		                    "Tue, "
		                    "14 Nov 2023\n 22:13:20 +0000\nMessage-ID: <1@ours.example>\n",
		                    SLICE_ARG(own));
	case FORGED:
		return arena_printf(a,
		                    HOP_FAR
		                    "%.*sFrom: joe@ours.example\r\nDate: now\r\nMessage-ID: <2@ours.example>\r\n",
		                    SLICE_ARG(own));
	case WITHOUT_HOP: return arena_printf(a, HOP_FAR "%.*s" TEXT, SLICE_ARG(own));
	case BARE: return SLICE("From: joe@ours.example\nSubject: x\nMessage-ID: <1@ours.example>\n");
	case NO_HEADER: return SLICE_EMPTY;
	default: return arena_printf(a, HOP_FAR "%.*s" HOP_OURS TEXT, SLICE_ARG(own));
	}
}

static struct returned returned_as(struct arena *a, enum returned_as as, const char *of)
{
	struct returned r;
	if (as == NO_HEADER)
		returned_nothing(&r);
	else
		returned_header(header_of(a, as), as == QUOTED || as == BARE ? ORIGINAL_QUOTED : ORIGINAL_MESSAGE, &r);
	if (of) r.recipients[r.recipient_count++] = slice_str(of);
	return r;
}

static bool has(const struct incoming *c, char fact)
{
	return strchr(c->facts, fact) != NULL;
}

static void remember(const struct incoming *c)
{
	row_count = 0;
	if (!has(c, 'l')) return;
	struct provenance_row *r = add_row(row(1, true, has(c, 'o') ? "ann@ours.example" : "Joe@ours.example",
	                                       has(c, 'r') ? "<9@ours.example>" : "<1@ours.example>"));
	if (has(c, 'y')) r->time = NOW - 365 * DAY;
	r->taken = !has(c, 'n');
	r->tenant = has(c, 't') ? TENANT + 1 : TENANT;
	r->more_recipients = has(c, 'm');
	if (has(c, 'L')) r->recipients = list;
	if (has(c, 'N')) r->message_id = SLICE_EMPTY;
}

static struct provenance_facts facts_of(const struct incoming *c)
{
	struct provenance_facts f = {.direction = PROVENANCE_INBOUND,
	                             .tenant = TENANT,
	                             .addressee = SLICE("joe@ours.example"),
	                             .addressed = SLICE("joe@ours.example"),
	                             .now = NOW,
	                             .ledger = ledger,
	                             .hostnames = hostnames,
	                             .hostname_count = 2,
	                             .tag = has(c, 'T')   ? BATV_VALID
	                                    : has(c, 'F') ? BATV_FORGED
	                                    : has(c, 'E') ? BATV_EXPIRED
	                                                  : BATV_UNTAGGED,
	                             .tags_all = has(c, 'a'),
	                             .remembers = has(c, 'M'),
	                             .elsewhere = has(c, 'e'),
	                             .signs_all = has(c, 's')};
	if (has(c, 'k')) f.keys = keys, f.key_count = 2;
	if (has(c, 'B')) f.keys = broken, f.key_count = 1;
	if (has(c, 'D')) f.keys = keys, f.key_count = 1;
	return f;
}

static void compare(const char *name, const struct provenance *p, const char *says)
{
	char got[WITNESS_COUNT + 1] = "";
	for (int i = 0; i < WITNESS_COUNT; i++) {
		got[i] = ".+-"[p->witnesses[i].says];
		bool asked = p->direction == PROVENANCE_INBOUND || i >= WITNESS_ledger;
		if ((p->witnesses[i].why != NULL) != asked)
			fail_msg("%s: %s says %s", name, witness_text((enum witness_name)i),
			         asked ? "nothing" : "something");
	}
	if (strcmp(got, says) != 0) fail_msg("%s: %s, not %s", name, got, says);
}

static void test_incoming(void **state)
{
	for (size_t i = 0; i < sizeof incoming / sizeof *incoming; i++) {
		const struct incoming *c = &incoming[i];
		struct arena a;
		struct provenance p;
		arena_init(&a, 1 << 20);
		remember(c);
		struct returned r = returned_as(&a, c->as, c->of);
		struct provenance_facts f = facts_of(c);
		assert_true(provenance_find(&a, &r, &f, &p));
		compare(c->name, &p, c->says);
		if ((p.doubt != NULL) != c->doubt) fail_msg("%s: doubt: %s", c->name, p.doubt ? p.doubt : "none");
		bool remembered = has(c, 'l') && c->as != NO_HEADER && !strpbrk(c->facts, "ynrtN");
		if (p.about != remembered) fail_msg("%s: about", c->name);
		assert_int_equal(p.header, c->as != NO_HEADER);
		assert_int_equal(p.would_know, has(c, 'M') && c->as != NO_HEADER);
		arena_free(&a);
	}
}

static void test_no_memory(void **state)
{
	struct incoming c = {.as = WHOLE, .facts = "lkTas"};
	struct arena texts, a;
	bool good = false;
	arena_init(&texts, 1 << 20);
	remember(&c);
	struct returned r = returned_as(&texts, WHOLE, NULL);
	struct provenance_facts f = facts_of(&c);
	for (size_t limit = 64; limit < 64000; limit += 128) {
		struct provenance p;
		struct judgement j;
		arena_init(&a, limit);
		good = provenance_find(&a, &r, &f, &p);
		judge_inbound(&p, true, &j);
		assert_int_equal(j.verdict, good ? JUDGE_genuine : JUDGE_unknown);
		arena_free(&a);
	}
	assert_true(good);
	arena_free(&texts);
}

/* ---- outbound -------------------------------------------------------------------------------------------------- */

#define VICTIM "victim@far.example"

/* Of a report to the victim that a tenant's server sends. */
static struct provenance_facts about_victim(void)
{
	return (struct provenance_facts){.direction = PROVENANCE_OUTBOUND,
	                                 .tenant = TENANT,
	                                 .addressee = SLICE(VICTIM),
	                                 .addressed = SLICE(VICTIM),
	                                 .now = NOW,
	                                 .ledger = ledger};
}

/* What came in of late; says is of ledger and received. The report goes to the victim. */
static const struct outgoing {
	const char *name;
	struct {
		const char *return_path, *message_id;
		bool proven;
		const char *author; /* NULL: DMARC did not pass */
		bool asks;          /* to have the victim answered */
	} came[3];
	const char *header, *in_reply_to, *envelope_id;
	const char *says;
	uint64_t about;
} outgoing[] = {
	{"nothing came", {{0}}, "Message-ID: <1@x>\n", NULL, NULL, "..", 0},
	{"nothing came, nothing is named", {{0}}, NULL, NULL, NULL, "..", 0},
	{"proven", {{VICTIM, "<1@x>", true}}, "Message-ID: <1@x>\n", NULL, NULL, "+.", 1},
	{"not proven", {{VICTIM, "<1@x>", false}}, "Message-ID: <1@x>\n", NULL, NULL, "-.", 1},
	{"both", {{VICTIM, "<1@x>", true}, {VICTIM, "<1@x>", false}}, "Message-ID: <1@x>\n", NULL, NULL, "-.", 2},
	{"both, and our hop of the proven one",
         {{VICTIM, "<1@x>", true}, {VICTIM, "<1@x>", false}},
         "Received: by relay.ours.example id trace00000001; x\nMessage-ID: <1@x>\n",
         NULL,
         NULL,
         "-+",
         2},
	{"our hop", {{VICTIM, "<1@x>", true}}, "Received: by mx2.OURS.example id trace00000001\n", NULL, NULL, "++", 1},
	{"our hop, not proven",
         {{VICTIM, "<1@x>", false}},
         "Received: by mx2.ours.example id trace00000001\n",
         NULL,
         NULL,
         "--",
         1},
	{"the topmost of our hops counts",
         {{VICTIM, "<1@x>", true}, {VICTIM, "<2@x>", false}},
         "Received: by down id 1\nReceived: by relay.ours.example id trace00000002\nReceived: by relay.ours.example id "
         "trace00000001\nMessage-ID: <2@x>\n",
         NULL,
         NULL,
         "--",
         2},
	{"a hop of others",
         {{VICTIM, "<1@x>", true}},
         "Received: by relay.evil.example id trace00000001\nMessage-ID: <3@x>\n",
         NULL,
         NULL,
         "..",
         0},
	{"a hop of ours under another message",
         {{VICTIM, "<1@x>", true}},
         "Received: by relay.ours.example id trace00000001\nMessage-ID: <3@x>\n",
         NULL,
         NULL,
         "..",
         0},
	{"another return path", {{"evil@evil.example", "<1@x>", true}}, "Message-ID: <1@x>\n", NULL, NULL, "-.", 1},
	{"another return path, and the same message from the addressee",
         {{"list@list.example", "<1@x>", true}, {VICTIM, "<1@x>", true}},
         "Message-ID: <1@x>\n",
         NULL,
         NULL,
         "+.",
         2},
	{"another return path of the domain, proven",
         {{"prvs=1=victim@far.example", "<1@x>", true}},
         "Message-ID: <1@x>\n",
         NULL,
         NULL,
         "..",
         1},
	{"another return path of the domain, not proven",
         {{"prvs=1=victim@far.example", "<1@x>", false}},
         "Message-ID: <1@x>\n",
         NULL,
         NULL,
         "-.",
         1},
	{"another return path, the author's domain proven",
         {{"b@esp.example", "<1@x>", false, "far.example"}},
         "Message-ID: <1@x>\n",
         NULL,
         NULL,
         "..",
         1},
	{"another return path, another author proven",
         {{"b@esp.example", "<1@x>", false, "esp.example"}},
         "Message-ID: <1@x>\n",
         NULL,
         NULL,
         "-.",
         1},
	{"named, not known, others proven", {{VICTIM, "<1@x>", true}}, "Message-ID: <2@x>\n", NULL, NULL, "..", 0},
	{"named, not known, others not proven", {{VICTIM, "<1@x>", false}}, "Message-ID: <2@x>\n", NULL, NULL, "-.", 1},
	{"not named, all proven", {{VICTIM, "<1@x>", true}, {VICTIM, "<2@x>", true}}, NULL, NULL, NULL, "+.", 1},
	{"not named, not all proven", {{VICTIM, "<1@x>", true}, {VICTIM, "<2@x>", false}}, NULL, NULL, NULL, "-.", 2},
	{"named by In-Reply-To", {{VICTIM, "<1@x>", true}, {VICTIM, "<2@x>", false}}, NULL, "<1@x>", NULL, "+.", 1},
	{"named by envelope id", {{VICTIM, "<1@x>", true}}, NULL, NULL, "trace00000001", "+.", 1},
	{"named by envelope id, not proven", {{VICTIM, "<1@x>", false}}, NULL, NULL, "trace00000001", "-.", 1},
	{"an envelope id that may be copied",
         {{VICTIM, "<1@x>", true}, {VICTIM, "<2@x>", false}},
         NULL,
         NULL,
         "trace00000001",
         "-.",
         2},
	{"in running text", {{VICTIM, "<1@x>", true}}, ">Message-ID: <1@x>\n", NULL, NULL, "+.", 1},
	{"in running text that may be the forger's",
         {{VICTIM, "<1@x>", true}, {VICTIM, "<2@x>", false}},
         ">Message-ID: <1@x>\n",
         NULL,
         NULL,
         "-.",
         2},
	{"in running text with our hop, whose id can be guessed",
         {{VICTIM, "<1@x>", true}, {VICTIM, "<2@x>", false}},
         ">Received: by relay.ours.example id trace00000001\nMessage-ID: <1@x>\n",
         NULL,
         NULL,
         "-.",
         2},
	{"named, but forged mail has no name",
         {{VICTIM, "<1@x>", true}, {VICTIM, "", false}},
         "Message-ID: <1@x>\n",
         NULL,
         NULL,
         "-.",
         2},
	{"named, and all mail without a name is proven",
         {{VICTIM, "<1@x>", true}, {VICTIM, "", true}},
         "Message-ID: <1@x>\n",
         NULL,
         NULL,
         "+.",
         1},
	{"named, forged mail has no name, but our hop tells",
         {{VICTIM, "<1@x>", true}, {VICTIM, "", false}},
         "Received: by relay.ours.example id trace00000001\nMessage-ID: <1@x>\n",
         NULL,
         NULL,
         "++",
         1},
	{"In-Reply-To of an answer to mail without a name",
         {{VICTIM, "<1@x>", true}, {VICTIM, "", false}},
         NULL,
         "<1@x>",
         NULL,
         "-.",
         2},
	{"References alone", {{VICTIM, "<1@x>", true}}, NULL, "&<1@x>", NULL, "+.", 1},
	{"References alone, which may be the forger's",
         {{VICTIM, "<1@x>", true}, {VICTIM, "<2@x>", false}},
         NULL,
         "&<1@x>",
         NULL,
         "-.",
         2},
	{"the lesser one of two names, which may be the forger's",
         {{VICTIM, "<1@x>", true}, {VICTIM, "<2@x>", false}},
         NULL,
         "+<1@x>",
         NULL,
         "-.",
         2},
	{"not named, and a forger asked to have the victim answered",
         {{"evil@evil.example", "<1@x>", true, NULL, true}},
         NULL,
         NULL,
         NULL,
         "-.",
         1},
	{"the same, and the victim wrote, too",
         {{VICTIM, "<2@x>", true}, {"evil@evil.example", "<1@x>", true, NULL, true}},
         NULL,
         NULL,
         NULL,
         "..",
         0},
	{"named, not known, and a forger asked for an answer to a mail with a name",
         {{"evil@evil.example", "<1@x>", true, NULL, true}},
         NULL,
         "<2@x>",
         NULL,
         "..",
         0},
	{"named, not known, and a forger asked for an answer to a mail without a name",
         {{"evil@evil.example", "", true, NULL, true}},
         NULL,
         "<2@x>",
         NULL,
         "-.",
         1},
	{"named as the victim's, and a forger asked for an answer to a mail without a name",
         {{VICTIM, "<2@x>", true}, {"evil@evil.example", "", true, NULL, true}},
         NULL,
         "<2@x>",
         NULL,
         "-.",
         2},
	{"named as the victim's, and a forger asked for an answer to a mail with a name",
         {{VICTIM, "<2@x>", true}, {"evil@evil.example", "<1@x>", true, NULL, true}},
         NULL,
         "<2@x>",
         NULL,
         "+.",
         1},
	{"named as the victim's in running text, and a forger asked for an answer",
         {{VICTIM, "<2@x>", true}, {"evil@evil.example", "<1@x>", true, NULL, true}},
         ">Message-ID: <2@x>\n",
         NULL,
         NULL,
         "..",
         1},
	{"the forger's own message is named",
         {{"evil@evil.example", "<1@x>", true, NULL, true}},
         NULL,
         "<1@x>",
         NULL,
         "-.",
         1},
	{"our hop tells, whatever a forger asked for",
         {{VICTIM, "<2@x>", true}, {"evil@evil.example", "", true, NULL, true}},
         "Received: by relay.ours.example id trace00000001\nMessage-ID: <2@x>\n",
         NULL,
         NULL,
         "++",
         1},
	{"an envelope id of others", {{VICTIM, "<1@x>", true}}, NULL, NULL, "whatever", "..", 0},
};

static void test_outgoing(void **state)
{
	for (size_t i = 0; i < sizeof outgoing / sizeof *outgoing; i++) {
		const struct outgoing *c = &outgoing[i];
		struct returned r;
		struct arena a;
		struct provenance p;
		char says[WITNESS_COUNT + 1];
		arena_init(&a, 1 << 20);
		row_count = 0;
		for (size_t k = 0; k < 3 && c->came[k].return_path; k++) {
			struct provenance_row *one =
				add_row(row(k + 1, false, c->came[k].return_path, c->came[k].message_id));
			one->proven = c->came[k].proven;
			one->author_proven = c->came[k].author != NULL;
			one->author = slice_str(c->came[k].author);
			asks[k] = c->came[k].asks;
		}
		returned_nothing(&r);
		bool quoted = c->header && c->header[0] == '>';
		if (c->header)
			returned_header(slice_str(c->header + quoted), quoted ? ORIGINAL_QUOTED : ORIGINAL_HEADERS, &r);
		r.referred = c->in_reply_to && c->in_reply_to[0] == '&';
		bool lesser = c->in_reply_to && c->in_reply_to[0] == '+';
		if (lesser) returned_id(&r, SLICE("<unknown@x>"));
		if (c->in_reply_to) returned_id(&r, slice_str(c->in_reply_to + (r.referred || lesser)));
		r.envelope_id = slice_str(c->envelope_id);
		struct provenance_facts f = about_victim();
		f.hostnames = hostnames;
		f.hostname_count = 2;
		assert_true(provenance_find(&a, &r, &f, &p));
		memset(asks, 0, sizeof asks);
		snprintf(says, sizeof says, "..%s", c->says);
		compare(c->name, &p, says);
		if (p.about != c->about) fail_msg("%s: about %d", c->name, (int)p.about);
		arena_free(&a);
	}
}

/* Another tenant's mail does not come in: it went out, proven by its source. Its id has to tell. */
static void test_other_tenants(void **state)
{
	static const struct {
		const char *return_path, *header;
		bool forged_too;
		const char *says;
	} cases[] = {
		{VICTIM, "Message-ID: <1@x>\n", false, "..+."},
		{VICTIM, "Message-ID: <1@x>\n", true, "..-."},
		{VICTIM, "Message-ID: <2@x>\n", false, "...."},
		{VICTIM, "From: x\n", false, "...."},
		{"ann@ours.example", "Message-ID: <1@x>\n", false, "...."},
		{VICTIM, "Received: by relay.ours.example id trace00000001\n", false, "...+"},
	};
	/* What came for the other tenant, whose server is the same, is only held against the answer, and only when nothing better is known. */
	static const struct {
		const char *header;
		bool proven, own_too;
		const char *says;
	} shared[] = {
		{"Message-ID: <1@x>\n", false, false, "..-."},
		{"Message-ID: <1@x>\n", true, false, "...."},
		{"Message-ID: <1@x>\n", false, true, "..+."},
		{"Message-ID: <2@x>\n", false, false, "...."},
		{"Received: by relay.ours.example id trace00000001\n", false, false, "...-"},
		{"Received: by relay.ours.example id trace00000001\n", true, false, "...."},
	};
	for (size_t i = 0; i < sizeof shared / sizeof *shared; i++) {
		struct returned r;
		struct arena a;
		struct provenance p;
		arena_init(&a, 1 << 20);
		row_count = 0;
		struct provenance_row *in = add_row(row(1, false, VICTIM, "<1@x>"));
		in->tenant = TENANT + 1;
		in->proven = shared[i].proven;
		if (shared[i].own_too) add_row(row(2, false, VICTIM, "<1@x>"))->proven = true;
		returned_header(slice_str(shared[i].header), ORIGINAL_HEADERS, &r);
		struct provenance_facts f = about_victim();
		f.ledger = (struct provenance_ledger){by_message_id, by_trace, NULL, NULL, NULL};
		f.hostnames = hostnames;
		f.hostname_count = 2;
		assert_true(provenance_find(&a, &r, &f, &p));
		compare(shared[i].header, &p, shared[i].says);
		arena_free(&a);
	}
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct returned r;
		struct arena a;
		struct provenance p;
		arena_init(&a, 1 << 20);
		row_count = 0;
		struct provenance_row *out = add_row(row(1, true, cases[i].return_path, "<1@x>"));
		out->tenant = TENANT + 1;
		out->proven = true;
		if (cases[i].forged_too) add_row(row(2, false, VICTIM, "<1@x>"));
		returned_header(slice_str(cases[i].header), ORIGINAL_HEADERS, &r);
		struct provenance_facts f = about_victim();
		f.hostnames = hostnames;
		f.hostname_count = 2;
		assert_true(provenance_find(&a, &r, &f, &p));
		compare(cases[i].header, &p, cases[i].says);
		arena_free(&a);
	}
}

/* Transactions that came to nothing are cheap: a thousand of them do not hide the forged message before them. */
static void test_hidden_behind_what_was_refused(void **state)
{
	static const char *const named[] = {NULL, "<good@x>"};
	for (int i = 0; i < 2; i++) {
		struct returned r;
		struct arena a;
		struct provenance p;
		arena_init(&a, 1 << 20);
		row_count = 0;
		add_row(row(1, false, VICTIM, "<good@x>"))->proven = true;
		for (uint64_t k = 0; k < 300; k++) add_row(row(k + 2, false, VICTIM, ""))->taken = false;
		add_row(row(400, false, VICTIM, ""));
		returned_nothing(&r);
		if (named[i]) returned_id(&r, slice_str(named[i]));
		struct provenance_facts f = about_victim();
		assert_true(provenance_find(&a, &r, &f, &p));
		compare(named[i] ? named[i] : "not named", &p, "..-.");
		assert_int_equal(p.about, 400);
		arena_free(&a);
	}
}

/* What could not be looked at may be what is answered. */
static void test_more_than_can_be_looked_at(void **state)
{
	static const char *const named[] = {NULL, "<good@x>", ">Message-ID: <good@x>\n"};
	for (int i = 0; i < 2 * 3; i++) {
		struct returned r;
		struct arena a;
		struct provenance p;
		arena_init(&a, 1 << 20);
		row_count = 0;
		rows_cut = i >= 3;
		for (uint64_t k = 0; k < (rows_cut ? 5 : PROVENANCE_ROWS + 1); k++)
			add_row(row(k + 1, false, VICTIM, "<good@x>"))->proven = true;
		if (!rows_cut) add_row(row(5000, false, VICTIM, ""));
		const char *name = named[i % 3];
		returned_nothing(&r);
		if (name && name[0] == '>')
			returned_header(slice_str(name + 1), ORIGINAL_QUOTED, &r);
		else if (name)
			returned_id(&r, slice_str(name));
		struct provenance_facts f = about_victim();
		assert_true(provenance_find(&a, &r, &f, &p));
		compare(name ? name : "not named", &p, "....");
		f.direction = PROVENANCE_INBOUND;
		assert_true(provenance_find(&a, &r, &f, &p));
		assert_true(!name || !rows_cut || p.doubt);
		arena_free(&a);
	}
	rows_cut = false;
}

/* All that passed us has our Received field. A whole header without it that names what we know came by another way. */
static void test_hop_gone(void **state)
{
	static const struct {
		enum returned_as as;
		bool gone;
		enum judge_verdict inbound, outbound;
	} cases[] = {
		{WITHOUT_HOP, true, JUDGE_unknown, JUDGE_unknown},
		{UNSIGNED, false, JUDGE_genuine, JUDGE_genuine},
		{BARE, false, JUDGE_genuine, JUDGE_genuine},
	};
	for (size_t i = 0; i < 2 * (sizeof cases / sizeof *cases); i++) {
		struct arena a;
		struct provenance p;
		struct judgement j;
		bool in = i % 2;
		arena_init(&a, 1 << 20);
		row_count = 0;
		add_row(row(1, in, "joe@ours.example", "<1@ours.example>"))->proven = true;
		struct returned r = returned_as(&a, cases[i / 2].as, NULL);
		struct provenance_facts f = {.direction = in ? PROVENANCE_INBOUND : PROVENANCE_OUTBOUND,
		                             .tenant = TENANT,
		                             .addressee = SLICE("joe@ours.example"),
		                             .addressed = SLICE("joe@ours.example"),
		                             .now = NOW,
		                             .ledger = ledger,
		                             .hostnames = hostnames,
		                             .hostname_count = 2};
		assert_true(provenance_find(&a, &r, &f, &p));
		assert_int_equal(p.hop_gone, cases[i / 2].gone);
		assert_int_equal(p.witnesses[WITNESS_ledger].says, SPEAKS_FOR);
		if (in)
			judge_inbound(&p, true, &j);
		else
			judge_outbound(&p, &j);
		assert_int_equal(j.verdict, in ? cases[i / 2].inbound : cases[i / 2].outbound);
		arena_free(&a);
	}
}

/* Whatever is known and whatever comes back: what did not prove itself never lets a report leave. */
static void test_zero_to_the_forged(void **state)
{
	static const char *const headers[] = {NULL, "Message-ID: <1@x>\n", "Message-ID: <2@x>\n",
	                                      "Received: by relay.ours.example id trace00000001\n",
	                                      "Received: by relay.ours.example id trace00000002\nMessage-ID: <1@x>\n"};
	static const char *const envelope_ids[] = {"", "trace00000001", "trace00000002"};
	for (int i = 0; i < 5 * 3 * 16; i++) {
		struct returned r;
		struct arena a;
		struct provenance p;
		struct judgement j;
		arena_init(&a, 1 << 20);
		row_count = 0;
		for (uint64_t k = 0; k < 2; k++) {
			int bits = i / 15 >> 2 * k & 3;
			add_row(row(k + 1, false, bits & 1 ? VICTIM : "evil@evil.example", "<1@x>"))->proven = bits & 2;
		}
		returned_nothing(&r);
		if (headers[i % 5]) returned_header(slice_str(headers[i % 5]), ORIGINAL_HEADERS, &r);
		r.envelope_id = slice_str(envelope_ids[i / 5 % 3]);
		struct provenance_facts f = about_victim();
		f.hostnames = hostnames;
		f.hostname_count = 2;
		assert_true(provenance_find(&a, &r, &f, &p));
		judge_outbound(&p, &j);
		bool proven = false, unproven = false;
		for (size_t k = 0; k < 2; k++) {
			if (!slice_equal(rows[k].return_path, SLICE(VICTIM))) continue;
			proven = proven || rows[k].proven;
			unproven = unproven || !rows[k].proven;
		}
		if (j.verdict == JUDGE_genuine) assert_true(proven);
		/* Both have the same Message-ID, so whatever did not prove itself may be meant. */
		if (unproven) assert_int_not_equal(j.verdict, JUDGE_genuine);
		arena_free(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_incoming),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_outgoing),
		cmocka_unit_test(test_other_tenants),
		cmocka_unit_test(test_hidden_behind_what_was_refused),
		cmocka_unit_test(test_more_than_can_be_looked_at),
		cmocka_unit_test(test_hop_gone),
		cmocka_unit_test(test_zero_to_the_forged),
	};
	return cmocka_run_group_tests_name("bounce/provenance", tests, NULL, NULL);
}
