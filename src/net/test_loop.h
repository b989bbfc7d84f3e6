/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_loop - what the tests of this folder share: a test body that runs as a fiber, checks, connected sockets
 *
 * cmocka leaves a failed assertion by longjmp, which must not happen on a fiber's stack: CHECK only counts, and
 * run_in_fiber() asserts at its end that nothing was counted.
 */
#ifndef BACKSTOP_NET_TEST_LOOP_H
#define BACKSTOP_NET_TEST_LOOP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/fiber.h"
#include "net/listener.h"
#include "net/stream.h"

static int test_failures;

#define CHECK(condition)                                                                                               \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                        \
			test_failures++;                                                                               \
		}                                                                                                      \
	} while (0)

#define CHECK_ERROR(expression, expected)                                                                              \
	do {                                                                                                           \
		enum error got_error_ = (expression);                                                                  \
		if (got_error_ != (expected)) {                                                                        \
			fprintf(stderr, "%s:%d: %s is %s, not %s\n", __FILE__, __LINE__, #expression,                  \
			        error_name(got_error_), error_name(expected));                                         \
			test_failures++;                                                                               \
		}                                                                                                      \
	} while (0)

struct test_body {
	void (*fn)(void *);
	void *arg;
	struct loop *loop;
};

static void test_body_fiber(void *arg)
{
	struct test_body *b = arg;
	b->fn(b->arg);
	loop_stop(b->loop);
}

static inline void run_in_fiber(void (*fn)(void *), void *arg)
{
	struct test_body b = {fn, arg, loop_new()};
	assert_non_null(b.loop);
	test_failures = 0;
	assert_int_equal(scope_spawn(loop_scope(b.loop), "test", test_body_fiber, &b), ERR_OK);
	loop_run(b.loop);
	loop_free(b.loop);
	assert_int_equal(test_failures, 0);
}

/* A listening socket on a free port of 127.0.0.1; at gets its address. */
static inline int test_listen(struct endpoint *at)
{
	int fd = -1;
	struct sockaddr_storage sa;
	socklen_t n = sizeof sa;
	struct endpoint any = {.ip = {.family = AF_INET, .octets = {127, 0, 0, 1}}};
	if (listener_bind(&any, &fd) || getsockname(fd, (struct sockaddr *)&sa, &n) < 0) return -1;
	endpoint_from_sockaddr((struct sockaddr *)&sa, at);
	return fd;
}

/* Two ends of a TCP connection over loopback: a stream and a blocking socket. */
static inline struct stream *test_pair(int *other)
{
	struct endpoint at;
	struct stream *s = NULL;
	int listening = test_listen(&at);
	*other = -1;
	CHECK_ERROR(stream_connect(&at, NULL, clock_deadline(2000), &s), ERR_OK);
	*other = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
	CHECK(*other >= 0);
	close(listening);
	return s;
}

static inline bool test_send(int fd, struct slice text)
{
	return send(fd, text.p, text.n, MSG_NOSIGNAL) == (ssize_t)text.n;
}

#endif
