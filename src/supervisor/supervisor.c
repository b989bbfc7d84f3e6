/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/sandbox.h"
#include "cli/cli.h"
#include "net/tls.h"
#include "store/listings.h"
#include "supervisor/child.h"

#define BIND_WAIT 5000 /* ms: the services of a supervisor that was killed may take a moment to close their sockets */

struct supervisor {
	const struct supervisor_options *options;
	struct config *config;
	struct child children[SUPERVISOR_SERVICES];
	size_t count;
	int lock, signals;
	sigset_t mask; /* of before */
	bool stopping, announced, reloading, had_to_kill;
};

/* ---- starting --------------------------------------------------------------------------------------------------------------------- */

static bool is_wanted(const struct supervisor *s, const struct child *child, const struct config *c)
{
	const char *only = s->options->only;
	if (only && strcmp(only, child->service->name) != 0) return false;
	return child->service->wanted(c);
}

static void warn_sections(const struct config *c)
{
	const struct {
		bool given;
		const char *name;
	} later[] = {{c->web_enabled, "web"}};
	for (size_t i = 0; i < sizeof later / sizeof *later; i++)
		if (later[i].given)
			log_text(LOG_WARNING, "supervisor", "section %s: the service is not in this release",
			         later[i].name);
}

/* What config_load() cannot see: whether OpenSSL takes the certificate and its key. */
static enum error check_tls(const struct config *c, char why[CONFIG_WHY])
{
	struct tls_context *tls = NULL;
	char reason[256] = "";
	if (!c->tls_certificate) return ERR_OK;
	enum error e = tls_server_new(c->tls_certificate_pem, c->tls_key_pem, true, &tls, reason);
	if (e != ERR_OK) snprintf(why, CONFIG_WHY, "%.700s: tls: %s", c->path, reason);
	tls_unref(tls);
	return e;
}

static int cannot_run(const char *why)
{
	for (struct slice rest = slice_str(why); rest.p;) {
		struct slice line = slice_split(&rest, '\n');
		cli_complain("%.*s", SLICE_ARG(line));
	}
	return CLI_CANNOT;
}

static enum error make_folders(const struct config *c, char why[CONFIG_WHY])
{
	char reason[256];
	enum error e = sandbox_make_folder(c->state_dir, c->user, 0750, reason);
	if (e == ERR_OK) e = sandbox_make_folder(c->run_dir, c->user, 0755, reason);
	if (e != ERR_OK) snprintf(why, CONFIG_WHY, "%s", reason);
	return e;
}

/* Services that may only read the state need all of its tables to be there. It is closed again before anything is forked. */
static enum error prepare_state(const struct config *c, char why[CONFIG_WHY])
{
	struct db *state;
	char reason[256];
	enum error e = db_open(c->state_dir, DB_STATE, DB_CREATE, &state, reason);
	if (e == ERR_OK && (e = listings_upgrade(state)) != ERR_OK)
		snprintf(reason, sizeof reason, "%s", error_text(e));
	if (e != ERR_OK) snprintf(why, CONFIG_WHY, "state-dir: %s", reason);
	db_close(state);
	return e;
}

/* The file holds our process number, for people. It is never removed: a lock on a file without a name would be none. */
static enum error take_lock(struct supervisor *s, char why[CONFIG_WHY])
{
	char path[PATH_MAX], other[24] = "";
	snprintf(path, sizeof path, "%s/lock", s->config->state_dir);
	s->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (s->lock >= 0 && flock(s->lock, LOCK_EX | LOCK_NB) == 0) {
		if (ftruncate(s->lock, 0) == 0) dprintf(s->lock, "%d\n", getpid());
		return ERR_OK;
	}
	enum error e = error_from_errno(errno);
	if (s->lock < 0) {
		snprintf(why, CONFIG_WHY, "%.700s: %s", path, error_text(e));
		return e;
	}
	ssize_t n = pread(s->lock, other, sizeof other - 1, 0);
	unsigned long pid = n > 0 ? strtoul(other, NULL, 10) : 0;
	snprintf(why, CONFIG_WHY, "another supervisor (process %lu) works on %.700s", pid, s->config->state_dir);
	return ERR_BUSY;
}

static enum error prepare_listeners(const struct supervisor *s, const struct child *child, const struct config *c,
                                    struct listeners *out, char why[CONFIG_WHY])
{
	struct listener_want at[SERVICE_LISTENERS];
	size_t n = 0;
	char reason[256] = "";
	if (is_wanted(s, child, c)) n = child->service->listeners(c, at);
	enum error e = listeners_prepare(&child->listeners, at, n, out, reason);
	if (e != ERR_OK) snprintf(why, CONFIG_WHY, "%s", reason);
	return e;
}

static enum error open_listeners(struct supervisor *s, char why[CONFIG_WHY])
{
	int64_t deadline = clock_deadline(BIND_WAIT);
	for (size_t i = 0; i < s->count; i++) {
		struct listeners new;
		enum error e;
		while ((e = prepare_listeners(s, &s->children[i], s->config, &new, why)) == ERR_BUSY) {
			if (clock_now_ms() >= deadline) break;
			usleep(50000);
		}
		if (e != ERR_OK) return e;
		listeners_replace(&s->children[i].listeners, &new);
	}
	return ERR_OK;
}

