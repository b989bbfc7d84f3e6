/* SPDX-License-Identifier: Apache-2.0 */
/* backstop held - messages that are kept instead of bounced, until somebody decides or their time is over */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "auth/proof.h"
#include "cli/format.h"
#include "cli/queue_view.h"
#include "mail/address.h"
#include "mail/header.h"

#define HEADER_MOST (1024 * 1024)
#define CHUNK       (64 * 1024)

static const char help[] =
	"Usage: backstop held list [--tenant NAME] [--json]\n"
	"       backstop held show ID [--body] [--json]\n"
	"       backstop held release ID...|--all --tenant NAME [--to ADDRESS] [--json]\n"
	"       backstop held drop ID...|--all --tenant NAME [--json]\n"
	"\n"
	"Messages that could not be delivered and may not be bounced, because whoever they seem to\n"
	"come from did not prove to have sent them. They are kept, with the reason, until somebody\n"
	"decides or hold-lifetime is over. Works whether the services run or not; a running relay\n"
	"takes up a change within a second.\n"
	"\n"
	"  list     one line a message, oldest first\n"
	"  show     all that is known of one message, and its header\n"
	"  release  tries again to deliver it; if that fails for good it is held again. The copy that\n"
	"           is delivered says in a field X-Backstop-Held why it was held\n"
	"  drop     removes it; nobody is told\n"
	"\n"
	"      --tenant NAME  only this tenant's\n"
	"      --all          with --tenant: all that are held for it\n"
	"      --to ADDRESS   delivers it to this address of its tenant and not to its recipients. A\n"
	"                     bounce or automatic reply to somebody who is not known to have sent what\n"
	"                     it answers can be released in no other way\n"
	"      --body         with show: the whole message, not only its header\n"
	"      --json         one object a line\n"
	"  -c, --config FILE  the configuration (default " CONFIG_DEFAULT_PATH ")\n"
	"  -h, --help         this text\n"
	"\n"
	"Exit status: 0 done; 1 a message does not exist, is not held, or may not be released so;\n"
	"2 usage; 3 the spool cannot be read or written.\n";

struct job {
	struct cli_options options;
	struct queue_view view;
	const char *tenant, *to;
	bool all, body;
	enum spool_edit edit;
	struct slice address, domain; /* of --to; domain canonical */
	uint64_t done;
	int status; /* the worst so far */
};

/* ---- list --------------------------------------------------------------------------------------------------------- */

static json_t *held_json(const struct job *j, const struct spool_message *m)
{
	char id[SPOOL_ID_TEXT];
	json_t *to = json_array();
	for (size_t i = 0; i < m->recipient_count; i++)
		if (m->recipients[i].state == RECIPIENT_PENDING)
			json_array_append_new(to, format_json(m->recipients[i].address));
	json_t *o = json_pack("{s:s, s:o, s:o, s:s?, s:o, s:o}", "id", spool_id_text(m->id, id), "since",
	                      format_json_time(m->held_since), "expires", format_json_time(m->expires), "tenant",
	                      queue_view_tenant(&j->view, m->tenant), "from", format_json(m->return_path), "to", to);
	if (!o) return NULL;
	json_object_set_new(o, "reason", m->hold_reason.n ? format_json(m->hold_reason) : json_string("by hand"));
	json_object_set_new(o, "size", json_integer((json_int_t)m->size));
	json_object_set_new(o, "proof", json_string(proof_text(m->proof)));
	json_object_set_new(o, "answer", json_boolean(m->answer));
	return o;
}

