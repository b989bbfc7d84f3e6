/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

void child_init(struct child *c, const struct supervisor_service *service)
{
	*c = (struct child){.service = service, .control = -1, .backoff = CHILD_BACKOFF_FIRST};
}

/* ---- in the new process ------------------------------------------------------------------------------------------------------- */

static int compare_ints(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Everything but the standard three and what is kept: the supervisor's lock and signals, other services' sockets. */
static void close_all_but(int *kept, size_t n)
{
	unsigned next = 3;
	qsort(kept, n, sizeof *kept, compare_ints);
	for (size_t i = 0; i < n; i++) {
		if ((unsigned)kept[i] > next) close_range(next, (unsigned)kept[i] - 1, 0);
		next = (unsigned)kept[i] + 1;
	}
	close_range(next, UINT_MAX, 0);
}

static void close_foreign(const struct child *c, int control)
{
	int *kept = calloc(c->listeners.count + 1, sizeof *kept);
	if (!kept) exit(3);
	size_t n = 0;
	kept[n++] = control;
	for (size_t i = 0; i < c->listeners.count; i++) kept[n++] = c->listeners.bound[i].fd;
	close_all_but(kept, n);
	free(kept);
}

/* Signals for the whole process group (Ctrl-C, a service manager's SIGTERM) are the supervisor's business: it tells us. */
static void set_signals(const sigset_t *mask)
{
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	sigprocmask(SIG_SETMASK, mask, NULL);
}

/* Our predecessor may still be draining, when the supervisor was killed. The lock lives as long as the process. */
static void lock_service(const struct child *c, const struct config *config, int control)
{
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/%s.lock", config->state_dir, c->service->name);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0) {
		log_text(LOG_ERROR, "supervisor", "%s: %s", path, strerror(errno));
		exit(3);
	}
	int64_t deadline = clock_deadline(CHILD_LOCK_WAIT);
	bool told = false;
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		struct pollfd told_to_stop = {.fd = control, .events = POLLIN};
		if (!told)
			log_text(LOG_WARNING, "supervisor", "waiting for an earlier %s process to end",
			         c->service->name);
		told = true;
		if (poll(&told_to_stop, 1, 50) > 0) exit(0);
		if (clock_now_ms() < deadline) continue;
		log_text(LOG_ERROR, "supervisor", "an earlier %s process holds %s", c->service->name, path);
		exit(3);
	}
}

__attribute__((noreturn)) static void become_service(struct child *c, struct config *config, int control,
                                                     const sigset_t *signals)
{
	char name[16];
	snprintf(name, sizeof name, "backstop-%s", c->service->name);
	prctl(PR_SET_NAME, name, 0, 0, 0);
	close_foreign(c, control);
	set_signals(signals);
	log_setup(config->log_format, config->log_level, c->service->name);
	lock_service(c, config, control);
	size_t n = c->listeners.count;
	struct service_start start = {.config = config_ref(config), .control = control, .listener_count = n};
	start.listeners = calloc(n + 1, sizeof *start.listeners);
	if (!start.listeners) exit(3);
	memcpy(start.listeners, c->listeners.bound, n * sizeof *start.listeners);
	exit(c->service->run(&start));
}

/* ---- in the supervisor ---------------------------------------------------------------------------------------------------------- */

static void plan_restart(struct child *c)
{
	int64_t now = clock_now_ms();
	if (c->ready && now - c->started >= CHILD_PROVED) {
		c->backoff = CHILD_BACKOFF_FIRST;
		c->next_start = now;
		return;
	}
	c->next_start = now + c->backoff;
	c->backoff = c->backoff * 2 > CHILD_BACKOFF_MOST ? CHILD_BACKOFF_MOST : c->backoff * 2;
}

static void forget_process(struct child *c)
{
	if (c->control >= 0) close(c->control);
	c->control = -1;
	c->pid = 0;
	c->ready = c->stopping = c->reloading = false;
}

