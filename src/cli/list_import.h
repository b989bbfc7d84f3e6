/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list_import - `backstop list import FILE`: many listings by hand at once
 *
 * A line is an address, or the /64 of an IPv6 address, and after blanks a reason; or a JSON object {"unit", "reason", "expires"} as
 * `list show --json` prints it. "#" begins a comment. A bad line is told and the rest goes on. All are read and put in order
 * before the first is written, which is fast and takes the least room; a million take some seconds and 100 MB of memory.
 */
#ifndef BACKSTOP_CLI_LIST_IMPORT_H
#define BACKSTOP_CLI_LIST_IMPORT_H

#include <stdio.h>

#include "cli/cli.h"

struct list_import {
	const char *reason;   /* of lines without one */
	int64_t now, expires; /* Unix time; expires 0: never. Of lines that do not say */
	bool json;
};

/* The exit status: CLI_NO when a line was bad. */
int list_import(const struct list_import *how, const struct config *c, const char *path);

#endif
