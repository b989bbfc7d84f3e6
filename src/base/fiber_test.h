/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fiber_test - the frame of the tests of fibers: a loop, a scope of the test's own, and what the fibers saw
 */
#ifndef BACKSTOP_BASE_FIBER_TEST_H
#define BACKSTOP_BASE_FIBER_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/fiber.h"

#define SOON  clock_deadline(5)
#define LATER clock_deadline(5000)

struct trial {
	struct loop *loop;
	void (*body)(struct trial *);
	struct scope scope;
	struct event event;
	struct waitlist list;
	struct watch *watch;
	int fd[2];
	enum error result[8];
	int count;
	uintptr_t deep;
	struct fiber *fiber;
	char trace[64];
};

static inline void note(struct trial *t, char c)
{
	size_t n = strlen(t->trace);
	assert_true(n + 1 < sizeof t->trace);
	t->trace[n] = c;
}

static inline void trial_main(void *arg)
{
	struct trial *t = arg;
	scope_init(&t->scope);
	t->body(t);
	loop_stop(t->loop);
}

/* Runs body as a fiber until it returns. */
static inline void run(struct trial *t, void (*body)(struct trial *))
{
	memset(t, 0, sizeof *t);
	t->body = body;
	t->fd[0] = t->fd[1] = -1;
	t->loop = loop_new();
	assert_non_null(t->loop);
	assert_int_equal(scope_spawn(loop_scope(t->loop), "trial", trial_main, t), ERR_OK);
	assert_null(loop_current());
	loop_run(t->loop);
	assert_null(loop_current());
	assert_int_equal(loop_fibers(t->loop), 0);
	loop_free(t->loop);
	for (int i = 0; i < 2; i++)
		if (t->fd[i] >= 0) close(t->fd[i]);
}

static inline void spawn(struct trial *t, void (*fn)(void *))
{
	assert_int_equal(scope_spawn(&t->scope, "child", fn, t), ERR_OK);
}

static inline void pair(struct trial *t)
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, t->fd), 0);
}

#endif
