/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_internal - what stream.c, stream_buffer.c, stream_tls.c and tls.c share; nobody else includes it
 *
 * An attempt is one system call (or one step of OpenSSL) that did not wait. Either n bytes were moved (n > 0), or wait
 * says for what to wait before trying again (WATCH_READ, WATCH_WRITE), or error is set.
 *
 * An idle plain connection costs this struct and its watch: both buffers are borrowed.
 */
#ifndef BACKSTOP_NET_STREAM_INTERNAL_H
#define BACKSTOP_NET_STREAM_INTERNAL_H

#include <openssl/ssl.h>

#include "net/stream.h"

#define STREAM_MAGIC 0x5374726dU

struct stream {
	uint32_t magic;
	int fd;
	struct watch *watch;
	char *in, *out; /* borrowed buffers, NULL when nothing is in them */
	uint32_t in_start, in_end;
	uint32_t out_start, out_end;
	SSL *ssl; /* NULL while plain */
	struct tls_context *tls_context;
	const char *tls_reason; /* static text of OpenSSL */
	struct endpoint peer, local;
	enum error write_error; /* sticky */
	enum error tls_error;   /* sticky in both directions: the TLS session cannot go on */
	int io_errno;           /* of the last BIO call; 0: none */
	unsigned streak;        /* attempts since this fiber last waited */
	bool drained;           /* the last read, not by TLS, took all that there was */
	bool io_end;            /* the BIO has read the end of the connection */
	bool tls_established;
};

struct attempt {
	size_t n;
	int wait;
	enum error error;
};

/* Buffers of STREAM_BUFFER bytes from a free list of the thread; NULL without memory. */
char *stream_buffer_borrow(void);
void stream_buffer_return(char *buffer); /* NULL is fine */

struct attempt stream_tls_try_read(struct stream *, char *buffer, size_t n);
struct attempt stream_tls_try_write(struct stream *, const char *data, size_t n);
bool stream_tls_idle_dead(struct stream *);
void stream_tls_end(struct stream *);

/* Waits for what an attempt asked for. */
enum error stream_wait(struct stream *, int events, int64_t deadline);

SSL_CTX *tls_context_ssl(const struct tls_context *);

#endif
