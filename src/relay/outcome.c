/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/delivery_internal.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "mail/envelope.h"
#include "relay/backoff.h"
#include "relay/fate.h"

#define REPLY_MOST 1000 /* octets of an answer that are kept */

int64_t outcome_expires(const struct delivery *d, const struct spool_message *m)
{
	int64_t lifetime = m->return_path.n ? d->config->relay.queue_lifetime : d->config->relay.bounce_lifetime;
	return m->expires ? m->expires : m->arrived + lifetime / 1000;
}

/* ---- one recipient ---- */

static const char *const result_names[] = {
	[ROUND_DELIVERED] = "delivered", [ROUND_RELAYED] = "delivered",           [ROUND_FAILED] = "failed",
	[ROUND_EXPIRED] = "expired",     [ROUND_UNDELIVERABLE] = "undeliverable", [ROUND_DEFERRED] = "deferred",
};

static void log_recipient(struct delivery *d, const struct queued *q, const struct spool_recipient *r,
                          const char *result, struct slice reply, const struct outcome_by *by)
{
	const struct spool_message *m = &q->message->record;
	const struct tenant *tenant = tenants_by_id(d->tenants, m->tenant);
	char id[SPOOL_ID_TEXT];
	if (!log_enabled(LOG_INFO)) return;
	log_begin(LOG_INFO, "delivery");
	log_str("id", spool_id_text(m->id, id));
	log_str("tenant", tenant ? tenant->name : NULL);
	log_str("pool", m->downstream ? "downstream" : pool_name(m->pool));
	log_slice("from", m->return_path);
	log_slice("to", r->address);
	log_str("result", result);
	if (by && by->remote && by->remote[0]) {
		log_str("remote", by->remote);
		log_str("source", by->source);
		log_str("tls", by->tls ? by->tls : "none");
		if (by->tagged.n) log_slice("tagged", by->tagged);
	}
	log_slice("reply", reply);
	log_int("delay", clock_unix() - m->arrived);
	log_uint("attempts", m->attempts + (q->tried ? 1 : 0));
	log_uint("size", m->size);
	log_end();
}

/* "550 5.1.1 no such user", on one line. */
static struct slice reply_line(struct arena *a, const struct reply *r)
{
	struct slice line = r->code ? arena_printf(a, "%d %s%s%.*s", r->code, r->enhanced, r->enhanced[0] ? " " : "",
	                                           (int)(r->text.n < REPLY_MOST ? r->text.n : REPLY_MOST), r->text.p)
	                            : arena_copy(a, r->text);
	for (size_t i = 0; line.p && i < line.n; i++)
		if (line.p[i] == '\n' || line.p[i] == '\r') ((char *)line.p)[i] = ' ';
	return line.p ? line : SLICE_EMPTY;
}

static void keep_text(struct arena *a, struct slice *field, struct slice text)
{
	if (slice_equal(*field, text)) return;
	struct slice copy = arena_copy(a, text);
	*field = copy.p ? copy : SLICE_EMPTY;
}

static void count_result(const struct spool_message *m, enum round_result result)
{
	static const enum metric pools[POOL_COUNT] = {
#define X(name) [POOL_##name] = METRIC_pool_##name,
		POOL_TABLE(X)
#undef X
	};
	switch (result) {
	case ROUND_DELIVERED:
	case ROUND_RELAYED:
		metric_add(METRIC_delivery_delivered, 1);
		if (!m->downstream && m->pool < POOL_COUNT) metric_add(pools[m->pool], 1);
		break;
	case ROUND_FAILED:
	case ROUND_UNDELIVERABLE: metric_add(METRIC_delivery_failed, 1); break;
	case ROUND_EXPIRED: metric_add(METRIC_delivery_expired, 1); break;
	default: metric_add(METRIC_delivery_deferred, 1); break;
	}
}

/* Failed for good: a report, silence where the sender asked for it, or the hold. */
static enum round_result failed(const struct spool_message *m, const struct spool_recipient *r)
{
	struct fate_failure f = {.may_be_told = reports_allowed(m),
	                         .stranger = m->kind == SPOOL_INBOUND,
	                         .released = spool_released(m),
	                         .notify = r->notify};
	return fate_on_failure(&f) == FATE_HOLD ? ROUND_UNDELIVERABLE : ROUND_FAILED;
}

/* The same when its time is over. Mail with <> that a tenant sends, and our reports, have a lifetime of their own
 * (bounce-lifetime), at whose end nobody waits for them. */
