/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay - the service that takes mail and passes it on
 *
 * Threads: the main loop (control socket: reload, stop), one worker loop per core (sessions, cut-through: worker.h),
 * the delivery loop (delivery.h), the spool writer (writer.h), the ledger writer (ledger_writer.h), the evidence
 * writer (evidence_writer.h), the learner (learner.h), the resolver's.
 * What they share is struct relay, whose members are thread-safe by themselves; everything else belongs to one loop.
 */
#ifndef BACKSTOP_RELAY_RELAY_H
#define BACKSTOP_RELAY_RELAY_H

#include "base/service.h"

struct storms;

struct relay {
	struct rulebook *rulebook;
	struct db *state, *spool, *ledger;
	struct resolver *resolver;
	struct writer *writer;
	struct ledger_writer *ledger_writer;
	struct evidence_writer *evidence_writer;
	struct learner *learner;
	struct coverage_book *coverage;
	struct delivery *delivery;
	struct limits *limits;
	struct storms *storms;
	int64_t ledger_lost; /* Unix time; 0: never */
	const char *temporary_dir;
};

/* Runs the service until it is told to stop; returns the exit code of the process. Takes start->config over. */
int relay_run(struct service_start *start);

#endif
