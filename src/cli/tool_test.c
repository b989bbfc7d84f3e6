/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/tool.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

/* ---- a tool: {"say":text,"sleep":ms,"number":n} -> {"said":text,"now":n} ------------------------------------------------------------ */

static const char help[] = "Usage: backstop echo\n";

enum { OPTION_SAY = 1000, OPTION_SLEEP };

static const struct option options[] = {
	{"say", required_argument, NULL, OPTION_SAY},
	{"sleep", required_argument, NULL, OPTION_SLEEP},
	{NULL, 0, NULL, 0},
};

static int take(struct tool_run *run, int val, const char *argument)
{
	if (val == OPTION_SAY) json_object_set_new(run->question, "say", json_string(argument));
	if (val == OPTION_SLEEP) json_object_set_new(run->question, "sleep", json_integer(atoi(argument)));
	return strcmp(argument, "bad") == 0 ? cli_usage("bad") : 0;
}

static int complete(struct tool_run *run)
{
	return json_object_get(run->question, "say") ? 0 : cli_usage("--say is missing");
}

static json_t *echo(struct tool_run *run, struct arena *a, const json_t *question, char why[TOOL_WHY])
{
	const char *say = tool_string(question, "say", NULL, why);
	int64_t ms;
	if (!say || !tool_integer(question, "sleep", 0, &ms, why)) return NULL;
	if (ms > 0) fiber_sleep(clock_deadline(ms));
	if (strcmp(say, "nothing") == 0) return json_object();
	return json_pack("{sssI}", "said", say, "now", (json_int_t)tool_now(run));
}

static int status(const json_t *answer)
{
	return strcmp(json_string_value(json_object_get(answer, "said")), "no") == 0 ? CLI_NO : CLI_DONE;
}

static void print(struct tool_run *run, const json_t *answer)
{
	printf("It said %s\n", json_string_value(json_object_get(answer, "said")));
}

static const struct tool echo_tool = {.name = "echo",
                                      .help = help,
                                      .options = options,
                                      .option = take,
                                      .complete = complete,
                                      .answer = echo,
                                      .print = print,
                                      .status = status};

static json_t *measure(struct tool_run *run, struct arena *a, const json_t *question, char why[TOOL_WHY])
{
	struct slice octets;
	const char *path = tool_string(question, "file", NULL, why);
	if (!path || !tool_read_file(a, path, 100000, &octets, why)) return NULL;
	return json_pack("{sI}", "size", (json_int_t)octets.n);
}

static const struct tool file_tool = {.name = "measure", .help = help, .files = true, .answer = measure};

/* ---- running it ---------------------------------------------------------------------------------------------------------------------- */

static char folder[40], out[1 << 20], err[8192];

static int open_file(const char *name, int flags)
{
	char path[64];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	return open(path, flags | O_CLOEXEC, 0600);
}

static void write_file(const char *name, const char *text, size_t n)
{
	int fd = open_file(name, O_WRONLY | O_CREAT | O_TRUNC);
	assert_int_equal(write(fd, text, n), n);
	close(fd);
}

static void read_back(int fd, char *to, size_t room)
{
	ssize_t n = pread(fd, to, room - 1, 0);
	to[n > 0 ? n : 0] = '\0';
}

/* in: standard input, taken over; -1: the file "in". */
static int run_with(int in, const struct tool *t, const char *const *words)
{
	char *argv[16];
	int argc = 0;
	for (; words[argc]; argc++) argv[argc] = (char *)(uintptr_t)words[argc];
	argv[argc] = NULL;
	int files[3] = {in >= 0 ? in : open_file("in", O_RDONLY), open_file("out", O_RDWR | O_CREAT | O_TRUNC),
	                open_file("err", O_RDWR | O_CREAT | O_TRUNC)};
	int saved[3];
	fflush(NULL);
	for (int fd = 0; fd < 3; fd++) {
		saved[fd] = dup(fd);
		dup2(files[fd], fd);
	}
	int result = tool_main(t, argc, argv);
	fflush(NULL);
	read_back(1, out, sizeof out);
	read_back(2, err, sizeof err);
	for (int fd = 0; fd < 3; fd++) {
		dup2(saved[fd], fd);
		close(saved[fd]);
		close(files[fd]);
	}
	return result;
}

#define RUN(tool, ...) run_with(-1, tool, (const char *const[]){"echo", __VA_ARGS__, NULL})

static int batch(const char *text)
{
	write_file("in", text, strlen(text));
	return RUN(&echo_tool, "--batch", "--json", "--now", "7");
}

/* ---- one question --------------------------------------------------------------------------------------------------------------------- */

static void test_one_question(void **state)
{
	write_file("in", "", 0);
	assert_int_equal(RUN(&echo_tool, "--json", "--now", "7", "--say", "yes", "-c", "/none"), CLI_DONE);
	assert_string_equal(out, "{\"said\":\"yes\",\"now\":7}\n");
	assert_int_equal(RUN(&echo_tool, "--say", "no"), CLI_NO);
	assert_string_equal(out, "It said no\n");
	assert_int_equal(RUN(&echo_tool, "--help"), CLI_DONE);
	assert_string_equal(out, help);
	assert_string_equal(err, "");
}

