/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rulefile - a rule bundle, or explain's knowledge, from a file or as it is built in
 *
 * A file that has a mistake, or that does not pass its own samples, is refused, with a sentence that names file and line
 * ("/etc/backstop/bounce.rules:12: the sample is other, by ..."). So is a bundle without any sample: half a file may be well formed. Reads files and takes up to half a
 * second for rules, in two threads: not for the thread of a loop. What is loaded is immutable and counted; any thread.
 *
 *     struct bundle *b;
 *     char why[RULEFILE_WHY];
 *     if (rulefile_load_rules(path, &b, why)) complain("%s", why);
 */
#ifndef BACKSTOP_RELAY_RULEFILE_H
#define BACKSTOP_RELAY_RULEFILE_H

#include <limits.h>

#include "bounce/bundle.h"
#include "bounce/knowledge.h"

#define RULEFILE_WHY  1600              /* a path, a line, a problem */
#define RULEFILE_MOST (4 * 1024 * 1024) /* octets of a file of rules; of knowledge: KNOWLEDGE_OCTETS */

/* Knowledge with the text and the memory it lives in. */
struct lore {
	int references;
	struct arena arena;
	const struct knowledge *knowledge;
};

/* path NULL: what is built in. *out is a reference of the caller's, NULL on failure. compiled: a file of our own in which the
 * compiled expressions are kept, so that these rules, or others that have most expressions in common, are there at once the next
 * time; NULL: none. */
enum error rulefile_load_rules(const char *path, const char *compiled, struct bundle **out, char why[RULEFILE_WHY]);
enum error rulefile_load_lore(const char *path, struct lore **out, char why[RULEFILE_WHY]);

/* The folder of a file as it is named, or where links lead (empty: nowhere yet): who is to read what takes the file's place
 * must be let into both before a sandbox closes (base/sandbox.h). NULL: no file, an empty text. */
const char *rulefile_folder(const char *path, char out[PATH_MAX]);
const char *rulefile_real_folder(const char *path, char out[PATH_MAX]);

struct lore *lore_ref(struct lore *l);
void lore_unref(struct lore *l); /* NULL is fine */

#endif
