/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger_log - what makes the ledger survive a crash of the machine
 *
 * The ledger's environment is not synced at each commit, and after a crash of the machine it is emptied, since its
 * pages may have reached the disk in any order. So the records are also appended to plain files, which are cheap to
 * sync, and from which the environment is filled again. Files STATE_DIR/ledger/log/NAME, NAME as of a spooled body:
 * greater than all ids in earlier ones, so that a file may go when the oldest passage is not below the name of the
 * next. Each entry has a checksum; what a crash left of the last ones is recognized and ends its file.
 *
 * One thread at a time. Errors leave the file as it was before the call.
 */
#ifndef BACKSTOP_STORE_LEDGER_LOG_H
#define BACKSTOP_STORE_LEDGER_LOG_H

#include "store/ledger.h"

struct ledger_log;

/* Makes the folder when it is not there. why: 256 bytes. */
enum error ledger_log_open(const char *state_dir, struct ledger_log **out, char why[256]);
void ledger_log_close(struct ledger_log *); /* without a sync; NULL is fine */

/* A new file is begun when the last one has a thirtieth of the ledger's size or lifetime. now: Unix time. */
enum error ledger_log_append(struct ledger_log *, const struct ledger_bounds *b, const struct ledger_row *rows,
                             size_t n, int64_t now);
enum error ledger_log_sync(struct ledger_log *); /* does nothing when nothing was appended */
/* Removes files of which all passages are older than the one with this id. */
void ledger_log_trim(struct ledger_log *, uint64_t oldest);
uint64_t ledger_log_size(const struct ledger_log *); /* octets of all files */

/* Gives what the files had when this was opened, oldest first, n at a time. False ends it. */
typedef bool ledger_log_fn(const struct ledger_row *rows, size_t n, void *arg);
enum error ledger_log_replay(struct ledger_log *, ledger_log_fn *each, void *arg);
bool ledger_log_has_past(const struct ledger_log *); /* there were files when it was opened */

/* The entries of one file's content, for replay and its fuzz target: n rows that point into it. Takes them off *rest; 0 at its
 * end, or at the first that is damaged. */
size_t ledger_log_parse(struct slice *rest, struct ledger_row *rows, size_t most);
bool ledger_log_begins(struct slice *content); /* takes the file's first octets off; false: not a file of ours */

#endif
