/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/queue_view.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "auth/proof.h"
#include "base/clock.h"
#include "cli/cli.h"
#include "cli/format.h"

static const char *const kinds[] =
	{[SPOOL_OUTBOUND] = "outbound", [SPOOL_INBOUND] = "inbound", [SPOOL_REPORT] = "report"};
static const char *const states[] = {[RECIPIENT_PENDING] = "pending",
                                     [RECIPIENT_DELIVERED] = "delivered",
                                     [RECIPIENT_FAILED] = "failed",
                                     [RECIPIENT_EXPIRED] = "expired"};

const char *queue_view_tenant(const struct queue_view *v, uint32_t id)
{
	const struct tenant *t = v->tenants ? tenants_by_id(v->tenants, id) : NULL;
	return t ? t->name : NULL;
}

bool queue_view_is_tenants(const struct queue_view *v, const struct spool_message *m, const char *tenant)
{
	const char *name = queue_view_tenant(v, m->tenant);
	return !tenant || (name && strcmp(name, tenant) == 0);
}

int64_t queue_view_hold_end(const struct queue_view *v)
{
	return v->now + v->config->relay.hold_lifetime / 1000;
}

int64_t queue_view_life_end(const struct queue_view *v, const struct spool_message *m)
{
	const struct config *c = v->config;
	return v->now + (m->return_path.n ? c->relay.queue_lifetime : c->relay.bounce_lifetime) / 1000;
}

/* ---- showing ------------------------------------------------------------------------------------------------------ */

static json_t *recipient_json(const struct spool_recipient *r)
{
	return json_pack("{s:o, s:s, s:o, s:o, s:o}", "address", format_json(r->address), "state", states[r->state],
	                 "last_reply", r->last_reply.n ? format_json(r->last_reply) : json_null(), "last_remote",
	                 r->last_remote.n ? format_json(r->last_remote) : json_null(), "last_attempt",
	                 format_json_time(r->last_attempt));
}

json_t *queue_view_json(const struct queue_view *v, const struct spool_message *m)
{
	char id[SPOOL_ID_TEXT];
	json_t *recipients = json_array();
	for (size_t i = 0; i < m->recipient_count; i++)
		json_array_append_new(recipients, recipient_json(&m->recipients[i]));
	json_t *o = json_pack("{s:s, s:s, s:s, s:s?, s:o, s:o}", "id", spool_id_text(m->id, id), "kind", kinds[m->kind],
	                      "pool", pool_name((enum pool)m->pool), "tenant", queue_view_tenant(v, m->tenant),
	                      "return_path", format_json(m->return_path), "recipients", recipients);
	if (!o) return NULL;
	json_object_set_new(o, "arrived", format_json_time(m->arrived));
	json_object_set_new(o, "next_attempt", m->hold ? json_null() : format_json_time(m->next_attempt));
	json_object_set_new(o, "expires", format_json_time(m->expires));
	json_object_set_new(o, "attempts", json_integer(m->attempts));
	json_object_set_new(o, "size", json_integer((json_int_t)m->size));
	json_object_set_new(o, "hold", json_boolean(m->hold));
	json_object_set_new(o, "hold_reason", m->hold_reason.n ? format_json(m->hold_reason) : json_null());
	json_object_set_new(o, "held_since", format_json_time(m->held_since));
	json_object_set_new(o, "verified", json_boolean(m->verified));
	json_object_set_new(o, "proof", json_string(proof_text(m->proof)));
	json_object_set_new(o, "answer", json_boolean(m->answer));
	json_object_set_new(o, "redirected", json_boolean(m->redirected));
	json_object_set_new(o, "source", m->source.n ? format_json(m->source) : json_null());
	json_object_set_new(o, "message_id", m->message_id.n ? format_json(m->message_id) : json_null());
	json_object_set_new(o, "envid", m->envid.n ? format_json(m->envid) : json_null());
	return o;
}

const struct spool_recipient *queue_view_pending(const struct spool_message *m)
{
	for (size_t i = 0; i < m->recipient_count; i++)
		if (m->recipients[i].state == RECIPIENT_PENDING) return &m->recipients[i];
	return m->recipient_count ? &m->recipients[0] : NULL;
}

void queue_view_line(const struct queue_view *v, const struct spool_message *m)
{
	char id[SPOOL_ID_TEXT], age[FORMAT_SPAN_SIZE], next[FORMAT_SPAN_SIZE + 4], from[256], to[256], more[24] = "";
	const struct spool_recipient *r = queue_view_pending(m);
	if (m->hold)
		snprintf(next, sizeof next, "held");
	else if (m->next_attempt <= v->now)
		snprintf(next, sizeof next, "now");
	else
		format_span(m->next_attempt - v->now, next);
	if (m->recipient_count > 1) snprintf(more, sizeof more, " +%zu", m->recipient_count - 1);
	printf("%s %6s %8s %5u %10llu %-8s %-12s <%s> -> <%s>%s\n", spool_id_text(m->id, id),
	       format_span(v->now - m->arrived, age), next, m->attempts, (unsigned long long)m->size,
	       pool_name((enum pool)m->pool), queue_view_tenant(v, m->tenant) ? queue_view_tenant(v, m->tenant) : "-",
	       format_safe(m->return_path, from, sizeof from), r ? format_safe(r->address, to, sizeof to) : "", more);
}