static void raise_file_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == limit.rlim_max) return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		log_text(LOG_WARNING, "supervisor", "the limit of open files cannot be raised: %s", strerror(errno));
}

static enum error open_signals(struct supervisor *s)
{
	sigset_t ours;
	sigemptyset(&ours);
	sigaddset(&ours, SIGHUP);
	sigaddset(&ours, SIGTERM);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGCHLD);
	signal(SIGPIPE, SIG_IGN);
	/* A parent may have ignored them, and an ignored signal does not reach a signalfd. */
	signal(SIGHUP, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGCHLD, SIG_DFL);
	sigprocmask(SIG_BLOCK, &ours, &s->mask);
	for (int n = 1; n < NSIG; n++)
		if (sigismember(&ours, n) == 1) sigdelset(&s->mask, n);
	s->signals = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signals < 0 ? error_from_errno(errno) : ERR_OK;
}

/* ---- reload ----------------------------------------------------------------------------------------------------------------------- */

static enum error check_unchangeable(const struct config *old, const struct config *new, char why[CONFIG_WHY])
{
	const struct {
		const char *name, *old, *new;
	} fixed[] = {{"state-dir", old->state_dir, new->state_dir},
	             {"run-dir", old->run_dir, new->run_dir},
	             {"user", old->user, new->user}};
	for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
		if (strcmp(fixed[i].old, fixed[i].new) != 0) {
			snprintf(why, CONFIG_WHY, "%.700s: %s cannot change while services run: stop and start",
			         new->path, fixed[i].name);
			return ERR_INVALID;
		}
	return ERR_OK;
}

/* Reads, checks and opens everything that may fail. On failure nothing has changed. */
static enum error prepare_reload(const struct supervisor *s, struct config **out,
                                 struct listeners sets[SUPERVISOR_SERVICES], char why[CONFIG_WHY])
{
	enum error e = config_load(s->options->config_path, out, why);
	if (e != ERR_OK) return e;
	e = check_unchangeable(s->config, *out, why);
	if (e == ERR_OK) e = check_tls(*out, why);
	size_t prepared = 0;
	while (prepared < s->count && e == ERR_OK) {
		e = prepare_listeners(s, &s->children[prepared], *out, &sets[prepared], why);
		if (e == ERR_OK) prepared++;
	}
	if (e == ERR_OK) return ERR_OK;
	while (prepared-- > 0) listeners_abandon(&s->children[prepared].listeners, &sets[prepared]);
	config_unref(*out);
	*out = NULL;
	return e;
}

static void reload(struct supervisor *s)
{
	struct listeners sets[SUPERVISOR_SERVICES];
	struct config *new;
	char why[CONFIG_WHY];
	if (s->stopping) return;
	if (prepare_reload(s, &new, sets, why) != ERR_OK) {
		for (struct slice rest = slice_str(why); rest.p;) {
			struct slice line = slice_split(&rest, '\n');
			log_text(LOG_ERROR, "reload_failed", "%.*s", SLICE_ARG(line));
		}
		return;
	}
	struct config *old = s->config;
	s->config = new;
	log_setup(new->log_format, new->log_level, NULL);
	warn_sections(new);
	for (size_t i = 0; i < s->count; i++) {
		struct child *child = &s->children[i];
		listeners_replace(&child->listeners, &sets[i]);
		if (!is_wanted(s, child, new)) {
			child_stop(child, old);
			continue;
		}
		child->wanted = true;
		child_reload(child, new);
	}
	config_unref(old);
	s->reloading = true;
}

/* ---- the loop ----------------------------------------------------------------------------------------------------------------------- */

static void say_ready(const struct supervisor *s, const struct child *child, const char *event)
{
	char listens[2048];
	/* The line is the service's: it has its name where its own lines have it. */
	log_setup(s->config->log_format, s->config->log_level, child->service->name);
	if (strcmp(event, "ready") == 0)
		log_begin(LOG_INFO, "ready");
	else
		log_begin(LOG_INFO, "reloaded");
	log_int("pid", child->pid);
	log_str("listen", child_listens(child, listens, sizeof listens));
	log_end();
	log_setup(s->config->log_format, s->config->log_level, "backstop");
}

static bool all_ready(const struct supervisor *s)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->children[i].wanted && (!s->children[i].ready || s->children[i].reloading)) return false;
	return true;
}

static void announce(struct supervisor *s)
{
	if (s->stopping || !all_ready(s)) return;
	if (!s->announced) {
		log_begin(LOG_INFO, "ready");
		log_str("version", BACKSTOP_VERSION);
		log_str("config", s->config->path);
		log_end();
	} else if (s->reloading) {
		log_begin(LOG_INFO, "reloaded");
		log_str("config", s->config->path);
		log_end();
	}
	s->announced = true;
	s->reloading = false;
}

