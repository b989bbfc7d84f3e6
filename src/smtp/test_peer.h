/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_peer - an SMTP server that follows a script, for tests of what connects to one
 *
 * A script is a list of steps, each a string whose first character says what to do with the rest:
 *
 *     "S text"   send the text and CR LF            "R text"  send the text as it is
 *     "C text"   read a line; it must begin so      "="       the line read last must be exactly that
 *     "D"        read a message up to its dot; it is kept in peer.data
 *     "T"        TLS handshake as the server        "X"       close
 *     "P"        pause for 50 ms                    "A"       accept the next connection
 *     "I"        read and throw away what comes until the client closes
 *
 * The peer accepts one connection by itself at its start. It runs as a fiber of the test's loop; test_peer_done() waits
 * until the script is through, so that a client that did less than it should is noticed.
 */
#ifndef BACKSTOP_SMTP_TEST_PEER_H
#define BACKSTOP_SMTP_TEST_PEER_H

#include <stdlib.h>

#include "net/test_loop.h"
#include "smtp/data.h"

#define TEST_PEER_WAIT_MS 5000

struct test_peer {
	const char *const *script; /* NULL at its end */
	struct endpoint at;
	struct tls_context *tls;
	int fd;
	struct watch *watch;
	struct stream *stream;
	struct scope scope;
	char line[2048];
	char *data;
	size_t data_n;
	unsigned connections;
};

static inline bool test_peer_accept(struct test_peer *p)
{
	int fd;
	stream_free(p->stream);
	p->stream = NULL;
	while ((fd = accept4(p->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) < 0)
		if (watch_wait(p->watch, WATCH_READ, clock_deadline(TEST_PEER_WAIT_MS))) return false;
	p->connections++;
	return stream_accept(fd, &p->stream) == ERR_OK;
}

static inline bool test_peer_read_line(struct test_peer *p)
{
	for (;;) {
		struct slice in = stream_buffered(p->stream);
		size_t end = slice_find(in, '\n');
		if (end < in.n) {
			size_t n = end && in.p[end - 1] == '\r' ? end - 1 : end;
			if (n >= sizeof(p->line)) n = sizeof(p->line) - 1;
			memcpy(p->line, in.p, n);
			p->line[n] = '\0';
			stream_consume(p->stream, end + 1);
			return true;
		}
		p->line[0] = '\0';
		if (stream_fill(p->stream, clock_deadline(TEST_PEER_WAIT_MS))) return false;
	}
}

static inline bool test_peer_read_data(struct test_peer *p)
{
	struct data_decoder d;
	data_decoder_init(&d);
	p->data_n = 0;
	while (!d.done) {
		struct slice in = stream_buffered(p->stream);
		size_t n;
		if (!in.n) {
			if (stream_fill(p->stream, clock_deadline(TEST_PEER_WAIT_MS))) return false;
			continue;
		}
		p->data = realloc(p->data, p->data_n + in.n + 3);
		size_t used = data_decode(&d, in, p->data + p->data_n, &n);
		p->data_n += n;
		p->data[p->data_n] = '\0';
		stream_consume(p->stream, used);
	}
	return true;
}

static inline bool test_peer_send(struct test_peer *p, const char *text, const char *end)
{
	int64_t d = clock_deadline(TEST_PEER_WAIT_MS);
	return !stream_write(p->stream, slice_str(text), d) && !stream_write(p->stream, slice_str(end), d) &&
	       !stream_flush(p->stream, d);
}

static inline bool test_peer_step(struct test_peer *p, const char *step)
{
	const char *rest = step[0] && step[1] ? step + 2 : "";
	switch (step[0]) {
	case 'S': return test_peer_send(p, rest, "\r\n");
	case 'R': return test_peer_send(p, rest, "");
	case 'C': return test_peer_read_line(p) && !strncmp(p->line, rest, strlen(rest));
	case '=': return !strcmp(p->line, rest);
	case 'D': return test_peer_read_data(p);
	case 'T': return stream_tls_server(p->stream, p->tls, clock_deadline(TEST_PEER_WAIT_MS)) == ERR_OK;
	case 'P': return fiber_sleep(clock_deadline(50)) == ERR_OK;
	case 'A': return test_peer_accept(p);
	case 'I':
		while (!stream_fill(p->stream, clock_deadline(TEST_PEER_WAIT_MS)))
			stream_consume(p->stream, stream_buffered(p->stream).n);
		return true;
	default:
		stream_free(p->stream);
		p->stream = NULL;
		return true;
	}
}

static inline void test_peer_fiber(void *arg)
{
	struct test_peer *p = arg;
	bool ok = test_peer_accept(p);
	for (const char *const *step = p->script; ok && *step; step++) {
		ok = p->stream || **step == 'A' ? test_peer_step(p, *step) : false;
		if (!ok) fprintf(stderr, "script: not so: \"%s\"; the line was \"%s\"\n", *step, p->line);
	}
	if (!ok) test_failures++;
	stream_free(p->stream);
	p->stream = NULL;
}

/* In a fiber. at.ip may be set to listen elsewhere than on 127.0.0.1. */
static inline void test_peer_start(struct test_peer *p, const char *const *script)
{
	p->script = script;
	p->fd = test_listen(&p->at);
	p->watch = watch_open(p->fd);
	scope_init(&p->scope);
	CHECK_ERROR(scope_spawn(&p->scope, "peer", test_peer_fiber, p), ERR_OK);
}

static inline void test_peer_done(struct test_peer *p)
{
	CHECK_ERROR(scope_join(&p->scope, clock_deadline(TEST_PEER_WAIT_MS)), ERR_OK);
	watch_close(p->watch);
	close(p->fd);
	free(p->data);
	p->data = NULL;
}

#endif
