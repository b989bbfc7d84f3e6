/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static char caught[20000];
static size_t caught_lines;

static void keep_line(struct slice line, void *arg)
{
	assert_true(line.n < sizeof caught);
	memcpy(caught, line.p, line.n);
	caught[line.n] = '\0';
	caught_lines++;
}

static int setup(void **state)
{
	caught_lines = 0;
	log_capture(keep_line, NULL);
	return 0;
}

static int teardown(void **state)
{
	log_capture(NULL, NULL);
	log_setup(LOG_LOGFMT, LOG_INFO, "backstop");
	return 0;
}

/* The line without its time. */
static const char *tail(void)
{
	const char *p = strstr(caught, "level");
	assert_non_null(p);
	return p;
}

static const struct {
	const char *name;
	struct slice value;
	const char *logfmt, *json;
} values[] = {
	{"plain", SLICE("a@example.org"), "v=a@example.org", "\"v\":\"a@example.org\""},
	{"empty", SLICE(""), "v=\"\"", "\"v\":\"\""},
	{"space", SLICE("a b"), "v=\"a b\"", "\"v\":\"a b\""},
	{"equals sign", SLICE("a=b"), "v=\"a=b\"", "\"v\":\"a=b\""},
	{"quote", SLICE("a\"b"), "v=\"a\\\"b\"", "\"v\":\"a\\\"b\""},
	{"backslash", SLICE("a\\b"), "v=\"a\\\\b\"", "\"v\":\"a\\\\b\""},
	{"line ends", SLICE("a\r\nb"), "v=\"a\\r\\nb\"", "\"v\":\"a\\r\\nb\""},
	{"tab", SLICE("a\tb"), "v=\"a\\tb\"", "\"v\":\"a\\tb\""},
	{"NUL and DEL", SLICE("a\0b\x7f"), "v=\"a\\x00b\\x7f\"", "\"v\":\"a\\u0000b\\u007f\""},
	{"escape sequence", SLICE("\x1b[2J"), "v=\"\\x1b[2J\"", "\"v\":\"\\u001b[2J\""},
	{"UTF-8", SLICE("gr\xc3\xbc\xc3\x9f"), "v=\"gr\xc3\xbc\xc3\x9f\"", "\"v\":\"gr\xc3\xbc\xc3\x9f\""},
	{"UTF-8 of four octets", SLICE("\xf0\x9f\x93\xa7"), "v=\"\xf0\x9f\x93\xa7\"", "\"v\":\"\xf0\x9f\x93\xa7\""},
	{"Latin-1", SLICE("gr\xfc\xdf"), "v=\"gr\\xfc\\xdf\"", "\"v\":\"gr\\u00fc\\u00df\""},
	{"cut UTF-8", SLICE("a\xf0\x9f\x93"), "v=\"a\\xf0\\x9f\\x93\"", "\"v\":\"a\\u00f0\\u009f\\u0093\""},
	{"overlong UTF-8", SLICE("\xc0\x80"), "v=\"\\xc0\\x80\"", "\"v\":\"\\u00c0\\u0080\""},
	{"overlong in three", SLICE("\xe0\x80\x80"), "v=\"\\xe0\\x80\\x80\"", "\"v\":\"\\u00e0\\u0080\\u0080\""},
	{"surrogate", SLICE("\xed\xa0\x80"), "v=\"\\xed\\xa0\\x80\"", "\"v\":\"\\u00ed\\u00a0\\u0080\""},
	{"beyond Unicode", SLICE("\xf4\x90\x80\x80"), "v=\"\\xf4\\x90\\x80\\x80\"",
         "\"v\":\"\\u00f4\\u0090\\u0080\\u0080\""},
	{"C1 control", SLICE("\xc2\x85"), "v=\"\\xc2\\x85\"", "\"v\":\"\\u0085\""},
	{"text turned around",
         SLICE("a\xe2\x80\xae"
               "b"),
         "v=\"a\\xe2\\x80\\xaeb\"", "\"v\":\"a\\u202eb\""},
};

static void test_values(void **state)
{
	char expected[300];
	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		log_setup(LOG_LOGFMT, LOG_INFO, "relay");
		log_begin(LOG_INFO, "test");
		log_slice("v", values[i].value);
		log_end();
		snprintf(expected, sizeof expected, "level=info service=relay event=test %s", values[i].logfmt);
		assert_string_equal(tail(), expected);
		log_setup(LOG_JSON, LOG_INFO, "relay");
		log_begin(LOG_INFO, "test");
		log_slice("v", values[i].value);
		log_end();
		snprintf(expected, sizeof expected, "level\":\"info\",\"service\":\"relay\",\"event\":\"test\",%s}",
		         values[i].json);
		assert_string_equal(tail(), expected);
	}
}

