/* SPDX-License-Identifier: Apache-2.0 */
/* backstop export - the list for other name servers: once, or again whenever it has changed */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/export_format.h"
#include "cli/format.h"
#include "dns/setup.h"

#define INTERVAL 5 /* seconds between two versions of a file, by default */

static const char help[] =
	"Usage: backstop export --format FORMAT [--output FILE [--follow]] [-c FILE]\n"
	"\n"
	"Writes the list for other programs. What they are asked and answer: docs/using-the-list.md.\n"
	"\n"
	"  rbldnsd  a combined data set: rbldnsd ... ZONE:combined:FILE\n"
	"  zone     a zone file, for NSD, Knot, BIND and others\n"
	"  rpz      a response policy zone of addresses that send nothing but backscatter\n"
	"  json     one object a line: {\"unit\",\"codes\",\"classes\",\"grade\",\"any\",\"manual\"}\n"
	"\n"
	"      --format FORMAT  rbldnsd, zone, rpz or json\n"
	"      --output FILE    replaces the file, at once or not at all; default: standard output\n"
	"      --follow         goes on: writes the file again whenever the list has changed\n"
	"      --interval SPAN  with --follow: at most this often (default 5s)\n"
	"      --then COMMAND   with --output: runs it after each time, as \"nsd-control reload\"\n"
	"      --all            rpz: all that is listed, also what sends real mail\n"
	"  -c, --config FILE    the configuration (default " CONFIG_DEFAULT_PATH "); its section dns\n"
	"                       names the zone\n"
	"  -h, --help           this text\n"
	"\n"
	"Exit status: 0 done, 2 usage, 3 the list cannot be read or the file not be written.\n";

enum { OPTION_FORMAT = 1000, OPTION_OUTPUT, OPTION_FOLLOW, OPTION_INTERVAL, OPTION_THEN, OPTION_ALL };

static const struct option options[] = {
	{"format", required_argument, NULL, OPTION_FORMAT},
	{"output", required_argument, NULL, OPTION_OUTPUT},
	{"follow", no_argument, NULL, OPTION_FOLLOW},
	{"interval", required_argument, NULL, OPTION_INTERVAL},
	{"then", required_argument, NULL, OPTION_THEN},
	{"all", no_argument, NULL, OPTION_ALL},
	{NULL, 0, NULL, 0},
};

struct job {
	struct cli_options options;
	struct config *config;
	struct list_zone zone;
	struct db *state;
	enum export_format format;
	bool chosen, follow, all;
	const char *output, *then;
	int64_t interval; /* seconds */
	uint32_t serial;  /* of what was written last; 0: nothing was */
};

/* ---- one version ------------------------------------------------------------------------------------------------------- */

static bool write_rows(struct job *j, const struct zone_rows *rows, FILE *out)
{
	struct export_job e = {.out = out, .config = j->config, .zone = &j->zone, .rows = rows, .all = j->all};
	export_write(&e, j->format);
	return fflush(out) == 0 && !ferror(out);
}

static int failed(const char *what)
{
	cli_complain("%s: %s", what, strerror(errno));
	return CLI_CANNOT;
}

/* Whoever reads the file sees the old one or the new one, also after a crash. A link stays where it points. */
static int replace(struct job *j, const struct zone_rows *rows)
{
	char path[4096], fresh[sizeof path + 16];
	struct stat old;
	if (!realpath(j->output, path)) {
		if (errno != ENOENT || strlen(j->output) >= sizeof path) return failed(j->output);
		strcpy(path, j->output);
	}
	bool replaces = stat(path, &old) == 0;
	if (replaces && !S_ISREG(old.st_mode)) {
		cli_complain("%s is not a regular file", path);
		return CLI_CANNOT;
	}
	snprintf(fresh, sizeof fresh, "%s.XXXXXX", path);
	int fd = mkostemp(fresh, O_CLOEXEC);
	if (fd < 0) return failed(fresh);
	FILE *out = fdopen(fd, "w");
	bool good = out && fchmod(fd, replaces ? old.st_mode & 07777 : 0644) == 0;
	if (replaces && geteuid() == 0) good = good && fchown(fd, old.st_uid, old.st_gid) == 0;
	good = good && write_rows(j, rows, out) && fsync(fd) == 0;
	if (out && fclose(out) != 0) good = false;
	good = good && rename(fresh, path) == 0;
	if (good) return CLI_DONE;
	int status = failed(path);
	unlink(fresh);
	return status;
}

