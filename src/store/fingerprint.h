/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fingerprint - so that a 250 lost on the way to the client does not become a second copy
 *
 * When a downstream has taken a message, the fingerprint of (return path, recipient, Message-ID, body hash) is written with state
 * DELIVERED *before* the client is told 250, and removed once the client has shown that it got that 250 (it sent another
 * command). A client that comes again with the same message while the fingerprint is still there gets 250 and no second copy
 * is made. Rows expire after FINGERPRINT_LIFETIME. Lives in the ledger environment: survives kill -9 of the process.
 */
#ifndef BACKSTOP_STORE_FINGERPRINT_H
#define BACKSTOP_STORE_FINGERPRINT_H

#include "store/db.h"

#define FINGERPRINT_SIZE     16
#define FINGERPRINT_LIFETIME (5 * 86400) /* seconds: as long as senders try */

struct fingerprint {
	uint8_t octets[FINGERPRINT_SIZE];
};
enum fingerprint_state { FINGERPRINT_NONE, FINGERPRINT_DELIVERED };

/* Truncated keyed-less hash of the parts with their lengths; body_hash is any digest of the body. */
void fingerprint_make(struct slice return_path, struct slice recipient, struct slice message_id, struct slice body_hash,
                      struct fingerprint *out);
/* State and, for DELIVERED, the time. Any thread. */
enum fingerprint_state fingerprint_get(struct db *ledger, const struct fingerprint *f, int64_t now, int64_t *when);
/* Writes the states of n fingerprints in one transaction (NONE removes). Blocks the thread for a few microseconds. */
enum error fingerprint_put(struct db *ledger, const struct fingerprint *f, size_t n, enum fingerprint_state state,
                           int64_t now);
enum error fingerprint_expire(struct db *ledger, int64_t now, size_t most, size_t *removed);

#endif
