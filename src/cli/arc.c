/* SPDX-License-Identifier: Apache-2.0 */
/* backstop arc: is the ARC chain of a message sound? */
#include "auth/arc.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cli/tool_message.h"

#define DNS_TIME 20000 /* ms for all keys of a message */

static const char help[] =
	"Usage: backstop arc [--resolver ADDRESS:PORT] [--now T] [--json] FILE...\n"
	"       backstop arc --json --batch [...]\n"
	"\n"
	"Checks the chain of seals (ARC) that handlers of a message have added. FILE is a message, lines with\n"
	"CR LF or LF; \"-\" is standard input.\n"
	"\n"
	"      --resolver HOST:PORT   DNS server to ask for keys; default: the system's\n"
	"      --now T                Unix time, instead of the clock's\n"
	"      --batch                questions as JSON lines on standard input: {\"id\",\"file\",\"now\"}\n"
	"      --json                 answers as JSON lines\n"
	"\n"
	"Exit status: 0 pass; 1 no chain, or a broken one; 2 usage; 3 cannot run.\n";

static json_t *answer(struct tool_run *run, struct arena *a, const json_t *question, char why[TOOL_WHY])
{
	struct tool_message m;
	struct arc_verifier *v;
	struct arc_verdict verdict;
	int64_t now;
	if (!tool_integer(question, "now", tool_now(run), &now, why)) return NULL;
	if (!tool_read_message(a, question, &m, why)) return NULL;
	enum error e = arc_verify_begin(a, m.header, now, &v);
	if (e) {
		snprintf(why, TOOL_WHY, "%s", error_text(e));
		return NULL;
	}
	arc_verify_keys(v, run->resolver, clock_deadline(DNS_TIME));
	arc_verify_body(v, m.body);
	arc_verify_end(v, &verdict);
	return json_pack("{ss si so si ss?}", "result", auth_result_text(verdict.result), "sets", (int)verdict.sets,
	                 "sealer", cli_json_slice(verdict.sealer), "oldest_pass", (int)verdict.oldest_pass, "problem",
	                 verdict.problem);
}

static void print(struct tool_run *run, const json_t *answer)
{
	const char *sealer = json_string_value(json_object_get(answer, "sealer"));
	const char *problem = json_string_value(json_object_get(answer, "problem"));
	printf("%s", json_string_value(json_object_get(answer, "result")));
	if (sealer)
		printf(", %d sets, the newest by %s", (int)json_integer_value(json_object_get(answer, "sets")), sealer);
	if (problem) printf(": %s", problem);
	printf("\n");
}

static int status(const json_t *answer)
{
	return strcmp(json_string_value(json_object_get(answer, "result")), "pass") == 0 ? CLI_DONE : CLI_NO;
}

static const struct tool tool = {.name = "arc",
                                 .help = help,
                                 .asks_dns = true,
                                 .files = true,
                                 .answer = answer,
                                 .print = print,
                                 .status = status};

int cli_arc(int argc, char **argv)
{
	return tool_main(&tool, argc, argv);
}
