/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sigwrite - the fields that hold signatures, written: folded at SIGWRITE_COLUMNS, tag after tag, b= last
 *
 *     struct sigwrite w;
 *     sigwrite_begin(&w, arena, "DKIM-Signature");
 *     sigwrite_tag(&w, "d", domain);
 *     sigwrite_list(&w, "h", names);                    // may fold at its colons
 *     sigwrite_octets(&w, "bh", hash);                  // as base64, may fold anywhere
 *     own = sigwrite_unsigned(&w);                      // with an empty b=, to be hashed
 *     field = sigwrite_signed(&w, signature);           // with CR LF
 *
 * What cannot be folded makes a longer line. Without memory both give {NULL, 0}. Pure.
 */
#ifndef BACKSTOP_AUTH_SIGWRITE_H
#define BACKSTOP_AUTH_SIGWRITE_H

#include "auth/fields.h"
#include "base/arena.h"

#define SIGWRITE_COLUMNS 76 /* RFC 5322 2.1.1 recommends 78 */

struct sigwrite { /* private */
	struct arena *arena;
	char *text; /* size octets of it, n in use; column of the line */
	size_t n, size, column;
	bool failed;
};

void sigwrite_begin(struct sigwrite *w, struct arena *a, const char *name);
void sigwrite_tag(struct sigwrite *w, const char *tag, struct slice value);
void sigwrite_number(struct sigwrite *w, const char *tag, int64_t value);
void sigwrite_list(struct sigwrite *w, const char *tag, struct slice value);
void sigwrite_octets(struct sigwrite *w, const char *tag, struct slice octets);
struct slice sigwrite_unsigned(struct sigwrite *w); /* once, after all tags but b= */
struct slice sigwrite_signed(struct sigwrite *w, struct slice signature);

/* The value of h=: each wanted name that the header has, as often as it has it; and once more where another one,
 * added later, would be shown in place of what was signed (RFC 6376 8.15). From is always there. A name that
 * stands twice in wanted counts once. Names that no field can have are left out, and so is except (NULL: none).
 * {NULL, 0}: no memory. */
struct slice sigwrite_names(struct arena *a, const struct fields *fields, const struct slice *wanted, size_t count,
                            const char *except);

#endif
