/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notice - what a service shows of its state besides numbers
 *
 * A text on a topic (which rules are in use, which campaigns go on) is a file RUN-DIR/SERVICE.TOPIC, replaced as a whole: a
 * reader in another process (`backstop status`) sees the old or the new one, never half. Its form is the writer's and the
 * reader's affair; ours is JSON. Not synced: run-dir is about what runs now. Any thread; one writer of a topic at a time.
 *
 *     notice_write(run_dir, "relay", "rules", slice_str(json));
 *     if (notice_read(run_dir, "relay", "rules", &text) == ERR_OK) ...  free(text);
 */
#ifndef BACKSTOP_BASE_NOTICE_H
#define BACKSTOP_BASE_NOTICE_H

#include "base/error.h"
#include "base/slice.h"

#define NOTICE_MOST (256 * 1024)

/* ERR_LIMIT beyond NOTICE_MOST; else what the file system says. On failure the old text stays. */
enum error notice_write(const char *run_dir, const char *service, const char *topic, struct slice text);
/* *out is NUL-terminated and to be freed. ERR_NOT_FOUND: nothing was ever said. */
enum error notice_read(const char *run_dir, const char *service, const char *topic, char **out);

#endif
