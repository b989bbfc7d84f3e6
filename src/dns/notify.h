/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notify - tells secondaries that the zone has changed (NOTIFY, RFC 1996)
 *
 * A thread of its own waits for commits of whatever process (db_wait_change()). When the serial has changed it lets `delay` pass, in
 * which more changes may come, then sends every secondary one message by UDP with the SOA, signed where a key is given, and again
 * after 1, 2, 4, ... up to 60 seconds until it is acknowledged: NOTIFY_TRIES times in all, then it is given up until the next
 * change. A newer serial takes the place of one that is still under way. At its start it tells of the present serial.
 *
 * An answer counts when address, id, question and, with a key, signature are right; one with an rcode ends the attempts too, since the
 * secondary has heard us, and is logged. Sockets are not connected; they are bound to the first address of their family that the service answers at, so that a
 * secondary sees NOTIFY come from the address that it asks for transfers.
 *
 *     struct notifier *n = notify_start(&setup);    // copies what it needs; the db is the caller's
 *     notify_stop(n);                                 // joins the thread: up to half a second, fiber_offload() it
 */
#ifndef BACKSTOP_DNS_NOTIFY_H
#define BACKSTOP_DNS_NOTIFY_H

#include "base/config.h"
#include "dns/tsig.h"
#include "dns/zone.h"
#include "store/db.h"

#define NOTIFY_TRIES 8

struct notify_setup {
	struct db *state;
	struct config *config; /* a reference is taken */
	const struct list_zone *zone;
	const struct endpoint *listen; /* where the service answers */
	size_t listen_count;
};

struct notifier;
/* ERR_OK with *out NULL: nobody is to be told. ERR_NO_MEMORY, ERR_NO_FILES, ERR_INVALID (a source address that is not this host's). */
enum error notify_start(const struct notify_setup *setup, struct notifier **out);
void notify_stop(struct notifier *n); /* NULL is fine */

#endif
