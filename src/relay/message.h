/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message - an accepted message on its way through the relay's threads
 *
 * Made by the session that received it, stored by the writer, delivered by the delivery loop. It owns an arena with its
 * record and holds its body while that is in memory (small) so that the first attempt need not read the disk. It is owned by one thread at a
 * time and handed over by loop_post(); counted only so that several deliveries of one message may read it.
 */
#ifndef BACKSTOP_RELAY_MESSAGE_H
#define BACKSTOP_RELAY_MESSAGE_H

#include "base/arena.h"
#include "base/blob.h"
#include "base/fiber.h"
#include "store/spool.h"

struct message {
	unsigned magic;
	int references;
	struct arena arena;
	struct spool_message record; /* slices in arena */
	struct blob
		body; /* whole message with our Received field; empty (size 0) when it must be loaded from the spool */
	bool body_loaded;
	struct post post; /* for handing over between loops */
	void *link;       /* whoever owns it may queue it */
};

struct message *
message_new(void); /* NULL: no memory. arena limit 1 MiB + 1 KiB per recipient is set by the caller's needs */
struct message *message_ref(struct message *);
void message_unref(struct message *); /* NULL is fine */

#endif
