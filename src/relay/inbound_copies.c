/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Second copies of an inbound message: a client whose 250 was lost sends again, and its recipients have the message already. Fingerprints
 * (store/fingerprint.h) tell; they are removed when the client shows that it got our answer.
 */
#include "relay/inbound_copies.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/metrics.h"

struct fingerprint *copies_fingerprints(struct passage *p, const struct leg *l, const struct trace_header *header)
{
	/* Without Message-ID and Date two messages may be alike and yet both be meant. */
	if (!header->message_id.n && !header->dated) return NULL;
	size_t n = l->envelope.recipient_count;
	struct slice digest = slice_of(p->proving.digest, sizeof p->proving.digest);
	struct fingerprint *f = arena_alloc(&p->transaction->arena, n * sizeof *f);
	/* the return path as the client gave it: what we hand on in its place may be another next time */
	for (size_t i = 0; f && i < n; i++)
		fingerprint_make(p->transaction->envelope.return_path, l->envelope.recipients[i].address,
		                 header->message_id, digest, &f[i]);
	return f;
}

void copies_drop(struct passage *p, struct leg *l, struct fingerprint *f, struct reply *replies)
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

void copies_remember(struct visit *v, const struct fingerprint *f, size_t n)
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
