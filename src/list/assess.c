/* SPDX-License-Identifier: Apache-2.0 */
#include "list/assess.h"

#include "list/reserved.h"

struct assess_rules assess_rules_of(const struct config *c)
{
	struct assess_rules r = {.policy = weigh_policy_default, .list_reserved = c->keeper.list_reserved, .config = c};
	r.policy.score = (unsigned)c->keeper.list_score;
	r.policy.targets = (unsigned)c->keeper.list_targets;
	r.policy.days = (unsigned)c->keeper.list_days;
	r.policy.lifetime = c->keeper.listing_lifetime / 1000;
	r.policy.short_lifetime = c->keeper.short_listing_lifetime / 1000;
	r.policy.callouts = c->keeper.list_callouts;
	r.policy.any_senders = (unsigned)c->keeper.any_senders;
	return r;
}

static bool is_own(const struct assess_rules *r, const struct prefix *unit)
{
	for (size_t i = 0; r->config && i < r->config->relay.pool_count; i++) {
		const struct config_pool *pool = &r->config->relay.pools[i];
		for (size_t k = 0; k < pool->source_count; k++)
			if (prefix_contains(unit, &pool->sources[k])) return true;
	}
	return false;
}

uint64_t assess_fingerprint(const struct assess_rules *r)
{
	/* Field by field: a struct has octets between its fields that mean nothing. */
	const struct weigh_policy *p = &r->policy;
	const int64_t numbers[] = {p->score,    p->targets,        p->days,        p->few,
	                           p->lifetime, p->short_lifetime, p->callouts,    p->any_acts,
	                           p->any_days, p->any_targets,    p->any_senders, r->list_reserved};
	uint64_t hash = slice_hash(slice_of(numbers, sizeof numbers));
	for (size_t i = 0; r->config && i < r->config->relay.pool_count; i++) {
		const struct config_pool *pool = &r->config->relay.pools[i];
		for (size_t k = 0; k < pool->source_count; k++) {
			char text[IP_TEXT_SIZE];
			hash = hash * 31 + slice_hash(slice_str(ip_text(&pool->sources[k], text)));
		}
	}
	return hash;
}

struct gathered {
	struct weigh_act acts[WEIGH_ACTS_MOST];
	size_t count;
	int64_t until;
};

static bool gather(const struct act *a, void *arg)
{
	struct gathered *g = arg;
	if (a->time > g->until) return false;
	struct weigh_act *w = &g->acts[g->count++];
	*w = weigh_act_of(a);
	if (w->last > g->until) w->last = w->time;
	return g->count < WEIGH_ACTS_MOST;
}

enum error assess(struct db_txn *t, const struct prefix *unit, const struct assess_rules *r, bool afresh, int64_t now,
                  int64_t skew, struct weighed *out, bool *known)
{
	struct gathered g = {.until = now + skew};
	struct exposure exposure;
	struct weighed history;
	struct weighing w = {.unit = *unit, .acts = g.acts, .exposure = &exposure, .afresh = afresh, .now = now};
	enum error err = weighed_get(t, &unit->ip, &history);
	if (err && err != ERR_NOT_FOUND) return err;
	*known = err == ERR_OK;
	if (*known) w.history = &history;
	if ((err = exposure_get(t, unit, &exposure))) return err;
	if ((err = acts_each_since(t, unit, now - WEIGH_WINDOW, gather, &g))) return err;
	w.count = g.count;
	w.blind = r->policy.any_senders && db_count(t, DB_exposure) < r->policy.any_senders;
	if (!r->list_reserved && reserved_for(&unit->ip))
		w.barred = WEIGHED_reserved;
	else if (is_own(r, unit))
		w.barred = WEIGHED_own;
	else if (exemptions_has(t, &unit->ip, NULL))
		w.barred = WEIGHED_exempt;
	*out = weigh(&w, &r->policy);
	return ERR_OK;
}
