/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/accuse.h"

#include "base/clock.h"
#include "base/log.h"
#include "bounce/redact.h"
#include "mail/address.h"
#include "relay/evidence_writer.h"
#include "store/spool.h"

#define WORK_MOST (256 * 1024)

bool accuse_class(enum bounce_class c, bool virus, enum act_class *out)
{
	static const enum act_class classes[] =
		{[CLASS_CHALLENGE] = ACT_challenge, [CLASS_NDR] = ACT_bounce, [CLASS_AUTOREPLY] = ACT_autoreply};
	bool plain = c == CLASS_ARF || c == CLASS_OTHER;
	if (c == CLASS_ARF || (plain && !virus)) return false;
	*out = virus ? ACT_virus : classes[c];
	return true;
}

bool accuse_is_ours(const struct passage *p, const struct ip *source)
{
	const struct config *c = p->visit->setup->config;
	if (tenants_by_source(p->tenants, source)) return true;
	for (size_t i = 0; i < c->relay.pool_count; i++)
		for (size_t j = 0; j < c->relay.pools[i].source_count; j++)
			if (ip_equal(&c->relay.pools[i].sources[j], source)) return true;
	return false;
}

static void log_act(const struct passage *p, const struct act *a, struct slice target)
{
	char id[SPOOL_ID_TEXT], ip[IP_TEXT_SIZE];
	log_begin(LOG_INFO, "evidence");
	log_str("id", spool_id_text(p->id, id));
	log_str("source", ip_text(&a->unit.ip, ip));
	log_str("class", act_class_name(a->class));
	log_str("witness", witnessed_name(a->witness));
	log_slice("to", target);
	if (a->reporter.n) log_slice("reporter", a->reporter);
	log_end();
}

static void record(struct passage *p, struct act *a, struct slice target, struct slice header)
{
	char room[REDACT_MOST];
	struct arena work;
	struct redact_about about = {.source = a->unit, .hidden = address_domain(target)};
	arena_init(&work, WORK_MOST);
	a->time = clock_unix();
	a->specimen = redact_header(&work, header, &about, room);
	log_act(p, a, target);
	evidence_writer_add(p->visit->worker->relay->evidence_writer, a, target);
	arena_free(&work);
}

void passage_expose(struct passage *p, bool taken)
{
	if (!p->source && !p->sender.null && (taken || !address_is_postmaster(&p->sender)))
		evidence_writer_expose(p->visit->worker->relay->evidence_writer, &p->visit->client, taken);
}

void passage_accuse(struct passage *p, enum act_class class, enum witnessed witness, struct slice target,
                    struct slice header)
{
	const struct ip *client = &p->visit->client;
	struct act a = {.unit = ip_unit(client), .class = class, .witness = witness, .reporter = SLICE_EMPTY};
	if (!p->source && !accuse_is_ours(p, client)) record(p, &a, target, header);
}

void passage_accuse_other(struct passage *p, const struct ip *source, enum act_class class, struct slice target,
                          struct slice header, struct slice reporter)
{
	struct act a = {.unit = ip_unit(source), .class = class, .witness = WITNESSED_report, .reporter = reporter};
	record(p, &a, target, header);
}
