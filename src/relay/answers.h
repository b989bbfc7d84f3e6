/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answers - a tenant's server answers a message: may the answer leave?
 *
 * A bounce or automatic reply that a tenant's server sends to the world speaks of a message that came in before. Which
 * one, and whether that proved to be from whom the answer goes to, is found by bounce/provenance.h with the ledger, or with the
 * stamp that we put on the message, and judged by bounce/judge.h. What cannot be read, for want of memory, is judged by all that came of late from its
 * addressee.
 *
 * Reads the ledger; no waits. One thread.
 *
 *     struct answer *a = answer_read(&transaction->body, hostname);
 *     if (!a) return 451;
 *     answer_judge(a, ledger, tenant, recipient, now, &verdict);     // for each recipient
 *     answer_free(a);
 */
#ifndef BACKSTOP_RELAY_ANSWERS_H
#define BACKSTOP_RELAY_ANSWERS_H

#include "base/blob.h"
#include "bounce/judge.h"
#include "mail/address.h"
#include "store/ledger.h"

#define ANSWER_LOOKED (256 * 1024) /* octets of the message that are read */

/* Is it an answer that a program made? <>; Auto-Submitted: auto-replied (RFC 3834 5); postmaster's multipart/report. */
bool answers_is_answer(const struct address *sender, struct slice header);

struct answer;
/* message: header and body. hostname: ours, in Received fields. secrets: the relay's own, for stamps (relay/stamping.h). Both must
 * outlive the answer. NULL: no memory. */
struct answer *answer_read(const struct blob *message, const char *hostname, struct srs_secrets secrets);
void answer_free(struct answer *a); /* NULL is fine */

struct answer_verdict {
	struct judgement judgement;
	struct slice evidence; /* what the witnesses said, in words; lives as long as the answer */
	uint64_t about;        /* the passage that it is about; 0: none is known, or none decided */
	bool joined;           /* by an id of that message: nothing that the ledger learns later decides better */
};
void answer_judge(struct answer *a, struct db *ledger, uint32_t tenant, struct slice recipient, int64_t now,
                  struct answer_verdict *out);

#endif
