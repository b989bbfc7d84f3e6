/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A supervisor runs in a process of its own with a tiny service that only reports what it gets; the test reads the log of both through a
 * pipe and waits for lines, never for time.
 */
#include "supervisor/supervisor.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"

/* ---- the tiny service --------------------------------------------------------------------------------------------------------------- */

static void tell(const char *what, const struct service_start *s)
{
	log_begin(LOG_INFO, "tiny");
	log_str("what", what);
	log_int("pid", getpid());
	log_str("host", s->config->hostname);
	log_uint("listeners", s->listener_count);
	log_uint("first_port", s->listener_count ? s->listeners[0].at.port : 0);
	log_end();
}

static void release(struct service_start *s)
{
	for (size_t i = 0; i < s->listener_count; i++) close(s->listeners[i].fd);
	free(s->listeners);
	config_unref(s->config);
}

static void tiny(void *arg)
{
	struct service_start *s = arg;
	tell("up", s);
	if (strcmp(s->config->hostname, "dies.example") == 0) _exit(7); /* no farewell, nor a search for leaks */
	service_ready(s->control);
	struct service_start next = *s;
	while (service_next(s->control, &next) == SERVICE_RELOAD) {
		release(s);
		*s = next;
		tell("reload", s);
		service_ready(s->control);
	}
	tell("stop", s);
	if (strcmp(s->config->hostname, "stubborn.example") == 0)
		for (;;) pause();
	if (strcmp(s->config->hostname, "slow.example") == 0) usleep(700000);
	release(s);
	loop_stop(loop_current());
}

static int tiny_run(struct service_start *s)
{
	struct loop *loop = loop_new();
	if (!loop) return 3;
	scope_spawn(loop_scope(loop), "tiny", tiny, s);
	loop_run(loop);
	loop_free(loop);
	return 0;
}

static bool wanted(const struct config *c)
{
	return c->relay.enabled;
}

/* A host of "udp.example" listens by UDP too, with two sockets at each address. */
static size_t listens(const struct config *c, struct listener_want out[SERVICE_LISTENERS])
{
	size_t n = 0, each = strcmp(c->hostname, "udp.example") == 0 ? 3 : 1;
	for (size_t i = 0; i < c->relay.listen_count * each; i++)
		out[n++] = (struct listener_want){c->relay.listen[i / each],
		                                  i % each ? LISTENER_DATAGRAM : LISTENER_STREAM};
	return n;
}

static const struct supervisor_service services[] = {{"tiny", wanted, listens, tiny_run}};

/* ---- the test's side ------------------------------------------------------------------------------------------------------------------ */

static char folder[40], config_path[64];
static FILE *lines;
static char line[4096];
static pid_t supervisor;

static void write_config(const char *hostname, const char *rest)
{
	FILE *f = fopen(config_path, "w");
	assert_non_null(f);
	fprintf(f, "hostname = %s\nstate-dir = \"%s/state\"\nrun-dir = \"%s/run\"\nuser = root\n%s\n", hostname, folder,
	        folder, rest);
	fclose(f);
}

static pid_t start_quietly(int *log_end)
{
	int ends[2];
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM); /* a test that fails leaves nothing behind */
		dup2(ends[1], STDERR_FILENO);
		struct supervisor_options options = {config_path, NULL, services, 1};
		_exit(supervisor_run(&options));
	}
	close(ends[1]);
	*log_end = ends[0];
	return pid;
}

static void start(void)
{
	int log_end;
	supervisor = start_quietly(&log_end);
	if (lines) fclose(lines);
	lines = fdopen(log_end, "r");
}

/* Reads the log until a line has all the words; the line stays in `line`. */
static void expect(const char *one, const char *two)
{
	for (;;) {
		if (!fgets(line, sizeof line, lines)) fail_msg("the log ended before %s %s", one, two);
		if (strstr(line, one) && strstr(line, two)) return;
		if (getenv("SHOW")) print_message("%s", line);
	}
}

static long field(const char *name)
{
	const char *at = strstr(line, name);
	assert_non_null(at);
	return strtol(at + strlen(name), NULL, 10);
}

static int finish(void)
{
	int status;
	assert_int_equal(waitpid(supervisor, &status, 0), supervisor);
	supervisor = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static bool can_connect(long port)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
	                         .sin_port = htons((uint16_t)port),
	                         .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	bool good = connect(fd, (struct sockaddr *)&at, sizeof at) == 0;
	close(fd);
	return good;
}

