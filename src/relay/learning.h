/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learning - what a tenant's server bounces after it took it is refused the next time
 *
 * A server that takes every recipient and then bounces those it does not have makes backscatter of every spam. Its own reports
 * say who does not exist, and they pass here. An address is learned (learner.h) when a report of a tenant's own server says
 * that it does not exist (bounce/dead.h), it is in a domain of that tenant, and the report is joined, by an id that only we can have
 * set, with a message that we passed on for that very address and that came from whom the report goes to; or where the ledger has lost
 * that message, when its stamp says so and the address was not reached by way of another.
 *
 * The report must be made in the tenant's own house: one that came in from outside, and is forwarded by a user, could name
 * anybody. So it has no Received field of ours, or of a hop from elsewhere. And it comes from the null return path, as reports
 * do (RFC 3464 2) and users seldom may: who got a message together with a colleague could write one that cuts the colleague off.
 *
 * Worker loop.
 */
#ifndef BACKSTOP_RELAY_LEARNING_H
#define BACKSTOP_RELAY_LEARNING_H

#include "relay/answers.h"
#include "relay/visit.h"

/* An answer that was judged. In a fiber. */
void learning_answer(struct passage *p, const struct answer_verdict *v);
/* Mail that the tenant sends: its return path lives. */
void learning_sender(struct passage *p);
/* A row of the policy's tables: refuses what was learned. */
void check_learned(struct passage *p, struct rcpt *r, struct verdict *v);

#endif