static void print_line(const struct job *j, const struct spool_message *m)
{
	char id[SPOOL_ID_TEXT], since[FORMAT_SPAN_SIZE], left[FORMAT_SPAN_SIZE], from[256], to[256], reason[512],
		more[24] = "";
	const struct spool_recipient *r = queue_view_pending(m);
	const char *tenant = queue_view_tenant(&j->view, m->tenant);
	if (m->recipient_count > 1) snprintf(more, sizeof more, " +%zu", m->recipient_count - 1);
	printf("%s %6s %7s %10llu %-6s %-12s <%s> -> <%s>%s%s  %s\n", spool_id_text(m->id, id),
	       format_span(j->view.now - m->held_since, since), format_span(m->expires - j->view.now, left),
	       (unsigned long long)m->size, proof_text(m->proof), tenant ? tenant : "-",
	       format_safe(m->return_path, from, sizeof from), r ? format_safe(r->address, to, sizeof to) : "", more,
	       m->answer ? " (answer)" : "",
	       m->hold_reason.n ? format_safe(m->hold_reason, reason, sizeof reason) : "by hand");
}

static bool wanted(const struct job *j, const struct spool_message *m)
{
	return m->hold && queue_view_is_tenants(&j->view, m, j->tenant);
}

static bool list_one(const struct spool_message *m, void *arg)
{
	struct job *j = arg;
	if (!wanted(j, m)) return true;
	if (j->options.json)
		cli_print_json(held_json(j, m));
	else
		print_line(j, m);
	return !ferror(stdout);
}

static int list(struct job *j, int argc, char **argv)
{
	if (!j->options.json)
		printf("%-13s %6s %7s %10s %-6s %-12s %s\n", "ID", "HELD", "LEFT", "SIZE", "PROOF", "TENANT",
		       "FROM -> TO  REASON");
	enum error err = j->view.spool ? spool_each(j->view.spool, list_one, j) : ERR_OK;
	return err ? queue_view_failed(err) : CLI_DONE;
}

/* ---- show --------------------------------------------------------------------------------------------------------- */

static json_t *header_json(struct arena *a, struct slice header)
{
	struct header_iterator it;
	struct header_field f;
	json_t *fields = json_array();
	for (header_begin(&it, header); header_next(&it, &f);) {
		struct slice value = header_unfold(a, f.value);
		json_array_append_new(fields, json_pack("{s:o, s:o}", "name", format_json(f.name), "value",
		                                        format_json(value.p ? value : f.value)));
	}
	return fields;
}

/* A terminal gets no control characters but blanks; a file or pipe gets the octets. */
static void print_text(struct slice text)
{
	bool terminal = isatty(STDOUT_FILENO);
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		if (terminal && c == '\r') continue;
		putchar(terminal && (c < 0x20 || c == 0x7f) && c != '\n' && c != '\t' ? '?' : c);
	}
}

static enum error print_body(const struct blob *body, uint64_t n)
{
	static char chunk[CHUNK];
	for (uint64_t at = 0; at < n;) {
		size_t got, most = n - at < CHUNK ? (size_t)(n - at) : CHUNK;
		enum error err = blob_read(body, at, chunk, most, &got);
		if (err || got == 0) return err;
		print_text(slice_of(chunk, got));
		at += got;
	}
	return ERR_OK;
}

static enum error read_text(struct arena *a, const struct blob *body, uint64_t n, struct slice *out)
{
	char *text = arena_alloc(a, n + 1);
	size_t got = 0;
	enum error err = text ? ERR_OK : ERR_NO_MEMORY;
	*out = slice_of(text, 0);
	while (!err && out->n < n && !(err = blob_read(body, out->n, text + out->n, n - out->n, &got)) && got > 0)
		out->n += got;
	return err;
}

static enum error show_json(struct job *j, struct arena *a, const struct spool_message *m, const struct blob *body)
{
	struct slice header, whole;
	enum error err = read_text(a, body, m->header_size < HEADER_MOST ? m->header_size : HEADER_MOST, &header);
	if (!err && j->body) err = read_text(a, body, m->size, &whole);
	if (err) return err;
	json_t *o = held_json(j, m), *all = queue_view_json(&j->view, m);
	json_object_update_missing(o, all);
	json_decref(all);
	json_object_set_new(o, "header", header_json(a, header));
	if (j->body) json_object_set_new(o, "message", format_json(whole));
	cli_print_json(o);
	return ERR_OK;
}

