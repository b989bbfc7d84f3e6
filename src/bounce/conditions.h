/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conditions - signals that follow from others (docs/rules.md, "when")
 *
 * Of hundreds of conditions a message can meet a few: of each one group of alternatives is its key, and it is looked at only when a
 * signal of that group has fired. Pure; immutable once made, any thread.
 *
 *     struct conditions *c;
 *     if (conditions_new(rules, &c)) return ERR_NO_MEMORY;
 *     conditions_apply(c, &fired);
 */
#ifndef BACKSTOP_BOUNCE_CONDITIONS_H
#define BACKSTOP_BOUNCE_CONDITIONS_H

#include "bounce/rules.h"
#include "bounce/signal_set.h"

struct conditions;

/* rules must outlive them. ERR_OK, ERR_NO_MEMORY. */
enum error conditions_new(const struct rules *rules, struct conditions **out);
void conditions_free(struct conditions *c); /* NULL is allowed */
/* Sets those whose condition holds, in the order of the bundle, so that they may rest on each other. */
void conditions_apply(const struct conditions *c, struct signal_set *fired);

#endif
