/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A report is a message of its own. It is stored in the same transaction in which the message that it is about is marked as
 * told, so whenever the process dies there is one report: not none, and not two. It travels with <>, so that nothing is ever
 * reported about it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "auth/proof.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "mail/address.h"
#include "mail/header.h"
#include "mail/report.h"
#include "relay/delivery_internal.h"
#include "relay/fate.h"

#define REPORTERS_MOST   16
#define HEADER_MOST      (256 * 1024)
#define FULL_MOST        (1024 * 1024)
#define REPORT_MEMORY    (1024 * 1024)
#define RECIPIENT_MEMORY 8192
#define STORE_AGAIN_MS   10000
#define RANDOM_TEXT_SIZE 33

bool reports_allowed(const struct spool_message *m)
{
	return m->return_path.n > 0 && m->verified && m->kind != SPOOL_REPORT && !m->redirected;
}

/* RFC 3461 4.1: without NOTIFY, whether delays are told is the server's choice. Ours: the tenant's own senders. */
static bool delay_wanted(const struct spool_message *m, const struct spool_recipient *r)
{
	if (r->delay_told) return false;
	return (r->notify == NOTIFY_UNSET && m->kind == SPOOL_OUTBOUND) || (r->notify & NOTIFY_DELAY);
}

/* Whether this recipient belongs into a report with this action. */
static bool concerns(const struct delivery *d, const struct queued *q, size_t i, enum report_action action, int64_t now)
{
	const struct spool_message *m = &q->message->record;
	const struct spool_recipient *r = &m->recipients[i];
	int64_t notice = d->config->relay.delay_notice / 1000;
	switch (action) {
	case REPORT_failed:
		return (q->round[i] == ROUND_FAILED || q->round[i] == ROUND_EXPIRED) && fate_failure_wanted(r->notify);
	case REPORT_relayed: return q->round[i] == ROUND_RELAYED;
	case REPORT_delayed:
		return q->round[i] == ROUND_DEFERRED && r->state == RECIPIENT_PENDING && notice > 0 && !m->hold &&
		       now >= m->arrived + notice && delay_wanted(m, r);
	default: return false;
	}
}

static size_t count_concerned(const struct delivery *d, const struct queued *q, enum report_action action, int64_t now)
{
	size_t n = 0;
	if (!reports_allowed(&q->message->record)) return 0;
	for (size_t i = 0; i < q->message->record.recipient_count; i++) n += concerns(d, q, i, action, now);
	return n;
}

bool reports_due(const struct delivery *d, const struct queued *q, int64_t now)
{
	for (enum report_action a = 0; a < REPORT_ACTION_COUNT; a++)
		if (count_concerned(d, q, a, now)) return true;
	return false;
}

/* ---- the text ---- */

/* The second word of "550 5.1.1 no such user", when it looks like a status; report_write() judges it. */
static struct slice status_of(struct slice reply)
{
	struct slice rest = reply;
	slice_split(&rest, ' ');
	struct slice word = rest.p ? slice_split(&rest, ' ') : SLICE_EMPTY;
	return slice_find(word, '.') < word.n ? word : SLICE_EMPTY;
}

static void fill_recipient(const struct delivery *d, const struct queued *q, size_t i, enum report_action action,
                           struct report_recipient *out)
{
	const struct spool_message *m = &q->message->record;
	const struct spool_recipient *r = &m->recipients[i];
	struct slice remote = r->last_remote;
	*out = (struct report_recipient){
		.original = r->orcpt,
		.address = r->address,
		.action = action,
		.status = status_of(r->last_reply),
		.remote_mta = slice_split(&remote, ' '),
		.reply = r->last_reply,
		.last_attempt = r->last_attempt,
	};
	if (action == REPORT_delayed) out->retry_until = outcome_expires(d, m);
	if (q->round[i] == ROUND_EXPIRED) {
		out->status = SLICE("5.4.7");
		out->explanation = SLICE("It was tried for as long as this server tries, without success. "
		                         "The last answer is given below.");
	}
}

static void random_text(char out[RANDOM_TEXT_SIZE])
{
	unsigned char octets[16];
	if (getrandom(octets, sizeof(octets), 0) != sizeof(octets)) abort(); /* cannot fail for so few octets */
	for (size_t i = 0; i < sizeof(octets); i++) snprintf(out + 2 * i, 3, "%02x", octets[i]);
}

static struct slice read_body(struct arena *a, const struct blob *body, uint64_t n)
{
	char *text = arena_alloc(a, n ? n : 1);
	size_t at = 0, got;
	while (text && at < n) {
		if (blob_read(body, at, text + at, n - at, &got)) return SLICE_EMPTY;
		if (got == 0) break;
		at += got;
	}
	return text ? slice_of(text, at) : SLICE_EMPTY;
}