static enum error show_text(struct job *j, const struct spool_message *m, const struct blob *body)
{
	queue_view_print(&j->view, m);
	putchar('\n');
	uint64_t header = m->header_size < HEADER_MOST ? m->header_size : HEADER_MOST;
	return print_body(body, j->body ? m->size : header);
}

static int not_held(const char *text)
{
	cli_complain("%s is not on hold", text);
	return CLI_NO;
}

static int show(struct job *j, int argc, char **argv)
{
	uint64_t id;
	struct arena a;
	struct spool_message m;
	struct blob body;
	if (!format_parse_id(argv[0], &id)) return cli_usage("not the id of a message: %s", argv[0]);
	arena_init(&a, SIZE_MAX / 2);
	enum error err = j->view.spool ? spool_get(j->view.spool, id, &a, &m) : ERR_NOT_FOUND;
	bool held = !err && m.hold;
	if (held && !(err = spool_body(j->view.spool, &m, &body))) {
		err = j->options.json ? show_json(j, &a, &m, &body) : show_text(j, &m, &body);
		blob_free(&body);
	}
	arena_free(&a);
	if (err == ERR_NOT_FOUND) return queue_view_no_such(argv[0]);
	return err ? queue_view_failed(err) : held ? CLI_DONE : not_held(argv[0]);
}

/* ---- release and drop --------------------------------------------------------------------------------------------- */

/* --to: only where its owner reads it, never to the world. */
static int refuse_address(const struct job *j, const struct spool_message *m, const char *text)
{
	const struct tenant *t = j->view.tenants ? tenants_by_id(j->view.tenants, m->tenant) : NULL;
	if (t && tenant_owns(t, j->domain)) return CLI_DONE;
	cli_complain("%s: %s is not in a domain of its tenant%s%s", text, j->to, t ? " " : "", t ? t->name : "");
	return CLI_NO;
}

static int change(struct job *j, const struct spool_message *m)
{
	char text[SPOOL_ID_TEXT];
	struct spool_change c = {.what = j->edit, .now = j->view.now, .to = j->address};
	spool_id_text(m->id, text);
	int status = j->to ? refuse_address(j, m, text) : CLI_DONE;
	if (status) return status;
	if (j->edit == SPOOL_RELEASE) c.expires = queue_view_life_end(&j->view, m);
	enum error err = spool_edit(j->view.spool, m->id, &c);
	if (err == ERR_PERMISSION) return queue_view_refuse_answer(text);
	if (err == ERR_NOT_FOUND) return queue_view_no_such(text);
	if (err) return queue_view_failed(err);
	j->done++;
	return CLI_DONE;
}

static int change_one(struct job *j, uint64_t id, const char *text)
{
	struct arena a;
	struct spool_message m;
	int status;
	arena_init(&a, QUEUE_VIEW_ARENA);
	enum error err = j->view.spool ? spool_get(j->view.spool, id, &a, &m) : ERR_NOT_FOUND;
	if (err)
		status = err == ERR_NOT_FOUND ? queue_view_no_such(text) : queue_view_failed(err);
	else
		status = m.hold ? change(j, &m) : not_held(text);
	arena_free(&a);
	return status;
}

static bool change_each(const struct spool_message *m, void *arg)
{
	struct job *j = arg;
	if (!wanted(j, m)) return true;
	int status = change(j, m);
	if (status > j->status) j->status = status;
	return status != CLI_CANNOT;
}

static void tell(const struct job *j)
{
	const char *what = j->edit == SPOOL_DROP ? "dropped" : "released";
	if (j->options.json)
		cli_print_json(json_pack("{s:I}", what, (json_int_t)j->done));
	else
		printf("%llu %s\n", (unsigned long long)j->done, what);
}

