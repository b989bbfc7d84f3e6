/* SPDX-License-Identifier: Apache-2.0 */
/* backstop auth: SPF, DKIM, DMARC and ARC of a message, and whether its return path proved itself; as the relay sees it. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "auth/evidence.h"
#include "base/clock.h"
#include "cli/suffixes.h"
#include "cli/tool_message.h"
#include "mail/address.h"

#define DNS_TIME 20000 /* ms for all questions; RFC 7208 4.6.4: at least 20 seconds */

static const char help[] =
	"Usage: backstop auth --ip IP [--sender ADDRESS] [--helo NAME] [--psl FILE] [--json] FILE...\n"
	"       backstop auth --json --batch [...]\n"
	"\n"
	"Checks SPF, DKIM, DMARC and ARC of a message that came from this address, and tells whether its\n"
	"return path proved that it sent it: only then may a bounce go there. FILE is the message, lines with\n"
	"CR LF or LF; \"-\" is standard input.\n"
	"\n"
	"      --ip IP                address of the client\n"
	"      --sender ADDRESS       the return path (MAIL FROM), default none\n"
	"      --helo NAME            the name the client gave, default none\n"
	"      --receiver NAME        the name that macros of SPF call ours (default: the host's)\n"
	"      --psl FILE             DMARC by RFC 7489 with this public suffix list; else by RFC 9989\n"
	"      --resolver HOST:PORT   DNS server to ask; default: the system's\n"
	"      --now T                Unix time, instead of the clock's\n"
	"      --batch                questions as JSON lines on standard input:\n"
	"                             {\"id\",\"file\",\"ip\",\"sender\",\"helo\",\"now\"}\n"
	"      --json                 answers as JSON lines\n"
	"\n"
	"Exit status: 0 the return path is verified; 1 it is not; 2 usage; 3 cannot run.\n";

enum { OPTION_IP = 1000, OPTION_SENDER, OPTION_HELO, OPTION_RECEIVER, OPTION_PSL };

static const struct option options[] = {
	{"ip", required_argument, NULL, OPTION_IP},     {"sender", required_argument, NULL, OPTION_SENDER},
	{"helo", required_argument, NULL, OPTION_HELO}, {"receiver", required_argument, NULL, OPTION_RECEIVER},
	{"psl", required_argument, NULL, OPTION_PSL},   {NULL, 0, NULL, 0},
};

static struct { /* of the one run */
	struct suffix_list *suffixes;
	char host_name[256];
} own;