static int setup(void **state)
{
	snprintf(folder, sizeof folder, "/tmp/supervisor_test.XXXXXX");
	if (!mkdtemp(folder)) return -1;
	snprintf(config_path, sizeof config_path, "%s/conf", folder);
	alarm(50); /* a line that never comes */
	return 0;
}

static int teardown(void **state)
{
	if (supervisor) kill(supervisor, SIGKILL);
	if (supervisor) waitpid(supervisor, NULL, 0);
	supervisor = 0;
	if (lines) fclose(lines);
	lines = NULL;
	char command[64];
	snprintf(command, sizeof command, "rm -rf %s", folder);
	return system(command);
}

#define ONE "relay { listen = {\"127.0.0.1:0\"} }"

static void test_start_and_stop(void **state)
{
	write_config("a.example", ONE);
	start();
	expect("what=up", "host=a.example");
	long port = field("first_port=");
	assert_true(port > 0);
	expect("service=tiny event=ready", "listen=127.0.0.1:");
	expect("service=backstop event=ready", "version=");
	assert_true(can_connect(port));
	kill(supervisor, SIGTERM);
	expect("what=stop", "");
	expect("event=service_exit", "status=0");
	expect("event=stopped", "");
	assert_int_equal(finish(), 0);
}

static void test_crash(void **state)
{
	write_config("a.example", ONE);
	start();
	expect("what=up", "");
	long first = field("pid="), port = field("first_port=");
	expect("service=backstop event=ready", "");
	kill((pid_t)first, SIGKILL);
	expect("event=service_exit", "signal=9 signal_name=KILL");
	assert_true(field("restart_in_ms=") <= 100);
	expect("what=up", "");
	assert_int_not_equal(field("pid="), first);
	assert_int_equal(field("first_port="), port); /* the socket outlived the process */
	expect("service=tiny event=ready", "");
	kill(supervisor, SIGINT);
	expect("event=stopped", "");
	assert_int_equal(finish(), 0);
}

