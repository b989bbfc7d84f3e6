/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tool_batch - questions as lines from standard input, answers as lines on standard output
 *
 * TOOL_FIBERS questions are under way at once. Standard input may be a file, a pipe or a terminal, and neither it nor a slow
 * reader of standard output holds up the loop: both are served by the pool's threads. What has been answered is written at the
 * next turn of the loop, so a peer that sends one question and waits gets its answer; while more input is at hand, many
 * answers go out together. An answer that is not read makes the questions wait, not the memory grow.
 */
#ifndef BACKSTOP_CLI_TOOL_BATCH_H
#define BACKSTOP_CLI_TOOL_BATCH_H

#include "cli/tool.h"

#define TOOL_FIBERS 64
#define TOOL_LINE   (1024 * 1024)       /* octets; a longer line is an error line */
#define TOOL_DEPTH  32                  /* of a question's arrays and objects */
#define TOOL_MEMORY (256 * 1024 * 1024) /* of one question */

/* In a fiber, until end of file. CLI_DONE, or CLI_CANNOT after a complaint. */
int tool_batch(struct tool_run *run);

#endif
