/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[40], out[8192], err[8192];

/* Runs a command with its two outputs in files. */
static int run(int (*command)(int, char **), const char *const *words)
{
	char *argv[16];
	char path[64];
	int argc = 0, saved[2] = {dup(1), dup(2)};
	for (; words[argc]; argc++) argv[argc] = (char *)(uintptr_t)words[argc];
	argv[argc] = NULL;
	for (int fd = 1; fd <= 2; fd++) {
		snprintf(path, sizeof path, "%s/%d", folder, fd);
		fflush(NULL);
		int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
		dup2(file, fd);
		close(file);
	}
	int status = command(argc, argv);
	fflush(NULL);
	for (int fd = 1; fd <= 2; fd++) {
		char *to = fd == 1 ? out : err;
		ssize_t n = pread(fd, to, sizeof out - 1, 0);
		to[n > 0 ? n : 0] = '\0';
		dup2(saved[fd - 1], fd);
		close(saved[fd - 1]);
	}
	return status;
}

#define RUN(command, ...) run(command, (const char *const[]){__VA_ARGS__, NULL})

static char config_path[64];

static void write_config(const char *text)
{
	FILE *f = fopen(config_path, "w");
	assert_non_null(f);
	fprintf(f, "hostname = mx.example.net\nstate-dir = \"%s/state\"\nrun-dir = \"%s/run\"\nuser = root\n%s", folder,
	        folder, text);
	fclose(f);
}

static int setup(void **state)
{
	snprintf(folder, sizeof folder, "/tmp/cli_test.XXXXXX");
	if (!mkdtemp(folder)) return -1;
	snprintf(config_path, sizeof config_path, "%s/conf", folder);
	return 0;
}

static int teardown(void **state)
{
	char command[64];
	snprintf(command, sizeof command, "rm -rf %s", folder);
	return system(command);
}

/* ---- options -------------------------------------------------------------------------------------------------------------------- */

static struct cli_options seen;
static char domains[64];
static int operands;

static int try_options(int argc, char **argv)
{
	static const struct option own[] = {{"domain", required_argument, NULL, 'd'},
	                                    {"force", no_argument, NULL, 0x100},
	                                    {NULL, 0, NULL, 0}};
	int option;
	cli_begin(&seen, argv[0], "the help\n");
	domains[0] = '\0';
	while ((option = cli_getopt(&seen, argc, argv, own)) != -1) switch (option) {
		case 'd': strncat(domains, optarg, sizeof domains - strlen(domains) - 1); break;
		case 0x100: strncat(domains, "!", sizeof domains - strlen(domains) - 1); break;
		default: return seen.status;
		}
	operands = argc - optind;
	return CLI_DONE;
}

static void test_options(void **state)
{
	assert_int_equal(RUN(try_options, "tenant", "add", "--domain", "a", "-db", "name", "--force", "-c", "x.conf",
	                     "--json"),
	                 CLI_DONE);
	assert_string_equal(domains, "ab!");
	assert_string_equal(seen.config_path, "x.conf");
	assert_true(seen.json);
	assert_int_equal(operands, 2);
	assert_int_equal(RUN(try_options, "tenant", "--", "--json"), CLI_DONE);
	assert_string_equal(seen.config_path, CONFIG_DEFAULT_PATH);
	assert_false(seen.json);
	assert_int_equal(operands, 1);
	assert_int_equal(RUN(try_options, "tenant", "-h"), CLI_DONE);
	assert_string_equal(out, "the help\n");
	assert_int_equal(RUN(try_options, "tenant", "--help", "--nonsense"), CLI_DONE);
}

static void test_bad_options(void **state)
{
	assert_int_equal(RUN(try_options, "tenant", "--nonsense"), CLI_USAGE);
	assert_string_equal(err, "backstop tenant: unknown option --nonsense\nTry 'backstop help tenant'.\n");
	assert_int_equal(RUN(try_options, "tenant", "-x"), CLI_USAGE);
	assert_string_equal(err, "backstop tenant: unknown option -x\nTry 'backstop help tenant'.\n");
	assert_int_equal(RUN(try_options, "tenant", "--domain"), CLI_USAGE);
	assert_string_equal(err, "backstop tenant: option --domain needs an argument\nTry 'backstop help tenant'.\n");
	assert_int_equal(RUN(try_options, "tenant", "a", "-c"), CLI_USAGE);
	assert_string_equal(err, "backstop tenant: option -c needs an argument\nTry 'backstop help tenant'.\n");
	assert_string_equal(out, "");
}

/* ---- check ---------------------------------------------------------------------------------------------------------------------- */

