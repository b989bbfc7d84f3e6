/* SPDX-License-Identifier: Apache-2.0 */
/* The canonical lines of a session's work: event "refused" for what was refused, event "message" for each message's end. */
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "relay/classified.h"
#include "relay/visit.h"
#include "store/spool.h"

static void log_reply(const struct reply *reply)
{
	if (reply->reason) log_str("reason", reason_row(reply->reason)->name);
	log_printf("reply", "%d%s%s %.*s", reply->code, reply->enhanced[0] ? " " : "", reply->enhanced,
	           SLICE_ARG(reply->text));
}

static void log_passage(const struct passage *p)
{
	char id[SPOOL_ID_TEXT];
	log_str("id", spool_id_text(p->id, id));
	log_str("direction", p->direction == OUTBOUND ? "out" : "in");
	const struct tenant *t = p->direction == OUTBOUND ? p->source : p->tenant;
	log_str("tenant", t ? t->name : NULL);
	log_slice("from", p->transaction->envelope.return_path);
}

void policy_log_refused(struct passage *p, struct visit *v, const char *stage, struct slice recipient,
                        const struct reply *reply)
{
	char ip[IP_TEXT_SIZE];
	log_begin(LOG_INFO, "refused");
	log_str("stage", stage);
	log_str("client", ip_text(&v->client, ip));
	log_slice("helo", v->session->helo);
	if (p) log_passage(p);
	if (recipient.n) log_slice("to", recipient);
	if (p && recipient.n) log_str("check", p->check);
	log_reply(reply);
	log_end();
}

static void log_evidence(const struct passage *p)
{
	const struct evidence *e = &p->proving.evidence;
	if (p->proves && p->proving.examined) {
		log_str("spf", auth_result_text(p->proving.spf.result));
		log_str("dkim", auth_result_text(e->dkim.result));
		log_str("dmarc", auth_result_text(e->dmarc.result));
		if (e->arc.result != AUTH_none) log_str("arc", auth_result_text(e->arc.result));
		log_slice("author", e->from_domain);
	}
	log_str("proof", proof_text(p->proof));
	if (p->ending.handed_on.n && !slice_equal(p->ending.handed_on, p->transaction->envelope.return_path))
		log_slice("handed_on", p->ending.handed_on);
}

static void log_class(const struct classified *c)
{
	if (!c || !c->known) return;
	log_str("class", class_word(c->class.class));
	log_str("kind", kind_word(c->class.kind));
	log_printf("probability", "%.4f", c->class.probability);
}

static void count_proof(enum proof proof)
{
	static const enum metric metrics[PROOF_COUNT] = {
#define X(name, text) [PROOF_##name] = METRIC_proof_##name,
		PROOF_TABLE(X)
#undef X
	};
	metric_add(metrics[proof], 1);
}

/* What became of it, for the ledger. What was noted although it was let in is the reason when nothing else is. */
static void keep_ending(struct passage *p, enum ledger_result result, const struct reply *reply, const char *server,
                        struct slice message_id)
{
	if (p->direction == OUTBOUND || p->proving.examined) count_proof(p->proof);
	p->ending.result = (uint8_t)result;
	p->ending.code = (uint16_t)reply->code;
	p->ending.reason = reply->reason ? reply->reason : p->noted;
	p->ending.server = server;
	p->ending.message_id = message_id;
	passage_remember(p);
}

void policy_log_message(struct passage *p, enum ledger_result result, const struct reply *reply, const char *server,
                        struct slice message_id)
{
	char ip[IP_TEXT_SIZE];
	const struct envelope *e = &p->transaction->envelope;
	log_begin(LOG_INFO, "message");
	log_passage(p);
	log_str("client", ip_text(&p->visit->client, ip));
	log_slice("helo", p->session->helo);
	log_str("protocol", server_protocol(p->session, p->transaction));
	if (p->session->user.n) log_slice("user", p->session->user);
	if (e->recipient_count) log_slice("to", e->recipients[0].address);
	log_uint("recipients", e->recipient_count);
	log_uint("size", e->size);
	log_slice("message_id", message_id);
	log_str("result", ledger_result_text((uint8_t)result));
	log_class(p->classified);
	log_evidence(p);
	if (p->noted) log_str("noted", reason_row(p->noted)->name);
	log_str("server", server);
	log_reply(reply);
	log_int("ms", clock_now_ms() - p->began);
	log_end();
	keep_ending(p, result, reply, server, message_id);
}
