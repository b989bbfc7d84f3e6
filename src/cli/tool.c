/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fiber.h"
#include "cli/tool_batch.h"

#define OPTIONS_MOST 50
#define READ_FIRST   (64 * 1024)

enum { OPTION_RESOLVER = 0x20000, OPTION_NOW, OPTION_BATCH };

int64_t tool_now(const struct tool_run *run)
{
	return run->now >= 0 ? run->now : clock_unix();
}

/* ---- members of a question ------------------------------------------------------------------------------------------------------ */

static const json_t *member(const json_t *question, const char *name)
{
	const json_t *value = json_object_get(question, name);
	return json_is_null(value) ? NULL : value;
}

const char *tool_string(const json_t *question, const char *name, const char *otherwise, char why[TOOL_WHY])
{
	const json_t *value = member(question, name);
	if (!value) {
		if (!otherwise) snprintf(why, TOOL_WHY, "%s is missing", name);
		return otherwise;
	}
	const char *text = json_string_value(value);
	if (text && strlen(text) == json_string_length(value)) return text;
	snprintf(why, TOOL_WHY, text ? "%s has a NUL in it" : "%s is not a string", name);
	return NULL;
}

bool tool_integer(const json_t *question, const char *name, int64_t otherwise, int64_t *out, char why[TOOL_WHY])
{
	const json_t *value = member(question, name);
	*out = value ? json_integer_value(value) : otherwise;
	if (!value || json_is_integer(value)) return true;
	snprintf(why, TOOL_WHY, "%s is not an integer", name);
	return false;
}

/* ---- files ---------------------------------------------------------------------------------------------------------------------- */

struct file {
	const char *path;
	size_t most, n, room;
	char *octets;
	int failure; /* errno; EFBIG: more than most */
};

static bool grow(struct file *f)
{
	size_t room = f->room ? f->room * 2 : READ_FIRST;
	if (room > f->most) room = f->most + 1; /* one more shows that it is too big */
	char *octets = realloc(f->octets, room);
	if (!octets) return false;
	f->octets = octets;
	f->room = room;
	return true;
}

