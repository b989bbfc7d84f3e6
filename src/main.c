/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backstop - one program, many subcommands
 *
 * The table says them all, also those that later releases will have: a script that uses one gets a clear answer (exit 3) and not
 * "unknown command" (exit 2).
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "supervisor/supervisor.h"

struct subcommand {
	const char *name;
	int (*run)(int argc, char **argv); /* NULL: not in this release */
	const char *help;
};

struct group {
	const char *title;
	const struct subcommand *commands;
};

/* clang-format off */
static const struct subcommand services[] = {
	{"run", supervisor_main, "start all services of the configuration"},
	{"relay", supervisor_main, "start the relay alone"},
	{"keeper", keeper_main, "weigh evidence into listings; --once does it without a service"},
	{"dns", supervisor_main, "answer the list over DNS, alone"},
	{"web", NULL, "lookup pages and metrics"},
	{"milter", NULL, "the judge for Postfix, Sendmail and Exim"},
	{"cluster", NULL, "share the state of several nodes"},
	{NULL},
};

static const struct subcommand administration[] = {
	{"check", cli_check, "is the configuration good?"},
	{"status", cli_status, "what runs, what it did, what waits"},
	{"tenant", cli_tenant, "customer organisations: add, list, show, set, remove"},
	{"recipients", cli_recipients, "who has a mailbox: import, export, add, remove, test"},
	{"queue", cli_queue, "messages that wait: list, show, retry, hold, drop"},
	{"ledger", cli_ledger, "what was known of messages that came or went: search, show"},
	{"list", cli_list, "who is listed, and why: show, add, import, remove, exempt"},
	{"held", cli_held, "messages that are held for a tenant: list, show, release, drop"},
	{"evidence", cli_evidence, "observed acts of backscatter: list, add"},
	{"keys", cli_keys, "signing keys: rotate, import, show, remove"},
	{"export", cli_export, "the list for other name servers"},
	{NULL},
};

static const struct subcommand tools[] = {
	{"spf", cli_spf, "check SPF"},
	{"dkim", cli_dkim, "check DKIM signatures"},
	{"dkim-sign", cli_dkim_sign, "sign a message"},
	{"arc", cli_arc, "check an ARC chain"},
	{"arc-seal", cli_arc_seal, "extend an ARC chain"},
	{"dmarc", cli_dmarc, "evaluate DMARC"},
	{"auth", cli_auth, "SPF, DKIM, DMARC and ARC of a message"},
	{"srs", cli_srs, "rewrite return paths (SRS)"},
	{"batv", cli_batv, "sign return paths (BATV)"},
	{"classify", cli_classify, "bounce, auto-reply or ordinary mail?"},
	{"explain", cli_explain, "why did this message bounce?"},
	{"lookup", cli_lookup, "is this address listed?"},
	{"lab", NULL, "the whole story on loopback"},
	{"simulate", NULL, "the whole story at the internet's size"},
	{NULL},
};

static const struct group groups[] = {
	{"Services", services},
	{"Administration", administration},
	{"Tools", tools},
	{NULL, NULL},
};
/* clang-format on */

static const struct subcommand *find(const char *name)
{
	for (const struct group *g = groups; g->title; g++)
		for (const struct subcommand *c = g->commands; c->name; c++)
			if (strcmp(c->name, name) == 0) return c;
	return NULL;
}

static void print_help(FILE *out)
{
	fprintf(out,
	        "Usage: backstop COMMAND [OPTIONS]\n"
	        "       backstop help COMMAND\n"
	        "\n"
	        "Backstop %s, a mail relay that neither sends nor receives backscatter.\n",
	        BACKSTOP_VERSION);
	for (const struct group *g = groups; g->title; g++) {
		fprintf(out, "\n%s:\n", g->title);
		for (const struct subcommand *c = g->commands; c->name; c++)
			fprintf(out, "  %-12s %s%s\n", c->name, c->help,
			        c->run ? "" : " (not supported in this release)");
	}
	fprintf(out, "\n"
	             "Services and administration read -c FILE, default " CONFIG_DEFAULT_PATH ".\n"
	             "Exit status: 0 done, 1 the answer is no, 2 usage, 3 cannot run.\n");
}

static int run(const struct subcommand *c, int argc, char **argv)
{
	return c->run ? c->run(argc, argv) : cli_not_supported(c->name);
}

static int help_for(const char *name)
{
	static char option[] = "--help";
	const struct subcommand *c = find(name);
	if (!c) return cli_usage("unknown command %s", name);
	char *argv[] = {(char *)(uintptr_t)c->name, option, NULL};
	return run(c, 2, argv);
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	const char *word = argc > 1 ? argv[1] : "";
	if (argc < 2) {
		print_help(stderr);
		return CLI_USAGE;
	}
	if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
		printf("backstop %s\n", BACKSTOP_VERSION);
		return cli_finish(CLI_DONE);
	}
	if (strcmp(word, "help") == 0 && argc > 2) return help_for(argv[2]);
	if (strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
		print_help(stdout);
		return cli_finish(CLI_DONE);
	}
	const struct subcommand *c = find(word);
	if (!c) return cli_usage("unknown command %s", word);
	return run(c, argc - 1, argv + 1);
}
