/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service - what the supervisor hands to a service, and how it speaks to it while it runs
 *
 * A service is a child process (forked, not exec'ed) whose main function gets a struct service_start: configuration,
 * listening sockets already bound, and one end of a control socket. On SIGHUP the supervisor reads and checks the
 * configuration anew and sends it (text and PEM contents by memfd, new listening sockets as descriptors); on SIGTERM it
 * sends stop and the service drains. When the control socket closes the supervisor is gone: the service stops too.
 *
 * service_next() is called by one fiber of the service's main loop. Descriptors in *out are owned by the receiver.
 */
#ifndef BACKSTOP_BASE_SERVICE_H
#define BACKSTOP_BASE_SERVICE_H

#include "base/config.h"
#include "base/fiber.h"

#define SERVICE_LISTENERS 250 /* sockets of one service, at most: what one message carries */

enum listener_kind {
	LISTENER_STREAM,   /* TCP, listening */
	LISTENER_DATAGRAM, /* UDP, bound; several of one address share what comes (SO_REUSEPORT) */
};

/* A socket that a service asks for. One of UDP with port 0 gets the port of the one before it. */
struct listener_want {
	struct endpoint at;
	enum listener_kind kind;
};

struct service_listener {
	struct endpoint at;
	enum listener_kind kind;
	int fd;
};

struct service_start {
	struct config *config; /* one reference, the service's */
	struct service_listener
		*listeners; /* malloc'ed array, the service's; in the order in which they were asked for */
	size_t listener_count;
	int control; /* -1: none (tests) */
};

enum service_event { SERVICE_STOP, SERVICE_RELOAD };

/* In a fiber: waits for the next event. SERVICE_RELOAD fills *out (control unchanged): the complete new set; a listener
 * whose address is the same as before arrives as a duplicate of the same socket. ERR_CLOSED is reported as SERVICE_STOP. */
enum service_event service_next(int control, struct service_start *out);
/* Tells the supervisor that the service is ready to serve (first start), or that a reload is done. */
void service_ready(int control);

/* The supervisor's half. */
enum error service_channel(int *supervisor_end,
                           int *service_end); /* a new control socket; both ends close-on-exec, non-blocking */
/* Reads one report of the service. ERR_OK: it called service_ready(); ERR_BUSY: nothing to read; ERR_CLOSED: it is gone. */
enum error service_receive_ready(int control);
enum error service_send_reload(int control, const struct config *c, const struct service_listener *l, size_t n);
enum error service_send_stop(int control);

#endif
