/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key_holder - the newest keyring, for the fibers of one loop
 *
 * Keys change while everything runs, and count at once: who asks gets those that are stored now. Private keys are slow to
 * read, so that is done beside the loop; fibers that ask meanwhile wait for it, others go on. When the keys cannot be read those
 * that were known stay in use, and the log says why.
 */
#ifndef BACKSTOP_RELAY_KEY_HOLDER_H
#define BACKSTOP_RELAY_KEY_HOLDER_H

#include "base/fiber.h"
#include "relay/keyring.h"

struct key_holder {
	struct db *state;
	struct keyring *ring; /* NULL: none could be read yet */
	bool loading;
	struct waitlist waiting;
};

/* Reads the keys now; before the loop runs. */
void key_holder_init(struct key_holder *h, struct db *state);
void key_holder_free(struct key_holder *h); /* no fiber may be asking */
/* In a fiber of the loop; may wait. Good until the next wait: keyring_ref() keeps it. NULL: a ring without keys. */
struct keyring *key_holder_newest(struct key_holder *h);

#endif
