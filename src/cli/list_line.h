/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list_line - a listing by hand as a line of text
 *
 * An address, or the /64 of an IPv6 address, and after blanks a reason, up to a "#"; or a JSON object {"unit", "reason", "expires"} as
 * `list show --json` prints it, of which other members are passed over. A reason has at most 255 octets, and blanks for control
 * characters. No state.
 */
#ifndef BACKSTOP_CLI_LIST_LINE_H
#define BACKSTOP_CLI_LIST_LINE_H

#include "base/arena.h"
#include "store/listings.h"

bool list_line_is_empty(struct slice line); /* or only a comment */
/* Sets unit, and reason (in the arena) and expires where the line has them. NULL, or what is wrong. */
const char *list_line_parse(struct arena *texts, struct slice line, struct listing *l);

#endif
