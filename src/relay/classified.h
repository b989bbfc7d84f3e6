/* SPDX-License-Identifier: Apache-2.0 */
/*
 * classified - a transaction's message, read once and classified
 *
 * The first CLASSIFIED_LOOKED octets become a MIME tree, and the tree a class by the rules of the moment. Who needs
 * either gets both: the judge of answers, the explainer. Never fails: what cannot be read, for want of memory or rules, has no
 * tree (mime.root NULL) or no class (known false), and counts as other, probability 0.
 *
 * Lives with its transaction: what it says points into the message, its own arena and the rules it holds. Worker loop, in a fiber;
 * the first call may wait until the rules are loaded, so that classified_read() must not be called under fiber_forbid_wait().
 *
 *     struct classified c;
 *     classified_read(&c, worker, &transaction->body, transaction->envelope.return_path);
 *     if (c.class.class == CLASS_NDR) ...
 *     classified_free(&c);
 */
#ifndef BACKSTOP_RELAY_CLASSIFIED_H
#define BACKSTOP_RELAY_CLASSIFIED_H

#include "base/blob.h"
#include "bounce/classify.h"
#include "relay/worker.h"

#define CLASSIFIED_LOOKED (256 * 1024) /* octets of the message that are read */

struct classified {
	struct arena arena;
	struct bundle *rules; /* a reference: names of signals are in it; NULL: none could be loaded */
	struct mime mime;     /* root NULL: no memory, or the message cannot be read */
	bool cut;             /* more of the message was not looked at */
	bool known;           /* it was classified */
	struct classification class;
};

void classified_read(struct classified *c, struct worker *w, const struct blob *message, struct slice return_path);
void classified_free(struct classified *c); /* twice is fine */
#define CLASSIFIED_SIGNALS 400
/* "type.report part.delivery-status ...": the signals that fired, as many as there is room for. */
const char *classified_signals(const struct classified *c, char out[CLASSIFIED_SIGNALS]);

#endif
