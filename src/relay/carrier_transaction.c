/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/metrics.h"
#include "mail/date.h"
#include "mail/mailtext.h"
#include "mail/utf8.h"
#include "relay/delivery_internal.h"
#include "relay/fate.h"
#include "relay/tagging.h"

/* RFC 5321 4.5.3.1.8: every server takes this many; more only when it says so (RFC 9422). */
#define RECIPIENTS_MOST  100
#define SCAN             (16 * 1024)
#define HELD_REASON_MOST 600 /* octets of it in the field */

/* One message on its way: the recipients of this transaction and what is answered. */
struct dialogue {
	struct carrier *c;
	struct queued *q;
	struct part *p;
	struct envelope envelope;
	uint32_t n; /* recipients asked for in this transaction: p->recipients[p->done ..] */
	struct reply mail, data, *rcpt, *prdr;
	uint32_t accepted;
	struct slice head; /* fields above the message */
	struct outcome_by by;
};

static uint32_t position(const struct dialogue *t, uint32_t i)
{
	return t->p->recipients[t->p->done + i];
}

static void answer(struct dialogue *t, uint32_t i, const struct reply *r)
{
	outcome_reply(t->c->delivery, t->q, position(t, i), r, &t->by);
}

static void answer_all(struct dialogue *t, const struct reply *r)
{
	for (uint32_t i = 0; i < t->n; i++) answer(t, i, r);
	t->p->done += t->n;
}

/* Our own words about what went wrong. */
static void our_reply(struct dialogue *t, struct reply *out, int code, const char *enhanced, const char *what,
                      const char *why)
{
	struct slice text = arena_printf(&t->c->arena, "%s%s%s", what, why ? ": " : "", why ? why : "");
	*out = (struct reply){.code = code, .text = text.p ? text : slice_str(what)};
	memcpy(out->enhanced, enhanced, strlen(enhanced) + 1);
}

/* ---- may this server have it? ---- */

/* Whether any octet is over 127 in the first n of the body. */
static enum error scan_body(struct dialogue *t, uint64_t n, bool *eight_bit)
{
	const struct blob *body = &t->q->message->body;
	struct slice memory = blob_in_memory(body);
	*eight_bit = false;
	if (memory.p) {
		*eight_bit = !utf8_is_ascii(slice_sub(memory, 0, n));
		return ERR_OK;
	}
	char *buffer = arena_alloc(&t->c->arena, SCAN);
	if (!buffer) return ERR_NO_MEMORY;
	for (uint64_t at = 0; at < n && !*eight_bit;) {
		size_t got, want = n - at < SCAN ? (size_t)(n - at) : SCAN;
		enum error e = blob_read(body, at, buffer, want, &got);
		if (e || got == 0) return e;
		*eight_bit = !utf8_is_ascii(slice_of(buffer, got));
		at += got;
	}
	return ERR_OK;
}

static bool addresses_are_ascii(const struct spool_message *m)
{
	if (!utf8_is_ascii(m->return_path)) return false;
	for (size_t i = 0; i < m->recipient_count; i++)
		if (!utf8_is_ascii(m->recipients[i].address)) return false;
	return true;
}

/* What the message was declared to need, the server may lack: then it is looked at, since many that are declared 8BITMIME or
 * SMTPUTF8 are plain. There is no conversion: RFC 6152 3 leaves only the bounce, as does RFC 6531 3.5. */
static enum reason unsuitable(struct dialogue *t)
{
	const struct client_extensions *x = client_extensions(t->c->client);
	const struct spool_message *m = &t->q->message->record;
	bool eight_bit = false;
	if (x->max_size && t->envelope.size > x->max_size) return REASON_message_too_big; /* RFC 1870 6.1 */
	if (m->smtputf8 && !x->smtputf8) {
		if (!addresses_are_ascii(m)) return REASON_needs_smtputf8;
		if (scan_body(t, m->header_size, &eight_bit)) return REASON_no_memory;
		if (eight_bit) return REASON_needs_smtputf8;
	}
	if (m->body_type == BODY_8BITMIME && !x->eightbitmime) {
		if (scan_body(t, m->size, &eight_bit)) return REASON_no_memory;
		if (eight_bit) return REASON_needs_8bitmime;
	}
	return REASON_ok;
}

/* ---- the envelope ---- */

static uint8_t notify_of(const struct spool_message *m, const struct spool_recipient *r)
{
	/* A report about a report is what RFC 3461 6.2 forbids; and of what was released to another address its sender hears
	 * nothing. */
	if (m->kind == SPOOL_REPORT || m->redirected) return NOTIFY_NEVER;
	return m->kind == SPOOL_INBOUND ? fate_notify(r->notify, m->verified) : r->notify;
}

