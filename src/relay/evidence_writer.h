/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evidence_writer - the thread that writes evidence and exposure, so that no session waits for them
 *
 * Sessions say what they saw and go on. Acts are committed as soon as they come, all that wait in one transaction: the
 * list answers by them milliseconds later. Ordinary messages are added up by unit in memory and written every
 * EXPOSURE_GATHER_MS, and at stop; so is that somebody tried to send what was refused (store/exposure.h).
 *
 * Both are observations, not promises. Dropped and counted is what cannot be written, what would pass EVIDENCE_QUEUE_MOST,
 * and messages of more than EXPOSURE_UNITS units at a time. Metrics: evidence_*, exposure_*. Log: evidence_failing,
 * evidence_recovered.
 *
 *     evidence_writer_add(w, &(struct act){.unit = ip_unit(&client), ...}, SLICE("anna@trap.example.net"));
 *     evidence_writer_expose(w, &client, true);
 */
#ifndef BACKSTOP_RELAY_EVIDENCE_WRITER_H
#define BACKSTOP_RELAY_EVIDENCE_WRITER_H

#include "store/acts.h"

#define EVIDENCE_QUEUE_MOST (8u * 1024 * 1024) /* octets */
#define EXPOSURE_GATHER_MS  5000
#define EXPOSURE_UNITS      12288

struct evidence_writer;

enum error evidence_writer_start(struct db *state, struct evidence_writer **out);
/* Writes what is waiting, ends the thread and frees. NULL is fine. */
void evidence_writer_stop(struct evidence_writer *);

/* Any thread; both copy what they need and return at once. a->target is not used: target is the address, which is hashed. */
void evidence_writer_add(struct evidence_writer *, const struct act *a, struct slice target);
/* It sent one ordinary message, or tried to: then it was not taken. */
void evidence_writer_expose(struct evidence_writer *, const struct ip *client, bool taken);
/* Waits until all that was added before is written or dropped: for tests. */
void evidence_writer_flush(struct evidence_writer *);

#endif
