/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli - what the subcommands share, and their entry points
 *
 * Each subcommand is a function `int cli_NAME(int argc, char **argv)`: argv[0] is its name ("tenant"), what follows are its
 * own arguments, the result is the exit status. `backstop help NAME` calls it with --help. Results go to standard output,
 * diagnostics to standard error as "backstop NAME: what is wrong". With --json standard output gets one JSON object a line
 * and nothing else. One thread; global state is getopt's and the name for diagnostics only.
 *
 *     struct cli_options o;
 *     cli_begin(&o, argv[0], help);
 *     int option;
 *     while ((option = cli_getopt(&o, argc, argv, own_options)) != -1)
 *             switch (option) {
 *             case 'd': domain = optarg; break;
 *             default: return o.status;               // --help was printed (0), or a complaint (2)
 *             }
 *     struct config *config;
 *     if (cli_open_config(&o, &config)) return CLI_CANNOT;
 *     struct db *state;
 *     if (cli_open_db(config, DB_STATE, DB_CREATE, &state)) return CLI_CANNOT;
 */
#ifndef BACKSTOP_CLI_CLI_H
#define BACKSTOP_CLI_CLI_H

#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>

#include "base/config.h"
#include "base/slice.h"
#include "store/db.h"

enum cli_status { CLI_DONE = 0, CLI_NO = 1, CLI_USAGE = 2, CLI_CANNOT = 3 };

struct cli_options {
	const char *config_path; /* -c, --config; CONFIG_DEFAULT_PATH */
	bool json;               /* --json */
	const char *help;        /* the command's whole help text, ending in a newline */
	int status;              /* exit status when cli_getopt() returned '?' */
};

/* Sets the defaults, the name in diagnostics, and lets getopt begin anew. help is kept by reference. */
void cli_begin(struct cli_options *o, const char *name, const char *help);
/* getopt_long(3) that knows -c FILE, --config FILE, --json, -h and --help itself. own: the command's long options, ended by
 * a zero row, or NULL; `val` of each row is what is returned (use values that are not 'c', 'j', 'h', '?'). A letter or digit as
 * val is a short option too. -1 at the end: argv[optind..argc-1] are the operands (options and operands may be mixed);
 * '?' when the command must end with o->status. */
int cli_getopt(struct cli_options *o, int argc, char **argv, const struct option *own);

/* Loads the configuration, or prints why not and returns nonzero. The caller's reference; config_unref(). */
int cli_open_config(const struct cli_options *o, struct config **out);
/* Opens an environment of the configuration's state-dir, or prints why not and returns its error (ERR_NOT_FOUND, without DB_CREATE,
 * is returned silently: nothing was stored yet). With DB_CREATE the state-dir is made too; what is created belongs to the
 * configured user even when root runs the command, so that the services can write it. */
enum error cli_open_db(const struct config *c, enum db_environment which, int flags, struct db **out);

/* "backstop NAME: ..." and a newline on standard error. */
void cli_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same followed by a hint at `backstop help NAME`; returns CLI_USAGE. */
int cli_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Prints the object compactly on one line of standard output and drops the reference. NULL (no memory) is complained about. */
void cli_print_json(json_t *object);
/* A JSON string of any text: octets that are not UTF-8 are taken for Latin-1. */
json_t *cli_json_text(const char *text);
/* The same of a slice without NUL; null for the empty one. */
json_t *cli_json_slice(struct slice text);
/* To be returned at the end of a command: status, or CLI_CANNOT when standard output could not be written (disk full). */
int cli_finish(int status);
/* "backstop NAME: not supported in this release"; returns CLI_CANNOT. */
int cli_not_supported(const char *name);

int cli_check(int argc, char **argv);
int cli_classify(int argc, char **argv);
int cli_evidence(int argc, char **argv);
int cli_explain(int argc, char **argv);
int cli_export(int argc, char **argv);
int cli_status(int argc, char **argv);
int cli_tenant(int argc, char **argv);
int cli_recipients(int argc, char **argv);
int cli_queue(int argc, char **argv);
int cli_held(int argc, char **argv);
int cli_keeper(int argc, char **argv); /* --once; the service is the supervisor's */
int cli_list(int argc, char **argv);
int cli_lookup(int argc, char **argv);
int cli_ledger(int argc, char **argv);
int cli_keys(int argc, char **argv);
int cli_srs(int argc, char **argv);
int cli_batv(int argc, char **argv);
int cli_dmarc(int argc, char **argv);
int cli_auth(int argc, char **argv);
int cli_arc(int argc, char **argv);
int cli_arc_seal(int argc, char **argv);
int cli_spf(int argc, char **argv);
int cli_dkim(int argc, char **argv);
int cli_dkim_sign(int argc, char **argv);

#endif