static void test_types(void **state)
{
	log_setup(LOG_LOGFMT, LOG_DEBUG, "relay");
	log_begin(LOG_DEBUG, "types");
	log_int("i", INT64_MIN);
	log_int("j", 7);
	log_uint("u", UINT64_MAX);
	log_uint("z", 0);
	log_bool("yes", true);
	log_bool("no", false);
	log_str("null", NULL);
	log_error("e", ERR_REFUSED);
	log_printf("p", "%d-%s", 5, "x");
	log_end();
	assert_string_equal(tail(), "level=debug service=relay event=types i=-9223372036854775808 j=7 "
	                            "u=18446744073709551615 z=0 "
	                            "yes=true no=false e=\"connection refused\" p=5-x");
	log_text(LOG_WARNING, "config", "tls: %s", "key");
	assert_string_equal(tail(), "level=warning service=relay event=config text=\"tls: key\"");
}

static void test_time(void **state)
{
	log_text(LOG_INFO, "t", "x");
	int at = 0;
	int y, mo, d, h, mi, s, ms;
	assert_int_equal(sscanf(caught, "time=%4d-%2d-%2dT%2d:%2d:%2d.%3dZ %n", &y, &mo, &d, &h, &mi, &s, &ms, &at), 7);
	assert_int_equal(at, 30);
	assert_true(y >= 2024 && mo >= 1 && mo <= 12 && s <= 60);
}

static void test_levels(void **state)
{
	log_setup(LOG_LOGFMT, LOG_WARNING, NULL);
	log_text(LOG_INFO, "t", "x");
	log_begin(LOG_INFO, "t");
	log_printf("a", "%s", "b");
	log_uint("n", 1);
	log_end();
	assert_int_equal(caught_lines, 0);
	assert_false(log_enabled(LOG_INFO));
	log_text(LOG_ERROR, "t", "x");
	assert_int_equal(caught_lines, 1);
}

/* Too long a line keeps all its fields, and its escapes stay whole. */
static void check_long(enum log_format format, const char *unit, const char *end)
{
	size_t unit_length = strlen(unit), n = 40000 / unit_length * unit_length;
	char *big = malloc(n);
	for (size_t i = 0; i < n; i++) big[i] = unit[i % unit_length];
	log_setup(format, LOG_INFO, "relay");
	log_begin(LOG_INFO, "long");
	log_slice("first", slice_of(big, n));
	log_str("small", "kept");
	log_slice("second", slice_of(big, n));
	log_slice("third", slice_of(big, n));
	log_uint("last", 12345678901234567890u);
	log_end();
	free(big);
	size_t length = strlen(caught);
	assert_true(length <= 16 * 1024 - 1 && length > 12 * 1024);
	assert_non_null(
		strstr(caught, format == LOG_JSON ? ",\"small\":\"kept\",\"second\":\"" : " small=kept second="));
	assert_string_equal(caught + length - strlen(end), end);
	size_t marks = 0;
	for (const char *p = caught; (p = strstr(p, "\xe2\x80\xa6")); p++) marks++;
	assert_int_equal(marks, 3);
}

static void test_long(void **state)
{
	check_long(LOG_LOGFMT, "x", " last=12345678901234567890");
	check_long(LOG_LOGFMT, "\n", "\" last=12345678901234567890");
	check_long(LOG_LOGFMT, "a\x01\xc3\xbc", "\" last=12345678901234567890");
	check_long(LOG_JSON, "x", "\",\"last\":12345678901234567890}");
	check_long(LOG_JSON, "\x01", "\",\"last\":12345678901234567890}");
	check_long(LOG_JSON, "\xff\xf0\x9f\x93\xa7\"", "\",\"last\":12345678901234567890}");
	/* No escape was cut: what stands before the mark is whole. */
	const char *mark = strstr(caught, "\xe2\x80\xa6");
	assert_true(mark[-1] == '"' || mark[-1] == 'f' || mark[-1] == '\xa7');
}

static void test_many_fields(void **state)
{
	log_setup(LOG_JSON, LOG_INFO, "relay");
	log_begin(LOG_INFO, "many");
	for (int i = 0; i < 500; i++) log_str("k", "\"value\"");
	log_end();
	assert_int_equal(caught[strlen(caught) - 1], '}');
}

/* Lines go out whole, in one write each; a reader that does not read costs lines, not time. */
static void test_write(void **state)
{
	int ends[2], saved = dup(STDERR_FILENO);
	static char got[1 << 17];
	log_capture(NULL, NULL);
	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	dup2(ends[1], STDERR_FILENO);
	for (int i = 0; i < 5000; i++) log_text(LOG_INFO, "flood", "%050d", i);
	ssize_t n = read(ends[0], got, sizeof got - 1);
	close(ends[0]);
	log_text(LOG_INFO, "nobody reads", "x"); /* SIGPIPE is ignored by the program, and by this test */
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(ends[1]);
	assert_true(n > 60000);
	got[n] = '\0';
	char *rest = got;
	int whole = 0;
	for (char *line; (line = strsep(&rest, "\n")) && *line;)
		whole += strncmp(line, "time=2", 6) == 0 && strstr(line, "text=0") != NULL;
	assert_true(whole > 500 && whole < 5000);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_values, setup, teardown),
		cmocka_unit_test_setup_teardown(test_types, setup, teardown),
		cmocka_unit_test_setup_teardown(test_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_levels, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_fields, setup, teardown),
		cmocka_unit_test_setup_teardown(test_write, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
