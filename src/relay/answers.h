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
 *     if (answers_ground(&sender, header, &classified.class) == ANSWER_none) return;
 *     struct answer *a = answer_read(classified.mime.root, classified.cut, hostname);
 *     if (!a) return 451;
 *     answer_judge(a, ledger, tenant, recipient, now, &verdict);     // for each recipient
 *     answer_free(a);
 */
#ifndef BACKSTOP_RELAY_ANSWERS_H
#define BACKSTOP_RELAY_ANSWERS_H

#include "bounce/classify.h"
#include "bounce/judge.h"
#include "mail/address.h"
#include "mail/envelope.h"
#include "mail/mime.h"
#include "store/ledger.h"

/* Is a message an answer that a program made, and what says so? X(name).
 *
 *   none      it is not: a person's mail, a list's, a feedback report (from <> see answers_complains())
 *   marked    by what people do not write: the null return path, or mailer-daemon's; Auto-Submitted: auto-replied (RFC 3834 5);
 *             postmaster's multipart/report. Whatever the classifier says: no unproven answer leaves for its mistake
 *   classed   it is classified as a delivery report, automatic reply or challenge, with confidence
 *   likely    it is classified so with less confidence, or with it but also with the marks of a person (the signals
 *             person.forwards and person.answers-autoreply; header.mail-program, unless a field or form that only
 *             programs write is there: a disposition notification, X-Autoreply, Auto-Submitted; answer.set-up). It is an answer only if it is joined
 *             with what it answers: a person's mail that quotes a bounce is not held. With less confidence and such
 *             marks it is none
 */
#define ANSWER_GROUND_TABLE(X) X(none) X(marked) X(classed) X(likely)
enum answer_ground {
#define X(name) ANSWER_##name,
	ANSWER_GROUND_TABLE(X)
#undef X
};
#define ANSWER_SURE                                                                                                    \
	0.71 /* a sum of 2.2: probability from which a class is believed of somebody who has a return path */
const char *answer_ground_text(enum answer_ground g);
/* header: of the message, whole. */
enum answer_ground answers_ground(const struct address *sender, struct slice header, const struct classification *c);

#define COMPLAINED_TO 10 /* recipients of a feedback report */
/* Is it a feedback report (RFC 5965) that answers nobody, be it from <> as RFC 6591 has it? That goes to whom a domain or provider has
 * named for it. One that goes to the author of what it complains of is an answer to him. root: of what was read of the message. */
bool answers_complains(const struct classification *c, const struct mime_part *root, const struct envelope *e);

/* For who has no class: is it marked? */
bool answers_is_marked(const struct address *sender, struct slice header);

struct answer;
/* root: the message, which must outlive the answer; NULL: it could not be read. cut: there is more of it than was read. hostname:
 * ours, in Received fields. secrets: the relay's own, for stamps (relay/stamping.h). Both must outlive the answer. NULL: no memory. */
struct answer *answer_read(const struct mime_part *root, bool cut, const char *hostname, struct srs_secrets secrets);
void answer_free(struct answer *a); /* NULL is fine */

struct answer_verdict {
	struct judgement judgement;
	struct slice evidence; /* what the witnesses said, in words; lives as long as the answer */
	uint64_t about;        /* the passage that it is about; 0: none is known, or none decided */
	bool stamped;          /* the ledger has lost it, but its stamp says that it was from this addressee */
	bool joined;           /* by an id of that message: nothing that the ledger learns later decides better */
};
void answer_judge(struct answer *a, struct db *ledger, uint32_t tenant, struct slice recipient, int64_t now,
                  struct answer_verdict *out);

#endif
