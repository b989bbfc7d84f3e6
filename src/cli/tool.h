/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tool - what the tools for anyone share: a resolver, one question or a batch of them
 *
 * A tool answers questions: a JSON object in, a JSON object out. The command line is one such question; --batch reads them as
 * lines from standard input and prints an answer for each with the same "id", in any order, as soon as it is there. A line that
 * is no question gets {"id":..,"error":"why"} and the work goes on. So each tool is written once.
 *
 *     static const struct tool spf = {.name = "spf", .help = help, .options = own, .option = take, .answer = answer, .print = print};
 *     int cli_spf(int argc, char **argv) { return tool_main(&spf, argc, argv); }
 *
 * The answer functions run as fibers of one loop: they may wait for DNS, many are under way at once, and none may block for
 * long. No configuration and no state is needed; -c is taken, and only `lookup` looks at it.
 *
 * A single question without an answer is complained about and ends with CLI_CANNOT; with --json standard output then gets
 * {"error":"why"}. Several files are several questions, answered in order, with "file" in an error; the worst status counts.
 * A batch ends with CLI_DONE whatever the answers are. A member that is absent from a line is taken from the options, if they
 * say it; null counts as absent. A line may have 1 MiB, be nested 32 deep, and its answer may take 256 MiB of arena.
 */
#ifndef BACKSTOP_CLI_TOOL_H
#define BACKSTOP_CLI_TOOL_H

#include "base/arena.h"
#include "cli/cli.h"
#include "net/resolver.h"

#define TOOL_WHY 256

struct tool_run { /* one run of a tool */
	const struct tool *tool;
	struct resolver *resolver; /* of --resolver, or the system's; NULL when the tool does not ask DNS */
	bool json, batch;
	bool resolver_named;     /* --resolver was given */
	const char *config_path; /* -c: for the tools that also look at the state */
	bool config_named;
	int64_t now;      /* --now, else the clock when asked: tool_now() */
	json_t *question; /* what the options say, on top of which a batch line is laid */
	void *own;        /* the tool's own: what its options collect that is no part of a question */
};

struct tool {
	const char *name, *help;
	const struct option *options; /* own long options besides --resolver, --now, --batch, --json, --help; or NULL */
	bool asks_dns, files;         /* files: operands are file names, each is a question with "file" */
	/* Takes one of its own options into run->question or run->own. 0, or an exit status after a complaint. May be NULL. */
	int (*option)(struct tool_run *run, int val, const char *argument);
	/* Takes all operands, when they are no files and there is no --batch, into run->question. 0, or an exit status after a complaint.
	 * NULL: operands are refused. */
	int (*operands)(struct tool_run *run, int count, char **operands);
	/* After the options and operands: checks and completes the question (run->question), not called for lines of a batch. 0 or an exit status. May
	 * be NULL. */
	int (*complete)(struct tool_run *run);
	/* Answers a question (a new reference), or NULL with the reason in why. The arena is the question's. */
	json_t *(*answer)(struct tool_run *run, struct arena *a, const json_t *question, char why[TOOL_WHY]);
	/* Prints an answer for a person (without --json). */
	void (*print)(struct tool_run *run, const json_t *answer);
	/* Exit status of a single question's answer: CLI_DONE or CLI_NO. NULL: always CLI_DONE. */
	int (*status)(const json_t *answer);
};

int tool_main(const struct tool *t, int argc, char **argv);
int64_t tool_now(const struct tool_run *run); /* Unix time: --now, or the clock */

/* Members of a question. String: NULL with why when absent (unless otherwise is given) or no string. A string may hold any
 * octets but NUL. */
const char *tool_string(const json_t *question, const char *name, const char *otherwise, char why[TOOL_WHY]);
bool tool_integer(const json_t *question, const char *name, int64_t otherwise, int64_t *out, char why[TOOL_WHY]);
/* A whole file in the arena, "-" for standard input; at most most octets. False with why. */
bool tool_read_file(struct arena *a, const char *path, size_t most, struct slice *out, char why[TOOL_WHY]);

#endif