/* Why a message was held that somebody let go. */
static bool held_field(struct dialogue *t)
{
	const struct spool_message *m = &t->q->message->record;
	char id[SPOOL_ID_TEXT], since[DATE_TEXT_SIZE];
	struct mailtext text;
	t->head = SLICE_EMPTY;
	if (!spool_released(m)) return true;
	struct slice reason = m->hold_reason.n ? m->hold_reason : SLICE("by hand");
	struct slice value =
		arena_printf(&t->c->arena, "%.*s; since=%s; id=%s", SLICE_ARG(slice_sub(reason, 0, HELD_REASON_MOST)),
	                     date_rfc5322(since, m->held_since), spool_id_text(m->id, id));
	mailtext_init(&text, &t->c->arena, 512);
	mailtext_field(&text, "X-Backstop-Held", value);
	t->head = mailtext_result(&text);
	return value.p && t->head.p;
}

/* The return path as it leaves: mail of a tenant to the world bears its tag, all other mail what the record says. */
static bool return_path(struct dialogue *t)
{
	struct delivery *d = t->c->delivery;
	const struct spool_message *m = &t->q->message->record;
	int64_t now = clock_unix();
	t->envelope.return_path = m->return_path;
	if (m->kind != SPOOL_OUTBOUND || m->downstream) return true;
	const struct keyring *ring = delivery_keys(d); /* waits; from here on nothing does */
	const struct tenant *tenant = tenants_by_id(delivery_tenants(d), m->tenant);
	const struct batv_key *key = ring ? keyring_batv_sign_key(ring, m->tenant, now) : NULL;
	switch (tagging_return_path(&t->c->arena, tenant, key, m->return_path, now, &t->envelope.return_path)) {
	case TAGGING_DONE:
		metric_add(METRIC_tagged, 1);
		t->by.tagged = t->envelope.return_path;
		return true;
	case TAGGING_TOO_LONG: metric_add(METRIC_tag_too_long, 1); return true;
	case TAGGING_NO_MEMORY: return false;
	default: return true;
	}
}

static bool prepare(struct dialogue *t)
{
	const struct spool_message *m = &t->q->message->record;
	const struct client_extensions *x = client_extensions(t->c->client);
	uint32_t most = x->rcpt_max ? x->rcpt_max : RECIPIENTS_MOST;
	if (!held_field(t)) return false;
	t->n = t->p->count - t->p->done < most ? t->p->count - t->p->done : most;
	t->envelope = (struct envelope){
		.envid = m->envid,
		.ret = m->ret,
		.body = m->body_type,
		.smtputf8 = m->smtputf8,
		.size = m->size + t->head.n,
		.recipients = arena_zalloc(&t->c->arena, t->n * sizeof(struct envelope_recipient)),
		.recipient_count = t->n,
	};
	if (!return_path(t)) return false;
	t->rcpt = arena_zalloc(&t->c->arena, 2 * t->n * sizeof(struct reply));
	if (!t->envelope.recipients || !t->rcpt) return false;
	t->prdr = t->rcpt + t->n;
	for (uint32_t i = 0; i < t->n; i++) {
		const struct spool_recipient *r = &m->recipients[position(t, i)];
		t->envelope.recipients[i] = (struct envelope_recipient){.address = r->address,
		                                                        .orcpt = r->orcpt,
		                                                        .notify = notify_of(m, r)};
	}
	client_set_prdr(t->c->client, t->n > 1);
	return true;
}

/* ---- the answers ---- */

/* RFC 5321 4.5.3.1.10: this recipient is welcome in another transaction; 552 is what some servers say for 452. */
static bool too_many(const struct reply *r)
{
	if (r->code != 452 && r->code != 552) return false;
	return !r->enhanced[0] || !strcmp(r->enhanced + 1, ".5.3");
}

static bool relayed(const struct dialogue *t, uint32_t i)
{
	const struct spool_message *m = &t->q->message->record;
	return m->kind == SPOOL_OUTBOUND && reports_allowed(m) && !client_extensions(t->c->client)->dsn &&
	       (m->recipients[position(t, i)].notify & NOTIFY_SUCCESS);
}

static void answer_content(struct dialogue *t, uint32_t i, const struct reply *r)
{
	if (r->code / 100 == 2 && relayed(t, i))
		outcome_recipient(t->c->delivery, t->q, position(t, i), ROUND_RELAYED, r, &t->by);
	else
		answer(t, i, r);
}

/* The answers to the recipients that were accepted: all[k] for the k-th of them, or one for all. */
static void answer_accepted(struct dialogue *t, const struct reply *one, const struct reply *each)
{
	for (uint32_t i = 0, k = 0; i < t->n; i++)
		if (reply_positive(&t->rcpt[i])) answer_content(t, i, each ? &each[k++] : one);
}

static void count_accepted(struct dialogue *t)
{
	for (uint32_t i = 0; i < t->n; i++) t->accepted += reply_positive(&t->rcpt[i]);
}

/* Recipients that were refused get their answer; those that were too many come again: they move behind the others, and are what
 * the next transaction begins with. */