static void stop(struct supervisor *s, int number)
{
	bool again = s->stopping;
	s->stopping = true;
	log_begin(LOG_INFO, "stopping");
	log_str("signal_name", sigabbrev_np(number));
	log_bool("at_once", again);
	log_end();
	for (size_t i = 0; i < s->count; i++) {
		if (again) child_kill(&s->children[i]);
		child_stop(&s->children[i], s->config);
	}
}

static void reap(struct supervisor *s)
{
	int status;
	pid_t pid;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (size_t i = 0; i < s->count; i++) {
			if (s->children[i].pid != pid) continue;
			if (s->stopping && s->children[i].killed) s->had_to_kill = true;
			child_ended(&s->children[i], status);
		}
}

static void take_signals(struct supervisor *s)
{
	struct signalfd_siginfo info;
	while (read(s->signals, &info, sizeof info) == (ssize_t)sizeof info) switch (info.ssi_signo) {
		case SIGHUP: reload(s); break;
		case SIGTERM:
		case SIGINT: stop(s, (int)info.ssi_signo); break;
		case SIGCHLD: reap(s); break;
		}
}

static void hear_children(struct supervisor *s)
{
	for (size_t i = 0; i < s->count; i++) {
		struct child *child = &s->children[i];
		if (child->control < 0) continue;
		bool reloading = child->reloading && child->ready;
		if (child_hear(child)) say_ready(s, child, reloading ? "reloaded" : "ready");
	}
}

/* Starts and kills what is due; returns the milliseconds until something else will be. */
static int do_due(struct supervisor *s)
{
	int64_t now = clock_now_ms(), next = now + 3600000;
	for (size_t i = 0; i < s->count; i++) {
		struct child *c = &s->children[i];
		if (c->pid == 0 && c->wanted && now >= c->next_start) child_start(c, s->config, &s->mask);
		if (c->pid == 0 && c->wanted && c->next_start < next) next = c->next_start;
		if (c->pid != 0 && c->stopping && !c->killed && now >= c->kill_at) child_kill(c);
		if (c->pid != 0 && c->stopping && !c->killed && c->kill_at < next) next = c->kill_at;
	}
	return next <= now ? 0 : (int)(next - now);
}

static bool all_gone(const struct supervisor *s)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->children[i].pid != 0) return false;
	return true;
}

static void watch(struct supervisor *s)
{
	while (!s->stopping || !all_gone(s)) {
		int timeout = do_due(s);
		struct pollfd fds[SUPERVISOR_SERVICES + 1] = {{.fd = s->signals, .events = POLLIN}};
		for (size_t i = 0; i < s->count; i++)
			fds[i + 1] = (struct pollfd){.fd = s->children[i].control, .events = POLLIN};
		poll(fds, s->count + 1, timeout);
		hear_children(s); /* before SIGCHLD: what a service said before it ended */
		take_signals(s);
		announce(s);
	}
}

/* ---- all of it ------------------------------------------------------------------------------------------------------------------------ */

static enum error prepare(struct supervisor *s, char why[CONFIG_WHY])
{
	enum error e = config_load(s->options->config_path, &s->config, why);
	if (e != ERR_OK) return e;
	log_setup(s->config->log_format, s->config->log_level, "backstop");
	bool any = false;
	for (size_t i = 0; i < s->count; i++) any |= s->children[i].wanted = is_wanted(s, &s->children[i], s->config);
	if (!any) {
		snprintf(why, CONFIG_WHY, "%.700s: there is no section of a service to run", s->config->path);
		return ERR_NOT_FOUND;
	}
	if (!s->options->only) warn_sections(s->config);
	umask(027);
	raise_file_limit();
	e = check_tls(s->config, why);
	if (e == ERR_OK) e = make_folders(s->config, why);
	if (e == ERR_OK) e = take_lock(s, why);
	if (e == ERR_OK) e = prepare_state(s->config, why);
	if (e == ERR_OK) e = open_listeners(s, why);
	if (e == ERR_OK && (e = open_signals(s)) != ERR_OK) snprintf(why, CONFIG_WHY, "signals: %s", error_text(e));
	return e;
}

int supervisor_run(const struct supervisor_options *options)
{
	struct supervisor s = {.options = options, .lock = -1, .signals = -1};
	char why[CONFIG_WHY] = "";
	for (; s.count < options->service_count && s.count < SUPERVISOR_SERVICES; s.count++)
		child_init(&s.children[s.count], &options->services[s.count]);
	int status;
	if (prepare(&s, why) == ERR_OK) {
		watch(&s);
		log_text(LOG_INFO, "stopped", "%s",
		         s.had_to_kill ? "some services had to be killed" : "all services ended");
		status = s.had_to_kill ? CLI_NO : CLI_DONE;
	} else {
		status = cannot_run(why);
	}
	for (size_t i = 0; i < s.count; i++) listeners_close(&s.children[i].listeners);
	if (s.signals >= 0) close(s.signals);
	if (s.lock >= 0) close(s.lock);
	config_unref(s.config);
	return status;
}