void queue_view_field(const char *name, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	printf("%-13s ", name);
	vprintf(format, args);
	putchar('\n');
	va_end(args);
}

static void print_recipient(const struct spool_recipient *r)
{
	char text[1024], time[FORMAT_TIME_SIZE];
	queue_view_field("to", "<%s>  %s", format_safe(r->address, text, sizeof text), states[r->state]);
	if (r->last_attempt) queue_view_field("", "last attempt  %s", format_time(r->last_attempt, time));
	if (r->last_remote.n) queue_view_field("", "last server   %s", format_safe(r->last_remote, text, sizeof text));
	if (r->last_reply.n) queue_view_field("", "last answer   %s", format_safe(r->last_reply, text, sizeof text));
}

void queue_view_print(const struct queue_view *v, const struct spool_message *m)
{
	char text[1024], time[FORMAT_TIME_SIZE];
	const char *tenant = queue_view_tenant(v, m->tenant);
	queue_view_field("message", "%s", spool_id_text(m->id, text));
	queue_view_field("kind", "%s%s", kinds[m->kind], m->downstream ? ", to the tenant's own server" : "");
	queue_view_field("pool", "%s", pool_name((enum pool)m->pool));
	queue_view_field("tenant", "%s", tenant ? tenant : "-");
	queue_view_field("from", "<%s>%s%s", format_safe(m->return_path, text, sizeof text),
	                 m->verified ? "  verified by " : "", m->verified ? proof_text(m->proof) : "");
	queue_view_field("given by", "%s", format_safe(m->source, text, sizeof text));
	queue_view_field("Message-ID", "%s", format_safe(m->message_id, text, sizeof text));
	queue_view_field("size", "%llu octets", (unsigned long long)m->size);
	queue_view_field("arrived", "%s", format_time(m->arrived, time));
	queue_view_field("attempts", "%u", m->attempts);
	if (m->answer) queue_view_field("answer", "its addressee is not known to have sent what it answers");
	if (m->held_since)
		queue_view_field(m->hold ? "held since" : "was held", "%s", format_time(m->held_since, time));
	if (m->held_since)
		queue_view_field("reason", "%s",
		                 m->hold_reason.n ? format_safe(m->hold_reason, text, sizeof text) : "by hand");
	if (!m->hold) queue_view_field("next attempt", "%s", format_time(m->next_attempt, time));
	queue_view_field("expires", "%s", format_time(m->expires, time));
	for (size_t i = 0; i < m->recipient_count; i++) print_recipient(&m->recipients[i]);
}

/* ---- opening ------------------------------------------------------------------------------------------------------ */

/* Names only make the output nicer: without them (no state yet) the queue is shown all the same. */
static int open_all(struct queue_view *v, bool write)
{
	struct db *state;
	char why[256];
	enum error err = cli_open_db(v->config, DB_SPOOL, write ? 0 : DB_READ_ONLY, &v->spool);
	if (err && err != ERR_NOT_FOUND) return CLI_CANNOT;
	err = cli_open_db(v->config, DB_STATE, DB_READ_ONLY, &state);
	if (err) return err == ERR_NOT_FOUND ? CLI_DONE : CLI_CANNOT;
	if (tenants_load(state, &v->tenants, why)) cli_complain("the tenants: %s", why);
	db_close(state);
	return CLI_DONE;
}

int queue_view_open(struct queue_view *v, const struct cli_options *o, bool write, const char *tenant)
{
	*v = (struct queue_view){.now = clock_unix()};
	if (cli_open_config(o, &v->config)) return CLI_CANNOT;
	int status = open_all(v, write);
	if (status || !tenant || (v->tenants && tenants_by_name(v->tenants, slice_str(tenant)))) return status;
	cli_complain("there is no tenant %s", tenant);
	return CLI_NO;
}

void queue_view_close(struct queue_view *v)
{
	tenants_unref(v->tenants);
	db_close(v->spool);
	config_unref(v->config);
}

int queue_view_failed(enum error err)
{
	cli_complain("the spool: %s", error_text(err));
	return CLI_CANNOT;
}

int queue_view_no_such(const char *id)
{
	cli_complain("%s: there is no such message in the queue", id);
	return CLI_NO;
}

int queue_view_refuse_answer(const char *id)
{
	cli_complain("%s answers a message that its addressee is not known to have sent, so it does not go there; "
	             "to an address of the tenant: backstop held release %s --to ADDRESS",
	             id, id);
	return CLI_NO;
}
