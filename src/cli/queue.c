/* SPDX-License-Identifier: Apache-2.0 */
/* backstop queue - messages that were accepted and are not delivered yet */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/format.h"
#include "mail/envelope.h"
#include "store/spool.h"
#include "store/tenants.h"

#define ARENA_MOST (64u * 1024 * 1024)

static const char help[] = "Usage: backstop queue list [--tenant NAME] [--pool POOL] [--held] [--json]\n"
			   "       backstop queue show ID [--json]\n"
			   "       backstop queue retry ID...|--all\n"
			   "       backstop queue hold ID... [--reason TEXT]\n"
			   "       backstop queue release ID...\n"
			   "       backstop queue drop ID...\n"
			   "\n"
			   "Messages that were accepted and are not delivered yet. Works whether the services run or\n"
			   "not; a running relay takes up a change within a second.\n"
			   "\n"
			   "  list     one line a message, oldest first\n"
			   "  show     all that is known of one message\n"
			   "  retry    tries now instead of at the next attempt; --all: every message not on hold\n"
			   "  hold     keeps it and does not try, until it is released or expires\n"
			   "  release  ends the hold and tries now\n"
			   "  drop     removes it; nobody is told\n"
			   "\n"
			   "      --tenant NAME  only this tenant's\n"
			   "      --pool POOL    only this pool's: regular, bounce, ndr, risk\n"
			   "      --held         only those on hold\n"
			   "      --reason TEXT  why it is held\n"
			   "      --all          with retry\n"
			   "      --json         one object a line\n"
			   "  -c, --config FILE  the configuration (default " CONFIG_DEFAULT_PATH ")\n"
			   "  -h, --help         this text\n"
			   "\n"
			   "Exit status: 0 done; 1 a message does not exist or cannot be changed so; 2 usage; 3 the\n"
			   "spool cannot be read or written.\n";

struct job {
	struct cli_options options;
	struct config *config;
	struct db *spool;        /* NULL: there is none yet */
	struct tenants *tenants; /* NULL: none yet */
	const char *tenant;
	int pool; /* -1: all */
	bool held, all;
	const char *reason;
	enum spool_edit edit;
	int64_t now;
	uint64_t done, failed;
};

static const char *const kinds[] =
	{[SPOOL_OUTBOUND] = "outbound", [SPOOL_INBOUND] = "inbound", [SPOOL_REPORT] = "report"};
static const char *const states[] = {[RECIPIENT_PENDING] = "pending",
                                     [RECIPIENT_DELIVERED] = "delivered",
                                     [RECIPIENT_FAILED] = "failed",
                                     [RECIPIENT_EXPIRED] = "expired"};

/* NULL when it has none, or one that was removed. */
static const char *tenant_name(const struct job *j, uint32_t id)
{
	const struct tenant *t = j->tenants ? tenants_by_id(j->tenants, id) : NULL;
	return t ? t->name : NULL;
}

/* ---- showing ------------------------------------------------------------------------------------------------------ */

static json_t *recipient_json(const struct spool_recipient *r)
{
	return json_pack("{s:o, s:s, s:o, s:o, s:o}", "address", format_json(r->address), "state", states[r->state],
	                 "last_reply", r->last_reply.n ? format_json(r->last_reply) : json_null(), "last_remote",
	                 r->last_remote.n ? format_json(r->last_remote) : json_null(), "last_attempt",
	                 format_json_time(r->last_attempt));
}

