/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client - an SMTP client session (RFC 5321, and the extensions the server offers)
 *
 * One fiber drives one connection through: client_open (connect, greeting, EHLO or HELO, STARTTLS and EHLO again), any
 * number of transactions, client_close. It knows no policy: whom to send to, what an answer means for the queue, is the
 * caller's. Timeouts are those of RFC 5321 4.5.3.2, from struct client_timeouts, each also bounded by the caller's
 * deadline. Every call returns ERR_OK when the server answered, whatever it answered: the answer is in the reply. Any
 * other error means the connection is lost and only client_free() remains; `client_error_text` tells at which point.
 *
 * A transaction: client_mail and client_rcpt queue commands when PIPELINING is offered, and client_flush_replies reads
 * the answers; the _now forms send and wait. All replies live in the arena given to client_begin().
 */
#ifndef BACKSTOP_SMTP_CLIENT_H
#define BACKSTOP_SMTP_CLIENT_H

#include "base/arena.h"
#include "base/blob.h"
#include "mail/envelope.h"
#include "net/stream.h"
#include "smtp/reply.h"

struct client;

struct client_extensions {
	bool pipelining, eightbitmime, smtputf8, dsn, chunking, starttls, prdr, enhanced, size;
	uint64_t max_size;            /* 0: no limit told */
	uint32_t mail_max, rcpt_max;  /* RFC 9422; 0: not told */
};

enum client_tls { CLIENT_TLS_NEVER, CLIENT_TLS_OPPORTUNISTIC, CLIENT_TLS_REQUIRED };

struct client_timeouts { /* milliseconds */
	int64_t connect, greeting, command, data_start, data_block, data_end;
};
extern const struct client_timeouts client_timeouts_rfc5321;

struct client_options {
	const char *helo_name;
	const struct ip *source;       /* NULL: the system chooses */
	enum client_tls tls;
	struct tls_context *tls_context;
	const char *server_name;       /* for SNI; may be NULL */
	const struct client_timeouts *timeouts; /* NULL: RFC 5321's */
};

/* Connects and greets. On ERR_OK *out is ready for transactions and *greeting_reply is positive. ERR_PROTOCOL with a
 * non-positive *failure reply: the server refused at greeting, EHLO or STARTTLS (code in it). ERR_TLS: the handshake
 * failed; an opportunistic caller tries again with CLIENT_TLS_NEVER. Other errors: connecting. failure text is in a. */
enum error client_open(const struct endpoint *to, const struct client_options *options, struct arena *a,
                       int64_t deadline, struct client **out, struct reply *failure);
const struct client_extensions *client_extensions(const struct client *);
struct stream *client_stream(struct client *);
const char *client_stage(const struct client *); /* where an error happened: "connect", "greeting", "MAIL", "end of data" */
uint32_t client_transactions(const struct client *); /* MAIL commands sent on this connection */
bool client_usable(struct client *); /* still connected and idle: may be reused; does not wait */

/* Begin a transaction. Replies are allocated from a until client_end_data or client_reset. Uses of envelope: return path,
 * size, body, smtputf8, ret, envid (those the server offers). */
enum error client_mail(struct client *, struct arena *a, const struct envelope *e, int64_t deadline, struct reply *out);
/* One recipient, waited for. */
enum error client_rcpt(struct client *, const struct envelope_recipient *r, int64_t deadline, struct reply *out);
/* MAIL, all recipients and, when want_data, DATA in as few round trips as the server allows. replies[i] for recipients;
 * mail_reply; data_reply (code 0 if not sent because nobody was accepted). */
enum error client_envelope(struct client *, struct arena *a, const struct envelope *e, bool want_data, int64_t deadline,
                           struct reply *mail_reply, struct reply *rcpt_replies, struct reply *data_reply);
enum error client_data(struct client *, int64_t deadline, struct reply *out); /* 354 expected */

/* The message: head (may be empty; e.g. our Received field, with CR LF) then the blob from `offset`, dot-stuffed, then the
 * final dot. Then the final answer; with PRDR (prdr_replies not NULL) one per accepted recipient and the final one. */
enum error client_send(struct client *, struct slice head, const struct blob *body, uint64_t offset, int64_t deadline);
enum error client_send_slice(struct client *, struct slice head, struct slice body, int64_t deadline);
enum error client_end_data(struct client *, int64_t deadline, struct reply *out, struct reply *prdr_replies,
                           size_t prdr_count);
enum error client_reset(struct client *, int64_t deadline); /* RSET */
void client_close(struct client *);  /* QUIT, waits at most 2 s for 221 in the calling fiber, frees */
void client_free(struct client *);   /* drops the connection; NULL is fine */

#endif
