/* SPDX-License-Identifier: Apache-2.0 */
/* What stamps say while the ledger knows nothing, and that it goes before them when it does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bounce/judge.h"

#define NOW    INT64_C(1700000000)
#define DAY    INT64_C(86400)
#define VICTIM "victim@far.example"
#define ID     "0r8x3mdkq0001"

static const struct slice secret_list[] = {{"key", 3}}, other_list[] = {{"theirs", 6}};
static const struct srs_secrets secrets = {secret_list, 1}, others = {other_list, 1};
static const struct slice hostnames[] = {{"relay.ours.example", 18}};

enum form { PART, TEXT, ENVELOPE, ENVELOPE_TEXT, UNDER_OURS, ELSEWHERE };

static const struct {
	const char *name;
	enum provenance_direction direction;
	enum stamp_kind kind;
	const char *return_path, *domain;
	enum form form;
	const char
		*facts; /* k: an unknown key; x: expired; t: tampered with; g b: the ledger has it, proven, not proven;
	                      l: of late unproven mail came from the addressee; n: no Message-ID came back */
	enum judge_verdict verdict;
} cases[] = {
#define OUT PROVENANCE_OUTBOUND
#define IN  PROVENANCE_INBOUND
	{"proven", OUT, STAMP_PROVEN, VICTIM, "far.example", PART, "", JUDGE_genuine},
	{"proven, by a relay of another name", OUT, STAMP_PROVEN, VICTIM, "far.example", ELSEWHERE, "", JUDGE_genuine},
	{"not proven", OUT, STAMP_UNPROVEN, VICTIM, "", PART, "", JUDGE_backscatter},
	{"not proven, another name", OUT, STAMP_UNPROVEN, VICTIM, "", ELSEWHERE, "", JUDGE_backscatter},
	{"capitals", OUT, STAMP_PROVEN, "Victim@FAR.example", "far.example", PART, "", JUDGE_genuine},
	{"capitals, not proven", OUT, STAMP_UNPROVEN, "Victim@FAR.example", "", PART, "", JUDGE_backscatter},
	{"another return path", OUT, STAMP_PROVEN, "evil@evil.example", "evil.example", PART, "", JUDGE_backscatter},
	{"another return path, not proven", OUT, STAMP_UNPROVEN, "evil@evil.example", "", PART, "", JUDGE_backscatter},
	{"another address of a proven domain", OUT, STAMP_PROVEN, "prvs=1=victim@far.example", "far.example", PART, "",
         JUDGE_unknown},
	{"an author of a proven domain", OUT, STAMP_UNPROVEN, "bounces@esp.example", "far.example", PART, "",
         JUDGE_unknown},
	{"another address of the domain, not proven", OUT, STAMP_UNPROVEN, "ann@far.example", "", PART, "",
         JUDGE_backscatter},
	{"our own tenant's", OUT, STAMP_SENT, VICTIM, "", PART, "", JUDGE_genuine},
	{"our own tenant's, not the addressee's", OUT, STAMP_SENT, "joe@ours.example", "", PART, "", JUDGE_unknown},
	{"an unknown key", OUT, STAMP_PROVEN, VICTIM, "", PART, "k", JUDGE_unknown},
	{"an unknown key, not proven", OUT, STAMP_UNPROVEN, VICTIM, "", PART, "k", JUDGE_unknown},
	{"an unknown key, another name", OUT, STAMP_PROVEN, VICTIM, "", ELSEWHERE, "k", JUDGE_unknown},
	{"expired", OUT, STAMP_PROVEN, VICTIM, "", PART, "x", JUDGE_unknown},
	{"tampered with", OUT, STAMP_PROVEN, VICTIM, "", PART, "t", JUDGE_unknown},
	{"made proven by hand", OUT, STAMP_UNPROVEN, VICTIM, "", PART, "t", JUDGE_unknown},
	{"in running text", OUT, STAMP_PROVEN, VICTIM, "", TEXT, "", JUDGE_unknown},
	{"in running text, not proven", OUT, STAMP_UNPROVEN, VICTIM, "", TEXT, "", JUDGE_backscatter},
	{"an envelope id", OUT, STAMP_PROVEN, VICTIM, "", ENVELOPE, "", JUDGE_genuine},
	{"an envelope id, not proven", OUT, STAMP_UNPROVEN, VICTIM, "", ENVELOPE, "", JUDGE_backscatter},
	{"an envelope id in text", OUT, STAMP_PROVEN, VICTIM, "", ENVELOPE_TEXT, "", JUDGE_unknown},
	{"an envelope id in text, not proven", OUT, STAMP_UNPROVEN, VICTIM, "", ENVELOPE_TEXT, "", JUDGE_backscatter},
	{"an envelope id, an unknown key", OUT, STAMP_PROVEN, VICTIM, "", ENVELOPE, "k", JUDGE_unknown},
	{"copied, below an unproven one of ours", OUT, STAMP_PROVEN, VICTIM, "", UNDER_OURS, "", JUDGE_backscatter},
	{"the ledger knows that it was not proven", OUT, STAMP_PROVEN, VICTIM, "", PART, "b", JUDGE_backscatter},
	{"the ledger knows that it was proven", OUT, STAMP_UNPROVEN, VICTIM, "", PART, "g", JUDGE_genuine},
	{"forged mail came of late", OUT, STAMP_PROVEN, VICTIM, "", PART, "l", JUDGE_genuine},
	{"forged mail came of late, no Message-ID", OUT, STAMP_PROVEN, VICTIM, "", PART, "ln", JUDGE_backscatter},
	{"forged mail came of late, an envelope id", OUT, STAMP_PROVEN, VICTIM, "", ENVELOPE, "l", JUDGE_backscatter},
	{"inbound, sent", IN, STAMP_SENT, VICTIM, "", PART, "", JUDGE_genuine},
	{"inbound, sent by another", IN, STAMP_SENT, "joe@ours.example", "", PART, "", JUDGE_unknown},
	{"inbound, it only came in", IN, STAMP_PROVEN, VICTIM, "", PART, "", JUDGE_backscatter},
	{"inbound, an unknown key", IN, STAMP_SENT, VICTIM, "", PART, "k", JUDGE_backscatter},
	{"inbound, an envelope id proves nothing", IN, STAMP_SENT, VICTIM, "", ENVELOPE, "", JUDGE_unknown},
};

