/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inbound_copies - a message whose 250 was lost must not arrive twice
 *
 * Used by inbound.c only.
 */
#ifndef BACKSTOP_RELAY_INBOUND_COPIES_H
#define BACKSTOP_RELAY_INBOUND_COPIES_H

#include "relay/visit.h"

/* One fingerprint for each recipient of the leg; NULL: no memory, or the message has nothing by which it could be told from another
 * that is meant: then duplicates are not looked for. In the transaction's arena. */
struct fingerprint *copies_fingerprints(struct passage *p, const struct leg *l, const struct trace_header *header);
/* Drops the recipients that have the message already; their replies are filled in. */
void copies_drop(struct passage *p, struct leg *l, struct fingerprint *f, struct reply *replies);
/* n recipients have it now. */
void copies_remember(struct visit *v, const struct fingerprint *f, size_t n);

#endif
