/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server - an SMTP server session (RFC 5321 and the extensions named below), without policy
 *
 * One fiber runs server_session() for one connection until it ends. The session knows the protocol: which command may come when,
 * parameters, limits of size and time, STARTTLS, AUTH, DATA and BDAT, PRDR. What is accepted is decided by a table of policy
 * functions; each may wait (the answer of a downstream server is one of them), and answers by filling a struct reply; leaving
 * its code 0 means "the ordinary positive answer".
 *
 * Session and transaction are separate objects: RSET, EHLO, the end of a message and the end of the session free the
 * transaction and call policy->end() first. Extensions: PIPELINING, SIZE, 8BITMIME, SMTPUTF8, ENHANCEDSTATUSCODES, DSN, CHUNKING,
 * LIMITS (RFC 9422), PRDR, STARTTLS, AUTH PLAIN LOGIN (over TLS only).
 *
 * The places where a session waits: reading a command or an AUTH line, reading message data, flushing replies, the TLS
 * handshake, and inside the policy functions. A command line must be complete within command_timeout from its first wait, so a
 * client that drips octets gains nothing.
 *
 *     struct server_settings settings = {.hostname = "mx.example.net", ...};
 *     server_session(stream, &settings, &policy, arg);      // closes and frees the stream
 */
#ifndef BACKSTOP_SMTP_SERVER_H
#define BACKSTOP_SMTP_SERVER_H

#include "base/arena.h"
#include "base/blob.h"
#include "mail/envelope.h"
#include "net/stream.h"
#include "smtp/command.h"
#include "smtp/data.h"
#include "smtp/reply.h"

#define SERVER_LINE_LIMIT      2048 /* octets of a command line with CR LF; RFC 5321 4.5.3.1.4 asks for 512 and extensions */
#define SERVER_AUTH_LINE_LIMIT 12288 /* RFC 4954 4 */

struct server_settings { /* must not change or go away while a session uses it */
	const char *hostname;
	struct tls_context *tls;   /* NULL: STARTTLS is not offered */
	bool auth;                 /* offer AUTH (once TLS is on) */
	const char *temporary_dir; /* for bodies beyond memory_body_limit */
	uint64_t message_size_limit, memory_body_limit;
	int64_t recipient_limit, session_message_limit, session_error_limit;
	int64_t command_timeout, data_timeout, data_time_limit, session_time_limit; /* milliseconds */
};

struct transaction {
	struct arena arena;
	struct envelope envelope;   /* recipients: those accepted so far */
	struct reply *rcpt_replies; /* with PRDR: what message() says per recipient; NULL otherwise */
	size_t recipient_room;
	bool prdr;
	struct blob body;          /* what the client sent, decoded, CR LF line ends */
	struct data_decoder facts; /* about the body */
	bool chunked;              /* came by BDAT */
	void *policy;              /* the policy's own */
};

struct session {
	unsigned magic;
	struct stream *stream;
	const struct server_settings *settings;
	const struct server_policy *policy_table;
	void *policy;               /* the policy's own */
	struct arena arena;         /* lives as long as the session */
	struct arena command_arena; /* emptied before each command */
	int state;                  /* STATE_ bit */
	struct slice helo;          /* as given; empty before */
	bool esmtp;                 /* EHLO, not HELO */
	struct slice user;          /* authenticated; empty: not */
	struct transaction *transaction;
	struct fiber *fiber;
	bool waiting_for_command; /* nothing would be lost if the session ended now */
	bool draining, closing;
	bool unacknowledged; /* our answer to a message may not have reached the client yet */
	bool chunks_failed;  /* a BDAT failed: 503 until RSET */
	int64_t ends;        /* session_time_limit */
	int64_t errors, messages;
};

struct server_policy {
	/* After MAIL was parsed; t->envelope has the return path and parameters. */
	void (*mail)(struct session *s, struct transaction *t, const struct command *c, struct reply *out);
	/* One recipient; accepted ones are added to t->envelope by the session afterwards. */
	void (*rcpt)(struct session *s, struct transaction *t, const struct command *c, struct reply *out);
	/* Before 354, or before the first chunk is taken; may be NULL. */
	void (*data)(struct session *s, struct transaction *t, struct reply *out);
	/* The message is complete in t->body and sound. With t->prdr, t->rcpt_replies has one reply for each
	 * recipient to fill in and *out is the final answer. */
	void (*message)(struct session *s, struct transaction *t, struct reply *out);
	/* The transaction goes away. Not to wait for long. */
	void (*end)(struct session *s, struct transaction *t);
	/* The client has sent something after it got our positive answer to message(); may be NULL. */
	void (*acknowledged)(struct session *s);
	/* May wait (password hashes are slow). */
	bool (*authenticate)(struct session *s, struct slice user, struct slice password);
	/* A refusal that the session itself decided, for logs and counters: stage is a verb's name; may be NULL. */
	void (*refused)(struct session *s, const char *stage, const struct reply *reply);
};

/* Runs the session in the calling fiber; the stream is closed and freed at its end. policy_arg becomes session->policy. */
void server_session(struct stream *stream, const struct server_settings *settings, const struct server_policy *policy,
                    void *policy_arg, void (*started)(struct session *, void *policy_arg));
/* Asks a session to end: at once with 421 when it waits for a command, otherwise before its next command. Same loop. */
void server_session_drain(struct session *s);
/* What to tell a client whose message could not be kept: no_space, no_memory or storage_failed. */
enum reason server_storage_reason(enum error e);
/* "SMTP", "ESMTP", "ESMTPS", "ESMTPA", "ESMTPSA", "UTF8SMTPS": RFC 3848, RFC 6531 */
const char *server_protocol(const struct session *s, const struct transaction *t);

#endif
