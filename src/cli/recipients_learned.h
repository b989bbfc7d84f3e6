/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recipients_learned - `recipients learned list` and `forget`: what tenants' servers bounced after they took it (store/learned.h)
 *
 * Each returns the exit status and has said what was wrong.
 */
#ifndef BACKSTOP_CLI_RECIPIENTS_LEARNED_H
#define BACKSTOP_CLI_RECIPIENTS_LEARNED_H

#include <jansson.h>

#include "store/learned.h"

/* tenant NULL: of all. all: also those that are not refused any more, but remembered. state NULL: there is none yet. */
int recipients_learned_list(struct db *state, const struct tenants *tenants, const struct tenant *tenant, bool all,
                            bool json, int64_t now);
/* argv: addresses; or, when all, none, and all of the tenant go. */
int recipients_learned_forget(struct db *state, const struct tenant *tenant, bool all, bool json, int argc,
                              char **argv);
/* As in the list, for `recipients test`. */
json_t *recipients_learned_json(const struct learned *l, int64_t now);

#endif
