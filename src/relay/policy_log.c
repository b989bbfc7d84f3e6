/* SPDX-License-Identifier: Apache-2.0 */
/* The canonical lines of a session's work: event "refused" for what was refused, event "message" for each message's end. */
#include "base/clock.h"
#include "base/log.h"
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

void policy_log_message(struct passage *p, const char *result, const struct reply *reply, const char *server,
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
	log_str("result", result);
	log_str("server", server);
	log_reply(reply);
	log_int("ms", clock_now_ms() - p->began);
	log_end();
}
