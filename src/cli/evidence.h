/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evidence - the parts of `backstop evidence`: an act as it is given, and many of them as lines
 *
 * One thread.
 */
#ifndef BACKSTOP_CLI_EVIDENCE_H
#define BACKSTOP_CLI_EVIDENCE_H

#include "base/arena.h"
#include "store/acts.h"

#define EVIDENCE_WHY     160
#define EVIDENCE_MESSAGE (1024 * 1024) /* octets of a specimen's file or text that are read */

/* An act as people give it; NULL: not given. */
struct evidence_given {
	const char *ip, *class, *target, *witness, *reporter;
	int64_t time;          /* Unix time; 0: now */
	struct slice specimen; /* a message or its header, not redacted yet; empty: none */
};

/* Checks it, redacts the specimen and hashes the target. Texts of *out point into the arena and *given. False: why. */
bool evidence_make(struct arena *a, struct db *state, const struct evidence_given *given, struct act *out,
                   char why[EVIDENCE_WHY]);
/* Lines of standard input until its end; the exit status. */
int evidence_batch(struct db *state);

#endif
