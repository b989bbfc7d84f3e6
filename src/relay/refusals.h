/* SPDX-License-Identifier: Apache-2.0 */
/*
 * refusals - recipients that their own server refused after we had said yes to RCPT
 *
 * A tenant with a complete list may have its server asked at the end of data only (ask = data). When the server then refuses one recipient of
 * several for good, SMTP has no way to say so for that one; the client is told 451 for the whole message and comes
 * again, and this memory refuses the one recipient at RCPT while the others get their mail. Kept for REFUSALS_KEEP_MS,
 * at most REFUSALS_MOST. Any thread.
 */
#ifndef BACKSTOP_RELAY_REFUSALS_H
#define BACKSTOP_RELAY_REFUSALS_H

#include "base/slice.h"
#include "smtp/reply.h"

#define REFUSALS_KEEP_MS (4 * 3600 * 1000)
#define REFUSALS_MOST    4096 /* the oldest of a hash slot gives way */

void refusals_remember(uint32_t tenant, struct slice address, const struct reply *reply, int64_t now);
/* True: *out is the remembered reply, its text copied into the arena. */
bool refusals_find(uint32_t tenant, struct slice address, int64_t now, struct arena *a, struct reply *out);

#endif
