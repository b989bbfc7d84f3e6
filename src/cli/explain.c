/* SPDX-License-Identifier: Apache-2.0 */
/* backstop explain - why did this message bounce, and who can do something about it? */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "bounce/classify.h"
#include "bounce/explain_recipients.h"
#include "cli/explain_print.h"
#include "cli/tool.h"

#define MESSAGE_MOST ((size_t)64 << 20)
#define PATIENCE_MS  3000
#define GIVE_UP      2 /* messages whose questions got no answer: DNS is away, and the others need not wait */

static const char help[] =
	"Usage: backstop explain [--json] [--resolver ADDRESS:PORT | --local] FILE...\n"
	"       backstop explain --batch\n"
	"\n"
	"Explains a bounce: who refused the message, at which stage, why, on which blocklist its\n"
	"server is, who can do something, and what; of several recipients, each. A bounce that\n"
	"somebody sends on in a message is explained too. Where a blocklist is named, it is asked\n"
	"over DNS whether the address is on it now. \"-\" is standard input.\n"
	"\n"
	"      --resolver ADDRESS:PORT\n"
	"                         the DNS server to ask (default: the system's)\n"
	"      --local            asks nobody\n"
	"      --knowledge FILE   what is known of lists and providers, instead of what is built in\n"
	"                         (docs/knowledge.md)\n"
	"      --json             {\"class\",\"recipient\",\"status\",\"reply\",\"cause\",\"blocklist\":{\"name\",\n"
	"                         "
	"\"zone\",\"address\",\"url\",\"listed\"},\"stage\",\"who_acts\",\"advice\",\"links\",\n"
	"                         \"confidence\",\"original\":{\"message_id\",\"subject\",\"date\"},...}\n"
	"      --batch            reads lines {\"id\",\"file\"}, answers each with its id\n"
	"  -h, --help             this text\n"
	"\n"
	"Exit status: 0 explained, 1 not a bounce, 2 usage, 3 cannot run; 0 after a batch.\n";

enum { OPTION_LOCAL = 1000, OPTION_KNOWLEDGE };

static const struct option options[] = {
	{"local", no_argument, NULL, OPTION_LOCAL},
	{"knowledge", required_argument, NULL, OPTION_KNOWLEDGE},
	{NULL, 0, NULL, 0},
};

static struct { /* answers are given by fibers of one thread, and none waits while it uses these */
	struct bundle *bundle;
	struct classifier *classifier;
	struct arena arena; /* of the knowledge */
	struct knowledge *knowledge;
	const char *file;        /* of the knowledge, or NULL */
	char unusable[TOOL_WHY]; /* why the knowledge was not taken; or empty */
	bool local, ready;
	unsigned silent; /* messages in a row for which DNS gave no answer in time */
} own;

static int take(struct tool_run *run, int val, const char *argument)
{
	if (val == OPTION_LOCAL)
		own.local = true;
	else
		own.file = argument;
	return 0;
}

static bool load_knowledge(struct slice text, char why[TOOL_WHY])
{
	char problem[KNOWLEDGE_WHY] = "";
	/* What is built in has been looked at by the tests. */
	enum error e = own.file ? knowledge_load(&own.arena, text, &own.knowledge, problem)
	                        : knowledge_parse(&own.arena, text, &own.knowledge, problem);
	if (e == ERR_OK) return true;
	snprintf(why, TOOL_WHY, "knowledge %.60s: %.170s", own.file ? own.file : "(built in)",
	         problem[0] ? problem : error_text(e));
	return false;
}

/* At the first question: files are read by the loop. */
static bool prepare(struct arena *a, char why[TOOL_WHY])
{
	char problem[BUNDLE_PROBLEM];
	struct slice text = knowledge_builtin();
	if (own.ready) return true;
	if (own.file && !tool_read_file(a, own.file, KNOWLEDGE_OCTETS, &text, why)) return false;
	if (own.ready) return true; /* another question did it meanwhile */
	if (own.file && !own.unusable[0]) text = arena_copy(&own.arena, text);
	if (!text.p) return false;
	if (own.unusable[0] || !load_knowledge(text, own.unusable)) {
		snprintf(why, TOOL_WHY, "%s", own.unusable);
		return false;
	}
	if (!own.bundle && bundle_load(bundle_default_text(), &own.bundle, problem) != ERR_OK) {
		snprintf(why, TOOL_WHY, "rules: %.200s", problem);
		return false;
	}
	if (!own.classifier) own.classifier = classifier_new();
	return own.ready = own.classifier != NULL;
}

/* ---- JSON ------------------------------------------------------------------------------------------------------ */

static json_t *text_or_null(struct arena *a, struct slice s)
{
	json_t *text = s.n > 0 ? json_stringn(s.p, s.n) : json_null();
	if (text) return text;
	const char *copy = arena_strdup(a, s); /* octets that are no UTF-8 */
	return copy ? cli_json_text(copy) : json_null();
}

