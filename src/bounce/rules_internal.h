/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of rules share. */
#ifndef BACKSTOP_BOUNCE_RULES_INTERNAL_H
#define BACKSTOP_BOUNCE_RULES_INTERNAL_H

#include "bounce/rules.h"

/* rules_index.c: what is made of a bundle that was read: the words of its sets, the gates of its expressions. False: no memory. */
bool rules_index(struct rules *rules);

#endif
