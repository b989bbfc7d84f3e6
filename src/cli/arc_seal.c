/* SPDX-License-Identifier: Apache-2.0 */
/* backstop arc-seal: the ARC set that a handler of a message adds to it. */
#include <stdio.h>
#include <string.h>

#include "auth/authres.h"
#include "base/clock.h"
#include "cli/tool_message.h"

#define DNS_TIME 20000 /* ms for all keys of a message */
#define KEY_MOST 65536 /* octets of a PEM file */

static const char help[] =
	"Usage: backstop arc-seal --key PEM --domain DOMAIN --selector SELECTOR --authserv-id ID\n"
	"                         [--headers NAME:NAME...] [--resolver ADDRESS:PORT] [--now T] [--json] FILE...\n"
	"       backstop arc-seal --json --batch [...]\n"
	"\n"
	"Checks the ARC chain of a message and prints the fields of the next set, which go on top. What the\n"
	"fields Authentication-Results with this ID say is taken over. A chain that is broken is sealed as\n"
	"such, once; a chain that an earlier seal calls broken is not extended.\n"
	"\n"
	"      --key PEM              file with the private key, RSA or Ed25519\n"
	"      --domain DOMAIN        who seals (d=)\n"
	"      --selector SELECTOR    of the key record (s=)\n"
	"      --authserv-id ID       name in Authentication-Results\n"
	"      --headers NAMES        fields to sign, with colons between; default: as for DKIM\n"
	"      --resolver HOST:PORT   DNS server to ask for keys; default: the system's\n"
	"      --now T                Unix time, instead of the clock's\n"
	"      --batch                questions as JSON lines on standard input: {\"id\",\"file\",\"now\",\"key\",\n"
	"                             \"domain\",\"selector\",\"authserv_id\",\"headers\"}\n"
	"      --json                 answers as JSON lines\n"
	"\n"
	"Exit status: 0 sealed; 1 must not be extended; 2 usage; 3 cannot run.\n";

enum { OPTION_KEY = 1000, OPTION_DOMAIN, OPTION_SELECTOR, OPTION_AUTHSERV_ID, OPTION_HEADERS };

static const struct option options[] = {
	{"key", required_argument, NULL, OPTION_KEY},
	{"domain", required_argument, NULL, OPTION_DOMAIN},
	{"selector", required_argument, NULL, OPTION_SELECTOR},
	{"authserv-id", required_argument, NULL, OPTION_AUTHSERV_ID},
	{"headers", required_argument, NULL, OPTION_HEADERS},
	{NULL, 0, NULL, 0},
};

static const char *const members[] = {"key", "domain", "selector", "authserv_id", "headers"};

static int take(struct tool_run *run, int val, const char *argument)
{
	json_object_set_new(run->question, members[val - OPTION_KEY], cli_json_text(argument));
	return 0;
}

static int complete(struct tool_run *run)
{
	for (size_t i = 0; i < 4; i++)
		if (!json_object_get(run->question, members[i])) return cli_usage("--%s is missing", options[i].name);
	return 0;
}

/* ---- one message ------------------------------------------------------------------------------------------------------------------ */

struct job { /* one question */
	struct tool_message message;
	struct arc_sealing sealing;
	struct arc_verdict chain;
	struct signing_key *key;
};

static bool read_names(struct arena *a, const char *text, struct signing *s)
{
	struct slice rest = slice_str(text);
	struct slice *names = arena_alloc(a, (rest.n + 1) * sizeof *names);
	for (size_t n = 0; names && rest.p;) {
		struct slice name = slice_trim(slice_split(&rest, ':'));
		if (name.n > 0) names[n++] = name;
		s->header_count = n;
	}
	s->headers = names;
	return names != NULL;
}

static bool read_question(struct tool_run *run, struct arena *a, const json_t *question, struct job *job,
                          char why[TOOL_WHY])
{
	struct signing *s = &job->sealing.signing;
	struct slice pem;
	const char *text[4];
	for (size_t i = 0; i < 4; i++)
		if (!(text[i] = tool_string(question, members[i], NULL, why))) return false;
	const char *headers = tool_string(question, "headers", "", why);
	if (!headers || !tool_integer(question, "now", tool_now(run), &s->now, why)) return false;
	if (!tool_read_file(a, text[0], KEY_MOST, &pem, why)) return false;
	s->domain = slice_str(text[1]);
	s->selector = slice_str(text[2]);
	job->sealing.authserv_id = slice_str(text[3]);
	if (*headers && !read_names(a, headers, s)) return false;
	if (!tool_read_message(a, question, &job->message, why)) return false;
	if (signing_key_load(pem, &job->key, why)) return false;
	s->key = job->key;
	return true;
}

static enum error verify(struct tool_run *run, struct arena *a, struct job *job)
{
	struct arc_verifier *v;
	enum error e = arc_verify_begin(a, job->message.header, job->sealing.signing.now, &v);
	if (e) return e;
	arc_verify_keys(v, run->resolver, clock_deadline(DNS_TIME));
	arc_verify_body(v, job->message.body);
	arc_verify_end(v, &job->chain);
	return ERR_OK;
}

static enum error seal(struct arena *a, struct job *job, struct arc_set *out)
{
	const struct authres only_arc = {.arc = &job->chain};
	struct arc_sealer *g;
	job->sealing.chain = &job->chain;
	job->sealing.results = authres_merge(a, job->message.header, job->sealing.authserv_id);
	if (job->sealing.results.p && job->sealing.results.n == 0) job->sealing.results = authres_results(a, &only_arc);
	if (!job->sealing.results.p) return ERR_NO_MEMORY;
	enum error e = arc_seal_begin(a, job->message.header, &job->sealing, &g);
	if (e) return e;
	arc_seal_body(g, job->message.body);
	return arc_seal_end(g, out);
}

static void add_field(json_t *list, struct slice field)
{
	field = slice_trim(field); /* the last line end is not a part of it here */
	if (field.n > 0) json_array_append_new(list, cli_json_slice(field));
}

static json_t *answer(struct tool_run *run, struct arena *a, const json_t *question, char why[TOOL_WHY])
{
	struct job job = {.key = NULL};
	struct arc_set set;
	if (!read_question(run, a, question, &job, why)) return NULL;
	enum error e = verify(run, a, &job);
	if (!e) e = seal(a, &job, &set);
	signing_key_unref(job.key);
	if (e) {
		snprintf(why, TOOL_WHY, "%s", error_text(e));
		return NULL;
	}
	json_t *list = json_array();
	add_field(list, set.seal);
	add_field(list, set.message_signature);
	add_field(list, set.authentication_results);
	return json_pack("{so ss}", "headers", list, "chain", auth_result_text(job.chain.result));
}

static void print(struct tool_run *run, const json_t *answer)
{
	size_t i;
	const json_t *field, *list = json_object_get(answer, "headers");
	json_array_foreach(list, i, field) printf("%s\r\n", json_string_value(field));
}

static int status(const json_t *answer)
{
	return json_array_size(json_object_get(answer, "headers")) > 0 ? CLI_DONE : CLI_NO;
}

static const struct tool tool = {.name = "arc-seal",
                                 .help = help,
                                 .options = options,
                                 .asks_dns = true,
                                 .files = true,
                                 .option = take,
                                 .complete = complete,
                                 .answer = answer,
                                 .print = print,
                                 .status = status};

int cli_arc_seal(int argc, char **argv)
{
	return tool_main(&tool, argc, argv);
}