static void set(json_t *o, struct arena *a, const char *name, struct slice text)
{
	json_object_set_new(o, name, text_or_null(a, text));
}

static json_t *list_json(struct arena *a, const struct reply_verdict *v, enum listed listed)
{
	char address[IP_TEXT_SIZE];
	json_t *o = v->list.n ? json_object() : json_null();
	if (!v->list.n) return o;
	set(o, a, "name", v->list);
	set(o, a, "zone", v->zone);
	if (v->entry && v->entry->domains)
		set(o, a, "address", v->domain);
	else
		set(o, a, "address", slice_str(v->address.family ? ip_text(&v->address, address) : NULL));
	set(o, a, "url", v->link_count ? v->links[0] : SLICE_EMPTY);
	json_object_set_new(o, "listed", listed == LISTED_UNKNOWN ? json_null() : json_boolean(listed == LISTED_YES));
	if (v->entry && v->entry->closed.n) set(o, a, "closed", v->entry->closed); /* beyond the contract */
	return o;
}

static json_t *links_json(struct arena *a, const struct reply_verdict *v)
{
	json_t *links = json_array();
	for (size_t i = 0; i < v->link_count; i++) json_array_append_new(links, text_or_null(a, v->links[i]));
	return links;
}

static json_t *original_json(struct arena *a, const struct explanation *e)
{
	json_t *o = json_object();
	set(o, a, "message_id", e->message_id);
	set(o, a, "subject", e->subject);
	set(o, a, "date", e->date);
	return o;
}

