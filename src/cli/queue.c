/* SPDX-License-Identifier: Apache-2.0 */
/* backstop queue - messages that were accepted and are not delivered yet */
#include <stdio.h>
#include <string.h>

#include "cli/format.h"
#include "cli/queue_view.h"

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
	struct queue_view view;
	const char *tenant;
	int pool; /* -1: all */
	bool held, all;
	const char *reason;
	enum spool_edit edit;
	uint64_t done, failed;
};

/* ---- showing ------------------------------------------------------------------------------------------------------ */

static bool wanted(const struct job *j, const struct spool_message *m)
{
	return queue_view_is_tenants(&j->view, m, j->tenant) && (j->pool < 0 || j->pool == m->pool) &&
	       (!j->held || m->hold);
}

static bool list_one(const struct spool_message *m, void *arg)
{
	struct job *j = arg;
	if (!wanted(j, m)) return true;
	if (j->options.json)
		cli_print_json(queue_view_json(&j->view, m));
	else
		queue_view_line(&j->view, m);
	return !ferror(stdout);
}

static int list(struct job *j, int argc, char **argv)
{
	if (!j->options.json)
		printf("%-13s %6s %8s %5s %10s %-8s %-12s %s\n", "ID", "AGE", "NEXT", "TRIES", "SIZE", "POOL", "TENANT",
		       "FROM -> TO");
	enum error err = j->view.spool ? spool_each(j->view.spool, list_one, j) : ERR_OK;
	return err ? queue_view_failed(err) : CLI_DONE;
}

static int show(struct job *j, int argc, char **argv)
{
	uint64_t id;
	struct arena a;
	struct spool_message m;
	if (!format_parse_id(argv[0], &id)) return cli_usage("not the id of a message: %s", argv[0]);
	arena_init(&a, QUEUE_VIEW_ARENA);
	enum error err = j->view.spool ? spool_get(j->view.spool, id, &a, &m) : ERR_NOT_FOUND;
	if (!err && j->options.json) cli_print_json(queue_view_json(&j->view, &m));
	if (!err && !j->options.json) queue_view_print(&j->view, &m);
	arena_free(&a);
	return err == ERR_NOT_FOUND ? queue_view_no_such(argv[0]) : err ? queue_view_failed(err) : CLI_DONE;
}

/* ---- changing ----------------------------------------------------------------------------------------------------- */

/* A retry of what is on hold would do nothing, and an unproven answer does not go to its addressee; that is said instead. */
static int refuse(const struct job *j, const struct spool_message *m, const char *text)
{
	if (j->edit == SPOOL_RETRY && m->hold) {
		cli_complain("%s is on hold: release it", text);
		return CLI_NO;
	}
	if (j->edit == SPOOL_RELEASE && m->answer && !m->redirected) {
		return queue_view_refuse_answer(text);
	}
	return CLI_DONE;
}

static int edit_one(struct job *j, uint64_t id, const char *text)
{
	struct arena a;
	struct spool_message m;
	struct spool_change c = {.what = j->edit, .now = j->view.now, .reason = slice_str(j->reason)};
	if (!j->view.spool) return queue_view_no_such(text);
	arena_init(&a, QUEUE_VIEW_ARENA);
	enum error err = spool_get(j->view.spool, id, &a, &m);
	int status = err ? CLI_DONE : refuse(j, &m, text);
	if (!err && j->edit == SPOOL_HOLD) c.expires = queue_view_hold_end(&j->view);
	if (!err && j->edit == SPOOL_RELEASE) c.expires = queue_view_life_end(&j->view, &m);
	if (!status) err = spool_edit(j->view.spool, id, &c); /* also what cannot be read may be dropped */
	arena_free(&a);
	if (err == ERR_NOT_FOUND) return queue_view_no_such(text);
	return err ? queue_view_failed(err) : status;
}

static bool retry_one(const struct spool_message *m, void *arg)
{
	struct job *j = arg;
	if (m->hold || !wanted(j, m)) return true;
	enum error err =
		spool_edit(j->view.spool, m->id, &(struct spool_change){.what = SPOOL_RETRY, .now = j->view.now});
	if (err && err != ERR_NOT_FOUND) { /* not found: delivered meanwhile */
		queue_view_failed(err);
		j->failed++;
		return false;
	}
	j->done++;
	return true;
}

static int retry_all(struct job *j)
{
	enum error err = j->view.spool ? spool_each(j->view.spool, retry_one, j) : ERR_OK;
	if (err) return queue_view_failed(err);
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
		if (!format_parse_id(argv[i], &id)) return cli_usage("not the id of a message: %s", argv[i]);
	for (int i = 0; i < argc; i++) {
		format_parse_id(argv[i], &id);
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
	int status = queue_view_open(&j->view, &j->options, v->writes, j->tenant);
	if (!status) status = cli_finish(v->run(j, argc - 1, argv + 1));
	queue_view_close(&j->view);
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
	struct job j = {.pool = -1, .reason = ""};
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
