/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cutthrough - the downstream's answer is ours
 *
 * A leg is the transaction that runs at one tenant's server while the client's runs here. It is opened at the first RCPT (or at the end
 * of data for a tenant that wants that), each recipient is asked there and its answer passed on, and the message is handed
 * over before we answer. If the connection is lost between commands it is opened anew and the commands are repeated once: the
 * client notices nothing. Once the message's last line has been sent, a lost connection means 451: the client tries again, and only
 * the downstream knows whether it has the message.
 *
 * A leg lives in the arena of the client's transaction. Worker loop, the session's fiber.
 */
#ifndef BACKSTOP_RELAY_CUTTHROUGH_H
#define BACKSTOP_RELAY_CUTTHROUGH_H

#include "relay/downstream.h"

struct leg {
	struct leg *next;
	const struct tenant *tenant;
	struct downstreams *pool;
	const struct setup *setup;
	struct arena *arena;
	bool prdr; /* the client asked for an answer for each recipient */
	struct downstream_connection connection;
	bool open;                /* MAIL was accepted on the connection and its recipients are those of envelope */
	struct envelope envelope; /* recipients accepted so far */
	size_t *positions;        /* of each recipient among the client's recipients */
	size_t room;
	bool all_known;   /* every recipient is good: in its list, or accepted by the server */
	char server[300]; /* who answered last, for the log */
	struct slice why; /* what happened to the connection, for the log */
};

struct leg *leg_new(struct arena *a, struct downstreams *pool, const struct setup *setup, const struct tenant *t,
                    const struct envelope *e, bool prdr); /* NULL: no memory */
/* Asks for one recipient; *out is the answer to give to the client (code 0: the ordinary 250). When it is positive, the recipient
 * was added with its position. */
void leg_rcpt(struct leg *l, const struct envelope_recipient *r, size_t position, struct reply *out);
/* Adds a recipient without asking: it will be asked at the end of data. False: no memory. */
bool leg_add(struct leg *l, const struct envelope_recipient *r, size_t position);
/* The server knows NOTIFY, so that what it is told of it matters: as far as it was talked to. */
bool leg_speaks_dsn(const struct leg *l);
/* Drops a recipient (it has its copy already); the transaction is begun anew without it. */
void leg_drop(struct leg *l, size_t index);
/* Hands the message over: head, then the body from an offset (what head stands for is left out). replies (recipient_count of them, in the leg's order) get each
 * recipient's answer: all the same unless the leg was made for PRDR and the downstream speaks it. *refused is the recipient that the server
 * refused only now (ask = data), or recipient_count. Returns false when no answer was had: *out then says 451. */
bool leg_message(struct leg *l, struct slice head, const struct blob *body, uint64_t offset, struct reply *out,
                 struct reply *replies, size_t *refused);
/* Ends what is open and returns the connection. Any number of times. */
void leg_close(struct leg *l);

#endif