static void test_check(void **state)
{
	write_config("relay { listen = {\"127.0.0.1:2525\"} }\n");
	assert_int_equal(RUN(cli_check, "check", "-c", config_path), CLI_DONE);
	assert_non_null(strstr(out, "conf: ok\n  relay listens on 127.0.0.1:2525\n"));
	assert_string_equal(err, "");
	write_config("relay {\n colour = red\n}\n");
	assert_int_equal(RUN(cli_check, "check", "-c", config_path), CLI_NO);
	assert_non_null(strstr(err, "/conf:6: no such option 'colour'\n"));
	assert_string_equal(out, "");
	write_config("relay { pool ndr { source = {\"192.0.2.99\"} } }\nweb {}\n");
	assert_int_equal(RUN(cli_check, "check", "-c", config_path), CLI_DONE);
	assert_non_null(strstr(err, "warning: pool \"ndr\": source: this machine does not have 192.0.2.99"));
	assert_non_null(strstr(err, "warning: section web: the service is not in this release"));
	write_config("relay { }\nresolver { dnssec = true  trust-anchor = \"/nonexistent/root.key\" }\n");
	assert_int_equal(RUN(cli_check, "check", "-c", config_path), CLI_NO);
	assert_non_null(strstr(err, "resolver: trust-anchor: /nonexistent/root.key: No such file or directory"));
	write_config("relay { }\nresolver { trust-anchor = \"/nonexistent/root.key\" }\n");
	assert_int_equal(RUN(cli_check, "check", "-c", config_path), CLI_DONE); /* nothing is validated */
	assert_int_equal(RUN(cli_check, "check", "-c", "/nonexistent"), CLI_CANNOT);
	assert_int_equal(RUN(cli_check, "check", "-c", config_path, "more"), CLI_USAGE);
}

static json_t *parse_line(void)
{
	assert_non_null(strchr(out, '\n'));
	assert_ptr_equal(strchr(out, '\n'), out + strlen(out) - 1); /* one line, nothing else */
	json_t *o = json_loads(out, 0, NULL);
	assert_non_null(o);
	return o;
}

static void test_check_json(void **state)
{
	write_config("relay {\n colour\xfc = red\n}\n");
	assert_int_equal(RUN(cli_check, "check", "--json", "-c", config_path), CLI_NO);
	json_t *o = parse_line();
	assert_true(json_is_false(json_object_get(o, "ok")));
	const char *text = json_string_value(json_array_get(json_object_get(o, "errors"), 0));
	assert_non_null(strstr(text, "no such option 'colour\xc3\xbc'"));
	json_decref(o);
	assert_string_equal(err, "");
}

/* ---- status --------------------------------------------------------------------------------------------------------------------- */

static void test_status_of_nothing(void **state)
{
	write_config("relay { }\n");
	assert_int_equal(RUN(cli_status, "status", "-c", config_path), CLI_NO);
	assert_string_equal(out, "relay: not running\ntenants: 0\nqueue: 0 messages, 0 of them held\n"
	                         "ledger: 0 transactions in 0.0 MiB\n"
	                         "list: 0 addresses, 0 of them by hand; serial 1; 0 rows of evidence\n");
	assert_int_equal(RUN(cli_status, "status", "-c", config_path, "--json"), CLI_NO);
	json_t *o = parse_line();
	assert_int_equal(json_integer_value(json_object_get(o, "tenants")), 0);
	assert_true(json_is_null(json_object_get(json_object_get(o, "queue"), "oldest")));
	assert_int_equal(json_object_size(json_object_get(json_object_get(o, "queue"), "pools")), 4);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(o, "ledger"), "transactions")), 0);
	assert_true(json_is_null(json_object_get(json_object_get(o, "ledger"), "oldest")));
	json_decref(o);
	write_config("web { }\n");
	assert_int_equal(RUN(cli_status, "status", "-c", config_path), CLI_DONE); /* nothing is wanted */
	write_config("colour = red\n");
	assert_int_equal(RUN(cli_status, "status", "-c", config_path), CLI_CANNOT);
	assert_non_null(strstr(err, "backstop status: "));
}

/* What a command of root's makes must be the services' own. */
static void test_open_db(void **state)
{
	struct config *c;
	struct db *db;
	char why[CONFIG_WHY];
	write_config("relay { }\n");
	assert_int_equal(config_load(config_path, &c, why), ERR_OK);
	assert_int_equal(cli_open_db(c, DB_STATE, DB_READ_ONLY, &db), ERR_NOT_FOUND);
	assert_null(db);
	assert_int_equal(cli_open_db(c, DB_STATE, DB_CREATE, &db), ERR_OK);
	db_close(db);
	assert_int_equal(cli_open_db(c, DB_STATE, DB_READ_ONLY, &db), ERR_OK);
	db_close(db);
	config_unref(c);
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		ROW(test_options),    ROW(test_bad_options),       ROW(test_check),
		ROW(test_check_json), ROW(test_status_of_nothing), ROW(test_open_db),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
