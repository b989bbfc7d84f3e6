/* SPDX-License-Identifier: Apache-2.0 */
/* backstop batv - tags in return paths */
#include <stdio.h>
#include <string.h>

#include "auth/batv.h"
#include "auth/tag.h"
#include "cli/format.h"
#include "cli/tool.h"
#include "cli/tool_secret.h"

static const char help[] =
	"Usage: backstop batv sign ADDRESS --key KEY [--keynum N] [--days N] [--form FORM] [--json]\n"
	"       backstop batv verify ADDRESS --key KEY [--keynum N] [--max-days N] [--json]\n"
	"       backstop batv --json --batch\n"
	"\n"
	"Signs a return path with a tag (Bounce Address Tag Validation, \"prvs=\"), or takes the tag\n"
	"off and says whether it is good. Compatible with Exim's ${prvs} and ${prvscheck}.\n"
	"\n"
	"      --key KEY         the key; others can see it while this runs. Exim's end at 64 octets\n"
	"      --key-file FILE   the same from a file (\"-\": standard input), without its line end\n"
	"      --keynum N        the key's number, 0 to 9 (default 0)\n"
	"      --days N          how long the tag is good, 0 (today) to 99 (default 7)\n"
	"      --form FORM       prvs: prvs=TAG=local@domain (default);\n"
	"                        sub-address: local+prvs=TAG@domain. Both are verified\n"
	"      --max-days N      how far ahead a tag may point (default 99)\n"
	"      --now T           Unix time, instead of the clock's\n"
	"      --batch           a JSON object a line on standard input:\n"
	"                        {\"id\",\"op\":\"sign\",\"address\",\"key\",\"keynum\",\"now\",\"days\",\"form\"}\n"
	"                        gives {\"id\",\"address\"};\n"
	"                        {\"id\",\"op\":\"verify\",\"address\",\"key\",\"keynum\",\"now\",\"max_days\"}\n"
	"                        gives {\"id\",\"valid\",\"address\"}, the address without the tag; what is\n"
	"                        absent is taken from the options\n"
	"      --json            one JSON object a line\n"
	"  -h, --help            this text\n"
	"\n"
	"Exim hashes an address in the case in which it is given, and so does sign; Exim does not\n"
	"take a tag that came back in another case, verify does where the sender was in lower case.\n"
	"A quoted local part is written as Exim does, the tag before the quotes. The relay puts the\n"
	"tag inside them, as SMTP wants it, and hashes in lower case; verify reads all of these.\n"
	"\n"
	"Exit status: 0 done, or the tag is good; 1 it is not: untagged, forged, or expired; 2 usage;\n"
	"3 the address cannot be signed.\n";

enum { OPTION_KEY = 1, OPTION_KEY_FILE, OPTION_KEYNUM, OPTION_DAYS, OPTION_FORM, OPTION_MAX_DAYS };

static const struct option options[] = {
	{"key", required_argument, NULL, OPTION_KEY},
	{"key-file", required_argument, NULL, OPTION_KEY_FILE},
	{"keynum", required_argument, NULL, OPTION_KEYNUM},
	{"days", required_argument, NULL, OPTION_DAYS},
	{"form", required_argument, NULL, OPTION_FORM},
	{"max-days", required_argument, NULL, OPTION_MAX_DAYS},
	{NULL},
};

static int take_number(struct tool_run *run, const char *name, const char *member, const char *argument, unsigned most)
{
	uint64_t n;
	if (!slice_to_u64(slice_str(argument), &n) || n > most)
		return cli_usage("--%s %s: not 0 to %u", name, argument, most);
	json_object_set_new(run->question, member, json_integer((json_int_t)n));
	return 0;
}

static bool read_form(const char *text, enum batv_form *form)
{
	*form = strcmp(text, "prvs") == 0 ? BATV_PRVS : BATV_SUBADDRESS;
	return *form == BATV_PRVS || strcmp(text, "sub-address") == 0 || strcmp(text, "subaddress") == 0;
}

static int take(struct tool_run *run, int val, const char *argument)
{
	enum batv_form form;
	switch (val) {
	case OPTION_KEY: json_object_set_new(run->question, "key", cli_json_text(argument)); return 0;
	case OPTION_KEY_FILE: return tool_secret_file(run, "key", argument);
	case OPTION_KEYNUM: return take_number(run, "keynum", "keynum", argument, 9);
	case OPTION_DAYS: return take_number(run, "days", "days", argument, BATV_MOST_DAYS);
	case OPTION_MAX_DAYS: return take_number(run, "max-days", "max_days", argument, BATV_MOST_DAYS);
	default:
		if (!read_form(argument, &form)) return cli_usage("--form %s: prvs or sub-address", argument);
		json_object_set_new(run->question, "form", json_string(argument));
		return 0;
	}
}