static void answer_refused(struct dialogue *t)
{
	struct part *p = t->p;
	uint32_t *all = &p->recipients[p->done], again = 0;
	for (uint32_t i = 0; i < t->n; i++) {
		if (reply_positive(&t->rcpt[i])) continue;
		if (t->accepted && too_many(&t->rcpt[i]))
			again++;
		else
			answer(t, i, &t->rcpt[i]);
	}
	if (!again) {
		p->done += t->n;
		return;
	}
	uint32_t to = t->n;
	for (uint32_t i = t->n; i-- > 0;)
		if (!reply_positive(&t->rcpt[i]) && too_many(&t->rcpt[i])) all[--to] = all[i];
	p->done += to;
}

/* ---- the transaction ---- */

/* Lost before anything was decided: on a connection used before, that is how servers end idle ones. */
static bool stale(struct dialogue *t, enum error e, bool reused)
{
	if (!reused || e == ERR_CANCELLED || e == ERR_TIMEOUT) return false;
	return e ? !strcmp(client_stage(t->c->client), "MAIL") : t->mail.code == 421;
}

static void lost(struct dialogue *t, enum error e, struct reply *out)
{
	const char *stage = client_stage(t->c->client);
	char what[64] = "connection lost at ";
	strncat(what, stage, sizeof(what) - strlen(what) - 1);
	/* After the final dot nobody knows whether it was taken: RFC 5321 6.1 prefers a second copy to none. */
	our_reply(t, out, 451, "4.4.2", what, error_text(e));
}

static enum error content(struct dialogue *t, struct reply *final)
{
	struct client *client = t->c->client;
	int64_t deadline = clock_deadline(t->c->config->relay.data_time_limit);
	enum error e = client_send(client, t->head, &t->q->message->body, 0, deadline);
	if (!e)
		e = client_end_data(client, clock_deadline(t->c->config->relay.delivery_end_timeout), final,
		                    client_prdr(client) ? t->prdr : NULL, t->accepted);
	return e;
}

/* Answers everybody whose fate is decided. ERR_OK, ERR_CANCELLED, or what the connection was lost with. */
static enum error converse(struct dialogue *t)
{
	struct client *client = t->c->client;
	struct reply final = {0};
	bool reused = client_transactions(client) > 0;
	enum error e =
		client_envelope(client, &t->c->arena, &t->envelope, true, DEADLINE_NEVER, &t->mail, t->rcpt, &t->data);
	if (stale(t, e, reused)) return ERR_CLOSED;
	if (e == ERR_CANCELLED) return e;
	t->q->tried = true;
	t->c->sent++;
	metric_add(METRIC_delivery_attempts, 1);
	if (e == ERR_INVALID) { /* an address with control characters: no command could carry it */
		our_reply(t, &final, 550, "5.1.3", "an address of this message cannot be written in SMTP", NULL);
		answer_all(t, &final);
		return ERR_OK;
	}
	if (e) {
		lost(t, e, &final);
		answer_all(t, &final);
		return e;
	}
	if (!reply_positive(&t->mail)) {
		answer_all(t, &t->mail);
		return ERR_OK;
	}
	count_accepted(t);
	if (t->accepted && t->data.code == 354)
		e = content(t, &final);
	else
		final = t->data;
	if (e == ERR_CANCELLED) return e;
	if (e) lost(t, e, &final);
	if (t->accepted) answer_accepted(t, &final, !e && t->data.code == 354 && client_prdr(client) ? t->prdr : NULL);
	answer_refused(t);
	return e;
}

enum error carrier_transaction(struct carrier *c, struct part *p)
{
	struct delivery *d = c->delivery;
	struct dialogue t = {.c = c, .q = p->queued, .p = p};
	struct reply r;
	t.by = (struct outcome_by){.remote = c->remote, .source = c->source, .tls = c->tls};
	arena_reset(&c->arena);
	enum error e = queue_load_body(&d->queue, t.q, d->spool);
	if (e || !prepare(&t)) {
		t.n = p->count - p->done;
		our_reply(&t, &r, 451, "4.3.0", "the message could not be read from the spool",
		          error_text(e ? e : ERR_NO_MEMORY));
		t.by = (struct outcome_by){0};
		t.q->tried = true;
		answer_all(&t, &r);
		return ERR_OK;
	}
	enum reason problem = unsuitable(&t);
	if (problem) {
		t.n = p->count - p->done;
		t.q->tried = true;
		reply_set_reason(&c->arena, &r, problem, SLICE_EMPTY);
		answer_all(&t, &r);
		return ERR_OK;
	}
	e = converse(&t);
	if (e == ERR_CANCELLED) return e;
	/* the next attempt begins with another host, if there is one */
	if (e && t.q->tried) hosts_failed(d->hosts, stream_peer(client_stream(c->client)), clock_now_ms());
	if (e || client_reset(c->client, DEADLINE_NEVER)) carrier_disconnect(c, false);
	return ERR_OK;
}