static bool has(size_t i, char fact)
{
	return strchr(cases[i].facts, fact) != NULL;
}

/* ---- a ledger of two rows ----------------------------------------------------------------------------------------- */

static struct provenance_row row(bool proven)
{
	return (struct provenance_row){.id = 1,
	                               .time = NOW - 3600,
	                               .tenant = 7,
	                               .taken = true,
	                               .proven = proven,
	                               .author = SLICE_EMPTY,
	                               .return_path = SLICE(VICTIM),
	                               .handed_on = SLICE_EMPTY,
	                               .message_id = SLICE_EMPTY};
}

static bool by_trace(void *ledger, struct slice id, provenance_take *take, void *arg)
{
	size_t i = *(const size_t *)ledger;
	assert_true(slice_equal(id, SLICE(ID)));
	struct provenance_row r = row(has(i, 'g'));
	if (has(i, 'g') || has(i, 'b')) take(&r, arg);
	return true;
}

static bool by_return_path(void *ledger, struct slice address, provenance_take *take, void *arg)
{
	size_t i = *(const size_t *)ledger;
	struct provenance_row r = row(false);
	(void)address;
	if (has(i, 'l')) take(&r, arg);
	return true;
}

/* ---- the report --------------------------------------------------------------------------------------------------- */

static struct slice stamped(struct arena *a, size_t i, enum stamp_kind kind)
{
	struct stamp_facts f = {.id = SLICE(ID),
	                        .kind = kind,
	                        .return_path = slice_str(cases[i].return_path),
	                        .domain = kind == STAMP_UNPROVEN ? SLICE_EMPTY : slice_str(cases[i].domain),
	                        .author = kind == STAMP_UNPROVEN ? slice_str(cases[i].domain) : SLICE_EMPTY,
	                        .time = has(i, 'x') ? NOW - (PROVENANCE_DAYS + STAMP_LATE + 1) * DAY : NOW};
	struct slice text = stamp_write(a, &f, secret_list[0]);
	assert_non_null(text.p);
	return text;
}

static void make_returned(struct arena *a, size_t i, struct returned *r)
{
	enum form form = cases[i].form;
	struct slice text = arena_copy(a, stamped(a, i, cases[i].kind)), above = SLICE_EMPTY;
	if (has(i, 't')) ((char *)text.p)[sizeof ID] = cases[i].kind == STAMP_UNPROVEN ? 'p' : 'u';
	returned_nothing(r);
	if (form == ENVELOPE || form == ENVELOPE_TEXT) {
		r->envelope_id = text;
		r->envelope_declared = form == ENVELOPE;
		return;
	}
	if (form == UNDER_OURS)
		above = arena_printf(a, "Received: by relay.ours.example id %.*s\n",
		                     SLICE_ARG(stamped(a, i, STAMP_UNPROVEN)));
	struct slice header =
		arena_printf(a,
	                     "Received: by inner id 5\n%.*sReceived: from x ([192.0.2.1])\n by %s with ESMTPS id "
	                     "%.*s;\n date\nFrom: a\nDate: b\n%s",
	                     SLICE_ARG(above), form == ELSEWHERE ? "mx7.ours.example" : "RELAY.ours.example",
	                     SLICE_ARG(text), has(i, 'n') ? "" : "Message-ID: <1@x>\n");
	returned_header(header, form == TEXT ? ORIGINAL_QUOTED : ORIGINAL_HEADERS, r);
}

static void stamps_speak_where_the_ledger_is_silent(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct arena a;
		struct returned r;
		struct provenance p;
		struct judgement j;
		arena_init(&a, 1 << 20);
		make_returned(&a, i, &r);
		struct provenance_facts f = {.direction = cases[i].direction,
		                             .tenant = 7,
		                             .addressee = SLICE(VICTIM),
		                             .addressed = SLICE(VICTIM),
		                             .now = NOW,
		                             .ledger = {NULL, by_trace, by_return_path, NULL, &i},
		                             .hostnames = hostnames,
		                             .hostname_count = 1,
		                             .remembers = true,
		                             .secrets = has(i, 'k') ? others : secrets};
		assert_true(provenance_find(&a, &r, &f, &p));
		if (f.direction == PROVENANCE_INBOUND)
			judge_inbound(&p, true, &j);
		else
			judge_outbound(&p, &j);
		if (j.verdict != cases[i].verdict)
			fail_msg("%s: %s, %.*s", cases[i].name, judge_text(j.verdict),
			         SLICE_ARG(judge_evidence(&a, &p)));
		if (j.verdict == JUDGE_genuine && !p.joined) fail_msg("%s: not joined", cases[i].name);
		arena_free(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(stamps_speak_where_the_ledger_is_silent)};
	return cmocka_run_group_tests_name("bounce/witness_received", tests, NULL, NULL);
}
