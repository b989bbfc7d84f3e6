/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fiber_test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>

/* ---- watches ----------------------------------------------------------------------------------------------------- */

static void read_all(void *arg)
{
	struct trial *t = arg;
	char buf[1000];
	struct watch *w = watch_open(t->fd[0]);
	assert_non_null(w);
	for (;;) {
		ssize_t n = read(t->fd[0], buf, sizeof buf);
		if (n > 0) t->count += (int)n;
		if (n == 0) break;
		if (n < 0) assert_int_equal(errno, EAGAIN);
		if (n < 0) assert_int_equal(watch_wait(w, WATCH_READ, LATER), ERR_OK);
	}
	watch_close(w);
}

static void write_much(void *arg)
{
	struct trial *t = arg;
	static const char buf[30000];
	struct watch *w = watch_open(t->fd[1]);
	size_t left = 3000000;
	while (left) {
		ssize_t n = write(t->fd[1], buf, left < sizeof buf ? left : sizeof buf);
		if (n > 0) left -= (size_t)n;
		if (n < 0) assert_int_equal(errno, EAGAIN);
		if (n < 0) assert_int_equal(watch_wait(w, WATCH_WRITE, LATER), ERR_OK);
	}
	watch_close(w);
	close(t->fd[1]); /* at once after watch_close */
	t->fd[1] = -1;
}

static void body_stream(struct trial *t)
{
	pair(t);
	spawn(t, read_all);
	spawn(t, write_much);
	assert_int_equal(scope_join(&t->scope, LATER), ERR_OK);
	assert_int_equal(t->count, 3000000);
}

static void watch_carries_a_stream(void **state)
{
	struct trial t;
	run(&t, body_stream);
}

/* Waiting without having read everything returns again: level-triggered. */
static void body_level(struct trial *t)
{
	char c;
	pair(t);
	t->watch = watch_open(t->fd[0]);
	assert_int_equal(watch_wait(t->watch, WATCH_READ, SOON), ERR_TIMEOUT);
	assert_int_equal(write(t->fd[1], "0123456789", 10), 10);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(watch_wait(t->watch, WATCH_READ, LATER), ERR_OK);
		if (i % 2) fiber_sleep(SOON); /* readiness that nobody waits for is unregistered, and must come back */
		assert_int_equal(watch_wait(t->watch, WATCH_READ | WATCH_WRITE, LATER), ERR_OK);
		assert_int_equal(read(t->fd[0], &c, 1), 1);
		assert_int_equal(c, '0' + i);
	}
	assert_int_equal(watch_wait(t->watch, WATCH_READ, SOON), ERR_TIMEOUT);
	assert_int_equal(watch_wait(t->watch, WATCH_WRITE, LATER), ERR_OK);
	close(t->fd[1]);
	t->fd[1] = -1;
	assert_int_equal(watch_wait(t->watch, WATCH_READ, LATER), ERR_OK);
	assert_int_equal(read(t->fd[0], &c, 1), 0);
	watch_close(t->watch);
}

static void watch_is_level_triggered_in_effect(void **state)
{
	struct trial t;
	run(&t, body_level);
}

