/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper - the service that weighs evidence into listings, lets them decay, and publishes them
 *
 * One thread works: it sleeps until the state changes (db_wait_change) or something is due, and does rounds (list/round.h)
 * until nothing is left. An act is published a commit after it was written. The thread also drops old evidence and exposure, a
 * little at a time. The main thread waits for reload and stop.
 *
 * Other rules after a reload or a restart: all that has evidence or is listed is weighed again by them. All there is to do is in
 * the state: a keeper that was killed goes on where it was. It reads no network and writes only the state and its metrics.
 *
 * Log: listed, delisted, listing_changed, keeper_failing, keeper_recovered. Metrics: keeper_*, list_*, evidence_rows.
 */
#ifndef BACKSTOP_LIST_KEEPER_H
#define BACKSTOP_LIST_KEEPER_H

#include "base/service.h"
#include "list/round.h"

int keeper_run(struct service_start *start); /* the service's main function: 0, or 3 when it cannot run */

/* A change as a line of the log. */
void keeper_log(const struct round_change *c);

#endif