static int receiver(long port)
{
	int found = 0;
	struct sockaddr_in to = {.sin_family = AF_INET,
	                         .sin_port = htons((uint16_t)port),
	                         .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	assert_true(fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0);
	send(fd, "x", 1, 0);
	found = send(fd, "x", 1, 0) == 1; /* refused by then when nobody is bound there */
	close(fd);
	return found;
}

static void test_datagrams(void **state)
{
	write_config("udp.example", ONE);
	start();
	expect("what=up", "listeners=3");
	long pid = field("pid="), port = field("first_port=");
	expect("event=ready", "listen=127.0.0.1:");
	assert_null(strchr(line, ','));
	assert_true(can_connect(port));
	assert_true(receiver(port)); /* the same port for all */
	expect("service=backstop event=ready", "");

	/* Killed once it has served for a while, it is there again at once, with the same sockets. */
	usleep(1100000);
	kill((pid_t)pid, SIGKILL);
	expect("event=service_exit", "restart_in_ms=0");
	assert_true(receiver(port));
	expect("what=up", "listeners=3");
	assert_int_equal(field("first_port="), port);
	expect("event=ready", "");

	write_config("a.example", ONE);
	kill(supervisor, SIGHUP);
	expect("what=reload", "listeners=1");
	assert_int_equal(field("first_port="), port);
	expect("service=backstop event=reloaded", "");
	assert_false(receiver(port));
	kill(supervisor, SIGTERM);
	expect("event=stopped", "");
	assert_int_equal(finish(), 0);
}

static void test_back_off(void **state)
{
	write_config("dies.example", ONE);
	start();
	for (long wait = 100; wait <= 400; wait *= 2) {
		expect("event=service_exit", "status=7");
		assert_in_range(field("restart_in_ms="), wait - 20, wait);
	}
	kill(supervisor, SIGTERM);
	expect("event=stopped", "");
	assert_int_equal(finish(), 0);
}

static void test_reload(void **state)
{
	write_config("a.example", ONE);
	start();
	expect("what=up", "");
	long pid = field("pid="), port = field("first_port=");
	expect("service=backstop event=ready", "");

	write_config("b.example", "relay { listen = {\"127.0.0.1:0\", \"127.0.0.1:0\"} }");
	kill(supervisor, SIGHUP);
	expect("what=reload", "host=b.example listeners=2");
	assert_int_equal(field("pid="), pid);
	assert_int_equal(field("first_port="), port);
	expect("service=backstop event=reloaded", "");

	write_config("b.example", "relay { listen = {\"127.0.0.1:0\" }\n colour = red }");
	kill(supervisor, SIGHUP);
	expect("event=reload_failed", "conf:6: no such option 'colour'");
	assert_true(can_connect(port));

	write_config("b.example", "relay { listen = {\"127.0.0.1:0\", \"192.0.2.1:25\"} }");
	kill(supervisor, SIGHUP);
	expect("event=reload_failed", "192.0.2.1:25: not an address of this machine");

	write_config("c.example", "relay { listen = {\"[::1]:0\"} }");
	kill(supervisor, SIGHUP);
	expect("what=reload", "host=c.example listeners=1");
	expect("service=backstop event=reloaded", "");
	assert_false(can_connect(port));
	kill(supervisor, SIGTERM);
	expect("event=stopped", "");
	assert_int_equal(finish(), 0);
}

static void test_second_signal_kills(void **state)
{
	write_config("stubborn.example", ONE);
	start();
	expect("service=backstop event=ready", "");
	kill(supervisor, SIGINT);
	expect("what=stop", "");
	kill(supervisor, SIGINT);
	expect("event=service_killed", "name=tiny");
	expect("event=stopped", "");
	assert_int_equal(finish(), 1);
}

static void test_two_supervisors(void **state)
{
	write_config("a.example", ONE);
	start();
	expect("service=backstop event=ready", "");
	int log_end, status;
	pid_t second = start_quietly(&log_end);
	char text[600] = "";
	assert_true(read(log_end, text, sizeof text - 1) > 0);
	close(log_end);
	char expected[64];
	snprintf(expected, sizeof expected, "another supervisor (process %d) works on", supervisor);
	assert_non_null(strstr(text, expected));
	waitpid(second, &status, 0);
	assert_int_equal(WEXITSTATUS(status), 3);
	kill(supervisor, SIGTERM);
	expect("event=stopped", "");
	assert_int_equal(finish(), 0);
}

/* The service of a killed supervisor stops by itself, and its successor waits until it is gone. */
static void test_killed_supervisor(void **state)
{
	write_config("slow.example", ONE);
	start();
	expect("what=up", "");
	long first = field("pid=");
	expect("service=backstop event=ready", "");
	kill(supervisor, SIGKILL);
	finish();
	expect("what=stop", "");
	start();
	expect("waiting for an earlier tiny process to end", "");
	int64_t since = clock_now_ms();
	expect("what=up", "");
	assert_int_not_equal(field("pid="), first);
	assert_true(clock_now_ms() - since > 200);
	expect("service=backstop event=ready", "");
	kill(supervisor, SIGTERM);
	expect("event=stopped", "");
	assert_int_equal(finish(), 0);
}

static const struct {
	const char *name, *rest, *why;
} refused[] = {
	{"nothing to run", "", "there is no section of a service to run"},
	{"a bad option", "relay { colour = red }", "conf:5: no such option 'colour'"},
	{"an address of somebody else", "relay { listen = {\"192.0.2.1:25\"} }",
         "listen: 192.0.2.1:25: not an address of this machine"},
	{"a certificate that is none", ONE "\ntls { certificate = \"/etc/passwd\" key = \"/etc/passwd\" }", "tls: "},
};

static void test_cannot_run(void **state)
{
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		write_config("a.example", refused[i].rest);
		start();
		expect(refused[i].why, "");
		assert_int_equal(finish(), 3);
	}
}

static void test_later_services(void **state)
{
	write_config("a.example", ONE "\nweb { }\n");
	start();
	expect("level=warning", "section web: the service is not in this release");
	expect("service=backstop event=ready", "");
	kill(supervisor, SIGTERM);
	expect("event=stopped", "");
	assert_int_equal(finish(), 0);
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		ROW(test_start_and_stop),  ROW(test_crash),
		ROW(test_datagrams),       ROW(test_back_off),
		ROW(test_reload),          ROW(test_second_signal_kills),
		ROW(test_two_supervisors), ROW(test_killed_supervisor),
		ROW(test_cannot_run),      ROW(test_later_services),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