static void test_usage(void **state)
{
	static const char *const cases[][4] = {
		{"--json"},
		{"--say"},
		{"--say", "bad"},
		{"--say", "x", "operand"},
		{"--say", "x", "--now=-1"},
		{"--say", "x", "--now=1x"},
		{"--say", "x", "--resolver=127.0.0.1:53"}, /* it does not ask DNS */
		{"--batch", "operand"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *words[6] = {"echo"};
		for (size_t j = 0; j < 4 && cases[i][j]; j++) words[j + 1] = cases[i][j];
		assert_int_equal(run_with(-1, &echo_tool, words), CLI_USAGE);
		assert_string_equal(out, "");
		assert_non_null(strstr(err, "Try 'backstop help echo'"));
	}
}

static void test_no_answer(void **state)
{
	assert_int_equal(RUN(&file_tool, "/none"), CLI_CANNOT);
	assert_string_equal(out, "");
	assert_string_equal(err, "backstop echo: /none: No such file or directory\n");
	assert_int_equal(RUN(&file_tool, "--json", "/none"), CLI_CANNOT);
	assert_string_equal(out, "{\"file\":\"/none\",\"error\":\"/none: No such file or directory\"}\n");
}

static void test_files_in_order(void **state)
{
	static char big[100001];
	char path[2][64];
	write_file("in", "standard input", 14);
	write_file("most", big, 100000);
	write_file("more", big, 100001);
	snprintf(path[0], 64, "%s/most", folder);
	snprintf(path[1], 64, "%s/more", folder);
	assert_int_equal(RUN(&file_tool, "--json", path[0], "-", "/dev/null", folder, path[0]), CLI_CANNOT);
	char *last = strrchr(out, '{');
	assert_memory_equal(out, "{\"size\":100000}\n{\"size\":14}\n{\"size\":0}\n{\"file\":", 47);
	assert_string_equal(last, "{\"size\":100000}\n");
	assert_non_null(strstr(err, "Is a directory"));
	assert_int_equal(RUN(&file_tool, path[1]), CLI_CANNOT);
	assert_non_null(strstr(err, "more than 100000 octets"));
	assert_int_equal(RUN(&file_tool, "--json"), CLI_USAGE);
}

/* ---- a batch --------------------------------------------------------------------------------------------------------------------------- */

static void test_lines(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"", ""},
		{"{\"id\":1,\"say\":\"a\"}\n", "{\"id\":1,\"said\":\"a\",\"now\":7}\n"},
		{"{\"id\":1,\"say\":\"a\"}", "{\"id\":1,\"said\":\"a\",\"now\":7}\n"},
		{"{\"say\":\"a\",\"id\":[1.5,null,{\"x\":\"\\u0000\"}]}\r\n",
	         "{\"id\":[1.5,null,{\"x\":\"\\u0000\"}],\"said\":\"a\",\"now\":7}\n"},
		{"{\"say\":\"\xc3\xa9\"}\n", "{\"id\":null,\"said\":\"\xc3\xa9\",\"now\":7}\n"},
		{"{\"say\":\"nothing\",\"id\":\"x\"}\n", "{\"id\":\"x\"}\n"},
		{"{\"id\":\"x\"}\n", "{\"id\":\"x\",\"error\":\"say is missing\"}\n"},
		{"{\"id\":\"x\",\"say\":null}\n", "{\"id\":\"x\",\"error\":\"say is missing\"}\n"},
		{"{\"id\":\"x\",\"say\":3}\n", "{\"id\":\"x\",\"error\":\"say is not a string\"}\n"},
		{"{\"id\":\"x\",\"say\":\"a\\u0000b\"}\n", "{\"id\":\"x\",\"error\":\"say has a NUL in it\"}\n"},
		{"{\"id\":\"x\",\"say\":\"a\",\"sleep\":\"1\"}\n",
	         "{\"id\":\"x\",\"error\":\"sleep is not an integer\"}\n"},
		{"[1]\n", "{\"id\":null,\"error\":\"not a JSON object\"}\n"},
		{"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\n", "{\"id\":null,\"error\":\"nested too deep\"}\n"},
		{"{\"id\":1,\"say\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[\"}\n",
	         "{\"id\":1,\"said\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[\",\"now\":7}\n"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(batch(cases[i].in), CLI_DONE);
		assert_string_equal(out, cases[i].out);
		assert_string_equal(err, "");
	}
}

static void test_bad_lines_do_not_stop_it(void **state)
{
	assert_int_equal(batch("\n{\n\xff\n{\"id\":9,\"say\":\"a\"}\n"), CLI_DONE);
	assert_memory_equal(out, "{\"id\":null,\"error\":\"not JSON: ", 30);
	assert_non_null(strstr(out, "\n{\"id\":9,\"said\":\"a\",\"now\":7}\n"));
	unsigned lines = 0;
	for (const char *p = out; (p = strchr(p, '\n')); p++) lines++;
	assert_int_equal(lines, 4);
}

