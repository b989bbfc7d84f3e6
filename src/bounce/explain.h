/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain - a bounce in plain words: who refused, at which stage, why, who can act
 *
 * Takes a message that the classifier calls a delivery report, reads what failed (bounce/failure.h), and explains the
 * reply of the part for programs and that of the text (bounce/explain_reply.h); the surer of the two is the answer.
 * Whether an address is on the list at present is asked apart, by listed_now(). Pure.
 *
 *     struct explanation e;
 *     if (!explain(&arena, knowledge, &mime, &e)) return ERR_NO_MEMORY;
 *     printf("%s\n", cause_name(e.verdict.cause));
 */
#ifndef BACKSTOP_BOUNCE_EXPLAIN_H
#define BACKSTOP_BOUNCE_EXPLAIN_H

#include "bounce/explain_reply.h"
#include "bounce/failure.h"
#include "net/resolver.h"

struct explanation {
	struct failure failure;
	struct reply_verdict verdict;
	struct slice reply;                     /* that was explained, on one line */
	char status[STATUSCODE_TEXT_SIZE];      /* empty: none */
	struct slice message_id, subject, date; /* of the original, decoded, on one line; empty: not told */
};

/* False when the arena is exhausted. */
bool explain(struct arena *a, const struct knowledge *k, const struct mime *m, struct explanation *out);

enum listed { LISTED_UNKNOWN, LISTED_NO, LISTED_YES };

/* In a fiber: is the verdict's address or domain on its list now? Unknown without list, zone or address, when the list is
 * closed, gives no answer, or answers that it does not want to be asked so (127.255.255.0/24). */
enum listed listed_now(struct resolver *r, const struct reply_verdict *v, int64_t deadline);
/* The same for any zone of addresses. */
enum listed listed_address(struct resolver *r, struct slice zone, const struct ip *ip, int64_t deadline);

#endif