static enum round_result too_old(const struct spool_message *m, const struct spool_recipient *r)
{
	if (m->kind == SPOOL_REPORT || (m->kind == SPOOL_OUTBOUND && !spool_released(m))) return ROUND_EXPIRED;
	return failed(m, r) == ROUND_FAILED ? ROUND_EXPIRED : ROUND_UNDELIVERABLE;
}

void outcome_recipient(struct delivery *d, struct queued *q, uint32_t i, enum round_result result,
                       const struct reply *reply, const struct outcome_by *by)
{
	struct spool_message *m = &q->message->record;
	struct spool_recipient *r = &m->recipients[i];
	struct arena scratch;
	arena_init(&scratch, 4 * REPLY_MOST);
	struct slice line = reply_line(&scratch, reply);
	if (result == ROUND_FAILED) result = failed(m, r);
	q->round[i] = (uint8_t)result;
	q->changed = true;
	if (result == ROUND_DELIVERED || result == ROUND_RELAYED)
		r->state = RECIPIENT_DELIVERED;
	else if (result == ROUND_FAILED)
		r->state = RECIPIENT_FAILED;
	if (m->recipient_count > 1 || r->state != RECIPIENT_DELIVERED || result == ROUND_RELAYED) {
		if (q->tried) r->last_attempt = clock_unix();
		keep_text(&q->message->arena, &r->last_reply, line);
		keep_text(&q->message->arena, &r->last_remote, slice_str(by ? by->remote : NULL));
	}
	count_result(m, result);
	log_recipient(d, q, r, result_names[result], line, by);
	arena_free(&scratch);
}

void outcome_reply(struct delivery *d, struct queued *q, uint32_t i, const struct reply *reply,
                   const struct outcome_by *by)
{
	enum round_result result = reply_permanent(reply) ? ROUND_FAILED : ROUND_DEFERRED;
	if (reply->code / 100 == 2) result = ROUND_DELIVERED;
	outcome_recipient(d, q, i, result, reply, by);
}

/* ---- the message ---- */

static bool is_pending(const struct queued *q, size_t i)
{
	return q->message->record.recipients[i].state == RECIPIENT_PENDING;
}

static size_t count_pending(const struct queued *q, enum round_result round, bool any)
{
	size_t n = 0;
	for (size_t i = 0; i < q->message->record.recipient_count; i++)
		if (is_pending(q, i) && (any || q->round[i] == round)) n++;
	return n;
}

static void expire(struct delivery *d, struct queued *q, int64_t now)
{
	struct spool_message *m = &q->message->record;
	if (m->hold || now < outcome_expires(d, m)) return;
	for (size_t i = 0; i < m->recipient_count; i++) {
		struct spool_recipient *r = &m->recipients[i];
		if (!is_pending(q, i) || q->round[i] == ROUND_UNDELIVERABLE) continue;
		enum round_result result = too_old(m, r);
		if (result == ROUND_EXPIRED) r->state = RECIPIENT_EXPIRED;
		q->round[i] = (uint8_t)result;
		q->changed = true;
		count_result(m, result);
		log_recipient(d, q, r, result_names[result], r->last_reply, NULL);
	}
}

static void end(struct delivery *d, struct queued *q)
{
	struct spool_message *m = &q->message->record;
	writer_remove(d->writer, m->id, m->body_in_file);
	queue_remove(&d->queue, q);
	delivery_count(d);
}

void outcome_settle(struct delivery *d, struct queued *q)
{
	int64_t now = clock_unix();
	if (q->dropped) {
		outcome_dropped(d, q);
		return;
	}
	if (q->replaced) {
		edits_take_again(d, q);
		return;
	}
	expire(d, q, now);
	if (reports_due(d, q, now))
		reports_start(d, q);
	else
		outcome_finish(d, q);
}

void outcome_log_held(struct delivery *d, const struct spool_message *m)
{
	const struct tenant *tenant = tenants_by_id(d->tenants, m->tenant);
	char id[SPOOL_ID_TEXT];
	metric_add(METRIC_held_added, 1);
	log_begin(LOG_INFO, "held");
	log_str("id", spool_id_text(m->id, id));
	log_str("tenant", tenant ? tenant->name : NULL);
	log_slice("from", m->return_path);
	log_slice("to", m->recipient_count ? m->recipients[0].address : SLICE_EMPTY);
	log_uint("recipients", m->recipient_count);
	log_slice("reason", m->hold_reason);
	log_int("expires", outcome_expires(d, m));
	log_end();
}

