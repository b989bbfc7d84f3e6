/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lookup_state - what this installation's list says of an address, when its state is at hand
 *
 * Reads only; works while the services run, and without them. One thread.
 */
#ifndef BACKSTOP_CLI_LOOKUP_STATE_H
#define BACKSTOP_CLI_LOOKUP_STATE_H

#include "base/arena.h"
#include "cli/cli.h"

struct lookup_state;

struct lookup_row { /* texts in the arena */
	bool listed, any;
	struct slice sentence; /* as DNS says it */
	json_t *facts;         /* borrowed by nobody: lookup_state_describe() takes it */
};

/* True with *out NULL: there is no state, and nobody named a configuration. False: why says what is wrong with it. */
bool lookup_state_open(const char *config_path, bool named, struct lookup_state **out, char why[256]);
void lookup_state_close(struct lookup_state *); /* NULL is fine */
/* Whether a zone is one of this installation's own. */
bool lookup_state_owns(const struct lookup_state *s, struct slice zone); /* NULL is fine */

bool lookup_state_find(struct lookup_state *s, struct arena *a, const struct ip *ip, int64_t now,
                       struct lookup_row *out, char why[256]);
/* Adds what is known of the address to the answer; row NULL: no state, so null throughout. */
void lookup_state_describe(struct lookup_row *row, json_t *answer);
/* The same for a person, out of the answer. */
void lookup_state_print(const json_t *answer);

#endif