static long cpu_ms(void)
{
	struct rusage r;
	getrusage(RUSAGE_SELF, &r);
	return (r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000 + (r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1000;
}

static void body_unwanted(struct trial *t)
{
	char c;
	pair(t);
	t->watch = watch_open(t->fd[0]);
	assert_int_equal(watch_wait(t->watch, WATCH_READ | WATCH_WRITE, LATER), ERR_OK);
	assert_int_equal(write(t->fd[1], "x", 1), 1);
	long before = cpu_ms();
	fiber_sleep(clock_deadline(300)); /* readable and writable, and nobody waits */
	assert_true(cpu_ms() - before < 150);
	assert_int_equal(watch_wait(t->watch, WATCH_READ, LATER), ERR_OK);
	assert_int_equal(read(t->fd[0], &c, 1), 1);
	watch_close(t->watch);
}

static void unwanted_readiness_does_not_spin(void **state)
{
	struct trial t;
	run(&t, body_unwanted);
}

static void wait_reader(void *arg)
{
	struct trial *t = arg;
	t->result[0] = watch_wait(t->watch, WATCH_READ, LATER);
}

static void wait_writer(void *arg)
{
	struct trial *t = arg;
	t->result[1] = watch_wait(t->watch, WATCH_WRITE, LATER);
}

static void fill_socket(int fd)
{
	static const char buf[4096];
	while (write(fd, buf, sizeof buf) > 0) {
	}
}

static void body_both_directions(struct trial *t)
{
	static char sink[65536];
	pair(t);
	fill_socket(t->fd[0]);
	t->watch = watch_open(t->fd[0]);
	t->result[0] = t->result[1] = ERR_SYSTEM;
	spawn(t, wait_reader);
	spawn(t, wait_writer);
	fiber_sleep(SOON);
	assert_int_equal(t->scope.alive, 2);
	while (read(t->fd[1], sink, sizeof sink) > 0) {
	}
	fiber_sleep(clock_deadline(20));
	assert_int_equal(t->result[1], ERR_OK);
	assert_int_equal(t->scope.alive, 1);
	assert_int_equal(write(t->fd[1], "x", 1), 1);
	assert_int_equal(scope_join(&t->scope, LATER), ERR_OK);
	assert_int_equal(t->result[0], ERR_OK);
	watch_close(t->watch);
}

static void one_fiber_for_each_direction(void **state)
{
	struct trial t;
	run(&t, body_both_directions);
}

static void body_close_waiting(struct trial *t)
{
	pair(t);
	fill_socket(t->fd[0]);
	t->watch = watch_open(t->fd[0]);
	spawn(t, wait_reader);
	spawn(t, wait_writer);
	fiber_yield();
	watch_close(t->watch);
	close(t->fd[0]);
	/* The same number again, at once. */
	int again[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, again), 0);
	assert_int_equal(again[0], t->fd[0]);
	t->fd[0] = -1;
	t->watch = watch_open(again[0]);
	assert_non_null(t->watch);
	assert_int_equal(write(again[1], "x", 1), 1);
	assert_int_equal(watch_wait(t->watch, WATCH_READ, LATER), ERR_OK);
	watch_close(t->watch);
	assert_int_equal(scope_join(&t->scope, LATER), ERR_OK);
	assert_int_equal(t->result[0], ERR_CLOSED);
	assert_int_equal(t->result[1], ERR_CLOSED);
	close(again[0]);
	close(again[1]);
}

static void watch_close_turns_waiters_away(void **state)
{
	struct trial t;
	run(&t, body_close_waiting);
}

/* The waiter is already woken (here: cancelled) when the watch goes. */
static void body_close_woken(struct trial *t)
{
	pair(t);
	t->watch = watch_open(t->fd[0]);
	spawn(t, wait_reader);
	fiber_yield();
	scope_cancel(&t->scope);
	watch_close(t->watch);
	fiber_sleep(SOON); /* the handle is freed now */
	assert_int_equal(scope_join(&t->scope, LATER), ERR_OK);
	assert_int_equal(t->result[0], ERR_CLOSED);
}

static void watch_close_after_the_wake(void **state)
{
	struct trial t;
	run(&t, body_close_woken);
}

static void body_reset(struct trial *t)
{
	struct sockaddr_storage at = {.ss_family = AF_INET};
	socklen_t n = sizeof at;
	char c;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&at, 16), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &n), 0);
	t->fd[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(t->fd[0], (struct sockaddr *)&at, n), 0);
	int peer = accept(listener, NULL, NULL);
	close(listener);
	assert_int_equal(fcntl(t->fd[0], F_SETFL, O_NONBLOCK), 0);
	t->watch = watch_open(t->fd[0]);
	assert_int_equal(watch_wait(t->watch, WATCH_READ, SOON), ERR_TIMEOUT);
	struct linger linger = {.l_onoff = 1};
	setsockopt(peer, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
	close(peer);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(watch_wait(t->watch, WATCH_READ, LATER), ERR_OK);
		fiber_sleep(SOON);
	}
	assert_int_equal(read(t->fd[0], &c, 1), -1);
	assert_int_equal(errno, ECONNRESET);
	watch_close(t->watch);
}

static void reset_connection_is_ready(void **state)
{
	struct trial t;
	run(&t, body_reset);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(watch_carries_a_stream),
		cmocka_unit_test(watch_is_level_triggered_in_effect),
		cmocka_unit_test(unwanted_readiness_does_not_spin),
		cmocka_unit_test(one_fiber_for_each_direction),
		cmocka_unit_test(watch_close_turns_waiters_away),
		cmocka_unit_test(watch_close_after_the_wake),
		cmocka_unit_test(reset_connection_is_ready),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
