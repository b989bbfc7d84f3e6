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
 * A transaction: client_envelope (everything known beforehand, as few round trips as the server allows), or client_mail and
 * client_rcpt one at a time and client_data; then client_send and client_end_data. All replies live in the arena given to
 * client_envelope() or client_mail(). Before the next transaction client_reset() is called when the last one was not
 * finished with client_end_data(); it costs nothing when there is nothing to reset.
 *
 * A 421 at any stage is a reply like others, but the connection counts as unusable from then on. A reply that makes no
 * sense at its place (2xx to DATA, 3xx to RCPT, not a reply at all, endless lines) is ERR_PROTOCOL.
 *
 *     enum error e = client_open(&to, &options, a, deadline, &c, &failure);
 *     if (!e) e = client_envelope(c, a, &envelope, true, deadline, &mail, rcpts, &data);
 *     if (!e && data.code == 354) e = client_send(c, head, &body, 0, deadline);
 *     if (!e && data.code == 354) e = client_end_data(c, deadline, &answer, NULL, 0);
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
	uint64_t max_size;           /* 0: no limit told */
	uint32_t mail_max, rcpt_max; /* RFC 9422; 0: not told */
};

enum client_tls { CLIENT_TLS_NEVER, CLIENT_TLS_OPPORTUNISTIC, CLIENT_TLS_REQUIRED };

struct client_timeouts { /* milliseconds */
	int64_t connect, greeting, command, data_start, data_block, data_end;
};
extern const struct client_timeouts client_timeouts_rfc5321;

struct client_options {
	const char *helo_name;
	const struct ip *source; /* NULL: the system chooses */
	enum client_tls tls;
	struct tls_context *tls_context;
	const char *server_name;                /* for SNI; may be NULL */
	const struct client_timeouts *timeouts; /* NULL: RFC 5321's */
};

/* Connects and greets. On ERR_OK *out is ready for transactions and *greeting_reply is positive. ERR_PROTOCOL with a
 * non-positive *failure reply: the server refused at greeting, EHLO or STARTTLS (code in it; 0 when it answered with
 * something that is not a reply). ERR_TLS: the handshake failed, or TLS is required and not offered; an opportunistic
 * caller tries again with CLIENT_TLS_NEVER. Other errors: connecting. The failure's text is in a and says where it
 * happened ("connect: connection refused"). A server that refuses STARTTLS (RFC 3207 4) is used without TLS when it is
 * opportunistic. */
enum error client_open(const struct endpoint *to, const struct client_options *options, struct arena *a,
                       int64_t deadline, struct client **out, struct reply *failure);
const struct client_extensions *client_extensions(const struct client *);
struct stream *client_stream(struct client *);
const char *
client_stage(const struct client *); /* where an error happened: "connect", "greeting", "MAIL", "end of data" */
uint32_t client_transactions(const struct client *); /* MAIL commands sent on this connection */
bool client_usable(struct client *);                 /* still connected and idle: may be reused; does not wait */

/* PRDR (draft-hall-prdr) from the next MAIL on, where the server offers it: wanted by a caller that can tell each recipient's
 * answer on. client_prdr(): the transaction under way was begun with it. */
void client_set_prdr(struct client *, bool wanted);
bool client_prdr(const struct client *);

/* Begin a transaction. Replies are allocated from a until client_end_data or client_reset. Uses of envelope: return path,
 * size, body, smtputf8, ret, envid (those the server offers): whether a server without 8BITMIME or SMTPUTF8 may have the
 * message is the caller's to judge beforehand. An address with control characters gives ERR_INVALID and sends nothing. */
enum error client_mail(struct client *, struct arena *a, const struct envelope *e, int64_t deadline, struct reply *out);
/* One recipient, waited for. */
enum error client_rcpt(struct client *, const struct envelope_recipient *r, int64_t deadline, struct reply *out);
/* MAIL, all recipients and, when want_data, DATA in as few round trips as the server allows. replies[i] for recipients;
 * mail_reply; data_reply (code 0 if nobody was accepted: when DATA was sent already, it is ended without content). Replies
 * that did not come because a 421 ended the session are copies of it; those of commands not sent have code 0. */
enum error client_envelope(struct client *, struct arena *a, const struct envelope *e, bool want_data, int64_t deadline,
                           struct reply *mail_reply, struct reply *rcpt_replies, struct reply *data_reply);
enum error client_data(struct client *, int64_t deadline, struct reply *out); /* 354 expected */

/* The message: head (may be empty; e.g. our Received field, with CR LF) then the blob from `offset`, dot-stuffed, then the
 * final dot. Bounded memory: a buffer is borrowed for the call. When the server closes in the middle but had answered, the
 * answer is kept: client_send returns ERR_OK and client_end_data gives it. */
enum error client_send(struct client *, struct slice head, const struct blob *body, uint64_t offset, int64_t deadline);
enum error client_send_slice(struct client *, struct slice head, struct slice body, int64_t deadline);
/* The final dot and the answer. In a transaction with PRDR, prdr_replies[i] is the answer for the i-th accepted recipient (all the
 * same as *out when the server gave only one). An error here means that the message may or may not have been taken. */
enum error client_end_data(struct client *, int64_t deadline, struct reply *out, struct reply *prdr_replies,
                           size_t prdr_count);
enum error client_reset(struct client *, int64_t deadline); /* RSET */
void client_close(struct client *); /* QUIT, waits at most 2 s for 221 in the calling fiber, frees */
void client_free(struct client *);  /* drops the connection; NULL is fine */

#endif