static void test_options_are_defaults(void **state)
{
	const char *text = "{\"id\":1}\n{\"id\":2,\"say\":\"b\"}\n";
	write_file("in", text, strlen(text));
	assert_int_equal(RUN(&echo_tool, "--batch", "--say", "a", "--now", "3"), CLI_DONE);
	assert_string_equal(out, "{\"id\":1,\"said\":\"a\",\"now\":3}\n{\"id\":2,\"said\":\"b\",\"now\":3}\n");
}

static void test_a_slow_one_does_not_hold_up_others(void **state)
{
	assert_int_equal(batch("{\"id\":1,\"say\":\"a\",\"sleep\":100}\n{\"id\":2,\"say\":\"b\"}\n"), CLI_DONE);
	assert_string_equal(out, "{\"id\":2,\"said\":\"b\",\"now\":7}\n{\"id\":1,\"said\":\"a\",\"now\":7}\n");
}

static void test_long_lines(void **state)
{
	size_t n = 5 << 20;
	char *text = malloc(n + 100);
	memset(text, ' ', n);
	size_t most = 1 << 20; /* the first line has just as many octets as it may */
	memcpy(text, "{\"say\":\"a\",\"id\":1}", 18);
	text[most] = '\n';
	text[2 * most + 2] = '\n'; /* the second one more */
	memcpy(text + 2 * most + 3, "{\"say\":\"a\",\"id\":3}\n", 19);
	size_t rest = n - (2 * most + 22); /* the last is endless */
	memset(text + 2 * most + 22, 'x', rest);
	write_file("in", text, n);
	assert_int_equal(RUN(&echo_tool, "--batch", "--now", "7"), CLI_DONE);
	free(text);
	assert_string_equal(out, "{\"id\":1,\"said\":\"a\",\"now\":7}\n{\"id\":null,\"error\":\"line too long\"}\n"
	                         "{\"id\":3,\"said\":\"a\",\"now\":7}\n{\"id\":null,\"error\":\"line too long\"}\n");
}

static void test_many_lines(void **state)
{
	char *text = NULL;
	size_t n = 0, seen = 0, sum = 0;
	FILE *f = open_memstream(&text, &n);
	for (int i = 0; i < 20000; i++) fprintf(f, "{\"id\":%d,\"say\":\"%d\",\"sleep\":%d}\n", i, i, i % 97 == 0);
	fclose(f);
	write_file("in", text, n);
	free(text);
	assert_int_equal(RUN(&echo_tool, "--batch", "--now", "7"), CLI_DONE);
	for (char *rest = out, *line; (line = strsep(&rest, "\n")) && *line; seen++) {
		int id, said;
		assert_int_equal(sscanf(line, "{\"id\":%d,\"said\":\"%d\",\"now\":7}", &id, &said), 2);
		assert_int_equal(id, said);
		sum += (size_t)id;
	}
	assert_int_equal(seen, 20000);
	assert_int_equal(sum, 19999 * 10000);
}

/* A peer that asks the next question when it has the answer to the last. */
struct peer {
	int to, from, answers;
};

static void *converse(void *arg)
{
	struct peer *p = arg;
	char answer[100];
	for (int i = 0; i < 3; i++) {
		const char *question = "{\"id\":0,\"say\":\"a\"}\n";
		if (write(p->to, question, strlen(question)) <= 0) break;
		for (ssize_t n = 0; n == 0; usleep(1000)) n = pread(p->from, answer, sizeof answer, 28L * i);
		p->answers++;
	}
	close(p->to);
	return NULL;
}

static void test_conversation(void **state)
{
	int pipe_fds[2];
	pthread_t thread;
	assert_int_equal(pipe(pipe_fds), 0);
	struct peer p = {pipe_fds[1], open_file("out", O_RDONLY | O_CREAT | O_TRUNC), 0};
	assert_int_equal(pthread_create(&thread, NULL, converse, &p), 0);
	assert_int_equal(run_with(pipe_fds[0], &echo_tool,
	                          (const char *const[]){"echo", "--batch", "--now", "7", NULL}),
	                 CLI_DONE);
	pthread_join(thread, NULL);
	close(p.from);
	assert_int_equal(p.answers, 3);
	assert_int_equal(strlen(out), 3 * 28);
}

static int setup(void **state)
{
	snprintf(folder, sizeof folder, "/tmp/tool_test.XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
	char command[64];
	snprintf(command, sizeof command, "rm -r %s", folder);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_question),
		cmocka_unit_test(test_usage),
		cmocka_unit_test(test_no_answer),
		cmocka_unit_test(test_files_in_order),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_bad_lines_do_not_stop_it),
		cmocka_unit_test(test_options_are_defaults),
		cmocka_unit_test(test_a_slow_one_does_not_hold_up_others),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_many_lines),
		cmocka_unit_test(test_conversation),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
