/* SPDX-License-Identifier: Apache-2.0 */
/*
 * class - what a message is, as far as returned mail goes
 *
 * The words are those of the command line's contract and of rule bundles. The order of the table is the order of the
 * verdict: the first class with more for it than against it wins. Pure; any thread.
 */
#ifndef BACKSTOP_BOUNCE_CLASS_H
#define BACKSTOP_BOUNCE_CLASS_H

#include "base/slice.h"

/* X(NAME, word): feedback reports (RFC 5965), challenges ("confirm that you are no robot"), delivery reports of any kind
 * (RFC 3464 and free text), automatic replies (RFC 3834) with disposition notifications (RFC 8098), all else. */
#define CLASS_TABLE(X)                                                                                                 \
	X(ARF, "arf")                                                                                                  \
	X(CHALLENGE, "challenge")                                                                                      \
	X(NDR, "ndr")                                                                                                  \
	X(AUTOREPLY, "autoreply")                                                                                      \
	X(OTHER, "other")

enum bounce_class {
#define X(name, word) CLASS_##name,
	CLASS_TABLE(X)
#undef X
		CLASS_COUNT
};

/* X(NAME, word): what a delivery report says happened; the Action of RFC 3464 2.3.3. Worst first. */
#define KIND_TABLE(X)                                                                                                  \
	X(FAILED, "failed")                                                                                            \
	X(DELAYED, "delayed")                                                                                          \
	X(RELAYED, "relayed")                                                                                          \
	X(EXPANDED, "expanded")                                                                                        \
	X(DELIVERED, "delivered")

enum bounce_kind {
	KIND_NONE, /* not an NDR */
#define X(name, word) KIND_##name,
	KIND_TABLE(X)
#undef X
		KIND_COUNT
};

const char *class_word(enum bounce_class c);
const char *kind_word(enum bounce_kind k); /* NULL: KIND_NONE */
bool class_from_word(struct slice word, enum bounce_class *out);
bool kind_from_word(struct slice word, enum bounce_kind *out); /* any case; not KIND_NONE */

#endif
