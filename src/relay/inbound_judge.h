/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inbound_judge - a bounce, auto-reply or challenge comes to a tenant: is it about mail that the tenant sent?
 *
 * The message is classified when it is here, before anybody is told. If it is one of the three, it is judged for each
 * recipient (bounce/provenance.h, bounce/judge.h), with what the tenant's mail bears (bounce_facts.h) and the tenant's
 * coverage (coverage_book.h). Genuine and unknown pass; backscatter is refused with REASON_backscatter, or passes where
 * the tenant wants that, or where it is to be careful with: what a person may have written (relay/answers.h) is never
 * refused, and an automatic reply or challenge must have a strong witness
 * (tag, signature) against it, since such programs quote as they like. All that passes has a field that tells
 * (bounce/bouncefield.h).
 *
 * SMTP has one answer for all recipients of a transaction: without PRDR backscatter is refused only if it is that for
 * all of them, and the field tells the best of what was found. A message for more than INBOUND_JUDGED recipients is no
 * answer to anybody, and is not judged.
 *
 * What costs time is done when it matters: waiting for the ledger's writer, and asking the tenant's SPF record about who
 * handed the original over, only where nothing spoke for the message before.
 *
 * Used by inbound.c only; worker loop, the session's fiber.
 *
 *     inbound_judge_begin(&j, p, header);
 *     struct slice field = inbound_judge_leg(&j, leg, replies);      // for each leg; drops refused recipients
 *     ...
 *     inbound_judge_settled(&j, result);                             // what became of that leg
 *     inbound_judge_end(&j);
 */
#ifndef BACKSTOP_RELAY_INBOUND_JUDGE_H
#define BACKSTOP_RELAY_INBOUND_JUDGE_H

#include "bounce/judge.h"
#include "relay/classified.h"
#include "relay/coverage_book.h"
#include "relay/visit.h"

#define INBOUND_JUDGED 10

struct inbound_judge {
	struct passage *passage;
	struct slice header;
	struct classified classified;
	struct returned returned;
	bool wanted, caught_up;
	bool sure; /* a program made it: relay/answers.h */
	/* of the leg that was judged last */
	struct coverage_event counts[INBOUND_JUDGED];
	size_t count;
	bool refused; /* all of it */
};

void inbound_judge_begin(struct inbound_judge *j, struct passage *p, const struct trace_header *header);
/* Recipients that are refused are dropped from the leg, and their replies filled in. Returns the field for those that are left, empty
 * where nothing is to be told; {NULL, 0}: no memory. */
struct slice inbound_judge_leg(struct inbound_judge *j, struct leg *l, struct reply *replies);
/* Counts for the tenant's coverage, now that it is known whether the message came to stay. */
void inbound_judge_settled(struct inbound_judge *j, enum ledger_result result);
void inbound_judge_end(struct inbound_judge *j);

#endif