static void read_all(void *arg)
{
	struct file *f = arg;
	bool standard = strcmp(f->path, "-") == 0;
	int fd = standard ? STDIN_FILENO : open(f->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	for (ssize_t n = 1; fd >= 0 && n != 0 && !f->failure;) {
		if (f->n > f->most) {
			f->failure = EFBIG;
			break;
		}
		if (f->n == f->room && !grow(f)) {
			f->failure = ENOMEM;
			break;
		}
		n = read(fd, f->octets + f->n, f->room - f->n);
		if (n > 0) f->n += (size_t)n;
		if (n < 0 && errno != EINTR) f->failure = errno;
	}
	if (fd < 0) f->failure = errno;
	if (fd >= 0 && !standard) close(fd);
}

bool tool_read_file(struct arena *a, const char *path, size_t most, struct slice *out, char why[TOOL_WHY])
{
	struct file f = {.path = path, .most = most};
	struct stat st;
	if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
		read_all(&f);
	else
		fiber_offload(read_all, &f); /* a pipe may take its time */
	*out = f.failure ? SLICE_EMPTY : arena_copy(a, slice_of(f.octets, f.n));
	if (!f.failure && !out->p) f.failure = ENOMEM;
	free(f.octets);
	if (f.failure == EFBIG)
		snprintf(why, TOOL_WHY, "%.180s: more than %zu octets", path, most);
	else if (f.failure)
		snprintf(why, TOOL_WHY, "%.180s: %s", path, strerror(f.failure));
	return !f.failure;
}

/* ---- questions of the command line ------------------------------------------------------------------------------------------------ */

struct job { /* what the loop is there for */
	struct tool_run *run;
	struct loop *loop;
	char **operands;
	int count;
	int status;
};

static void print(struct tool_run *run, json_t *answer)
{
	if (!run->json && run->tool->print) {
		run->tool->print(run, answer);
		json_decref(answer);
	} else {
		cli_print_json(answer);
	}
}

/* file: NULL when the options alone are the question. */
static int ask(struct tool_run *run, const char *file)
{
	struct arena a;
	char why[TOOL_WHY] = "";
	arena_init(&a, TOOL_MEMORY);
	if (file) json_object_set_new(run->question, "file", cli_json_text(file));
	json_t *answer = run->tool->answer(run, &a, run->question, why);
	arena_free(&a);
	if (!answer) {
		cli_complain("%s", why[0] ? why : error_text(ERR_NO_MEMORY));
		if (!run->json) return CLI_CANNOT;
		json_t *object = json_object();
		if (file) json_object_set_new(object, "file", cli_json_text(file));
		json_object_set_new(object, "error", cli_json_text(why));
		cli_print_json(object);
		return CLI_CANNOT;
	}
	int status = run->tool->status ? run->tool->status(answer) : CLI_DONE;
	print(run, answer);
	return status;
}

static void work(void *arg)
{
	struct job *job = arg;
	if (job->run->batch) {
		job->status = tool_batch(job->run);
	} else if (!job->run->tool->files) {
		job->status = ask(job->run, NULL);
	} else {
		for (int i = 0; i < job->count; i++) { /* the answers come in order */
			int status = ask(job->run, job->operands[i]);
			if (status > job->status) job->status = status;
		}
	}
	loop_stop(job->loop);
}

static int run_loop(struct job *job)
{
	job->loop = loop_new();
	enum error e = job->loop ? scope_spawn(loop_scope(job->loop), "tool", work, job) : ERR_NO_MEMORY;
	if (e == ERR_OK)
		loop_run(job->loop);
	else
		cli_complain("%s", error_text(e));
	if (job->loop) loop_free(job->loop);
	return e == ERR_OK ? job->status : CLI_CANNOT;
}

/* ---- options -------------------------------------------------------------------------------------------------------------------- */

static void merge(const struct tool *t, struct option all[OPTIONS_MOST + 4])
{
	static const struct option common[] = {
		{"now", required_argument, NULL, OPTION_NOW},
		{"batch", no_argument, NULL, OPTION_BATCH},
		{"resolver", required_argument, NULL, OPTION_RESOLVER},
	};
	size_t n = 0;
	for (const struct option *own = t->options; own && own->name && n < OPTIONS_MOST; own++) all[n++] = *own;
	for (size_t i = 0; i < (t->asks_dns ? 3 : 2); i++) all[n++] = common[i];
	all[n] = (struct option){0};
}

static int take_now(struct tool_run *run, const char *argument)
{
	uint64_t now;
	if (!slice_to_u64(slice_str(argument), &now) || now > INT64_MAX)
		return cli_usage("--now %s: not a Unix time", argument);
	run->now = (int64_t)now;
	return 0;
}

static int take_options(struct tool_run *run, struct cli_options *o, int argc, char **argv, const char **resolver)
{
	struct option all[OPTIONS_MOST + 4];
	int option, status = 0;
	merge(run->tool, all);
	while (!status && (option = cli_getopt(o, argc, argv, all)) != -1) {
		switch (option) {
		case '?': return o->status ? o->status : -1; /* --help was all */
		case OPTION_RESOLVER: *resolver = optarg; break;
		case OPTION_NOW: status = take_now(run, optarg); break;
		case OPTION_BATCH: run->batch = true; break;
		default: status = run->tool->option(run, option, optarg);
		}
	}
	run->json = o->json;
	run->config_path = o->config_path;
	run->config_named = strcmp(o->config_path, CONFIG_DEFAULT_PATH) != 0;
	if (status) return status;
	int operands = argc - optind;
	bool wanted = run->tool->files && !run->batch;
	if (run->tool->operands && !run->batch) {
		status = run->tool->operands(run, operands, argv + optind);
		if (status) return status;
		operands = 0;
	}
	if (operands > 0 && !wanted) return cli_usage("unexpected operand %s", argv[optind]);
	if (operands == 0 && wanted) return cli_usage("a FILE is missing");
	return run->batch || !run->tool->complete ? 0 : run->tool->complete(run);
}

static int open_resolver(struct tool_run *run, const char *server)
{
	char why[256] = "";
	struct endpoint e;
	if (!run->tool->asks_dns) return 0;
	if (server && !endpoint_parse(slice_str(server), 53, &e))
		return cli_usage("--resolver %s: not ADDRESS:PORT", server);
	if (resolver_new(&server, server ? 1 : 0, &run->resolver, why) == ERR_OK) return 0;
	cli_complain("%s", why);
	return CLI_CANNOT;
}

int tool_main(const struct tool *t, int argc, char **argv)
{
	struct cli_options o;
	struct tool_run run = {.tool = t, .now = -1, .question = json_object()};
	const char *server = NULL;
	cli_begin(&o, argv[0], t->help);
	int status = take_options(&run, &o, argc, argv, &server);
	run.resolver_named = server != NULL;
	if (!status) status = open_resolver(&run, server);
	if (!status) {
		struct job job = {.run = &run, .operands = argv + optind, .count = argc - optind};
		status = run_loop(&job);
	}
	resolver_free(run.resolver);
	json_decref(run.question);
	return status < 0 ? CLI_DONE : cli_finish(status);
}