static int operands(struct tool_run *run, int count, char **words)
{
	if (count != 2 || (strcmp(words[0], "sign") != 0 && strcmp(words[0], "verify") != 0))
		return cli_usage("what shall be done? sign ADDRESS, or verify ADDRESS");
	json_object_set_new(run->question, "op", json_string(words[0]));
	json_object_set_new(run->question, "address", cli_json_text(words[1]));
	return 0;
}

static int complete(struct tool_run *run)
{
	return json_object_get(run->question, "key") ? 0 : cli_usage("a --key or --key-file is needed");
}

static bool number(const json_t *question, const char *name, unsigned otherwise, unsigned most, unsigned *out,
                   char why[TOOL_WHY])
{
	int64_t n;
	if (!tool_integer(question, name, otherwise, &n, why)) return false;
	*out = (unsigned)n;
	if (n >= 0 && n <= most) return true;
	snprintf(why, TOOL_WHY, "%s is not 0 to %u", name, most);
	return false;
}

static json_t *sign(struct arena *a, const json_t *question, struct slice address, const struct batv_key *key,
                    int64_t now, char why[TOOL_WHY])
{
	unsigned days;
	enum batv_form form;
	const char *word = tool_string(question, "form", "prvs", why);
	if (!word || !number(question, "days", BATV_DAYS, BATV_MOST_DAYS, &days, why)) return NULL;
	if (!read_form(word, &form)) {
		snprintf(why, TOOL_WHY, "form is prvs or sub-address");
		return NULL;
	}
	struct slice made = batv_sign(a, address, key, form, '+', now, days);
	if (made.p && form == BATV_PRVS) made = tag_bare(a, made, address);
	if (made.p) return json_pack("{s:o}", "address", format_json(made));
	snprintf(why, TOOL_WHY, "the address is not local@domain");
	return NULL;
}

static json_t *verify(struct tool_run *run, struct arena *a, const json_t *question, struct slice address,
                      const struct batv_key *key, int64_t now, char why[TOOL_WHY])
{
	static const char *const words[] = {[BATV_UNTAGGED] = "untagged",
	                                    [BATV_VALID] = "valid",
	                                    [BATV_EXPIRED] = "expired",
	                                    [BATV_FORGED] = "not of this key"};
	unsigned most;
	struct slice original;
	if (!number(question, "max_days", BATV_MOST_DAYS, BATV_MOST_DAYS, &most, why)) return NULL;
	enum batv_verdict v = batv_verify_within(a, address, key, 1, '+', now, most, &original);
	if (!original.p) return NULL;
	json_t *answer = json_pack("{s:b, s:o}", "valid", v == BATV_VALID, "address", format_json(original));
	if (answer && !run->json) json_object_set_new(answer, "verdict", json_string(words[v]));
	return answer;
}

static json_t *answer(struct tool_run *run, struct arena *a, const json_t *question, char why[TOOL_WHY])
{
	const char *op = tool_string(question, "op", NULL, why), *address, *secret;
	unsigned keynum;
	int64_t now;
	if (!op || !(address = tool_string(question, "address", NULL, why))) return NULL;
	if (!(secret = tool_string(question, "key", NULL, why))) return NULL;
	if (!number(question, "keynum", 0, 9, &keynum, why)) return NULL;
	if (!tool_integer(question, "now", tool_now(run), &now, why)) return NULL;
	struct batv_key key = {.secret = slice_str(secret), .number = (uint8_t)keynum, .as_given = true};
	if (key.secret.n == 0)
		snprintf(why, TOOL_WHY, "the key is empty");
	else if (strcmp(op, "sign") == 0)
		return sign(a, question, slice_str(address), &key, now, why);
	else if (strcmp(op, "verify") == 0)
		return verify(run, a, question, slice_str(address), &key, now, why);
	else
		snprintf(why, TOOL_WHY, "op is sign or verify");
	return NULL;
}

static void print(struct tool_run *run, const json_t *answer)
{
	const char *verdict = json_string_value(json_object_get(answer, "verdict"));
	char text[3000];
	if (verdict) printf("%s: ", verdict);
	puts(format_safe(slice_str(json_string_value(json_object_get(answer, "address"))), text, sizeof text));
}

static int status(const json_t *answer)
{
	return json_is_false(json_object_get(answer, "valid")) ? CLI_NO : CLI_DONE;
}

int cli_batv(int argc, char **argv)
{
	static const struct tool batv = {.name = "batv",
	                                 .help = help,
	                                 .options = options,
	                                 .option = take,
	                                 .operands = operands,
	                                 .complete = complete,
	                                 .answer = answer,
	                                 .print = print,
	                                 .status = status};
	return tool_main(&batv, argc, argv);
}