static int run_then(const struct job *j)
{
	if (!j->then) return CLI_DONE;
	int status = system(j->then);
	if (status == 0) return CLI_DONE;
	cli_complain("%s: it ended with status %d", j->then, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	return CLI_CANNOT;
}

/* Nothing when the list is as it was. */
static int export_once(struct job *j)
{
	struct zone_rows *rows;
	enum error e = zone_rows_read(j->state, &rows);
	if (e) {
		cli_complain("the list cannot be read: %s", error_text(e));
		return CLI_CANNOT;
	}
	int status = CLI_DONE;
	if (rows->serial != j->serial) {
		status = j->output                     ? replace(j, rows)
		         : write_rows(j, rows, stdout) ? CLI_DONE
		                                       : failed("standard output");
		if (status == CLI_DONE) {
			j->serial = rows->serial;
			status = run_then(j);
		}
	}
	zone_rows_unref(rows);
	return status;
}

/* ---- again and again ----------------------------------------------------------------------------------------------------- */

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

/* What cannot be written now is tried again: a full disk, say, must not end it. */
static int follow(struct job *j)
{
	struct sigaction action = {.sa_handler = stop};
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	while (!stopped) {
		uint64_t seen = db_generation(j->state);
		int status = export_once(j);
		for (int64_t i = 0; i < j->interval * 10 && !stopped; i++) usleep(100000);
		while (!stopped && status == CLI_DONE && db_generation(j->state) == seen)
			db_wait_change(j->state, seen, clock_deadline(1000));
	}
	return CLI_DONE;
}

/* ---- the command --------------------------------------------------------------------------------------------------------- */

static int take(struct job *j, int option)
{
	switch (option) {
	case OPTION_FORMAT:
		j->chosen = export_format_parse(optarg, &j->format);
		return j->chosen ? 0 : cli_usage("--format %s: rbldnsd, zone, rpz or json", optarg);
	case OPTION_OUTPUT: j->output = optarg; return 0;
	case OPTION_FOLLOW: j->follow = true; return 0;
	case OPTION_THEN: j->then = optarg; return 0;
	case OPTION_ALL: j->all = true; return 0;
	case OPTION_INTERVAL:
		return format_parse_span(optarg, &j->interval) ? 0
		                                               : cli_usage("--interval %s: not a span of time", optarg);
	default: return j->options.status ? j->options.status : -1;
	}
}

static int check(const struct job *j)
{
	if (!j->chosen) return cli_usage("--format is missing");
	if ((j->follow || j->then) && !j->output) return cli_usage("--follow and --then want --output");
	if (j->all && j->format != EXPORT_rpz) return cli_usage("--all is for --format rpz");
	return 0;
}

static int prepare(struct job *j)
{
	if (cli_open_config(&j->options, &j->config)) return CLI_CANNOT;
	if (!j->config->dns.zone && j->format != EXPORT_json) {
		cli_complain("%s: section dns names no zone", j->options.config_path);
		return CLI_CANNOT;
	}
	if (j->config->dns.zone && !dns_zone_of(j->config, &j->zone)) {
		cli_complain("%s: a name in section dns is too long", j->options.config_path);
		return CLI_CANNOT;
	}
	enum error e = cli_open_db(j->config, DB_STATE, DB_READ_ONLY, &j->state);
	if (e == ERR_NOT_FOUND)
		e = cli_open_db(j->config, DB_STATE, DB_CREATE, &j->state); /* an empty list is one too */
	return e ? CLI_CANNOT : CLI_DONE;
}

int cli_export(int argc, char **argv)
{
	struct job j = {.interval = INTERVAL};
	int option, status = 0;
	cli_begin(&j.options, argv[0], help);
	while (!status && (option = cli_getopt(&j.options, argc, argv, options)) != -1) status = take(&j, option);
	if (!status && optind < argc) status = cli_usage("unexpected operand %s", argv[optind]);
	if (!status) status = check(&j);
	if (!status) status = prepare(&j);
	if (!status) status = j.follow ? follow(&j) : export_once(&j);
	db_close(j.state);
	config_unref(j.config);
	return cli_finish(status < 0 ? CLI_DONE : status);
}
