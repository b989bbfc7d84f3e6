/* SPDX-License-Identifier: Apache-2.0 */
/* backstop srs - return paths of forwarded mail */
#include <stdio.h>
#include <string.h>

#include "auth/srs.h"
#include "auth/tag.h"
#include "cli/format.h"
#include "cli/tool.h"
#include "cli/tool_secret.h"

static const char help[] =
	"Usage: backstop srs forward ADDRESS --domain DOMAIN --secret SECRET [--json]\n"
	"       backstop srs reverse ADDRESS --secret SECRET [--max-days N] [--json]\n"
	"       backstop srs --json --batch\n"
	"\n"
	"Rewrites the return path of mail that is forwarded, and turns it back (Sender Rewriting\n"
	"Scheme). Compatible with Mail::SRS, postsrsd and others of that family: with the same secret\n"
	"each reverses what the other made.\n"
	"\n"
	"  forward ADDRESS       make SRS0=...@DOMAIN of it, or SRS1 of what is SRS already; an\n"
	"                        address in DOMAIN stays as it is\n"
	"  reverse ADDRESS       the address that it was made of\n"
	"\n"
	"      --domain DOMAIN      the forwarder's domain\n"
	"      --secret SECRET      what the hash is made with; others can see it while this runs\n"
	"      --secret-file FILE   the same from a file (\"-\": standard input), without its line end\n"
	"      --max-days N         how old an address may be (default 21, as Mail::SRS)\n"
	"      --now T              Unix time, instead of the clock's\n"
	"      --batch              a JSON object a line on standard input:\n"
	"                           {\"id\",\"op\":\"forward\",\"address\",\"domain\",\"secret\",\"now\"} and\n"
	"                           {\"id\",\"op\":\"reverse\",\"address\",\"secret\",\"now\",\"max_days\"} give\n"
	"                           {\"id\",\"address\"} or {\"id\",\"error\"}; what is absent is taken\n"
	"                           from the options\n"
	"      --json               one JSON object a line\n"
	"  -h, --help               this text\n"
	"\n"
	"A quoted local part is written as Mail::SRS does, the tag before the quotes. The relay puts\n"
	"the tag inside them, as SMTP wants it; both are read.\n"
	"\n"
	"Exit status: 0 done; 1 the address does not reverse: not SRS, not of this secret, or too\n"
	"old; 2 usage; 3 it cannot be rewritten.\n";

enum { OPTION_DOMAIN = 1, OPTION_SECRET, OPTION_SECRET_FILE, OPTION_MAX_DAYS };

static const struct option options[] = {
	{"domain", required_argument, NULL, OPTION_DOMAIN},
	{"secret", required_argument, NULL, OPTION_SECRET},
	{"secret-file", required_argument, NULL, OPTION_SECRET_FILE},
	{"max-days", required_argument, NULL, OPTION_MAX_DAYS},
	{NULL},
};

static int take(struct tool_run *run, int val, const char *argument)
{
	uint64_t n;
	switch (val) {
	case OPTION_DOMAIN: json_object_set_new(run->question, "domain", cli_json_text(argument)); break;
	case OPTION_SECRET: json_object_set_new(run->question, "secret", cli_json_text(argument)); break;
	case OPTION_SECRET_FILE: return tool_secret_file(run, "secret", argument);
	default:
		if (!slice_to_u64(slice_str(argument), &n) || n > 1023)
			return cli_usage("--max-days %s: not 0 to 1023", argument);
		json_object_set_new(run->question, "max_days", json_integer((json_int_t)n));
	}
	return 0;
}

static int operands(struct tool_run *run, int count, char **words)
{
	if (count != 2 || (strcmp(words[0], "forward") != 0 && strcmp(words[0], "reverse") != 0))
		return cli_usage("what shall be done? forward ADDRESS, or reverse ADDRESS");
	json_object_set_new(run->question, "op", json_string(words[0]));
	json_object_set_new(run->question, "address", cli_json_text(words[1]));
	return 0;
}

