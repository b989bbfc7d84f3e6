/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream - a TCP or TLS connection read and written by one fiber
 *
 * Input: stream_fill() gets more bytes, stream_buffered() shows those not yet consumed, stream_consume() drops them.
 * The input buffer (STREAM_BUFFER bytes) is borrowed from the loop only while it holds something, so an idle
 * connection has none. Output: stream_write() collects, stream_flush() sends; a write that finds STREAM_BUFFER bytes
 * waiting flushes by itself. When output was flushed completely its buffer goes back as well.
 *
 * A slice from stream_buffered() is good until the next fill, consume, discard or free: what is consumed may be
 * overwritten at once (AddressSanitizer is told).
 *
 * Errors (ERR_TIMEOUT, ERR_CANCELLED, ERR_CLOSED, ERR_RESET, ERR_TLS, ...) of writes are sticky. ERR_CLOSED from fill
 * is the peer's orderly end (over TLS with or without close_notify: SMTP knows by itself where a message ends). When
 * pending output cannot be sent because a plain peer has gone, fill still returns what it said before. Loop thread
 * only, one fiber at a time. A peer that always has or takes more does not starve other fibers: every few attempts the
 * fiber yields.
 *
 *     while (!find_line(stream_buffered(s)))
 *         if ((e = stream_fill(s, deadline))) return e;
 */
#ifndef BACKSTOP_NET_STREAM_H
#define BACKSTOP_NET_STREAM_H

#include "base/endpoint.h"
#include "base/fiber.h"
#include "base/slice.h"
#include "net/tls.h"

#define STREAM_BUFFER (16 * 1024)

struct stream;

/* Takes over fd (closes it on failure too), non-blocking from now on. listener_bind() has set TCP_NODELAY. */
enum error stream_accept(int fd, struct stream **out);
/* source may be NULL; the system chooses its port. ERR_REFUSED, ERR_UNREACHABLE, ERR_TIMEOUT, ERR_NO_FILES, ...;
 * ERR_INVALID: source is not an address of this host, or of the other family. */
enum error stream_connect(const struct endpoint *to, const struct ip *source, int64_t deadline, struct stream **out);
/* Closes without flushing; sends close_notify if TLS and possible at once; NULL is fine. */
void stream_free(struct stream *);

struct slice stream_buffered(const struct stream *);
void stream_consume(struct stream *, size_t n);
/* Waits until at least one more byte is buffered. ERR_LIMIT when the buffer is full (STREAM_BUFFER unconsumed bytes).
 * Flushes pending output first. */
enum error stream_fill(struct stream *, int64_t deadline);
void stream_discard_input(struct stream *); /* forgets buffered bytes: after STARTTLS, before the handshake */

enum error stream_write(struct stream *, struct slice data, int64_t deadline);
enum error stream_printf(struct stream *, int64_t deadline, const char *format, ...)
	__attribute__((format(printf, 3, 4))); /* at most 8 KiB of text */
enum error stream_flush(struct stream *, int64_t deadline);
bool stream_output_pending(const struct stream *);
/* True when the peer has closed, reset, or (nothing being expected) sent something: an idle connection that must not be
 * reused. Does not wait. */
bool stream_idle_dead(struct stream *);

/* Both flush pending output and discard nothing; the caller has checked that no plaintext is buffered (else
 * ERR_PROTOCOL). After a failed handshake the stream refuses every read and write. server_name may be NULL; an address
 * is not sent. */
enum error stream_tls_server(struct stream *, struct tls_context *, int64_t deadline);
enum error stream_tls_client(struct stream *, struct tls_context *, const char *server_name, int64_t deadline);
bool stream_is_tls(const struct stream *);
const char *stream_tls_version(const struct stream *); /* "TLSv1.3", NULL when plain */
const char *stream_tls_cipher(const struct stream *);
/* After ERR_TLS: what OpenSSL says, static text for the log; may be NULL. */
const char *stream_tls_reason(const struct stream *);
/* SHA-256 of the peer's certificate in lower-case hex (64 characters + NUL); false when it showed none. */
bool stream_peer_fingerprint(const struct stream *, char out[65]);

const struct endpoint *stream_peer(const struct stream *);
const struct endpoint *stream_local(const struct stream *);
void stream_set_peer(struct stream *, const struct endpoint *peer, const struct endpoint *local); /* PROXY protocol */

#endif
