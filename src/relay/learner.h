/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learner - the thread that writes which recipients turned out not to exist, so that no session waits for it
 *
 * Sessions say what they saw and go on; all that gathered is committed in one transaction (store/learned.h). Each address that is
 * refused from now on is one line of the log (learned), and so is each that is not any more (unlearned). Once an hour what is past
 * remembering is removed.
 *
 * A server that has lost its own directory says of everybody that he does not exist. So of one tenant at most LEARNER_HOURLY
 * addresses are learned in an hour, and then none until the hour is over (log: learning_paused).
 *
 * An observation, not a promise: dropped and counted is what cannot be written, and what would pass LEARNER_QUEUE_MOST.
 */
#ifndef BACKSTOP_RELAY_LEARNER_H
#define BACKSTOP_RELAY_LEARNER_H

#include "store/learned.h"

#define LEARNER_QUEUE_MOST 8192 /* sayings */
#define LEARNER_HOURLY     1000
#define LEARNER_GATHER_MS  200
#define LEARNER_UPKEEP_MS  3600000

struct learner;

enum error learner_start(struct db *state, struct learner **out);
/* Writes what is waiting, ends the thread and frees. NULL is fine. */
void learner_stop(struct learner *);

/* Any thread; both copy what they need and return at once. tenant: its name, for the log. about: the id of the report. */
void learner_dead(struct learner *, const struct learned_name *, const char *tenant, struct slice words,
                  uint64_t about);
void learner_lives(struct learner *, const struct learned_name *, const char *tenant); /* it sent mail */
/* Waits until all that was said before is written or dropped: for tests. */
void learner_flush(struct learner *);

#endif
