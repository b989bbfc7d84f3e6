/* SPDX-License-Identifier: Apache-2.0 */
/*
 * child - one service as the supervisor sees it: a process that is started, watched, restarted and stopped
 *
 * Private to supervisor. Times are base/clock's monotonic milliseconds. The struct outlives its processes; pid 0 says that none is
 * there now.
 */
#ifndef BACKSTOP_SUPERVISOR_CHILD_H
#define BACKSTOP_SUPERVISOR_CHILD_H

#include <signal.h>
#include <sys/types.h>

#include "supervisor/listeners.h"
#include "supervisor/supervisor.h"

#define CHILD_BACKOFF_FIRST 100   /* ms */
#define CHILD_BACKOFF_MOST  30000 /* ms */
#define CHILD_PROVED        1000  /* ms of life after which a service that was ready is started again at once */
#define CHILD_LOCK_WAIT     15000 /* ms to wait for a predecessor that still drains */
#define CHILD_STOP_GRACE    10000 /* ms beyond drain-time before SIGKILL */

struct child {
	const struct supervisor_service *service;
	struct listeners listeners;
	bool wanted;    /* it is to run */
	pid_t pid;      /* 0: no process */
	int control;    /* our end of its control socket; -1 */
	bool ready;     /* this process said so */
	bool stopping;  /* it was asked to stop */
	bool reloading; /* it was sent a configuration and has not answered yet */
	bool killed;    /* we had to */
	int64_t started, next_start, kill_at;
	int64_t backoff;
};

void child_init(struct child *c, const struct supervisor_service *service);
/* Forks. The child never returns from it. A failing fork counts as a process that ended at once. signals: the mask of before. */
void child_start(struct child *c, struct config *config, const sigset_t *signals);
/* Reads what it said. True when it has just become ready, or has answered a reload. */
bool child_hear(struct child *c);
void child_reload(struct child *c, const struct config *config);
/* Asks it to stop, or does nothing when there is no process. */
void child_stop(struct child *c, const struct config *config);
void child_kill(struct child *c);
/* The process ended: logs it and sets the time of the next start. */
void child_ended(struct child *c, int status);
/* "127.0.0.1:2525,[::1]:2525" */
const char *child_listens(const struct child *c, char *out, size_t n);

#endif
