/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answering - what becomes of an answer that a tenant's server sends
 *
 * Judges a message of the passage, which is classified, by answers.h: genuine leaves by pool `bounce`, unknown by pool `ndr`,
 * backscatter is held; and counts it for the storm breaker (storm.h), which has unknown ones held while a forged campaign
 * lasts. What is no answer is left as it is. Says what was decided in the log (answer, storm-begin).
 *
 * Worker loop, the session's fiber; it waits until the ledger has what came in before.
 */
#ifndef BACKSTOP_RELAY_ANSWERING_H
#define BACKSTOP_RELAY_ANSWERING_H

#include "relay/classified.h"
#include "relay/intake.h"

/* Sets pool, hold, answer and hold_reason of the record to be. p->classified is set. False: no memory. */
bool answering_judge(struct passage *p, const struct trace_header *header, struct intake *in);
/* What an answer that is held whatever the judge says is, and what the witnesses say of it, in words; tenant: whose server sent it. What
 * it teaches is learned (learning.h). In the transaction's arena; {NULL,0}: no memory. */
struct slice answering_words(struct passage *p, uint32_t tenant, struct slice addressee);
/* Waits until what came before is in the ledger, which is written beside the sessions. False: it is not. */
bool answering_catch_up(struct passage *p);

#endif