static json_t *message_json(const struct job *j, const struct spool_message *m)
{
	char id[SPOOL_ID_TEXT];
	json_t *recipients = json_array();
	for (size_t i = 0; i < m->recipient_count; i++)
		json_array_append_new(recipients, recipient_json(&m->recipients[i]));
	json_t *o = json_pack("{s:s, s:s, s:s, s:s?, s:o, s:o}", "id", spool_id_text(m->id, id), "kind", kinds[m->kind],
	                      "pool", pool_name((enum pool)m->pool), "tenant", tenant_name(j, m->tenant), "return_path",
	                      format_json(m->return_path), "recipients", recipients);
	if (!o) return NULL;
	json_object_set_new(o, "arrived", format_json_time(m->arrived));
	json_object_set_new(o, "next_attempt", m->hold ? json_null() : format_json_time(m->next_attempt));
	json_object_set_new(o, "expires", format_json_time(m->expires));
	json_object_set_new(o, "attempts", json_integer(m->attempts));
	json_object_set_new(o, "size", json_integer((json_int_t)m->size));
	json_object_set_new(o, "hold", json_boolean(m->hold));
	json_object_set_new(o, "hold_reason", m->hold_reason.n ? format_json(m->hold_reason) : json_null());
	json_object_set_new(o, "verified", json_boolean(m->verified));
	json_object_set_new(o, "source", m->source.n ? format_json(m->source) : json_null());
	json_object_set_new(o, "message_id", m->message_id.n ? format_json(m->message_id) : json_null());
	json_object_set_new(o, "envid", m->envid.n ? format_json(m->envid) : json_null());
	return o;
}

static const struct spool_recipient *first_pending(const struct spool_message *m)
{
	for (size_t i = 0; i < m->recipient_count; i++)
		if (m->recipients[i].state == RECIPIENT_PENDING) return &m->recipients[i];
	return m->recipient_count ? &m->recipients[0] : NULL;
}

static void print_line(const struct job *j, const struct spool_message *m)
{
	char id[SPOOL_ID_TEXT], age[FORMAT_SPAN_SIZE], next[FORMAT_SPAN_SIZE + 4], from[256], to[256], more[24] = "";
	const struct spool_recipient *r = first_pending(m);
	if (m->hold)
		snprintf(next, sizeof next, "held");
	else if (m->next_attempt <= j->now)
		snprintf(next, sizeof next, "now");
	else
		format_span(m->next_attempt - j->now, next);
	if (m->recipient_count > 1) snprintf(more, sizeof more, " +%zu", m->recipient_count - 1);
	printf("%s %6s %8s %5u %10llu %-8s %-12s <%s> -> <%s>%s\n", spool_id_text(m->id, id),
	       format_span(j->now - m->arrived, age), next, m->attempts, (unsigned long long)m->size,
	       pool_name((enum pool)m->pool), tenant_name(j, m->tenant) ? tenant_name(j, m->tenant) : "-",
	       format_safe(m->return_path, from, sizeof from), r ? format_safe(r->address, to, sizeof to) : "", more);
}

static bool wanted(const struct job *j, const struct spool_message *m)
{
	const char *name = tenant_name(j, m->tenant);
	return (!j->tenant || (name && strcmp(name, j->tenant) == 0)) && (j->pool < 0 || j->pool == m->pool) &&
	       (!j->held || m->hold);
}

static bool list_one(const struct spool_message *m, void *arg)
{
	struct job *j = arg;
	if (!wanted(j, m)) return true;
	if (j->options.json)
		cli_print_json(message_json(j, m));
	else
		print_line(j, m);
	return !ferror(stdout);
}

static int failed(enum error err)
{
	cli_complain("the spool: %s", error_text(err));
	return CLI_CANNOT;
}

static int list(struct job *j, int argc, char **argv)
{
	if (!j->options.json)
		printf("%-13s %6s %8s %5s %10s %-8s %-12s %s\n", "ID", "AGE", "NEXT", "TRIES", "SIZE", "POOL", "TENANT",
		       "FROM -> TO");
	enum error err = j->spool ? spool_each(j->spool, list_one, j) : ERR_OK;
	return err ? failed(err) : CLI_DONE;
}

