/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_internal - what client.c (transactions) and client_open.c (connecting) share; nobody else includes it
 */
#ifndef BACKSTOP_SMTP_CLIENT_INTERNAL_H
#define BACKSTOP_SMTP_CLIENT_INTERNAL_H

#include "base/clock.h"
#include "smtp/client.h"
#include "smtp/data.h"

#define CLIENT_MAGIC 0xc11e47a1u
/* Room for the replies of a handshake or of QUIT: REPLY_MAX_LINES lines of REPLY_MAX_LINE octets, and what growing wastes. */
#define CLIENT_SCRATCH (1024 * 1024)
/* How long to look for an answer of a server that closed while we were sending, and for the 221. */
#define CLIENT_LAST_WORDS_MS 2000

struct client {
	unsigned magic;
	struct stream *stream;
	struct client_timeouts timeouts;
	struct client_extensions extensions;
	const char *stage;
	struct arena *arena; /* the transaction's: replies */
	uint32_t transactions;
	uint32_t accepted; /* recipients of this transaction */
	bool lost;         /* an error or a 421: nothing more may be asked */
	bool open;         /* MAIL was sent and the transaction is not over */
	bool in_data;      /* after 354, before the final answer */
	bool want_prdr, prdr;
	struct data_encoder encoder;
	struct reply early; /* answered while we were sending and then closed; code 0: none */
};

/* The earlier of the caller's deadline and ms from now. */
static inline int64_t client_sooner(int64_t deadline, int64_t ms)
{
	int64_t own = clock_deadline(ms);
	return own < deadline ? own : deadline;
}

/* After an error the connection is lost; passes e on. */
static inline enum error client_lose(struct client *c, enum error e)
{
	if (e) c->lost = true;
	return e;
}

/* Reads one reply of any code from 200 to 599; a 421 makes the connection unusable. */
enum error client_read_reply(struct client *c, struct arena *a, int64_t deadline, struct reply *out);

#endif
