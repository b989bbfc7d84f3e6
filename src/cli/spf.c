/* SPDX-License-Identifier: Apache-2.0 */
/* backstop spf - may this address send mail for that domain? */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "auth/spf.h"
#include "base/clock.h"
#include "cli/tool.h"

#define PATIENCE_MS 20000 /* RFC 7208 4.6.4: at least 20 seconds */

static const char help[] =
	"Usage: backstop spf --ip IP [--sender ADDRESS] [--helo NAME] [--json]\n"
	"       backstop spf --batch\n"
	"\n"
	"Checks the Sender Policy Framework (RFC 7208): may this address send mail for the\n"
	"domain of the sender? Without a sender, the null return path, the HELO name is checked.\n"
	"\n"
	"      --ip IP            address of the client\n"
	"      --sender ADDRESS   the return path (MAIL FROM), default none\n"
	"      --helo NAME        the name the client gave, default none\n"
	"      --receiver NAME    the name that macros call ours (default: the host's)\n"
	"      --resolver ADDRESS:PORT\n"
	"                         DNS server to be asked (default: the system's)\n"
	"      --now TIME         Unix time that macros see\n"
	"      --json             {\"result\",\"explanation\",\"domain\",\"identity\",\"mechanism\",\"problem\"}\n"
	"      --batch            reads lines {\"id\",\"ip\",\"sender\",\"helo\"}, answers each with its id\n"
	"  -h, --help             this text\n"
	"\n"
	"Exit status: 0 pass, 1 another result, 2 usage, 3 cannot run; 0 after a batch.\n";

enum { OPTION_IP = 1000, OPTION_SENDER, OPTION_HELO, OPTION_RECEIVER };

static const struct option options[] = {
	{"ip", required_argument, NULL, OPTION_IP},
	{"sender", required_argument, NULL, OPTION_SENDER},
	{"helo", required_argument, NULL, OPTION_HELO},
	{"receiver", required_argument, NULL, OPTION_RECEIVER},
	{NULL, 0, NULL, 0},
};

static char host_name[256];

static int take(struct tool_run *run, int val, const char *argument)
{
	static const char *const names[] = {"ip", "sender", "helo", "receiver"};
	json_object_set_new(run->question, names[val - OPTION_IP], cli_json_text(argument));
	return 0;
}

static int complete(struct tool_run *run)
{
	struct ip ip;
	const char *text = json_string_value(json_object_get(run->question, "ip"));
	if (!text) return cli_usage("--ip is missing");
	return ip_parse(slice_str(text), &ip) ? 0 : cli_usage("--ip %s: not an address", text);
}

static json_t *text_or_null(struct slice s)
{
	return s.n > 0 ? json_stringn(s.p, s.n) : json_null();
}

static json_t *verdict_json(const struct spf_verdict *v)
{
	json_t *o = json_object();
	json_object_set_new_nocheck(o, "result", json_string_nocheck(auth_result_text(v->result)));
	json_object_set_new_nocheck(o, "explanation", text_or_null(v->explanation));
	json_object_set_new_nocheck(o, "domain", text_or_null(v->domain));
	json_object_set_new_nocheck(o, "identity", json_string_nocheck(v->helo ? "helo" : "mailfrom"));
	json_object_set_new_nocheck(o, "mechanism", text_or_null(v->mechanism));
	json_object_set_new_nocheck(o, "problem", text_or_null(slice_str(v->problem)));
	return o;
}

static json_t *answer(struct tool_run *run, struct arena *a, const json_t *question, char why[TOOL_WHY])
{
	struct spf_query q = {.explain = true, .deadline = clock_deadline(PATIENCE_MS)};
	struct spf_verdict v;
	const char *ip = tool_string(question, "ip", NULL, why);
	if (!ip) return NULL;
	const char *sender = tool_string(question, "sender", "", why);
	const char *helo = tool_string(question, "helo", "", why);
	const char *receiver = tool_string(question, "receiver", host_name, why);
	if (!sender || !helo || !receiver || !tool_integer(question, "now", tool_now(run), &q.now, why)) return NULL;
	if (!ip_parse(slice_str(ip), &q.client)) {
		snprintf(why, TOOL_WHY, "ip is not an address: %.100s", ip);
		return NULL;
	}
	q.sender = strcmp(sender, "<>") == 0 ? SLICE_EMPTY : slice_str(sender);
	q.helo = slice_str(helo);
	q.receiver = slice_str(receiver);
	spf_check(a, run->resolver, &q, &v);
	return verdict_json(&v);
}

static const char *member(const json_t *answer, const char *name)
{
	return json_string_value(json_object_get(answer, name));
}

static void print(struct tool_run *run, const json_t *answer)
{
	const char *domain = member(answer, "domain"), *mechanism = member(answer, "mechanism");
	const char *explanation = member(answer, "explanation"), *problem = member(answer, "problem");
	const char *result = member(answer, "result");
	bool helo = strcmp(member(answer, "identity"), "helo") == 0;
	printf("%s\n", result);
	printf("  checked:     %s (%s)\n", domain ? domain : "no domain", helo ? "HELO" : "MAIL FROM");
	if (mechanism)
		printf("  matched:     %s\n", mechanism);
	else if (strcmp(result, "neutral") == 0)
		printf("  matched:     nothing\n");
	if (domain && strcmp(result, "none") == 0) printf("  record:      the domain has none\n");
	if (problem) printf("  problem:     %s\n", problem);
	if (explanation) printf("  explanation: %s\n", explanation);
}

static int status(const json_t *answer)
{
	return strcmp(member(answer, "result"), "pass") == 0 ? CLI_DONE : CLI_NO;
}

int cli_spf(int argc, char **argv)
{
	static const struct tool spf = {.name = "spf",
	                                .help = help,
	                                .options = options,
	                                .asks_dns = true,
	                                .option = take,
	                                .complete = complete,
	                                .answer = answer,
	                                .print = print,
	                                .status = status};
	if (gethostname(host_name, sizeof host_name - 1) < 0) host_name[0] = '\0';
	return tool_main(&spf, argc, argv);
}
