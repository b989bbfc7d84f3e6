/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/intake.h"

#include "base/clock.h"
#include "base/metrics.h"
#include "relay/delivery.h"
#include "relay/writer.h"

#define RECORD_ROOM    (64 * 1024)
#define RECIPIENT_ROOM 4096
#define COPY_OFFLOAD   (1024 * 1024)

struct copy {
	struct blob *to;
	const struct blob *from;
	struct marks marks;
	enum error error;
};

static enum error copy_piece(struct slice piece, void *arg)
{
	return blob_append(arg, piece);
}

static void copy_body(void *arg)
{
	struct copy *c = arg;
	c->error = blob_append(c->to, c->marks.head);
	if (!c->error) c->error = blob_each(c->from, c->marks.skip, copy_piece, c->to);
}

static bool fill_recipients(struct message *m, const struct envelope *e)
{
	struct spool_recipient *r = arena_zalloc(&m->arena, e->recipient_count * sizeof *r);
	if (!r) return false;
	for (size_t i = 0; i < e->recipient_count; i++) {
		r[i] = (struct spool_recipient){.address = arena_copy(&m->arena, e->recipients[i].address),
		                                .orcpt = arena_copy(&m->arena, e->recipients[i].orcpt),
		                                .notify = e->recipients[i].notify,
		                                .state = RECIPIENT_PENDING,
		                                .last_reply = SLICE_EMPTY,
		                                .last_remote = SLICE_EMPTY};
	}
	m->record.recipients = r;
	m->record.recipient_count = e->recipient_count;
	return true;
}

static int64_t lifetime(const struct config *c, const struct intake *i)
{
	if (i->hold) return c->relay.hold_lifetime;
	return i->from->return_path.n ? c->relay.queue_lifetime : c->relay.bounce_lifetime;
}

static bool fill_record(struct message *m, const struct passage *p, const struct intake *i)
{
	const struct envelope *e = i->from;
	char ip[IP_TEXT_SIZE];
	int64_t now = clock_unix();
	m->record = (struct spool_message){
		.id = i->id,
		.kind = (uint8_t)i->kind,
		.pool = (uint8_t)i->pool,
		.ret = (uint8_t)e->ret,
		.body_type = (uint8_t)e->body,
		.smtputf8 = e->smtputf8,
		.verified = i->verified,
		.proof = (uint8_t)p->proof,
		.hold = i->hold,
		.held_since = i->hold ? now : 0,
		.hold_reason = i->hold ? arena_copy(&m->arena, i->hold_reason) : SLICE_EMPTY,
		.answer = i->answer,
		.downstream = i->downstream,
		.tenant = i->tenant,
		.arrived = now,
		.next_attempt = now,
		.expires = now + lifetime(p->visit->setup->config, i) / 1000,
		.return_path = arena_copy(&m->arena, e->return_path),
		.envid = arena_copy(&m->arena, e->envid),
		.message_id = arena_copy(&m->arena, i->message_id),
		.size = m->body.size,
		.header_size = i->marks.head.n + i->header_size - i->marks.skip,
		.body_in_file = m->body.size > SPOOL_BODY_INLINE,
	};
	m->record.source = arena_printf(&m->arena, "%s%s%.*s", ip_text(&p->visit->client, ip),
	                                p->session->user.n ? " user=" : "", SLICE_ARG(p->session->user));
	return fill_recipients(m, e) && !arena_exhausted(&m->arena);
}

static enum error make(struct passage *p, const struct intake *i, struct message **out)
{
	struct transaction *t = p->transaction;
	const struct config *c = p->visit->setup->config;
	struct message *m = *out = message_new();
	if (!m) return ERR_NO_MEMORY;
	m->arena.limit = RECORD_ROOM + i->from->recipient_count * RECIPIENT_ROOM;
	blob_init(&m->body, (size_t)c->relay.memory_body_limit, p->visit->worker->relay->temporary_dir);
	struct copy copy = {.to = &m->body, .from = &t->body, .marks = i->marks};
	if (t->body.size > COPY_OFFLOAD)
		fiber_offload(copy_body, &copy);
	else
		copy_body(&copy);
	if (copy.error) return copy.error;
	m->body_loaded = true;
	return fill_record(m, p, i) ? ERR_OK : ERR_NO_MEMORY;
}

enum error intake_store(struct passage *p, const struct intake *i)
{
	struct relay *relay = p->visit->worker->relay;
	struct message *m = NULL;
	enum error e = make(p, i, &m);
	if (!e) e = writer_store(relay->writer, m);
	if (e) {
		message_unref(m);
		metric_add(METRIC_out_of_resources, 1);
	} else {
		delivery_submit(relay->delivery, m);
	}
	return e;
}
