/* SPDX-License-Identifier: Apache-2.0 */
/* A hostile report before a ledger that knows a few messages. The first octet chooses what is known of the tenant;
 * the rest is the report. Nobody is believed without having spoken, nobody condemned without a reason, and the words
 * stay on one line. */
#include <assert.h>

#include "bounce/judge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW INT64_C(1700000000)

static const struct provenance_key keys[] = {
	{{"ours.example", 12}, {"s", 1}, {"k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", 56}},
};
static const struct slice hostnames[] = {{"relay.ours.example", 18}};
static const struct slice secret = {"key", 3};
static const struct slice recipients[] = {{"bob@far.example", 15}};

static struct provenance_row row(uint64_t id, bool outbound, bool proven, const char *return_path)
{
	return (struct provenance_row){.id = id,
	                               .time = NOW - 1000,
	                               .tenant = 1,
	                               .outbound = outbound,
	                               .taken = true,
	                               .proven = proven,
	                               .author_proven = proven,
	                               .author = SLICE("far.example"),
	                               .return_path = slice_str(return_path),
	                               .handed_on = SLICE_EMPTY,
	                               .message_id = SLICE("<1@ours.example>"),
	                               .recipients = recipients,
	                               .recipient_count = 1};
}

/* Knows Message-IDs and traces that end in "e>" and "b"; the return path always. */
static bool find(void *ledger, struct slice text, provenance_take *take, void *arg)
{
	const uint8_t *choice = ledger;
	if (text.n && text.p[text.n - 1] != '>' && text.p[text.n - 1] != 'b' && text.p[text.n - 1] != 'e') return true;
	struct provenance_row rows[] = {row(1, true, false, "joe@ours.example"),
	                                row(2, true, false, "ann@ours.example"),
	                                row(3, false, true, "joe@ours.example"),
	                                row(4, false, false, "joe@ours.example")};
	for (size_t i = 0; i < 4; i++)
		if ((*choice >> i & 1) && !take(&rows[i], arg)) return true;
	return !(*choice >> 7 & 1);
}

static bool says(const struct provenance *p, enum testimony t)
{
	for (int i = 0; i < WITNESS_COUNT; i++)
		if (p->witnesses[i].says == t) return true;
	return false;
}

static void try(struct arena *a, const struct returned *r, const uint8_t *choice, enum provenance_direction direction)
{
	struct provenance p;
	struct judgement j;
	struct provenance_facts f = {.direction = direction,
	                             .tenant = 1,
	                             .addressee = SLICE("joe@ours.example"),
	                             .addressed = SLICE("joe@ours.example"),
	                             .now = NOW,
	                             .ledger = {find, find, find, find, (void *)choice},
	                             .hostnames = hostnames,
	                             .hostname_count = 1,
	                             .secrets = {&secret, 1},
	                             .tags_all = *choice & 16,
	                             .keys = keys,
	                             .key_count = 1,
	                             .signs_all = *choice & 32};
	provenance_find(a, r, &f, &p);
	if (direction == PROVENANCE_INBOUND)
		judge_inbound(&p, true, &j);
	else
		judge_outbound(&p, &j);
	assert(j.verdict != JUDGE_genuine || says(&p, SPEAKS_FOR));
	if (direction == PROVENANCE_OUTBOUND)
		assert((j.verdict == JUDGE_backscatter) == says(&p, SPEAKS_AGAINST));
	else
		assert(j.verdict != JUDGE_backscatter ||
		       (!says(&p, SPEAKS_FOR) && !p.doubt && (p.header || (*choice & 16))));
	assert(p.witnesses[WITNESS_dkim].says != SPEAKS_FOR || r->header.n > 0);
	struct slice text = judge_evidence(a, &p);
	for (size_t i = 0; text.p && i < text.n; i++) assert(text.p[i] >= ' ' && text.p[i] < 127);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;
	struct mime m;
	struct returned r;
	if (size == 0) return 0;
	arena_init(&a, 1 << 26);
	if (mime_parse(&a, slice_of(data + 1, size - 1), &m) && returned_read(&a, m.root, &r)) {
		assert(r.id_count <= RETURNED_IDS && r.recipient_count <= RETURNED_RECIPIENTS);
		assert(!r.whole || (r.header.n > 0 && r.id_count > 0));
		try(&a, &r, data, PROVENANCE_INBOUND);
		try(&a, &r, data, PROVENANCE_OUTBOUND);
	}
	arena_free(&a);
	return 0;
}