void child_start(struct child *c, struct config *config, const sigset_t *signals)
{
	int control;
	c->started = clock_now_ms();
	enum error e = service_channel(&c->control, &control);
	if (e == ERR_OK) {
		fflush(NULL);
		c->pid = fork();
		if (c->pid == 0) {
			c->control = -1;
			become_service(c, config, control, signals);
		}
		if (c->pid < 0) e = error_from_errno(errno);
		close(control);
	}
	if (e == ERR_OK) return;
	forget_process(c);
	plan_restart(c);
	log_text(LOG_ERROR, "supervisor", "%s cannot be started: %s", c->service->name, error_text(e));
}

bool child_hear(struct child *c)
{
	bool answered = false;
	enum error e;
	while ((e = service_receive_ready(c->control)) == ERR_OK || e == ERR_PROTOCOL) {
		if (e == ERR_PROTOCOL) continue;
		answered = !c->ready || c->reloading;
		c->ready = true;
		c->reloading = false;
	}
	if (e == ERR_CLOSED) { /* it is ending; SIGCHLD will say how */
		close(c->control);
		c->control = -1;
	}
	return answered;
}

void child_reload(struct child *c, const struct config *config)
{
	if (c->pid == 0 || c->control < 0 || c->stopping) return;
	enum error e = service_send_reload(c->control, config, c->listeners.bound, c->listeners.count);
	c->reloading = e == ERR_OK;
	if (e == ERR_OK) return;
	/* It does not read what it is sent. A new process will have the new configuration. */
	log_text(LOG_ERROR, "reload_failed", "%s does not take the configuration (%s) and is restarted",
	         c->service->name, error_text(e));
	child_kill(c);
}

void child_stop(struct child *c, const struct config *config)
{
	c->wanted = false;
	if (c->pid == 0 || c->stopping) return;
	c->stopping = true;
	c->kill_at = clock_deadline(config->relay.drain_time + CHILD_STOP_GRACE);
	if (c->control >= 0 && service_send_stop(c->control) != ERR_OK) {
		close(c->control); /* which says the same */
		c->control = -1;
	}
}

void child_kill(struct child *c)
{
	if (c->pid == 0 || c->killed) return;
	c->killed = true;
	log_begin(LOG_WARNING, "service_killed");
	log_str("name", c->service->name);
	log_int("pid", c->pid);
	log_end();
	kill(c->pid, SIGKILL);
}

void child_ended(struct child *c, int status)
{
	bool asked = c->stopping || c->killed;
	int64_t lived = clock_now_ms() - c->started;
	plan_restart(c);
	int64_t wait = c->next_start - clock_now_ms();
	log_begin(asked && status == 0 ? LOG_INFO : LOG_ERROR, "service_exit");
	log_str("name", c->service->name);
	log_int("pid", c->pid);
	if (WIFSIGNALED(status)) {
		log_int("signal", WTERMSIG(status));
		log_str("signal_name", sigabbrev_np(WTERMSIG(status)));
	} else {
		log_int("status", WEXITSTATUS(status));
	}
	log_int("lived_ms", lived);
	if (c->wanted) log_int("restart_in_ms", wait > 0 ? wait : 0);
	log_end();
	forget_process(c);
	c->killed = false;
}

const char *child_listens(const struct child *c, char *out, size_t n)
{
	size_t used = 0;
	out[0] = '\0';
	for (size_t i = 0; i < c->listeners.count && used + ENDPOINT_TEXT_SIZE + 2 < n; i++) {
		char text[ENDPOINT_TEXT_SIZE];
		const struct service_listener *l = &c->listeners.bound[i];
		if (i && l->kind == LISTENER_DATAGRAM && l->at.port == l[-1].at.port &&
		    ip_equal(&l->at.ip, &l[-1].at.ip))
			continue; /* told of already */
		used += (size_t)snprintf(out + used, n - used, "%s%s", i ? "," : "", endpoint_text(&l->at, text));
	}
	return out;
}
