/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/log.h"
#include "base/metrics.h"
#include "net/test_loop.h"

#define BUSY "421 4.3.2 busy\r\n"

struct taken {
	int fd[128];
	int count;
	struct listener *stop_at_first;
};

static void take(int fd, void *arg)
{
	struct taken *t = arg;
	CHECK(fiber_current() == NULL && t->count < 128);
	CHECK((fcntl(fd, F_GETFL) & O_NONBLOCK) && (fcntl(fd, F_GETFD) & FD_CLOEXEC));
	t->fd[t->count++] = fd;
	if (t->stop_at_first) listener_stop(t->stop_at_first);
	t->stop_at_first = NULL;
}

static void release(struct taken *t)
{
	while (t->count > 0) close(t->fd[--t->count]);
}

static int dial(const struct endpoint *at)
{
	struct sockaddr_storage sa;
	socklen_t n = endpoint_to_sockaddr(at, &sa);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval limit = {.tv_sec = 2};
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	if (connect(fd, (struct sockaddr *)&sa, n) == 0) return fd;
	close(fd);
	return -1;
}

static void wait_for(const struct taken *t, int count)
{
	int64_t deadline = clock_deadline(2000);
	while (t->count < count && clock_now_ms() < deadline) fiber_sleep(clock_now_ms() + 5);
	CHECK(t->count == count);
}

static void body_accepts(void *arg)
{
	struct endpoint at;
	struct taken t = {0};
	int listening = test_listen(&at), clients[100];
	struct listener *l = listener_start(loop_current(), listening, BUSY, take, &t);
	CHECK(l);
	for (int i = 0; i < 100; i++) CHECK((clients[i] = dial(&at)) >= 0);
	wait_for(&t, 100);
	listener_stop(l);
	int late = dial(&at); /* the socket still listens, nobody accepts */
	fiber_sleep(clock_now_ms() + 20);
	CHECK(t.count == 100);
	close(late);
	for (int i = 0; i < 100; i++) close(clients[i]);
	release(&t);
	close(listening);
}

static void body_stops_inside(void *arg)
{
	struct endpoint at;
	struct taken t = {0};
	int listening = test_listen(&at);
	t.stop_at_first = listener_start(loop_current(), listening, BUSY, take, &t);
	int a = dial(&at), b = dial(&at);
	wait_for(&t, 1);
	fiber_sleep(clock_now_ms() + 20);
	CHECK(t.count == 1);
	close(a);
	close(b);
	release(&t);
	close(listening);
}

/* A client that lives where descriptors are not short: it was opened before. */
static void *hear_busy(void *arg)
{
	int fd = *(int *)arg;
	static char buf[64];
	ssize_t n = recv(fd, buf, sizeof buf - 1, 0);
	buf[n > 0 ? n : 0] = '\0';
	return buf;
}

static void count_line(struct slice line, void *arg)
{
	if (slice_search(line, SLICE("accept")) < line.n) ++*(int *)arg;
}

static void body_descriptors_gone(void *arg)
{
	struct endpoint at;
	struct taken t = {0};
	struct rlimit before, small;
	int lines = 0, clients[3], filler[4096], n = 0;
	int listening = test_listen(&at);
	struct listener *l = listener_start(loop_current(), listening, BUSY, take, &t);
	int64_t counted = metric_get(METRIC_out_of_resources);
	log_capture(count_line, &lines);
	for (int i = 0; i < 3; i++) clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	getrlimit(RLIMIT_NOFILE, &before);
	small = before;
	small.rlim_cur = 256;
	setrlimit(RLIMIT_NOFILE, &small);
	while (n < 4096 && (filler[n] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0) n++;

	struct sockaddr_storage sa;
	socklen_t size = endpoint_to_sockaddr(&at, &sa);
	for (int i = 0; i < 3; i++) {
		pthread_t thread;
		void *heard;
		CHECK(connect(clients[i], (struct sockaddr *)&sa, size) == 0);
		int64_t begin = clock_now_ms();
		pthread_create(&thread, NULL, hear_busy, &clients[i]);
		fiber_sleep(begin + 120); /* longer than the listener's pause */
		pthread_join(thread, &heard);
		CHECK(strcmp(heard, BUSY) == 0);
	}
	CHECK(t.count == 0);
	CHECK(metric_get(METRIC_out_of_resources) == counted + 3);
	CHECK(lines == 1);

	while (n > 0) close(filler[--n]);
	setrlimit(RLIMIT_NOFILE, &before);
	int client = dial(&at);
	wait_for(&t, 1); /* it goes on by itself */
	log_capture(NULL, NULL);
	close(client);
	for (int i = 0; i < 3; i++) close(clients[i]);
	listener_stop(l);
	release(&t);
	close(listening);
}

static void bind_errors_by_table(void **state)
{
	struct endpoint at;
	int listening = test_listen(&at), fd;
	struct endpoint foreign = {.ip = {.family = AF_INET, .octets = {192, 0, 2, 9}}, .port = 2525};
	struct endpoint nothing = {0};
	assert_int_equal(listener_bind(&at, &fd), ERR_BUSY);
	assert_int_equal(fd, -1);
	assert_int_equal(listener_bind(&foreign, &fd), ERR_INVALID);
	assert_int_equal(listener_bind(&nothing, &fd), ERR_INVALID);
	close(listening);
}

struct second {
	int listening;
	struct taken taken;
	struct loop *loop;
};

static void second_body(void *arg)
{
	struct second *s = arg;
	struct listener *l = listener_start(loop_current(), s->listening, BUSY, take, &s->taken);
	fiber_sleep(clock_now_ms() + 300);
	listener_stop(l);
	loop_stop(s->loop);
}

static void *second_thread(void *arg)
{
	struct second *s = arg;
	s->loop = loop_new();
	scope_spawn(loop_scope(s->loop), "second", second_body, s);
	loop_run(s->loop);
	loop_free(s->loop);
	return NULL;
}

static void body_two_loops(void *arg)
{
	struct endpoint at;
	struct taken t = {0};
	pthread_t thread;
	int clients[60];
	struct second second = {.listening = test_listen(&at)};
	struct listener *l = listener_start(loop_current(), second.listening, BUSY, take, &t);
	pthread_create(&thread, NULL, second_thread, &second);
	for (int i = 0; i < 60; i++) {
		clients[i] = dial(&at);
		fiber_sleep(clock_now_ms() + 2);
	}
	fiber_sleep(clock_now_ms() + 50);
	pthread_join(thread, NULL);
	CHECK(t.count + second.taken.count == 60);
	listener_stop(l);
	for (int i = 0; i < 60; i++) close(clients[i]);
	release(&t);
	release(&second.taken);
	close(second.listening);
}

static void connections_are_handed_over(void **state)
{
	run_in_fiber(body_accepts, NULL);
}

static void it_may_be_stopped_by_what_it_calls(void **state)
{
	run_in_fiber(body_stops_inside, NULL);
}

static void without_descriptors_clients_are_told_so(void **state)
{
	run_in_fiber(body_descriptors_gone, NULL);
}

static void two_loops_accept_from_one_socket(void **state)
{
	run_in_fiber(body_two_loops, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connections_are_handed_over),
		cmocka_unit_test(it_may_be_stopped_by_what_it_calls),
		cmocka_unit_test(without_descriptors_clients_are_told_so),
		cmocka_unit_test(two_loops_accept_from_one_socket),
		cmocka_unit_test(bind_errors_by_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
