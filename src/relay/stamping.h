/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stamping - our trace of a passage with its stamp (auth/stamp.h): in the Received field, and as envelope id
 *
 * The stamp says what is known when it is made. The Received field is made when the message has been examined. The envelope id goes
 * out with MAIL, before that; when it turns out otherwise the transaction at the server behind is begun anew with another one, as it is for
 * NOTIFY (inbound.c). A client's envelope id is handed on as it is (RFC 3461 4.4), with one exception: one that bears a good stamp of ours was
 * copied from mail of ours, and is not handed on, so that what a report says of it was said by us.
 *
 * Worker loop.
 */
#ifndef BACKSTOP_RELAY_STAMPING_H
#define BACKSTOP_RELAY_STAMPING_H

#include "relay/visit.h"

/* The whole field; {NULL,0}: no memory. Inbound: after proving_examine(). */
struct slice stamping_received(struct passage *p);
/* For the server behind; {NULL,0}: no memory. */
struct slice stamping_envelope_id(struct passage *p);

#endif