static void print_field(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void print_field(const char *name, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	printf("%-13s ", name);
	vprintf(format, args);
	putchar('\n');
	va_end(args);
}

static void print_recipient(const struct spool_recipient *r)
{
	char text[1024], time[FORMAT_TIME_SIZE];
	print_field("to", "<%s>  %s", format_safe(r->address, text, sizeof text), states[r->state]);
	if (r->last_attempt) print_field("", "last attempt  %s", format_time(r->last_attempt, time));
	if (r->last_remote.n) print_field("", "last server   %s", format_safe(r->last_remote, text, sizeof text));
	if (r->last_reply.n) print_field("", "last answer   %s", format_safe(r->last_reply, text, sizeof text));
}

static void print_message(const struct job *j, const struct spool_message *m)
{
	char text[1024], time[FORMAT_TIME_SIZE];
	const char *tenant = tenant_name(j, m->tenant);
	print_field("message", "%s", spool_id_text(m->id, text));
	print_field("kind", "%s%s", kinds[m->kind], m->downstream ? ", to the tenant's own server" : "");
	print_field("pool", "%s", pool_name((enum pool)m->pool));
	print_field("tenant", "%s", tenant ? tenant : "-");
	print_field("from", "<%s>%s", format_safe(m->return_path, text, sizeof text), m->verified ? "  verified" : "");
	print_field("given by", "%s", format_safe(m->source, text, sizeof text));
	print_field("Message-ID", "%s", format_safe(m->message_id, text, sizeof text));
	print_field("size", "%llu octets", (unsigned long long)m->size);
	print_field("arrived", "%s", format_time(m->arrived, time));
	print_field("attempts", "%u", m->attempts);
	if (m->hold)
		print_field("held", "%s", m->hold_reason.n ? format_safe(m->hold_reason, text, sizeof text) : "yes");
	else
		print_field("next attempt", "%s", format_time(m->next_attempt, time));
	print_field("expires", "%s", format_time(m->expires, time));
	for (size_t i = 0; i < m->recipient_count; i++) print_recipient(&m->recipients[i]);
}

static int no_such_message(const char *text)
{
	cli_complain("%s: there is no such message in the queue", text);
	return CLI_NO;
}

static int show(struct job *j, int argc, char **argv)
{
	uint64_t id;
	struct arena a;
	struct spool_message m;
	if (!spool_id_parse(slice_str(argv[0]), &id)) return cli_usage("not the id of a message: %s", argv[0]);
	arena_init(&a, ARENA_MOST);
	enum error err = j->spool ? spool_get(j->spool, id, &a, &m) : ERR_NOT_FOUND;
	if (!err && j->options.json) cli_print_json(message_json(j, &m));
	if (!err && !j->options.json) print_message(j, &m);
	arena_free(&a);
	return err == ERR_NOT_FOUND ? no_such_message(argv[0]) : err ? failed(err) : CLI_DONE;
}

/* ---- changing ----------------------------------------------------------------------------------------------------- */

/* A retry of what is on hold would do nothing; that is said instead. */
static bool is_held(const struct job *j, uint64_t id)
{
	struct arena a;
	struct spool_message m;
	arena_init(&a, ARENA_MOST);
	bool held = spool_get(j->spool, id, &a, &m) == ERR_OK && m.hold;
	arena_free(&a);
	return held;
}

static int edit_one(struct job *j, uint64_t id, const char *text)
{
	if (!j->spool) return no_such_message(text);
	if (j->edit == SPOOL_RETRY && is_held(j, id)) {
		cli_complain("%s is on hold: release it", text);
		return CLI_NO;
	}
	enum error err = spool_edit(j->spool, id, j->edit, slice_str(j->reason), j->now);
	if (err == ERR_NOT_FOUND) return no_such_message(text);
	return err ? failed(err) : CLI_DONE;
}

static bool retry_one(const struct spool_message *m, void *arg)
{
	struct job *j = arg;
	if (m->hold || !wanted(j, m)) return true;
	enum error err = spool_edit(j->spool, m->id, SPOOL_RETRY, SLICE_EMPTY, j->now);
	if (err && err != ERR_NOT_FOUND) { /* not found: delivered meanwhile */
		failed(err);
		j->failed++;
		return false;
	}
	j->done++;
	return true;
}

static int retry_all(struct job *j)
{
	enum error err = j->spool ? spool_each(j->spool, retry_one, j) : ERR_OK;
	if (err) return failed(err);
	if (!j->options.json) printf("%llu messages will be tried now\n", (unsigned long long)j->done);
	return j->failed ? CLI_CANNOT : CLI_DONE;
}

/* All of them are done; the worst status counts. */
static int edit(struct job *j, int argc, char **argv)
{
	int status = CLI_DONE;
	uint64_t id;
	if (j->all) return retry_all(j);
	for (int i = 0; i < argc; i++)
		if (!spool_id_parse(slice_str(argv[i]), &id)) return cli_usage("not the id of a message: %s", argv[i]);
	for (int i = 0; i < argc; i++) {
		spool_id_parse(slice_str(argv[i]), &id);
		int one = edit_one(j, id, argv[i]);
		if (one > status) status = one;
	}
	return status;
}

/* ---- the command -------------------------------------------------------------------------------------------------- */

static const struct verb {
	const char *name;
	int (*run)(struct job *, int argc, char **argv);
	enum spool_edit edit;
	int least, most; /* ids */
	bool writes, may_all;
} verbs[] = {
	{"list", list, 0, 0, 0, false, false},
	{"show", show, 0, 1, 1, false, false},
	{"retry", edit, SPOOL_RETRY, 1, INT32_MAX, true, true},
	{"hold", edit, SPOOL_HOLD, 1, INT32_MAX, true, false},
	{"release", edit, SPOOL_RELEASE, 1, INT32_MAX, true, false},
	{"drop", edit, SPOOL_DROP, 1, INT32_MAX, true, false},
};

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (strcmp(name, verbs[i].name) == 0) return &verbs[i];
	return NULL;
}

