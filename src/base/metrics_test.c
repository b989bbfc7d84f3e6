/* SPDX-License-Identifier: Apache-2.0 */
#include "base/metrics.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

static char folder[32];

static int setup(void **state)
{
	snprintf(folder, sizeof folder, "/tmp/metrics_test.XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
	char path[64];
	snprintf(path, sizeof path, "%s/relay.metrics", folder);
	unlink(path);
	return rmdir(folder);
}

static void test_table(void **state)
{
	assert_string_equal(metric_name(METRIC_smtp_sessions), "smtp_sessions");
	assert_string_equal(metric_kind(METRIC_smtp_sessions), "counter");
	assert_string_equal(metric_kind(METRIC_queue_messages), "gauge");
	assert_string_equal(metric_name(METRIC_COUNT), "");
	for (int m = 0; m < METRIC_COUNT; m++) assert_true(strlen(metric_help((enum metric)m)) > 5);
}

/* A service in a process of its own: says when it is ready, and ends when told. */
static pid_t start_service(int *to)
{
	int up[2], down[2];
	char byte = 0;
	assert_int_equal(pipe(up) | pipe(down), 0);
	pid_t pid = fork();
	if (pid == 0) {
		close(up[0]);
		close(down[1]);
		metric_add(METRIC_smtp_sessions, 100); /* before the file: private */
		bool ok = metrics_open(folder, "relay") == ERR_OK;
		metric_add(METRIC_smtp_sessions, 5);
		metric_add(METRIC_smtp_sessions, -2);
		metric_set(METRIC_queue_messages, 42);
		ok = ok && metric_get(METRIC_smtp_sessions) == 3;
		if (ok && write(up[1], &byte, 1) == 1 && read(down[0], &byte, 1) == 0) _exit(0);
		_exit(1);
	}
	close(up[1]);
	close(down[0]);
	assert_int_equal(read(up[0], &byte, 1), 1);
	close(up[0]);
	*to = down[1];
	return pid;
}

static void test_other_process(void **state)
{
	int64_t values[METRIC_COUNT], pid, started;
	assert_int_equal(metrics_read(folder, "relay", values, &pid, &started), ERR_NOT_FOUND);
	for (int round = 0; round < 2; round++) { /* the second resets what the first left */
		int to, status;
		pid_t child = start_service(&to);
		assert_int_equal(metrics_read(folder, "relay", values, &pid, &started), ERR_OK);
		assert_int_equal(pid, child);
		assert_true(started <= clock_unix() && started > clock_unix() - 60);
		assert_int_equal(values[METRIC_smtp_sessions], 3);
		assert_int_equal(values[METRIC_queue_messages], 42);
		assert_int_equal(values[METRIC_smtp_bytes], 0);
		close(to);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
		assert_int_equal(metrics_read(folder, "relay", values, &pid, &started), ERR_OK);
		assert_int_equal(pid, 0); /* gone, its last values stay */
		assert_int_equal(values[METRIC_smtp_sessions], 3);
	}
}

static void test_foreign_file(void **state)
{
	int64_t values[METRIC_COUNT], pid, started;
	char path[64];
	snprintf(path, sizeof path, "%s/relay.metrics", folder);
	static const char garbage[4096] = "BSMETRIC";
	for (size_t n = 0; n < 4096; n += 13) {
		int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
		assert_int_equal(write(fd, garbage, n), n);
		close(fd);
		enum error e = metrics_read(folder, "relay", values, &pid, &started);
		assert_true(e == ERR_CORRUPT || e == ERR_VERSION);
	}
	assert_int_equal(metrics_open("/nonexistent", "relay"), ERR_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test_setup_teardown(test_other_process, setup, teardown),
		cmocka_unit_test_setup_teardown(test_foreign_file, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
