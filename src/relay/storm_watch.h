/* SPDX-License-Identifier: Apache-2.0 */
/*
 * storm_watch - tells of storms, ends them, and shows those that last
 *
 * Once a second: what is over is told in the log (storm-end), and what has changed goes to the notice RUN-DIR/relay.storms
 * (base/notice.h), a JSON list, for `backstop status`. Main loop of the relay.
 */
#ifndef BACKSTOP_RELAY_STORM_WATCH_H
#define BACKSTOP_RELAY_STORM_WATCH_H

#include "relay/storm.h"

struct storm_watch {
	struct storms *storms;
	const char *run_dir; /* as long as it runs */
};

/* Tells of one that begins: the log, the metrics. Any thread. */
void storm_watch_begun(const struct storm_event *e);
/* As a fiber, with a struct storm_watch that lives as long: until cancelled. */
void storm_watch_run(void *storm_watch);

#endif