/* Names only make the output nicer: without them (no state yet) the queue is shown all the same. */
static int open_all(struct job *j, bool write)
{
	struct db *state;
	char why[256];
	enum error err = cli_open_db(j->config, DB_SPOOL, write ? 0 : DB_READ_ONLY, &j->spool);
	if (err && err != ERR_NOT_FOUND) return CLI_CANNOT;
	err = cli_open_db(j->config, DB_STATE, DB_READ_ONLY, &state);
	if (err) return err == ERR_NOT_FOUND ? CLI_DONE : CLI_CANNOT;
	if (tenants_load(state, &j->tenants, why)) cli_complain("the tenants: %s", why);
	db_close(state);
	return CLI_DONE;
}

static int run(struct job *j, int argc, char **argv)
{
	if (argc < 1) return cli_usage("what shall be done? list, show, retry, hold, release or drop");
	const struct verb *v = find_verb(argv[0]);
	if (!v) return cli_usage("there is no %s", argv[0]);
	bool all = j->all && v->may_all;
	if (j->all && !v->may_all) return cli_usage("--all goes with retry only");
	if (argc - 1 < v->least && !all) return cli_usage("%s needs the id of a message", argv[0]);
	if (argc - 1 > (all ? 0 : v->most)) return cli_usage("too many words: %s", argv[argc - 1]);
	j->edit = v->edit;
	if (cli_open_config(&j->options, &j->config)) return CLI_CANNOT;
	int status = open_all(j, v->writes);
	if (!status && j->tenant && (!j->tenants || !tenants_by_name(j->tenants, slice_str(j->tenant)))) {
		cli_complain("there is no tenant %s", j->tenant);
		status = CLI_NO;
	}
	if (!status) status = cli_finish(v->run(j, argc - 1, argv + 1));
	tenants_unref(j->tenants);
	db_close(j->spool);
	config_unref(j->config);
	return status;
}

static int pool_number(const char *name)
{
	for (int p = 0; p < POOL_COUNT; p++)
		if (strcmp(name, pool_name((enum pool)p)) == 0) return p;
	return -1;
}

int cli_queue(int argc, char **argv)
{
	enum { TENANT = 1000, POOL, HELD, REASON, ALL };
	static const struct option own[] = {{"tenant", required_argument, NULL, TENANT},
	                                    {"pool", required_argument, NULL, POOL},
	                                    {"held", no_argument, NULL, HELD},
	                                    {"reason", required_argument, NULL, REASON},
	                                    {"all", no_argument, NULL, ALL},
	                                    {0}};
	struct job j = {.pool = -1, .reason = "", .now = clock_unix()};
	int option;
	cli_begin(&j.options, argv[0], help);
	while ((option = cli_getopt(&j.options, argc, argv, own)) != -1) switch (option) {
		case TENANT: j.tenant = optarg; break;
		case POOL:
			if ((j.pool = pool_number(optarg)) < 0) return cli_usage("there is no pool %s", optarg);
			break;
		case HELD: j.held = true; break;
		case REASON: j.reason = optarg; break;
		case ALL: j.all = true; break;
		default: return j.options.status;
		}
	return run(&j, argc - optind, argv + optind);
}