/* The header of the original, or all of it where the sender asked (RET=FULL) and the configuration allows. Without the spool's
 * help the report goes out with nothing of the original: better than no report. */
static struct slice original(struct delivery *d, struct queued *q, struct arena *a, bool *full)
{
	const struct spool_message *m = &q->message->record;
	*full = m->ret == RET_FULL && d->config->relay.report_full && m->size <= FULL_MOST;
	uint64_t n = *full ? m->size : m->header_size;
	if (!*full && n > HEADER_MOST) n = HEADER_MOST;
	if (queue_load_body(&d->queue, q, d->spool)) {
		*full = false;
		return SLICE_EMPTY;
	}
	return read_body(a, &q->message->body, n);
}

static bool write_text(struct delivery *d, struct queued *q, enum report_action action, int64_t now, struct arena *a,
                       uint64_t id, struct report_message *out)
{
	const struct spool_message *m = &q->message->record;
	char boundary[RANDOM_TEXT_SIZE], unique[RANDOM_TEXT_SIZE], id_text[SPOOL_ID_TEXT];
	const char *hostname = d->config->hostname;
	size_t n = 0;
	struct report_recipient *recipients = arena_zalloc(a, m->recipient_count * sizeof(*recipients));
	if (!recipients) return false;
	for (size_t i = 0; i < m->recipient_count; i++)
		if (concerns(d, q, i, action, now)) fill_recipient(d, q, i, action, &recipients[n++]);
	random_text(boundary);
	random_text(unique);
	bool full;
	struct report r = {
		.reporting_mta = slice_str(hostname),
		.from_address = arena_printf(a, "MAILER-DAEMON@%s", hostname),
		.to = m->return_path,
		.envid = m->envid,
		.arrival = m->arrived,
		.date = now,
		.message_id = arena_printf(a, "%s.%.8s@%s", spool_id_text(id, id_text), unique, hostname),
		.boundary = slice_str(boundary),
		.recipients = recipients,
		.recipient_count = n,
		.original = original(d, q, a, &full),
		.smtputf8 = m->smtputf8,
	};
	r.return_full = full;
	return r.from_address.p && r.message_id.p && report_write(a, &r, out);
}

/* ---- the message ---- */

bool reports_stay_here(struct delivery *d, struct slice address)
{
	struct arena a;
	size_t at = slice_find_last(address, '@');
	if (at == address.n) return false;
	arena_init(&a, 4096);
	struct slice domain = domain_canonical(&a, slice_sub(address, at + 1, address.n));
	bool ours = domain.p && tenants_by_domain(delivery_tenants(d), domain);
	arena_free(&a);
	return ours;
}

/* A report goes back to where the mail came from: when that is a domain of a tenant, to its own servers and not round by MX,
 * which is us. */
bool reports_fill(struct delivery *d, const struct report_message *text, struct slice to, uint32_t tenant, int64_t now,
                  struct message *out)
{
	struct spool_message *r = &out->record;
	size_t scanned = 0;
	r->kind = SPOOL_REPORT;
	r->pool = POOL_bounce;
	r->body_type = text->eight_bit ? BODY_8BITMIME : BODY_7BIT;
	r->smtputf8 = text->smtputf8;
	r->tenant = tenant;
	r->downstream = reports_stay_here(d, to);
	r->arrived = r->next_attempt = now;
	r->expires = now + d->config->relay.bounce_lifetime / 1000;
	r->return_path = r->envid = r->hold_reason = SLICE_EMPTY;
	r->source = SLICE("this server");
	r->message_id = SLICE_EMPTY;
	r->size = text->text.n;
	r->header_size = header_end(text->text, &scanned);
	if (r->header_size == HEADER_NOT_YET) r->header_size = text->text.n;
	r->recipients = ARENA_NEW(&out->arena, struct spool_recipient);
	if (!r->recipients) return false;
	r->recipient_count = 1;
	r->recipients[0].address = arena_copy(&out->arena, to);
	r->recipients[0].orcpt = r->recipients[0].last_reply = r->recipients[0].last_remote = SLICE_EMPTY;
	r->recipients[0].notify = NOTIFY_NEVER;
	blob_init(&out->body, text->text.n + 1, db_state_dir(d->spool));
	if (!r->recipients[0].address.p || blob_append(&out->body, text->text)) return false;
	out->body_loaded = true;
	return true;
}

