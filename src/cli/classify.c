/* SPDX-License-Identifier: Apache-2.0 */
/* backstop classify - is a message a bounce, an automatic reply, a challenge, a complaint? */
#include <stdio.h>
#include <string.h>

#include "bounce/classify.h"
#include "cli/tool.h"

#define MESSAGE_MOST ((size_t)64 << 20)
#define RULES_MOST   ((size_t)4 << 20)

static const char help[] =
	"Usage: backstop classify [--json] [--mail-from PATH] [--rules FILE] FILE...\n"
	"       backstop classify --batch [--rules FILE]\n"
	"\n"
	"Tells what a message is: a delivery report (ndr), an automatic reply, a challenge (\"confirm\n"
	"that you are no robot\"), a complaint (arf), or other. A file may end its lines in LF or\n"
	"CR LF; \"-\" is standard input.\n"
	"\n"
	"      --mail-from PATH   the return path that the message came with, \"\" or \"<>\" for none\n"
	"                         (default: unknown)\n"
	"      --rules FILE       rule bundle instead of the one that is built in\n"
	"      --json             {\"file\",\"class\",\"kind\",\"probability\",\"signals\":[...]}; kind: what an\n"
	"                         ndr says: failed, delayed, delivered, relayed or expanded\n"
	"      --batch            reads lines {\"id\",\"file\",\"mail_from\"}, answers each with its id\n"
	"  -h, --help             this text\n"
	"\n"
	"Exit status: 0 done, 2 usage, 3 cannot run, also when a file could not be read.\n";

enum { OPTION_MAIL_FROM = 1000, OPTION_RULES };

static const struct option options[] = {
	{"mail-from", required_argument, NULL, OPTION_MAIL_FROM},
	{"rules", required_argument, NULL, OPTION_RULES},
	{NULL, 0, NULL, 0},
};

static struct { /* answers are given by fibers of one thread, and none waits while it classifies */
	struct bundle *bundle;
	struct classifier *classifier;
	const char *rules; /* a file, or NULL */
} own;

static int take(struct tool_run *run, int val, const char *argument)
{
	if (val == OPTION_RULES)
		own.rules = argument;
	else
		json_object_set_new(run->question, "mail_from", cli_json_text(argument));
	return 0;
}

/* Loads the bundle at the first question: files are read by the loop. */
static bool prepare(struct arena *a, char why[TOOL_WHY])
{
	char problem[BUNDLE_PROBLEM];
	struct slice text = bundle_default_text();
	if (own.classifier) return true;
	if (own.rules && !tool_read_file(a, own.rules, RULES_MOST, &text, why)) return false;
	if (own.classifier) return true; /* another question did it meanwhile */
	if (bundle_load(text, &own.bundle, problem) != ERR_OK) {
		snprintf(why, TOOL_WHY, "rules %.60s: %.180s", own.rules ? own.rules : "(built in)", problem);
		return false;
	}
	own.classifier = classifier_new();
	if (!own.classifier) {
		bundle_unref(own.bundle);
		own.bundle = NULL;
	}
	return own.classifier;
}

static json_t *verdict_json(const char *file, const struct classification *v)
{
	json_t *o = json_object(), *signals = json_array();
	const char *kind = kind_word(v->kind);
	json_object_set_new(o, "file", cli_json_text(file));
	json_object_set_new(o, "class", json_string(class_word(v->class)));
	json_object_set_new(o, "kind", kind ? json_string(kind) : json_null());
	json_object_set_new(o, "probability", json_real(v->probability));
	for (size_t i = 0; i < v->fired_count; i++)
		json_array_append_new(signals, json_stringn(v->fired[i].p, v->fired[i].n));
	json_object_set_new(o, "signals", signals);
	return o;
}

static json_t *answer(struct tool_run *run, struct arena *a, const json_t *question, char why[TOOL_WHY])
{
	struct slice message, path, *known = NULL;
	struct mime m;
	struct classification v;
	const char *file = tool_string(question, "file", NULL, why);
	const char *mail_from = tool_string(question, "mail_from", "", why);
	if (!file || !mail_from || !prepare(a, why)) return NULL;
	if (json_is_string(json_object_get(question, "mail_from"))) {
		path = slice_str(mail_from);
		known = &path;
	}
	if (!tool_read_file(a, file, MESSAGE_MOST, &message, why)) return NULL;
	if (!mime_parse(a, message, &m)) return NULL;
	if (classify(own.classifier, own.bundle, a, m.root, known, &v) != ERR_OK) return NULL;
	return verdict_json(file, &v);
}

static void print(struct tool_run *run, const json_t *answer)
{
	size_t i;
	const json_t *signal, *kind = json_object_get(answer, "kind");
	printf("%s: %s", json_string_value(json_object_get(answer, "file")),
	       json_string_value(json_object_get(answer, "class")));
	if (json_is_string(kind)) printf(" %s", json_string_value(kind));
	printf(" (%.4f)", json_real_value(json_object_get(answer, "probability")));
	json_array_foreach(json_object_get(answer, "signals"), i, signal) printf(" %s", json_string_value(signal));
	printf("\n");
}

int cli_classify(int argc, char **argv)
{
	static const struct tool classify_tool = {.name = "classify",
	                                          .help = help,
	                                          .options = options,
	                                          .files = true,
	                                          .option = take,
	                                          .answer = answer,
	                                          .print = print};
	int status = tool_main(&classify_tool, argc, argv);
	classifier_free(own.classifier);
	bundle_unref(own.bundle);
	return status;
}
