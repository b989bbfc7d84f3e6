/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filewatch - has a file that people edit become another one?
 *
 * Looked at by stat(2), which needs no rights of its own, works on every file system, and follows links that are turned round
 * to another file. A file counts as changed when two looks in a row see the same new state, so that one which is being
 * written is left alone until it has been still for the time between two looks. Written in place, replaced by rename,
 * removed, come back, made readable: each is a change. One thread.
 *
 *     struct filewatch w;
 *     filewatch_start(&w, path);                   // what is there now counts as known
 *     load(path);
 *     for (;; sleep_a_little())
 *             if (filewatch_changed(&w)) load(path);   // true once for each change
 */
#ifndef BACKSTOP_BASE_FILEWATCH_H
#define BACKSTOP_BASE_FILEWATCH_H

#include <stdbool.h>
#include <stdint.h>

struct filewatch {
	const char *path; /* the caller's */
	struct filewatch_state {
		int error; /* errno of stat(2); 0: it is there */
		uint64_t device, inode, size;
		int64_t modified, changed; /* nanoseconds */
	} known, seen;
};

/* To be called before the file is read: what changes while it is read is then a change. */
void filewatch_start(struct filewatch *w, const char *path);
bool filewatch_changed(struct filewatch *w);

#endif
