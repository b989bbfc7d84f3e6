/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/reported.h"

#include "base/clock.h"
#include "base/metrics.h"
#include "bounce/forwarded.h"
#include "bounce/judge.h"
#include "bounce/virus.h"
#include "relay/accuse.h"
#include "relay/bounce_facts.h"
#include "relay/classified.h"
#include "relay/remembered.h"

void check_report(struct passage *p, struct rcpt *r, struct verdict *v)
{
	struct slice ours = slice_str(p->visit->setup->config->keeper.report_address);
	size_t at = slice_find_last(ours, '@');
	bool report = p->source && ours.n && slice_equal_nocase(r->local, slice_sub(ours, 0, at)) &&
	              slice_equal(r->domain, slice_sub(ours, at + 1, ours.n));
	bool first = p->transaction->envelope.recipient_count == 0;
	if (!report && (first || !p->report)) return;
	if (!first) {
		v->reason = REASON_other_downstream;
	} else {
		p->report = true;
		v->done = true;
	}
}

/* ---- whose word is taken ----------------------------------------------------------------------------------------- */

static bool is_within(const struct tenant *t, struct slice domain)
{
	for (size_t i = 0; i < t->domain_count; i++)
		if (domain_within(domain, slice_str(t->domains[i].name))) return true;
	return false;
}

/* Hosts of the tenant: below its domains, or where its mail is handed over. */
static bool trusted(struct slice host, void *arg)
{
	const struct passage *p = arg;
	struct slice name = domain_canonical(&p->transaction->arena, host);
	for (size_t i = 0; name.p && i < p->source->downstream_count; i++)
		if (slice_equal_nocase(name, slice_str(p->source->downstreams[i].host))) return true;
	return name.p && is_within(p->source, name);
}

static bool inside(const struct ip *address, void *arg)
{
	const struct passage *p = arg;
	const struct tenant *t = p->source;
	for (size_t i = 0; i < t->downstream_count; i++)
		if (t->downstreams[i].is_ip && ip_equal(&t->downstreams[i].ip, address)) return true;
	return accuse_is_ours(p, address);
}

static bool owns(struct slice domain, void *arg)
{
	const struct passage *p = arg;
	return tenant_owns(p->source, domain);
}

/* ---- the report -------------------------------------------------------------------------------------------------- */

/* The act that the message sent on is. False: none. */
static bool classify_forwarded(struct passage *p, struct classified *c, const struct forwarded *f,
                               enum bounce_class *class, enum act_class *out)
{
	struct classification found;
	const struct slice *path = f->has_return_path ? &f->return_path : NULL;
	if (!c->rules || classify(p->visit->worker->classifier, c->rules, &c->arena, f->root, path, &found))
		return false;
	*class = found.class;
	bool may_be_notice = found.class != CLASS_OTHER || (path && !path->n);
	return accuse_class(found.class, may_be_notice && virus_notice(&c->arena, f->root), out);
}

/* It answers mail that the tenant did send (relay/inbound_judge.h asks more, and may wait for it). *addressee: to whom it came, without a
 * tag. */
static bool is_genuine(struct passage *p, struct classified *c, const struct forwarded *f, enum bounce_class class,
                       struct slice *addressee)
{
	struct remembered remembered = {.ledger = p->visit->worker->relay->ledger, .tenant = p->source->id};
	struct slice hostname = slice_str(p->session->settings->hostname);
	struct bounce_case case_ = {.tenant = p->source,
	                            .keys = p->keys,
	                            .addressed = f->target,
	                            .null_path = f->has_return_path && !f->return_path.n,
	                            .class = class,
	                            .now = clock_unix()};
	struct returned returned;
	struct provenance_facts facts;
	struct provenance provenance;
	struct judgement judgement;
	*addressee = f->target;
	if (!returned_read(&c->arena, f->root, &returned) || !bounce_facts(&c->arena, &case_, &facts)) return false;
	*addressee = facts.addressee;
	facts.ledger = remembered_ledger(&remembered);
	facts.hostnames = &hostname;
	facts.hostname_count = 1;
	facts.secrets = keyring_srs(p->keys, case_.now);
	provenance_find(&c->arena, &returned, &facts, &provenance);
	judge_inbound(&provenance, false, &judgement);
	return judgement.verdict == JUDGE_genuine;
}

static enum reason take(struct passage *p, struct classified *c, struct ip *source)
{
	struct forwarded f;
	enum bounce_class class;
	enum act_class act;
	struct slice target = SLICE_EMPTY;
	const struct forwarded_eyes eyes = {.hostname = slice_str(p->session->settings->hostname),
	                                    .trusted = trusted,
	                                    .inside = inside,
	                                    .owns = owns,
	                                    .arg = p};
	if (!c->mime.root || !c->rules) return REASON_no_memory;
	enum forwarded_result got = forwarded_find(&c->arena, c->mime.root, &eyes, &f);
	if (got == FORWARDED_NO_MEMORY) return REASON_no_memory;
	if (got == FORWARDED_NOTHING || !classify_forwarded(p, c, &f, &class, &act)) return REASON_report_no_bounce;
	if (got == FORWARDED_NO_SOURCE) return REASON_report_no_source;
	if (f.target.n && is_genuine(p, c, &f, class, &target)) return REASON_report_genuine;
	if (!target.n) target = p->transaction->envelope.return_path;
	*source = f.source;
	passage_accuse_other(p, &f.source, act, target, f.root->header, slice_str(p->source->name));
	return REASON_ok;
}

void report_message(struct passage *p, const struct trace_header *header, struct reply *out)
{
	struct transaction *t = p->transaction;
	struct classified c;
	struct ip source;
	char ip[IP_TEXT_SIZE];
	classified_read(&c, p->visit->worker, &t->body, t->envelope.return_path);
	enum reason r = take(p, &c, &source);
	classified_free(&c);
	metric_add(r ? METRIC_reported_refused : METRIC_reported_acts, 1);
	if (r)
		reply_set_reason(&t->arena, out, r, SLICE_EMPTY);
	else
		reply_set(&t->arena, out, 250, "2.0.0",
		          arena_printf(&t->arena, "recorded as evidence about %s", ip_text(&source, ip)));
	for (size_t i = 0; t->rcpt_replies && i < t->envelope.recipient_count; i++) t->rcpt_replies[i] = *out;
	policy_log_message(p,
	                   reply_positive(out)    ? LEDGER_delivered
	                   : reply_permanent(out) ? LEDGER_refused
	                                          : LEDGER_deferred,
	                   out, NULL, header->message_id);
}