static struct message *make(struct delivery *d, struct queued *q, enum report_action action, int64_t now)
{
	struct report_message text;
	struct arena a;
	const struct spool_message *about = &q->message->record;
	struct message *m = message_new();
	if (!m) return NULL;
	m->record.id = spool_new_id(clock_unix_ms());
	arena_init(&a, 6 * REPORT_MEMORY + RECIPIENT_MEMORY * q->message->record.recipient_count);
	bool ok = write_text(d, q, action, now, &a, m->record.id, &text) &&
	          reports_fill(d, &text, about->return_path, about->tenant, now, m);
	arena_free(&a);
	if (ok) return m;
	message_unref(m);
	return NULL;
}

static void log_report(const struct queued *q, const struct message *m, enum report_action action)
{
	char id[SPOOL_ID_TEXT];
	log_begin(LOG_INFO, "report");
	log_str("id", spool_id_text(m->record.id, id));
	log_str("about", spool_id_text(q->message->record.id, id));
	log_str("action", report_action_name(action));
	log_slice("to", m->record.recipients[0].address);
	log_str("pool", m->record.downstream ? "downstream" : pool_name(m->record.pool));
	log_str("proof", proof_text(q->message->record.proof));
	log_end();
}

/* ---- the reporter ---- */

/* What is stored together with the report: the recipients that it tells of are finished. Those of a report that is still to
 * be made stay open, so that after a crash it is made then. */
static enum error store_once(struct delivery *d, struct message *m, struct queued *q, enum report_action action,
                             int64_t now)
{
	struct spool_message about = q->message->record;
	struct arena a;
	arena_init(&a, SIZE_MAX / 2);
	about.recipients = arena_alloc(&a, about.recipient_count * sizeof(*about.recipients));
	enum error e = about.recipients ? ERR_OK : ERR_NO_MEMORY;
	for (size_t i = 0; !e && i < about.recipient_count; i++) {
		about.recipients[i] = q->message->record.recipients[i];
		if (concerns(d, q, i, REPORT_relayed, now) && action < REPORT_relayed)
			about.recipients[i].state = RECIPIENT_PENDING;
		if (concerns(d, q, i, REPORT_delayed, now) && action == REPORT_delayed)
			about.recipients[i].delay_told = true;
	}
	if (!e) e = writer_store_about(d->writer, m, &about);
	arena_free(&a);
	return e;
}

/* However long that takes: a full disk delays reports, it does not lose them. False: cancelled. */
static bool store(struct delivery *d, struct message *m, struct queued *q, enum report_action action, int64_t now)
{
	enum error e;
	while ((e = store_once(d, m, q, action, now))) {
		log_begin(LOG_ERROR, "report_store");
		log_error("error", e);
		log_end();
		if (e == ERR_CANCELLED || d->stopping || fiber_sleep(clock_deadline(STORE_AGAIN_MS))) return false;
	}
	return true;
}

static bool report(struct delivery *d, struct queued *q, enum report_action action)
{
	int64_t now = clock_unix();
	struct message *m;
	if (!count_concerned(d, q, action, now)) return true;
	while (!(m = make(d, q, action, now)))
		if (d->stopping || fiber_sleep(clock_deadline(STORE_AGAIN_MS))) return false;
	if (!store(d, m, q, action, now)) {
		message_unref(m);
		return false;
	}
	for (size_t i = 0; action == REPORT_delayed && i < q->message->record.recipient_count; i++)
		if (concerns(d, q, i, action, now)) q->message->record.recipients[i].delay_told = true;
	metric_add(METRIC_reports_sent, 1);
	log_report(q, m, action);
	delivery_accept(d, m);
	return true;
}

static void reporter(void *arg)
{
	struct delivery *d = arg;
	struct queued *q;
	while ((q = d->first_report) && !fiber_cancelled()) {
		d->first_report = q->next_report;
		if (!d->first_report) d->last_report = NULL;
		bool done = true;
		for (enum report_action a = 0; a < REPORT_ACTION_COUNT && done; a++) done = report(d, q, a);
		/* Stopped in the middle: the stored record still says pending, so the next start tries and reports again. */
		if (!done) break;
		q->reporting = false;
		outcome_finish(d, q);
	}
	d->reporters--;
	event_signal(&d->settled);
}

void reports_kick(struct delivery *d)
{
	if (!d->first_report || d->reporters >= REPORTERS_MOST) return;
	if (scope_spawn(&d->scope, "reporter", reporter, d) == ERR_OK) d->reporters++;
}

void reports_start(struct delivery *d, struct queued *q)
{
	q->reporting = true;
	q->next_report = NULL;
	if (d->last_report)
		d->last_report->next_report = q;
	else
		d->first_report = q;
	d->last_report = q;
	reports_kick(d);
}