static int take(struct tool_run *run, int val, const char *argument)
{
	static const char *const names[] = {"ip", "sender", "helo", "receiver"};
	if (val == OPTION_PSL) return suffixes_option(argument, &own.suffixes);
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

/* ---- one message ------------------------------------------------------------------------------------------------------------------ */

struct job { /* one question */
	struct tool_run *run;
	struct arena *arena;
	struct spf_query query;
	struct spf_verdict spf;
	struct tool_message message;
};

static bool read_question(struct job *job, const json_t *question, char why[TOOL_WHY])
{
	struct spf_query *q = &job->query;
	const char *ip = tool_string(question, "ip", NULL, why);
	if (!ip) return false;
	const char *sender = tool_string(question, "sender", "", why);
	const char *helo = tool_string(question, "helo", "", why);
	const char *receiver = tool_string(question, "receiver", own.host_name, why);
	if (!sender || !helo || !receiver || !tool_integer(question, "now", tool_now(job->run), &q->now, why))
		return false;
	if (!ip_parse(slice_str(ip), &q->client)) {
		snprintf(why, TOOL_WHY, "ip is not an address: %.100s", ip);
		return false;
	}
	q->sender = strcmp(sender, "<>") == 0 ? SLICE_EMPTY : slice_str(sender);
	q->helo = slice_str(helo);
	q->receiver = slice_str(receiver);
	q->deadline = clock_deadline(DNS_TIME);
	return tool_read_message(job->arena, question, &job->message, why);
}

static void check_spf(void *arg)
{
	struct job *job = arg;
	spf_check(job->arena, job->run->resolver, &job->query, &job->spf);
}

/* Canonical; empty: the null return path, a literal, or no address. */
static struct slice sender_domain(const struct job *job)
{
	struct slice sender = job->query.sender, domain = SLICE_EMPTY;
	size_t at = slice_find_last(sender, '@');
	if (at < sender.n) domain = domain_canonical(job->arena, slice_sub(sender, at + 1, sender.n));
	return domain.p ? domain : SLICE_EMPTY;
}

static enum error examine(struct job *job, struct evidence *out)
{
	const struct evidence_check check = {.header = job->message.header,
	                                     .spf = &job->spf,
	                                     .mail_from_domain = sender_domain(job),
	                                     .source = {.resolver = job->run->resolver,
	                                                .suffixes = own.suffixes,
	                                                .deadline = job->query.deadline},
	                                     .now = job->query.now};
	struct evidence_run *evidence;
	struct scope scope;
	enum error e = evidence_begin(job->arena, &check, &evidence);
	if (e) return e;
	scope_init(&scope);
	bool apart = scope_spawn(&scope, "spf", check_spf, job) == ERR_OK;
	if (!apart) check_spf(job);
	evidence_ask(evidence);
	evidence_body(evidence, job->message.body);
	if (apart) scope_join(&scope, DEADLINE_NEVER);
	evidence_end(evidence, out);
	return ERR_OK;
}

/* ---- the answer --------------------------------------------------------------------------------------------------------------------- */

static json_t *describe_dkim(const struct dkim_verdict *v)
{
	json_t *list = json_array();
	for (size_t i = 0; i < v->count; i++) {
		const struct dkim_signature *s = &v->signatures[i];
		json_array_append_new(list, json_pack("{ss so so ss?}", "result", auth_result_text(s->result), "domain",
		                                      cli_json_slice(s->domain), "selector",
		                                      cli_json_slice(s->selector), "problem", s->problem));
	}
	return json_pack("{ss so}", "result", auth_result_text(v->result), "signatures", list);
}

static json_t *describe_dmarc(const struct dmarc_verdict *v)
{
	return json_pack("{ss ss? ss so ss?}", "result", auth_result_text(v->result), "policy",
	                 dmarc_policy_text(v->policy), "disposition", dmarc_policy_text(v->disposition), "org_domain",
	                 cli_json_slice(v->org_domain), "problem", v->problem);
}

static json_t *describe(const struct evidence *e)
{
	bool verified = e->proof != PROOF_none;
	json_t *spf = json_pack("{ss so ss?}", "result", auth_result_text(e->spf->result), "domain",
	                        cli_json_slice(e->spf->domain), "problem", e->spf->problem);
	json_t *arc = json_pack("{ss ss?}", "result", auth_result_text(e->arc.result), "problem", e->arc.problem);
	return json_pack("{so so so so so sb ss?}", "spf", spf, "dkim", describe_dkim(&e->dkim), "dmarc",
	                 describe_dmarc(&e->dmarc), "arc", arc, "from_domain", cli_json_slice(e->from_domain),
	                 "verified", verified, "by", verified ? proof_text(e->proof) : NULL);
}

static json_t *answer(struct tool_run *run, struct arena *a, const json_t *question, char why[TOOL_WHY])
{
	struct job *job = ARENA_NEW(a, struct job);
	struct evidence evidence;
	if (!job) return NULL;
	job->run = run;
	job->arena = a;
	if (!read_question(job, question, why)) return NULL;
	enum error e = examine(job, &evidence);
	if (e) snprintf(why, TOOL_WHY, "%s", error_text(e));
	return e ? NULL : describe(&evidence);
}

static void print(struct tool_run *run, const json_t *answer)
{
	static const char *const methods[] = {"spf", "dkim", "dmarc", "arc"};
	const char *by = json_string_value(json_object_get(answer, "by"));
	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
		const json_t *method = json_object_get(answer, methods[i]);
		const char *problem = json_string_value(json_object_get(method, "problem"));
		printf("%-6s %s%s%s\n", methods[i], json_string_value(json_object_get(method, "result")),
		       problem ? ": " : "", problem ? problem : "");
	}
	printf("return path: %s%s\n", by ? "verified by " : "not verified", by ? by : "");
}

static int status(const json_t *answer)
{
	return json_is_true(json_object_get(answer, "verified")) ? CLI_DONE : CLI_NO;
}

static const struct tool tool = {.name = "auth",
                                 .help = help,
                                 .options = options,
                                 .asks_dns = true,
                                 .files = true,
                                 .option = take,
                                 .complete = complete,
                                 .answer = answer,
                                 .print = print,
                                 .status = status};

int cli_auth(int argc, char **argv)
{
	if (gethostname(own.host_name, sizeof own.host_name - 1) < 0) own.host_name[0] = '\0';
	int result = tool_main(&tool, argc, argv);
	suffix_list_free(own.suffixes);
	return result;
}
