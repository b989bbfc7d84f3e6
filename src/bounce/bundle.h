/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bundle - signals and phrases, ready for use
 *
 * A rule bundle is a text (docs/rules.md). Loading reads it, makes its phrases ready for a search (literals.h), compiles its
 * expressions (libhs) and classifies its samples: a bundle that does not say of each of them what it should is refused, and whoever
 * loads it keeps the old one. What is loaded is immutable and counted: all threads may use it at once, and it goes when the last
 * one lets go. A default bundle is part of the program. Pure; any thread. Loading takes some
 * hundredths of a second, and some milliseconds more for each expression that is not found in packed octets: those of the default
 * bundle are part of the program (src/pack_rules.c).
 *
 *     struct bundle *b;
 *     char problem[BUNDLE_PROBLEM];
 *     enum error e = bundle_load(bundle_default_text(), &b, problem);
 *     if (e) complain("%s", problem);
 *     ...
 *     bundle_unref(b);
 */
#ifndef BACKSTOP_BOUNCE_BUNDLE_H
#define BACKSTOP_BOUNCE_BUNDLE_H

#include "base/error.h"
#include "base/slice.h"

#define BUNDLE_PROBLEM 400

struct bundle;

/* ERR_SYNTAX, ERR_LIMIT: the text is not as it should be; ERR_INVALID: a phrase cannot be compiled, or a sample is not
 * classified as the bundle says; ERR_NO_MEMORY; ERR_SYSTEM: libhs does not work on this processor (it wants SSSE3). All with a
 * sentence in problem. */
enum error bundle_load(struct slice text, struct bundle **out, char problem[BUNDLE_PROBLEM]);
/* What helps to load one sooner. All may be empty. */
struct bundle_help {
	/* What bundle_pack() made of this or another bundle, with the same libhs on the same kind of processor: expressions that are in it
	 * need not be compiled. It may be damaged, not forged. */
	struct slice packed;
	/* Calls work(context) in several threads at once and returns when all of them have: expressions are shared out. */
	void (*together)(void (*work)(void *), void *context);
};
enum error bundle_load_helped(struct slice text, const struct bundle_help *help, struct bundle **out,
                              char problem[BUNDLE_PROBLEM]);
bool bundle_was_compiled(const struct bundle *b); /* some of its expressions were not packed */
/* *octets is to be freed. ERR_NO_MEMORY. */
enum error bundle_pack(const struct bundle *b, char **octets, size_t *n);
struct bundle *bundle_ref(struct bundle *b);
void bundle_unref(struct bundle *b); /* NULL is allowed */

struct slice bundle_revision(const struct bundle *b); /* as its text says it; for people */
size_t bundle_phrases(const struct bundle *b);
size_t bundle_samples(const struct bundle *b);
size_t bundle_memory(const struct bundle *b); /* octets of the phrases and expressions, as they are searched for */

struct slice bundle_default_text(void);
/* The expressions of the default bundle as the build packed them (src/pack_rules.c); loading any bundle looks for its own here, too.
 * Empty in a program that is not linked with them, as tests. */
struct slice bundle_default_packed(void);
extern const unsigned char bundle_packed_octets[] __attribute__((weak));
extern const size_t bundle_packed_size __attribute__((weak));

#endif