/* All of them are done; the worst status counts. */
static int edit(struct job *j, int argc, char **argv)
{
	uint64_t id;
	for (int i = 0; i < argc; i++)
		if (!format_parse_id(argv[i], &id)) return cli_usage("not the id of a message: %s", argv[i]);
	if (j->all && j->view.spool) {
		enum error err = spool_each(j->view.spool, change_each, j);
		if (err) j->status = queue_view_failed(err);
	}
	for (int i = 0; i < argc; i++) {
		format_parse_id(argv[i], &id);
		int one = change_one(j, id, argv[i]);
		if (one > j->status) j->status = one;
	}
	tell(j);
	return j->status;
}

/* ---- the command -------------------------------------------------------------------------------------------------- */

static const struct verb {
	const char *name;
	int (*run)(struct job *, int argc, char **argv);
	enum spool_edit edit;
	int least, most; /* ids */
	bool changes;
} verbs[] = {
	{"list", list, 0, 0, 0, false},
	{"show", show, 0, 1, 1, false},
	{"release", edit, SPOOL_RELEASE, 1, INT32_MAX, true},
	{"drop", edit, SPOOL_DROP, 1, INT32_MAX, true},
};

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (strcmp(name, verbs[i].name) == 0) return &verbs[i];
	return NULL;
}

static int check_words(const struct job *j, const struct verb *v, int words, char **argv)
{
	if (j->to && v->edit != SPOOL_RELEASE) return cli_usage("--to goes with release only");
	if (j->body && v->run != show) return cli_usage("--body goes with show only");
	if (j->all && !v->changes) return cli_usage("--all goes with release and drop only");
	if (j->all && !j->tenant) return cli_usage("--all needs --tenant: whose?");
	if (j->tenant && !j->all && v->run != list) return cli_usage("--tenant goes with list and --all");
	if (words < v->least && !j->all) return cli_usage("%s needs the id of a message", v->name);
	if (words > (j->all ? 0 : v->most)) return cli_usage("too many words: %s", argv[words]);
	return CLI_DONE;
}

static int parse_address(struct job *j, struct arena *a)
{
	struct address address;
	enum address_error e = address_parse(a, slice_str(j->to), false, &address);
	if (e) return cli_usage("--to %s: %s", j->to, address_error_text(e));
	j->address = address.text;
	j->domain = domain_canonical(a, address.domain);
	return j->domain.p ? CLI_DONE : cli_usage("--to %s: that is not a mail domain", j->to);
}

static int run(struct job *j, int argc, char **argv)
{
	struct arena a;
	if (argc < 1) return cli_usage("what shall be done? list, show, release or drop");
	const struct verb *v = find_verb(argv[0]);
	if (!v) return cli_usage("there is no %s", argv[0]);
	int status = check_words(j, v, argc - 1, argv);
	if (status) return status;
	j->edit = v->edit;
	arena_init(&a, 64 * 1024);
	if (j->to) status = parse_address(j, &a);
	if (!status) {
		status = queue_view_open(&j->view, &j->options, v->changes, j->tenant);
		if (!status) status = cli_finish(v->run(j, argc - 1, argv + 1));
		queue_view_close(&j->view);
	}
	arena_free(&a);
	return status;
}

int cli_held(int argc, char **argv)
{
	enum { TENANT = 1000, TO, ALL, BODY };
	static const struct option own[] = {{"tenant", required_argument, NULL, TENANT},
	                                    {"to", required_argument, NULL, TO},
	                                    {"all", no_argument, NULL, ALL},
	                                    {"body", no_argument, NULL, BODY},
	                                    {0}};
	struct job j = {0};
	int option;
	cli_begin(&j.options, argv[0], help);
	while ((option = cli_getopt(&j.options, argc, argv, own)) != -1) switch (option) {
		case TENANT: j.tenant = optarg; break;
		case TO: j.to = optarg; break;
		case ALL: j.all = true; break;
		case BODY: j.body = true; break;
		default: return j.options.status;
		}
	return run(&j, argc - optind, argv + optind);
}
