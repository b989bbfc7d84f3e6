/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of the policy's tables (visit.h) for recipients that are return paths which we made: contained ones, and a tenant's tagged
 * ones. The tag is taken off before the recipient is looked up and handed on.
 */
#include "base/clock.h"
#include "base/metrics.h"
#include "mail/address.h"
#include "relay/accuse.h"
#include "relay/contain.h"
#include "relay/visit.h"

void check_contained(struct passage *p, struct rcpt *r, struct verdict *v)
{
	struct arena *a = &p->session->command_arena;
	int64_t now = clock_unix();
	struct srs_secrets secrets = keyring_srs(p->keys, now);
	struct slice original;
	enum contain_verdict got =
		contain_read(a, p->visit->setup->config, &secrets, r->address, r->domain, now, &original);
	if (got == CONTAIN_NOT_OURS) return;
	if (got != CONTAIN_GOOD) {
		v->reason = got == CONTAIN_EXPIRED ? REASON_expired_tag : REASON_forged_tag;
	} else if (p->transaction->envelope.recipient_count) {
		v->reason = REASON_other_downstream; /* it is kept by itself */
	} else {
		p->contained = true;
		r->address = original;
		v->done = true;
	}
}

static enum batv_verdict read_tag(struct passage *p, const struct rcpt *r, struct slice *untagged)
{
	size_t count;
	int64_t now = clock_unix();
	const struct batv_key *keys = keyring_batv_keys(p->keys, r->tenant->id, now, &count);
	return batv_verify_within(&p->session->command_arena, r->address, keys, count, r->tenant->plus, now,
	                          BATV_DAYS + 1, untagged);
}

static bool use_address(struct passage *p, struct rcpt *r, struct slice untagged)
{
	struct address a;
	if (address_parse(&p->session->command_arena, untagged, p->transaction->envelope.smtputf8, &a)) return false;
	r->address = untagged;
	r->local = a.local;
	return true;
}

/* A bounce for an address whose mail leaves with tags must come to a tagged one. While the tenant learns, and for bounces that
 * its own server makes, nothing is refused. */
static void judge_bounce(struct passage *p, struct rcpt *r, enum batv_verdict tag, struct verdict *v)
{
	static const enum reason reasons[] = {[BATV_UNTAGGED] = REASON_untagged_bounce,
	                                      [BATV_FORGED] = REASON_forged_tag,
	                                      [BATV_EXPIRED] = REASON_expired_tag};
	enum tenant_tag_check check = tenant_tag_check(r->tenant, r->local, r->domain, clock_unix());
	if (check == TENANT_CHECK_OFF || tag == BATV_VALID) return;
	if (check == TENANT_CHECK_LEARN) {
		p->noted = reasons[tag];
		metric_add(METRIC_tags_noted, 1);
		return;
	}
	metric_add(METRIC_tags_refused, 1);
	v->reason = reasons[tag];
	/* A tag that has expired was ours: what it answers was sent from here, long ago. */
	if (tag != BATV_EXPIRED) p->untagged = arena_copy(&p->transaction->arena, r->address);
}

/* A bounce without a tag is an act of backscatter. Nothing but what follows tells it from a callout, which never comes to DATA; a
 * server that does not pipeline does not come there either, and is taken for the lesser. */
void accuse_untagged(struct passage *p)
{
	if (p->untagged.n && !p->cut_off)
		passage_accuse(p, p->data_asked ? ACT_bounce : ACT_callout, WITNESSED_tag, p->untagged, SLICE_EMPTY);
}

void check_tag(struct passage *p, struct rcpt *r, struct verdict *v)
{
	struct slice untagged;
	if (!r->tenant || r->tenant->tags == TENANT_TAGS_OFF) return;
	enum batv_verdict tag = read_tag(p, r, &untagged);
	if (!untagged.p) {
		v->reason = REASON_no_memory;
		return;
	}
	/* A tag that is not ours stays where mail with a sender comes to it: the tenant's server may use the like itself. */
	bool ours = tag == BATV_VALID || tag == BATV_EXPIRED || (tag == BATV_FORGED && p->sender.null);
	if (ours && !use_address(p, r, untagged)) {
		v->reason = REASON_bad_address;
		return;
	}
	if (tag == BATV_VALID) metric_add(METRIC_tags_good, 1);
	if (p->sender.null && p->direction == INBOUND) judge_bounce(p, r, tag, v);
}
