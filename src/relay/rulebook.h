/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rulebook - the rules by which messages are classified, and the knowledge by which refusals are read, as of now
 *
 * Both come from files of the configuration (section bounce), or are built in. A thread loads them, looks at the files sixteen
 * times a second, and loads what has changed (base/filewatch.h): a new file is in use about a fifth of a second after it was
 * written, by all threads, in the middle of sessions. A file that is refused, unreadable or gone leaves in use what is; at
 * the start that is what is built in. Each is said in the log (rules, rules_refused) and in the notice
 * RUN-DIR/relay.rules (base/notice.h), for `backstop status`.
 *
 * Loading begins when the book is opened and takes half a second, which who asks has to wait for: see
 * worker_rules(). Compiled expressions are kept in RUN-DIR/relay.compiled, so that a relay that is started again has its rules at once,
 * and a changed line costs no more than its own share. A swap is a pointer; a bundle goes when its last user lets it go. Any thread.
 *
 *     rulebook_open(&files, run_dir, &book);
 *     struct bundle *b = rulebook_rules(book);      // a reference, or NULL
 *     ...
 *     bundle_unref(b);
 */
#ifndef BACKSTOP_RELAY_RULEBOOK_H
#define BACKSTOP_RELAY_RULEBOOK_H

#include "base/error.h"
#include "relay/rulefile.h"

struct rulebook;

struct rulebook_files {
	const char *rules, *knowledge; /* NULL: built in */
};

/* Copies the names. run_dir NULL: no notice. */
enum error rulebook_open(const struct rulebook_files *files, const char *run_dir, struct rulebook **out);
void rulebook_close(struct rulebook *b); /* nobody may be asking; NULL is fine */
/* Other files from now on: loaded soon. What is in use stays when they are refused. */
void rulebook_change(struct rulebook *b, const struct rulebook_files *files);

/* Waits until what there was to load at the start has been loaded or refused. It blocks: a fiber calls it by fiber_offload(). */
void rulebook_wait(struct rulebook *b);
bool rulebook_is_loaded(struct rulebook *b); /* rulebook_wait() would not wait */

/* References of the caller's. NULL: not loaded yet, or nothing could be: no memory, or a processor that libhs does not know. */
struct bundle *rulebook_rules(struct rulebook *b);
struct lore *rulebook_lore(struct rulebook *b);

#endif
