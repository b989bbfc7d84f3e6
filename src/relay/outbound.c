/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a tenant to the world (or to another tenant): stored, synced, and handed to the delivery thread; then 250. The seam for the
 * judge of later releases is pool_of(): today <> and postmaster@ leave by pool ndr and all else by regular.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "relay/delivery.h"
#include "relay/visit.h"
#include "relay/writer.h"

#define RECORD_ROOM    (64 * 1024)
#define RECIPIENT_ROOM 4096
#define COPY_OFFLOAD   (1024 * 1024)
#define PIECE          (256 * 1024)

static enum pool pool_of(const struct passage *p)
{
	return p->sender.null || address_is_postmaster(&p->sender) ? POOL_ndr : POOL_regular;
}

/* The stored body is our trace field and what the client sent. */
struct copy {
	struct blob *to;
	const struct blob *from;
	struct slice received;
	enum error error;
};

static void copy_file(struct copy *c)
{
	char *piece = malloc(PIECE);
	size_t got = 0;
	if (!piece) c->error = ERR_NO_MEMORY;
	for (uint64_t at = 0; !c->error && at < c->from->size; at += got) {
		c->error = blob_read(c->from, at, piece, PIECE, &got);
		if (!c->error && !got) c->error = ERR_IO;
		if (!c->error) c->error = blob_append(c->to, slice_of(piece, got));
	}
	free(piece);
}

static void copy_body(void *arg)
{
	struct copy *c = arg;
	struct slice all = blob_in_memory(c->from);
	c->error = blob_append(c->to, c->received);
	if (!c->error && all.p)
		c->error = blob_append(c->to, all);
	else if (!c->error)
		copy_file(c);
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

static bool fill_record(struct message *m, const struct passage *p, struct slice message_id, size_t header_size)
{
	const struct envelope *e = &p->transaction->envelope;
	const struct config *c = p->visit->setup->config;
	struct spool_message *r = &m->record;
	char ip[IP_TEXT_SIZE];
	int64_t now = clock_unix();
	*r = (struct spool_message){
		.id = p->id,
		.kind = SPOOL_OUTBOUND,
		.pool = (uint8_t)pool_of(p),
		.ret = (uint8_t)e->ret,
		.body_type = (uint8_t)e->body,
		.smtputf8 = e->smtputf8,
		.verified = p->verified,
		.downstream = !p->external,
		.tenant = p->source->id,
		.arrived = now,
		.next_attempt = now,
		.expires = now + (p->sender.null ? c->relay.bounce_lifetime : c->relay.queue_lifetime) / 1000,
		.return_path = arena_copy(&m->arena, e->return_path),
		.envid = arena_copy(&m->arena, e->envid),
		.hold_reason = SLICE_EMPTY,
		.message_id = arena_copy(&m->arena, message_id),
		.size = m->body.size,
		.header_size = header_size,
		.body_in_file = m->body.size > SPOOL_BODY_INLINE,
	};
	r->source = arena_printf(&m->arena, "%s%s%.*s", ip_text(&p->visit->client, ip),
	                         p->session->user.n ? " user=" : "", SLICE_ARG(p->session->user));
	return fill_recipients(m, e) && !arena_exhausted(&m->arena);
}

static enum error make_message(struct passage *p, struct slice received, struct slice message_id, size_t header_size,
                               struct message **out)
{
	struct transaction *t = p->transaction;
	const struct config *c = p->visit->setup->config;
	struct message *m = message_new();
	if (!m) return ERR_NO_MEMORY;
	*out = m;
	m->arena.limit = RECORD_ROOM + t->envelope.recipient_count * RECIPIENT_ROOM;
	blob_init(&m->body, (size_t)c->relay.memory_body_limit, p->visit->worker->relay->temporary_dir);
	struct copy copy = {.to = &m->body, .from = &t->body, .received = received};
	if (t->body.size > COPY_OFFLOAD)
		fiber_offload(copy_body, &copy);
	else
		copy_body(&copy);
	if (copy.error) return copy.error;
	m->body_loaded = true;
	return fill_record(m, p, message_id, header_size + received.n) ? ERR_OK : ERR_NO_MEMORY;
}

void outbound_message(struct passage *p, struct slice received, const struct trace_header *header, struct reply *out)
{
	struct relay *relay = p->visit->worker->relay;
	struct transaction *t = p->transaction;
	struct message *m = NULL;
	enum error e = make_message(p, received, header->message_id, header->size, &m);
	if (!e) e = writer_store(relay->writer, m);
	if (e) {
		message_unref(m);
		reply_set_reason(&t->arena, out, server_storage_reason(e), SLICE_EMPTY);
		metric_add(METRIC_out_of_resources, 1);
	} else {
		char id[SPOOL_ID_TEXT];
		delivery_submit(relay->delivery, m);
		reply_set(&t->arena, out, 250, "2.0.0",
		          arena_printf(&t->arena, "queued as %s", spool_id_text(p->id, id)));
	}
	if (t->rcpt_replies)
		for (size_t i = 0; i < t->envelope.recipient_count; i++) t->rcpt_replies[i] = *out;
	policy_log_message(p, e ? "deferred" : "queued", out, NULL, header->message_id);
}
