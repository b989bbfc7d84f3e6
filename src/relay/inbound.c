/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the world to a tenant: cut-through. The leg's answers become the client's (cutthrough.h); fingerprints keep a
 * message whose 250 was lost from being delivered twice (store/fingerprint.h).
 */
#include <openssl/evp.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "relay/refusals.h"
#include "relay/visit.h"
#include "store/spool.h"

static struct leg *leg_of(struct passage *p, const struct tenant *t)
{
	for (struct leg *l = p->legs; l; l = l->next)
		if (l->tenant == t) return l;
	struct visit *v = p->visit;
	struct leg *l = leg_new(&p->transaction->arena, v->worker->downstreams, v->setup, t, &p->transaction->envelope,
	                        p->transaction->prdr);
	if (!l) return NULL;
	l->next = p->legs;
	p->legs = l;
	return l;
}

static bool leg_elsewhere(const struct passage *p, const struct tenant *t)
{
	for (const struct leg *l = p->legs; l; l = l->next)
		if (l->tenant != t && l->envelope.recipient_count) return true;
	return false;
}

/* The last check at RCPT: the recipient's own server. */
void inbound_rcpt_ask(struct passage *p, struct rcpt *r, struct verdict *v)
{
	const struct command *c = r->command;
	struct transaction *t = p->transaction;
	if (!t->prdr && leg_elsewhere(p, r->tenant)) {
		v->reason = REASON_other_downstream; /* one answer at the end cannot be two servers' */
		return;
	}
	struct leg *l = leg_of(p, r->tenant);
	if (!l) {
		v->reason = REASON_no_memory;
		return;
	}
	if (!p->tenant) p->tenant = r->tenant;
	struct envelope_recipient recipient = {.address = c->path.text, .orcpt = c->orcpt, .notify = c->notify};
	if (c->path.domain.n == 0) {
		recipient.address = arena_printf(&t->arena, "postmaster@%.*s", SLICE_ARG(r->domain));
		if (!recipient.address.p) v->reason = REASON_no_memory;
	}
	if (!v->reason && !r->ask_now) {
		if (!leg_add(l, &recipient, t->envelope.recipient_count)) v->reason = REASON_no_memory;
	} else if (!v->reason) {
		leg_rcpt(l, &recipient, t->envelope.recipient_count, &v->reply);
	}
}

/* ---- fingerprints -------------------------------------------------------------------------------------------------------- */

struct digest {
	const struct blob *body;
	size_t from;
	unsigned char octets[EVP_MAX_MD_SIZE];
	unsigned length;
};

static void digest_body(void *arg)
{
	struct digest *d = arg;
	struct slice all = blob_in_memory(d->body);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	d->length = 0;
	if (!ctx || !EVP_DigestInit_ex(ctx, EVP_sha256(), NULL)) goto out;
	if (all.p) {
		EVP_DigestUpdate(ctx, all.p + d->from, all.n - d->from);
	} else {
		size_t room = 256 * 1024, got = 0;
		char *piece = malloc(room);
		for (uint64_t at = d->from; piece; at += got) {
			if (blob_read(d->body, at, piece, room, &got) || !got) break;
			EVP_DigestUpdate(ctx, piece, got);
		}
		free(piece);
	}
	EVP_DigestFinal_ex(ctx, d->octets, &d->length);
out:
	EVP_MD_CTX_free(ctx);
}

/* One fingerprint for each recipient of the leg; NULL: no memory (then duplicates are not looked for). */
static struct fingerprint *fingerprints(struct passage *p, const struct leg *l, struct slice message_id,
                                        struct slice digest)
{
	size_t n = l->envelope.recipient_count;
	struct fingerprint *f = arena_alloc(&p->transaction->arena, n * sizeof *f);
	for (size_t i = 0; f && i < n; i++)
		fingerprint_make(l->envelope.return_path, l->envelope.recipients[i].address, message_id, digest, &f[i]);
	return f;
}

/* Drops the recipients that have the message already. */
static void drop_delivered(struct passage *p, struct leg *l, struct fingerprint *f, struct reply *replies)
{
	struct db *ledger = p->visit->worker->relay->ledger;
	int64_t when, now = clock_unix();
	for (size_t i = 0; i < l->envelope.recipient_count;) {
		if (fingerprint_get(ledger, &f[i], now, &when) != FINGERPRINT_DELIVERED) {
			i++;
			continue;
		}
		reply_set(&p->transaction->arena, &replies[l->positions[i]], 250, "2.0.0",
		          SLICE("delivered already, when you sent it before"));
		metric_add(METRIC_cutthrough_duplicates, 1);
		leg_drop(l, i);
		for (size_t k = i; k < l->envelope.recipient_count; k++) f[k] = f[k + 1];
	}
}

static void remember(struct visit *v, const struct fingerprint *f, size_t n)
{
	if (fingerprint_put(v->worker->relay->ledger, f, n, FINGERPRINT_DELIVERED, clock_unix())) return;
	struct fingerprint *all = realloc(v->unconfirmed, (v->unconfirmed_count + n) * sizeof *all);
	if (!all) return; /* they expire by themselves */
	memcpy(all + v->unconfirmed_count, f, n * sizeof *f);
	v->unconfirmed = all;
	v->unconfirmed_count += n;
}

