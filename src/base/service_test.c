/* SPDX-License-Identifier: Apache-2.0 */
#include "base/service.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"

static const char text[] = "hostname = mx.example.net\n"
			   "tls { certificate = \"/not/read\" key = \"/not/read\" }\n"
			   "relay { listen = {\"127.0.0.1:0\", \"[::1]:0\"} }\n";

static int supervisor_end, service_end;
static struct config *sent;

static int setup(void **state)
{
	char why[CONFIG_WHY];
	enum error e = config_parse("x.conf", slice_str(text), SLICE("certificate pem"), SLICE("key pem"), &sent, why);
	return e == ERR_OK && service_channel(&supervisor_end, &service_end) == ERR_OK ? 0 : -1;
}

static int teardown(void **state)
{
	config_unref(sent);
	if (supervisor_end >= 0) close(supervisor_end);
	close(service_end);
	log_capture(NULL, NULL);
	return 0;
}

struct heard {
	enum service_event event;
	struct service_start start;
	int64_t took;
};

static void listen_once(void *arg)
{
	struct heard *h = arg;
	int64_t begin = clock_now_ms();
	h->event = service_next(service_end, &h->start);
	h->took = clock_now_ms() - begin;
	loop_stop(loop_current());
}

static void run(void (*supervisor)(void *), struct heard *h)
{
	struct loop *loop = loop_new();
	assert_non_null(loop);
	scope_spawn(loop_scope(loop), "service", listen_once, h);
	if (supervisor) scope_spawn(loop_scope(loop), "supervisor", supervisor, NULL);
	loop_run(loop);
	loop_free(loop);
}

static void test_stop(void **state)
{
	struct heard h = {.event = SERVICE_RELOAD};
	assert_int_equal(service_send_stop(supervisor_end), ERR_OK);
	run(NULL, &h);
	assert_int_equal(h.event, SERVICE_STOP);
}

static void close_later(void *arg)
{
	fiber_sleep(clock_deadline(30));
	close(supervisor_end);
	supervisor_end = -1;
}

static void test_supervisor_gone(void **state)
{
	struct heard h = {.event = SERVICE_RELOAD};
	run(close_later, &h);
	assert_int_equal(h.event, SERVICE_STOP);
	assert_true(h.took >= 25);
}

static int listening(int *port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t n = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, n) | listen(fd, 5) |
	                         getsockname(fd, (struct sockaddr *)&at, &n),
	                 0);
	*port = ntohs(at.sin_port);
	return fd;
}

static void test_reload(void **state)
{
	struct service_listener l[2] = {{.kind = LISTENER_STREAM}, {.kind = LISTENER_DATAGRAM}};
	int port[2];
	for (int i = 0; i < 2; i++) {
		l[i].fd = listening(&port[i]);
		assert_true(endpoint_parse(SLICE("127.0.0.1"), (uint16_t)port[i], &l[i].at));
	}
	assert_int_equal(service_send_reload(supervisor_end, sent, l, 2), ERR_OK);
	close(l[0].fd);
	close(l[1].fd);
	struct heard h = {.start = {.control = 77}};
	run(NULL, &h);
	assert_int_equal(h.event, SERVICE_RELOAD);
	assert_int_equal(h.start.control, 77);
	assert_string_equal(h.start.config->path, "x.conf");
	assert_string_equal(h.start.config->hostname, "mx.example.net");
	assert_true(slice_equal(h.start.config->tls_key_pem, SLICE("key pem")));
	assert_int_equal(h.start.listener_count, 2);
	for (int i = 0; i < 2; i++) {
		struct sockaddr_in at;
		socklen_t n = sizeof at;
		assert_int_equal(getsockname(h.start.listeners[i].fd, (struct sockaddr *)&at, &n), 0);
		assert_int_equal(ntohs(at.sin_port), port[i]);
		assert_int_equal(h.start.listeners[i].at.port, port[i]);
		assert_int_equal(h.start.listeners[i].kind, l[i].kind);
		assert_int_equal(fcntl(h.start.listeners[i].fd, F_GETFD), FD_CLOEXEC);
		close(h.start.listeners[i].fd);
	}
	config_unref(h.start.config);
	free(h.start.listeners);
}

static void test_ready(void **state)
{
	assert_int_equal(service_receive_ready(supervisor_end), ERR_BUSY);
	service_ready(service_end);
	service_ready(-1);
	assert_int_equal(service_receive_ready(supervisor_end), ERR_OK);
	assert_int_equal(service_receive_ready(supervisor_end), ERR_BUSY);
	close(service_end);
	assert_int_equal(service_receive_ready(supervisor_end), ERR_CLOSED);
	service_end = dup(0);
}

static void ignore_line(struct slice line, void *arg) {}

static int open_files(void)
{
	int n = 0;
	for (int fd = 0; fd < 256; fd++) n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* Whatever comes, of any size and with descriptors: it is passed over, and nothing stays open. */
static void test_garbage(void **state)
{
	log_capture(ignore_line, NULL);
	int before = open_files();
	static const char zeros[9000];
	for (size_t n = 1; n < sizeof zeros; n = n * 2 + 1) assert_int_equal(send(supervisor_end, zeros, n, 0), n);
	struct config *c;
	char why[CONFIG_WHY];
	assert_int_equal(config_parse("x", SLICE("hostname=a.b\nrelay{}"), SLICE_EMPTY, SLICE_EMPTY, &c, why), ERR_OK);
	assert_int_equal(service_send_reload(supervisor_end, c, NULL, 0), ERR_OK);
	config_unref(c);
	struct heard h = {0};
	run(NULL, &h);
	assert_int_equal(h.event, SERVICE_RELOAD);
	config_unref(h.start.config);
	free(h.start.listeners);
	assert_int_equal(open_files(), before);
	for (size_t n = 1; n < sizeof zeros; n = n * 2 + 1) assert_int_equal(send(service_end, zeros, n, 0), n);
	service_ready(service_end);
	enum error e;
	while ((e = service_receive_ready(supervisor_end)) == ERR_PROTOCOL) {
	}
	assert_int_equal(e, ERR_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_stop, setup, teardown),
		cmocka_unit_test_setup_teardown(test_supervisor_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reload, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ready, setup, teardown),
		cmocka_unit_test_setup_teardown(test_garbage, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
