/* SPDX-License-Identifier: Apache-2.0 */
/*
 * digest - tells a tenant of the mail that is held for it: when, and the text
 *
 * A message on hold is told of once, at latest digest-interval after it was held; so two digests to a tenant are at least that
 * far apart, and there is none when nothing new is held. digester.c sends them. No state, no clock: pass the time.
 */
#ifndef BACKSTOP_RELAY_DIGEST_H
#define BACKSTOP_RELAY_DIGEST_H

#include "base/arena.h"
#include "store/spool.h"

#define DIGEST_MESSAGES_MOST 50 /* that are described, in four lines each; the others are counted */

struct digest {
	struct slice hostname, tenant, to; /* to: the address */
	struct slice message_id;           /* without angle brackets */
	int64_t now;
	const struct spool_message *const *messages; /* that are new, in the order in which they were held */
	size_t count;
	size_t told_before; /* others that are held for it */
};

/* Of the messages held for a tenant, in the order in which they were held: the first to be told of now, or count when no digest is
 * due. last: Unix time of the last digest, 0: none yet. What is held in this second waits, it may not be all yet. Seconds. */
size_t digest_due(const struct spool_message *const *held, size_t count, int64_t last, int64_t interval, int64_t now);
/* The end (exclusive) of those that a digest made now tells of. */
size_t digest_reach(const struct spool_message *const *held, size_t count, int64_t now);
/* The whole message, CR LF line ends, 7 bit. False: no memory (about 128 KiB are needed). */
bool digest_write(struct arena *a, const struct digest *d, struct slice *out);

#endif
