/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answers - a tenant's server answers a message: may the answer leave?
 *
 * A bounce or automatic reply that a tenant's server sends to the world speaks of a message that came in before. The ledger knows
 * whether that message's return path proved itself. Joined by Message-ID where the answer tells one, else by who is
 * answered: when all that came from that return path of late was proven, the answer is; when some was not, it may go to
 * somebody who was forged. What the ledger does not know is unknown, also when it knows others of the same return path. Whoever
 * forged a message chose its words, too: of several Message-IDs the worst counts, and none counts against forged mail without one.
 *
 * Reads the ledger; no waits.
 */
#ifndef BACKSTOP_RELAY_ANSWERS_H
#define BACKSTOP_RELAY_ANSWERS_H

#include "base/blob.h"
#include "mail/address.h"
#include "store/ledger.h"

#define ANSWERS_DAYS                                                                                                   \
	15 /* how far back an answer is looked for: the longest life of a message in other servers' queues */

enum answer_verdict { ANSWER_UNKNOWN, ANSWER_PROVEN, ANSWER_UNPROVEN };

/* Is it an answer that a program made? <>; Auto-Submitted: auto-replied (RFC 3834 5); postmaster's multipart/report. */
bool answers_is_answer(const struct address *sender, struct slice header);
struct answer_witness {
	uint64_t about; /* the passage that decided; 0: none did */
	bool by_id; /* it was found by a Message-ID in the answer: nothing that the ledger learns later decides better */
};
/* Of one recipient. body: of the answer, looked through for Message-IDs. */
enum answer_verdict answers_judge(struct db *ledger, uint32_t tenant, struct slice recipient, struct slice header,
                                  const struct blob *body, int64_t now, struct answer_witness *witness);

#endif
