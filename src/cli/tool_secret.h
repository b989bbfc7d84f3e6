/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tool_secret - secrets for the tools srs and batv, from files
 *
 * What stands on a command line can be seen by every user of the machine while the command runs, and is kept in the shell's history.
 * So a secret can be given in a file as well; its last line end does not count.
 */
#ifndef BACKSTOP_CLI_TOOL_SECRET_H
#define BACKSTOP_CLI_TOOL_SECRET_H

#include "cli/tool.h"

/* Sets member of the question to what the file holds ("-": standard input). 0, or an exit status after a complaint. */
int tool_secret_file(struct tool_run *run, const char *member, const char *path);

#endif