static int complete(struct tool_run *run)
{
	bool forward = strcmp(json_string_value(json_object_get(run->question, "op")), "forward") == 0;
	if (!json_object_get(run->question, "secret")) return cli_usage("a --secret or --secret-file is needed");
	if (forward && !json_object_get(run->question, "domain")) return cli_usage("a --domain is needed");
	return 0;
}

static json_t *answer_of(struct slice address)
{
	return json_pack("{s:o}", "address", format_json(address));
}

static json_t *forward(struct arena *a, const json_t *question, struct slice address, struct slice secret, int64_t now,
                       char why[TOOL_WHY])
{
	const char *domain = tool_string(question, "domain", NULL, why);
	if (!domain) return NULL;
	const char *at = strrchr(domain, '@'); /* the forwarding address is as good */
	struct slice ours = slice_str(at ? at + 1 : domain), made = srs_forward(a, address, ours, secret, now);
	if (made.p) made = tag_bare(a, made, address);
	if (made.p) return answer_of(made);
	snprintf(why, TOOL_WHY, ours.n ? "the address is not local@domain" : "the domain is empty");
	return NULL;
}

/* A refusal is an answer, not a failure of the tool. */
static json_t *refusal(enum error e)
{
	switch (e) {
	case ERR_NOT_FOUND: return json_pack("{s:s}", "error", "not an SRS address");
	case ERR_SYNTAX: return json_pack("{s:s}", "error", "a malformed SRS address");
	case ERR_PERMISSION: return json_pack("{s:s}", "error", "the hash is not of this secret");
	case ERR_TIMEOUT: return json_pack("{s:s}", "error", "too old");
	default: return NULL;
	}
}

static json_t *reverse(struct arena *a, const json_t *question, struct slice address, struct slice secret, int64_t now,
                       char why[TOOL_WHY])
{
	int64_t days;
	struct slice original;
	struct srs_secrets secrets = {&secret, 1};
	if (!tool_integer(question, "max_days", SRS_DAYS, &days, why)) return NULL;
	if (days < 0 || days > 1023) {
		snprintf(why, TOOL_WHY, "max_days is not 0 to 1023");
		return NULL;
	}
	enum error e = srs_reverse(a, address, &secrets, now, (unsigned)days, &original);
	return e ? refusal(e) : answer_of(original);
}

static json_t *answer(struct tool_run *run, struct arena *a, const json_t *question, char why[TOOL_WHY])
{
	const char *op = tool_string(question, "op", NULL, why), *address, *secret;
	int64_t now;
	if (!op || !(address = tool_string(question, "address", NULL, why))) return NULL;
	if (!(secret = tool_string(question, "secret", NULL, why))) return NULL;
	if (!tool_integer(question, "now", tool_now(run), &now, why)) return NULL;
	struct slice from = slice_str(address), key = slice_str(secret);
	if (key.n == 0)
		snprintf(why, TOOL_WHY, "the secret is empty");
	else if (strcmp(op, "forward") == 0)
		return forward(a, question, from, key, now, why);
	else if (strcmp(op, "reverse") == 0)
		return reverse(a, question, from, key, now, why);
	else
		snprintf(why, TOOL_WHY, "op is forward or reverse");
	return NULL;
}

static void print(struct tool_run *run, const json_t *answer)
{
	const char *address = json_string_value(json_object_get(answer, "address"));
	char text[3000];
	if (address)
		puts(format_safe(slice_str(address), text, sizeof text));
	else
		cli_complain("%s", json_string_value(json_object_get(answer, "error")));
}

static int status(const json_t *answer)
{
	return json_object_get(answer, "address") ? CLI_DONE : CLI_NO;
}

int cli_srs(int argc, char **argv)
{
	static const struct tool srs = {.name = "srs",
	                                .help = help,
	                                .options = options,
	                                .option = take,
	                                .operands = operands,
	                                .complete = complete,
	                                .answer = answer,
	                                .print = print,
	                                .status = status};
	return tool_main(&srs, argc, argv);
}
