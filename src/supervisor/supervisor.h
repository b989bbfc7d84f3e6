/* SPDX-License-Identifier: Apache-2.0 */
/*
 * supervisor - `backstop run`: starts the services, keeps them running, reloads and stops them
 *
 * One small process, as root where ports or users need it, that does no mail work: it reads the configuration, makes the folders, takes
 * the lock of the state folder (two supervisors on one state are refused), opens the listening sockets and forks a child for each
 * service of the table that the configuration wants. Then it waits for signals:
 *
 *   SIGHUP           the configuration and the PEM files are read again; when they are good every service gets them and the new set of
 *                    listening sockets (unchanged addresses keep their socket); when not, all stays as it was and the log says why
 *   SIGTERM, SIGINT  the services are asked to stop; what still runs drain-time + 10 s later is killed; a second one kills at once
 *   SIGCHLD          a service that ended by itself is started again: at once when it had served for a second, else after 0.1 s,
 *                    then twice that, up to 30 s. Its sockets stay open here, so what comes meanwhile waits in them
 *
 * A service whose supervisor died sees its control socket close and stops. Its successor waits for the service's own lock
 * (STATE-DIR/NAME.lock), so that two of them never work on one spool.
 *
 * The process has one thread. Log events: ready, reloaded, reload_failed, service_exit, service_killed, stopping, stopped, supervisor.
 */
#ifndef BACKSTOP_SUPERVISOR_SUPERVISOR_H
#define BACKSTOP_SUPERVISOR_SUPERVISOR_H

#include "base/service.h"

/* One row of the table of services. Everything static. */
struct supervisor_service {
	const char *name; /* in the log, the locks, the metrics file */
	bool (*wanted)(const struct config *c);
	/* The sockets to open; their number. */
	size_t (*listeners)(const struct config *c, struct listener_want out[SERVICE_LISTENERS]);
	/* The child's work; returns the exit status of the process. Enters the sandbox itself. */
	int (*run)(struct service_start *start);
};

#define SUPERVISOR_SERVICES 8 /* at most so many rows */

struct supervisor_options {
	const char *config_path;
	const char *only; /* run just the service of this name; NULL: all that the configuration wants */
	const struct supervisor_service *services;
	size_t service_count;
};

/* Runs until it is told to stop. Exit status: 0 stopped, 1 something had to be killed, 3 cannot run (said on standard error). */
int supervisor_run(const struct supervisor_options *options);

/* `backstop run` and, with argv[0] the name of a service, that service alone. */
int supervisor_main(int argc, char **argv);
int keeper_main(int argc, char **argv); /* the service, or --once */

#endif