void inbound_acknowledged(struct visit *v)
{
	if (v->unconfirmed_count)
		fingerprint_put(v->worker->relay->ledger, v->unconfirmed, v->unconfirmed_count, FINGERPRINT_NONE,
		                clock_unix());
	v->unconfirmed_count = 0;
}

/* ---- end of data --------------------------------------------------------------------------------------------------------- */

/* A recipient was refused for good only now, and others were not: see refusals.h. */
static void refused_one(struct passage *p, struct leg *l, size_t refused, struct reply *out)
{
	const struct envelope_recipient *r = &l->envelope.recipients[refused];
	if (p->transaction->envelope.recipient_count == 1 || !reply_permanent(out)) return;
	refusals_remember(l->tenant->id, r->address, out, clock_now_ms());
	out->code = 451;
	out->enhanced[0] = '4';
	out->text = arena_printf(&p->transaction->arena,
	                         "<%.*s> was refused by its server (%.*s); please send again, "
	                         "the other recipients will be served",
	                         SLICE_ARG(r->address), SLICE_ARG(out->text));
}

static void leg_deliver(struct passage *p, struct leg *l, struct slice received, struct slice message_id,
                        struct slice digest, struct reply *out, struct reply *replies)
{
	struct fingerprint *f = digest.n ? fingerprints(p, l, message_id, digest) : NULL;
	if (f) drop_delivered(p, l, f, replies);
	size_t n = l->envelope.recipient_count, refused = n;
	if (n == 0) {
		reply_set(&p->transaction->arena, out, 250, "2.0.0",
		          SLICE("delivered already, when you sent it before"));
		return;
	}
	struct reply *own = arena_zalloc(&p->transaction->arena, n * sizeof *own);
	if (!own) {
		reply_set_reason(&p->transaction->arena, out, REASON_no_memory, SLICE_EMPTY);
	} else if (!leg_message(l, received, &p->transaction->body, out, own, &refused)) {
		if (refused < n && !p->transaction->prdr) refused_one(p, l, refused, out);
		own = NULL;
	}
	size_t taken = 0;
	for (size_t i = 0; i < n; i++) {
		replies[l->positions[i]] = own ? own[i] : *out;
		if (f && own && reply_positive(&own[i])) f[taken++] = f[i];
	}
	if (f && taken) remember(p->visit, f, taken);
}

/* One answer for several legs (PRDR): good news if anybody got it, since each recipient has its own answer. */
static void sum_up(struct passage *p, struct reply *replies, struct reply *out)
{
	size_t n = p->transaction->envelope.recipient_count, good = 0;
	for (size_t i = 0; i < n; i++) good += reply_positive(&replies[i]);
	if (good == 0) {
		*out = replies[0];
		return;
	}
	reply_set(&p->transaction->arena, out, 250, "2.0.0",
	          arena_printf(&p->transaction->arena, "taken for %zu of %zu recipients", good, n));
}

void inbound_message(struct passage *p, struct slice received, const struct trace_header *header, struct reply *out)
{
	struct transaction *t = p->transaction;
	size_t n = t->envelope.recipient_count;
	struct reply *replies = arena_zalloc(&t->arena, n * sizeof *replies);
	struct digest digest = {.body = &t->body, .from = header->message_id.n ? header->size : 0};
	const char *server = NULL;
	if (!replies) {
		reply_set_reason(&t->arena, out, REASON_no_memory, SLICE_EMPTY);
		return;
	}
	/* Without Message-ID and Date two messages may be alike and yet both be meant: then no second copy is looked for. */
	bool recognisable = header->message_id.n || header->dated;
	if (recognisable && t->body.size > 1024 * 1024)
		fiber_offload(digest_body, &digest);
	else if (recognisable)
		digest_body(&digest);
	for (struct leg *l = p->legs; l; l = l->next) {
		if (!l->envelope.recipient_count) continue;
		l->envelope.size = t->envelope.size + received.n;
		l->envelope.body = t->envelope.body;
		leg_deliver(p, l, received, header->message_id, slice_of(digest.octets, digest.length), out, replies);
		if (l->server[0]) server = l->server;
	}
	if (t->rcpt_replies) {
		memcpy(t->rcpt_replies, replies, n * sizeof *replies);
		sum_up(p, replies, out);
	} else if (reply_positive(out)) {
		char id[SPOOL_ID_TEXT];
		out->text = arena_printf(&t->arena, "%.*s (id %s)", SLICE_ARG(out->text), spool_id_text(p->id, id));
	}
	policy_log_message(p,
	                   reply_positive(out)    ? "delivered"
	                   : reply_permanent(out) ? "refused"
	                                          : "deferred",
	                   out, server, header->message_id);
}

void inbound_end(struct passage *p)
{
	for (struct leg *l = p->legs; l; l = l->next) leg_close(l);
	p->legs = NULL;
}
