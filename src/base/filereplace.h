/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filereplace - a file's whole content, replaced at once
 *
 * The new content is written beside it (PATH.new) and renamed: whoever opens the file finds the old content or the new one, never
 * half. Not synced: for what may be lost with the machine. A link in place of PATH.new is not followed. Any thread; one
 * writer of a path at a time.
 *
 *     enum error e = file_replace("/run/backstop/relay.rules", 0644, text);
 */
#ifndef BACKSTOP_BASE_FILEREPLACE_H
#define BACKSTOP_BASE_FILEREPLACE_H

#include <sys/types.h>

#include "base/error.h"
#include "base/slice.h"

/* ERR_LIMIT: the path is too long; else what the file system says. On failure the old content stays. */
enum error file_replace(const char *path, mode_t mode, struct slice content);

#endif