/* Beyond the contract: one object for each of several recipients; NULL: there is one. */
static json_t *recipients_json(struct arena *a, const struct mime *m, const struct explanation *e)
{
	struct explained_recipient *r;
	size_t n;
	if (!explain_recipients(a, own.knowledge, m, e, &r, &n)) return NULL;
	json_t *list = n > 1 ? json_array() : NULL;
	for (size_t i = 0; i < n; i++, r++) {
		json_t *o = json_object();
		set(o, a, "recipient", r->address);
		json_object_set_new(o, "action",
		                    json_string(r->delivered ? "delivered"
		                                : r->delayed ? "delayed"
		                                             : "failed"));
		set(o, a, "status", slice_str(r->status));
		set(o, a, "reply", r->reply);
		json_object_set_new(o, "cause", r->delivered ? json_null() : json_string(cause_name(r->cause)));
		json_object_set_new(o, "stage", r->stage ? json_string(stage_name(r->stage)) : json_null());
		json_object_set_new(o, "who_acts", json_string(actor_name(r->actor)));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *explanation_json(struct arena *a, const struct mime *m, const struct explanation *e, enum listed listed)
{
	const struct reply_verdict *v = &e->verdict;
	bool failed = !e->failure.delivered;
	json_t *o = json_object();
	json_object_set_new(o, "class", json_string(class_word(CLASS_NDR)));
	set(o, a, "recipient", e->failure.recipient);
	set(o, a, "status", slice_str(e->status));
	set(o, a, "reply", e->reply);
	json_object_set_new(o, "cause", failed ? json_string(cause_name(v->cause)) : json_null());
	json_object_set_new(o, "blocklist", failed ? list_json(a, v, listed) : json_null());
	json_object_set_new(o, "stage", failed && v->stage ? json_string(stage_name(v->stage)) : json_null());
	json_object_set_new(o, "who_acts", json_string(actor_name(failed ? v->actor : ACTOR_nobody)));
	set(o, a, "advice", failed ? v->advice : SLICE("Nothing to do: the message arrived, or was passed on."));
	json_object_set_new(o, "links", failed ? links_json(a, v) : json_array());
	json_object_set_new(o, "confidence", json_real(failed ? v->confidence / 100.0 : 0.95));
	json_object_set_new(o, "original", original_json(a, e));
	/* Beyond the contract. */
	set(o, a, "written_to", e->failure.written_to);
	set(o, a, "detail", failed ? v->detail : SLICE_EMPTY);
	set(o, a, "means", failed ? v->means : SLICE_EMPTY);
	set(o, a, "note", failed ? v->note : SLICE_EMPTY);
	set(o, a, "refused_by", failed ? e->failure.host : SLICE_EMPTY);
	set(o, a, "reported_by", e->failure.reporter);
	set(o, a, "known_as", v->entry ? v->entry->id : SLICE_EMPTY);
	json_object_set_new(o, "delayed", json_boolean(e->failure.delayed));
	json_t *recipients = recipients_json(a, m, e);
	if (recipients) json_object_set_new(o, "recipients", recipients);
	return o;
}

/* No bounce: the same members, of the same types, without what only a bounce has. */
static json_t *nothing_json(struct arena *a, const struct classification *class)
{
	static const char *const names[] = {"recipient", "status", "reply",    "cause",
	                                    "blocklist", "stage",  "who_acts", "advice"};
	static const struct explanation none;
	json_t *o = json_object();
	json_object_set_new(o, "class", json_string(class_word(class->class)));
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) json_object_set_new(o, names[i], json_null());
	json_object_set_new(o, "links", json_array());
	json_object_set_new(o, "confidence", json_real(class->probability));
	json_object_set_new(o, "original", original_json(a, &none));
	return o;
}

/* ---- a question ------------------------------------------------------------------------------------------------ */

/* A listing among backscatterers explains nothing, but somebody who looks the address up will find it. */
static void ask_backscatter(struct resolver *r, struct arena *a, struct reply_verdict *v, int64_t deadline)
{
	const struct knowledge_entry *e = knowledge_find(own.knowledge, SLICE("backscatterer"));
	char address[IP_TEXT_SIZE];
	if (!e || !e->zone_count || v->note.n || v->entry == e || !v->address.family) return;
	if (v->entry && v->entry->kind == KNOWLEDGE_backscatter) return;
	if (listed_address(r, e->zones[0], &v->address, deadline) != LISTED_YES) return;
	v->note =
		arena_printf(a,
	                     "%s is on %.*s too, but that is not the cause: the list is for use against bounces only.",
	                     ip_text(&v->address, address), SLICE_ARG(e->list));
}

/* A message that is no bounce but has one in it, attached or quoted: somebody sends it on and asks what it means. */
static enum error find_inner(struct arena *a, const struct mime *outer, struct mime *inner, bool *found)
{
	struct original o;
	struct classification class;
	*found = false;
	if (!original_find(a, outer->root, &o)) return arena_exhausted(a) ? ERR_NO_MEMORY : ERR_OK;
	struct slice header = slice_trim(o.header);
	struct slice message = arena_printf(a, "%.*s\n\n%.*s", SLICE_ARG(header), SLICE_ARG(o.body));
	if (!message.p || !mime_parse(a, message, inner)) return ERR_NO_MEMORY;
	enum error e = classify(own.classifier, own.bundle, a, inner->root, NULL, &class);
	*found = e == ERR_OK && class.class == CLASS_NDR;
	return e;
}

static json_t *explained(struct tool_run *run, struct arena *a, const struct mime *m)
{
	struct explanation e;
	enum listed listed = LISTED_UNKNOWN;
	if (!explain(a, own.knowledge, m, &e)) return NULL;
	if (!own.local && own.silent < GIVE_UP && !e.failure.delivered) {
		int64_t deadline = clock_deadline(PATIENCE_MS);
		listed = listed_now(run->resolver, &e.verdict, deadline);
		ask_backscatter(run->resolver, a, &e.verdict, deadline);
		if (clock_now_ms() >= deadline)
			own.silent++;
		else if (listed != LISTED_UNKNOWN)
			own.silent = 0;
	}
	return explanation_json(a, m, &e, listed);
}

static json_t *answer(struct tool_run *run, struct arena *a, const json_t *question, char why[TOOL_WHY])
{
	struct slice message;
	struct mime m, inner;
	struct classification class;
	bool forwarded = false;
	json_t *o;
	const char *file = tool_string(question, "file", NULL, why);
	if (!file || !prepare(a, why) || !tool_read_file(a, file, MESSAGE_MOST, &message, why)) return NULL;
	if (!mime_parse(a, message, &m)) return NULL;
	if (classify(own.classifier, own.bundle, a, m.root, NULL, &class) != ERR_OK) return NULL;
	if (class.class == CLASS_OTHER && find_inner(a, &m, &inner, &forwarded) != ERR_OK) return NULL;
	if (class.class == CLASS_NDR || forwarded)
		o = explained(run, a, forwarded ? &inner : &m);
	else
		o = nothing_json(a, &class);
	if (!o) return NULL;
	json_object_set_new(o, "class", json_string(class_word(class.class)));
	if (forwarded) json_object_set_new(o, "forwarded", json_true());
	json_object_set_new(o, "file", cli_json_text(file));
	return o;
}

static void print(struct tool_run *run, const json_t *answer)
{
	explain_print(answer, !own.local);
}

static int status(const json_t *answer)
{
	return json_is_null(json_object_get(answer, "advice")) ? CLI_NO : CLI_DONE;
}

int cli_explain(int argc, char **argv)
{
	static const struct tool explain_tool = {.name = "explain",
	                                         .help = help,
	                                         .options = options,
	                                         .asks_dns = true,
	                                         .files = true,
	                                         .option = take,
	                                         .answer = answer,
	                                         .print = print,
	                                         .status = status};
	arena_init(&own.arena, KNOWLEDGE_ARENA);
	int code = tool_main(&explain_tool, argc, argv);
	classifier_free(own.classifier);
	bundle_unref(own.bundle);
	arena_free(&own.arena);
	return code;
}
