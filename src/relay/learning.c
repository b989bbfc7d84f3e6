/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/learning.h"

#include "base/clock.h"
#include "base/metrics.h"
#include "bounce/dead.h"
#include "bounce/received.h"
#include "relay/classified.h"
#include "relay/learner.h"

#define MEMORY (8 * 1024 * 1024)

/* ---- reports ----------------------------------------------------------------------------------------------------- */

static bool is_foreign(const struct passage *p, struct slice value)
{
	struct received_words words;
	received_read(value, &words);
	if (slice_equal_nocase(words.by, slice_str(p->session->settings->hostname))) return true;
	if (!words.from.family || received_inner(&words.from)) return false;
	return tenants_by_source(p->tenants, &words.from) != p->source;
}

static bool made_at_home(const struct passage *p, const struct mime *m)
{
	struct header_iterator it;
	struct header_field f;
	for (header_begin(&it, m->root->header); header_next(&it, &f);)
		if (header_is(&f, "Received") && is_foreign(p, f.value)) return false;
	return true;
}

/* The message that the report is about, as we know it. */
struct known {
	bool in_ledger;
	struct ledger_passage passage;
};

static bool find_message(struct passage *p, const struct answer_verdict *v, struct arena *a, struct known *out)
{
	struct slice to = p->transaction->envelope.recipients[0].address;
	struct ledger_passage *l = &out->passage;
	out->in_ledger = v->about != 0;
	if (!out->in_ledger) return v->stamped;
	if (ledger_get(p->visit->worker->relay->ledger, v->about, a, l)) return false;
	if (!slice_equal_nocase(l->return_path, to) && !slice_equal_nocase(l->handed_on, to)) return false;
	return l->outbound || l->tenant == p->source->id;
}

static bool went_to(const struct known *k, const struct dead *d)
{
	if (!k->in_ledger) return d->original.n == 0;
	for (size_t i = 0; i < k->passage.recipient_count; i++)
		if (slice_equal_nocase(k->passage.recipients[i], d->address)) return true;
	return false;
}

/* Of the tenant's own? */
static bool name_of(struct passage *p, struct arena *a, struct slice address, struct learned_name *out)
{
	struct address parsed;
	if (address_parse(a, address, true, &parsed) || parsed.null || parsed.literal) return false;
	struct slice domain = domain_canonical(a, parsed.domain);
	if (!domain.p || tenants_by_domain(p->tenants, domain) != p->source) return false;
	*out = (struct learned_name){.tenant = p->source->id,
	                             .case_sensitive = p->source->case_sensitive,
	                             .domain = domain,
	                             .local = parsed.local};
	return true;
}

static void learn(struct passage *p, const struct mime *m, const struct answer_verdict *v, const struct lore *lore,
                  struct arena *a)
{
	struct dead found[DEAD_MOST];
	struct known known;
	struct learned_name name;
	size_t n = dead_find(a, lore->knowledge, m, found);
	if (n == 0 || !find_message(p, v, a, &known)) return;
	for (size_t i = 0; i < n; i++)
		if (went_to(&known, &found[i]) && name_of(p, a, found[i].address, &name))
			learner_dead(p->visit->worker->relay->learner, &name, p->source->name, found[i].words, p->id);
}

void learning_answer(struct passage *p, const struct answer_verdict *v)
{
	const struct mime *m = &p->classified->mime;
	struct arena a;
	if (!p->source->learn || !p->sender.null || !v->joined || !m->root ||
	    p->transaction->envelope.recipient_count != 1)
		return;
	if (!made_at_home(p, m)) return;
	struct lore *lore = worker_lore(p->visit->worker);
	if (!lore) return;
	arena_init(&a, MEMORY);
	learn(p, m, v, lore, &a);
	arena_free(&a);
	lore_unref(lore);
}

/* ---- who lives, who does not ------------------------------------------------------------------------------------- */

void learning_sender(struct passage *p)
{
	struct learned l;
	struct learned_name name = {.tenant = p->source->id,
	                            .case_sensitive = p->source->case_sensitive,
	                            .domain = p->sender_domain,
	                            .local = p->sender.local};
	if (p->sender.null || learned_get(p->visit->worker->relay->state, &name, &l)) return;
	learner_lives(p->visit->worker->relay->learner, &name, p->source->name);
}

void check_learned(struct passage *p, struct rcpt *r, struct verdict *v)
{
	struct learned l;
	if (!r->tenant || !r->tenant->learn) return;
	struct learned_name name = {.tenant = r->tenant->id,
	                            .case_sensitive = r->tenant->case_sensitive,
	                            .domain = r->domain,
	                            .local = r->local};
	if (!learned_dead(p->visit->worker->relay->state, &name, r->known, clock_unix(), &l)) return;
	metric_add(METRIC_learned_refused, 1);
	v->reason = REASON_learned_recipient;
	v->detail = arena_copy(&p->session->command_arena, learned_words(&l));
}
