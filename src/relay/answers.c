/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/answers.h"

#include <stdlib.h>

#include "mail/header.h"
#include "relay/remembered.h"

#define ARENA_MOST (16 * 1024 * 1024)

struct answer {
	struct arena arena;
	struct slice hostname;
	struct srs_secrets secrets;
	struct returned returned;
};

static bool value_begins(const struct header_field *f, const char *word)
{
	return slice_starts_nocase(slice_trim(f->value), slice_str(word));
}

bool answers_is_answer(const struct address *sender, struct slice header)
{
	struct header_field f;
	if (sender->null) return true;
	if (header_find(header, "Auto-Submitted", &f) && value_begins(&f, "auto-replied")) return true;
	return address_is_postmaster(sender) && header_find(header, "Content-Type", &f) &&
	       value_begins(&f, "multipart/report");
}

/* The beginning of the message: its memory, or a copy. p NULL: no memory, or it cannot be read. */
static struct slice beginning(struct arena *a, const struct blob *message)
{
	struct slice all = blob_in_memory(message);
	size_t got = 0;
	if (all.p) return slice_sub(all, 0, ANSWER_LOOKED);
	char *copy = arena_alloc(a, ANSWER_LOOKED);
	if (!copy || blob_read(message, 0, copy, ANSWER_LOOKED, &got)) return (struct slice){NULL, 0};
	return slice_of(copy, got);
}

struct answer *answer_read(const struct blob *message, const char *hostname, struct srs_secrets secrets)
{
	struct answer *a = malloc(sizeof *a);
	struct mime m;
	if (!a) return NULL;
	arena_init(&a->arena, ARENA_MOST);
	a->hostname = slice_str(hostname);
	a->secrets = secrets;
	struct slice text = beginning(&a->arena, message);
	if (!text.p || !mime_parse(&a->arena, text, &m) || !returned_read(&a->arena, m.root, &a->returned)) {
		arena_reset(&a->arena);
		returned_nothing(&a->returned);
	}
	a->returned.loose =
		a->returned.loose || message->size > ANSWER_LOOKED; /* what says otherwise may come behind */
	return a;
}

void answer_free(struct answer *a)
{
	if (!a) return;
	arena_free(&a->arena);
	free(a);
}

void answer_judge(struct answer *a, struct db *ledger, uint32_t tenant, struct slice recipient, int64_t now,
                  struct answer_verdict *out)
{
	struct remembered remembered = {.ledger = ledger, .tenant = tenant};
	struct provenance p;
	struct provenance_facts facts = {.direction = PROVENANCE_OUTBOUND,
	                                 .tenant = tenant,
	                                 .addressee = recipient,
	                                 .addressed = recipient,
	                                 .now = now,
	                                 .ledger = remembered_ledger(&remembered),
	                                 .hostnames = &a->hostname,
	                                 .hostname_count = 1,
	                                 .secrets = a->secrets};
	provenance_find(&a->arena, &a->returned, &facts, &p);
	judge_outbound(&p, &out->judgement);
	out->evidence = judge_evidence(&a->arena, &p);
	out->about = out->judgement.verdict == JUDGE_unknown ? 0 : p.about; /* nothing decided */
	out->joined = p.joined;
}
