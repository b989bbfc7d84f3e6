/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tool_message - the message that a tool's question names as "file"
 */
#ifndef BACKSTOP_CLI_TOOL_MESSAGE_H
#define BACKSTOP_CLI_TOOL_MESSAGE_H

#include "cli/tool.h"

struct tool_message {
	struct slice header; /* with the empty line */
	struct slice body;
};

/* Lines end in CR LF or LF. False with why. */
bool tool_read_message(struct arena *a, const json_t *question, struct tool_message *out, char why[TOOL_WHY]);

#endif