void outcome_log_released(struct delivery *d, const struct spool_message *m)
{
	const struct tenant *tenant = tenants_by_id(d->tenants, m->tenant);
	char id[SPOOL_ID_TEXT];
	metric_add(METRIC_held_released, 1);
	log_begin(LOG_INFO, "released");
	log_str("id", spool_id_text(m->id, id));
	log_str("tenant", tenant ? tenant->name : NULL);
	log_slice("from", m->return_path);
	log_slice("to", m->recipient_count ? m->recipients[0].address : SLICE_EMPTY);
	log_bool("redirected", m->redirected);
	log_slice("reason", m->hold_reason);
	log_int("held", clock_unix() - m->held_since);
	log_end();
}

static void begin_hold(struct delivery *d, struct queued *q, struct slice reason)
{
	struct spool_message *m = &q->message->record;
	int64_t now = clock_unix();
	m->hold = true;
	m->hold_reason = reason;
	m->held_since = now;
	m->expires = now + d->config->relay.hold_lifetime / 1000;
	d->queue.held++;
	q->changed = true;
	outcome_log_held(d, m);
}

void outcome_hold(struct delivery *d, struct queued *q, struct slice reason)
{
	begin_hold(d, q, reason);
	outcome_finish(d, q);
}

/* Why its sender is not told. */
static const char *untold(const struct spool_message *m)
{
	if (!m->return_path.n) return "it has no return path";
	if (m->kind == SPOOL_REPORT) return "it is a report itself";
	if (!m->verified) return "its return path is not proven";
	return m->redirected ? "it was sent to another address" : "its sender does not want to hear of it";
}

/* Nobody may be told that it failed, and it must not vanish: its owner can see it, release it, or let it go. */
static void hold_undeliverable(struct delivery *d, struct queued *q)
{
	struct spool_message *m = &q->message->record;
	struct slice last = SLICE_EMPTY;
	for (size_t i = 0; i < m->recipient_count && !last.n; i++)
		if (q->round[i] == ROUND_UNDELIVERABLE) last = m->recipients[i].last_reply;
	struct slice reason =
		arena_printf(&q->message->arena, "could not be delivered, and %s: %.*s", untold(m), SLICE_ARG(last));
	begin_hold(d, q, reason.p ? reason : SLICE("could not be delivered and nobody may be told"));
}

static int64_t next_attempt(struct delivery *d, struct queued *q, int64_t now)
{
	const struct spool_message *m = &q->message->record;
	int64_t expires = outcome_expires(d, m);
	int64_t next = now + 1;
	if (q->tried)
		next = backoff_next(d->config->relay.retry_schedule, d->config->relay.retry_count, m->attempts,
		                    delivery_random(d), now, expires);
	if (q->not_before > next) {
		next = q->not_before + delivery_random(d) % 30;
		if (next > expires && expires > now) next = expires;
	}
	return next;
}

void outcome_finish(struct delivery *d, struct queued *q)
{
	struct spool_message *m = &q->message->record;
	int64_t now = clock_unix();
	size_t pending = count_pending(q, ROUND_NONE, true);
	if (q->dropped) {
		outcome_dropped(d, q);
		return;
	}
	if (q->replaced) {
		edits_take_again(d, q);
		return;
	}
	if (pending == 0) {
		end(d, q);
		return;
	}
	if (q->tried) m->attempts++;
	if (!m->hold && count_pending(q, ROUND_UNDELIVERABLE, false) == pending) hold_undeliverable(d, q);
	if (!m->hold) {
		m->next_attempt = next_attempt(d, q, now);
		q->changed = true;
	}
	memset(q->round, 0, m->recipient_count);
	q->tried = false;
	q->not_before = 0;
	queue_drop_body(&d->queue, q);
	if (q->changed) writer_update(d->writer, m);
	q->changed = false;
	queue_compact(&d->queue, q);
	queue_schedule(&d->queue, q, m->hold ? outcome_expires(d, m) : m->next_attempt);
	delivery_count(d);
	delivery_wake_clock(d);
}

static void log_pending(struct delivery *d, struct queued *q, const char *result, struct slice why)
{
	for (size_t i = 0; i < q->message->record.recipient_count; i++)
		if (is_pending(q, i)) log_recipient(d, q, &q->message->record.recipients[i], result, why, NULL);
}

void outcome_hold_over(struct delivery *d, struct queued *q)
{
	metric_add(METRIC_delivery_expired, (int64_t)count_pending(q, ROUND_NONE, true));
	metric_add(METRIC_held_expired, 1);
	log_pending(d, q, "expired", q->message->record.hold_reason);
	end(d, q);
}

void outcome_dropped(struct delivery *d, struct queued *q)
{
	log_pending(d, q, "dropped", SLICE("removed from the queue by hand"));
	queue_remove(&d->queue, q);
	delivery_count(d);
}
