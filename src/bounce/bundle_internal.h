/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of bundle, signals.c and classify.c share. */
#ifndef BACKSTOP_BOUNCE_BUNDLE_INTERNAL_H
#define BACKSTOP_BOUNCE_BUNDLE_INTERNAL_H

#include <hs/hs.h>
#include <stdatomic.h>

#include "bounce/bundle.h"
#include "bounce/literals.h"
#include "bounce/rules.h"

#define BUNDLE_MAGIC 0x62756e64u
#define BUNDLE_PARTS 6 /* of the expressions of a place */
#define BUNDLE_KEY   32

/* Expressions that are compiled together. Which part one is in depends on nothing but its own text, so that a change in one leaves the
 * other parts as they were. */
struct bundle_part {
	hs_database_t *compiled; /* NULL: it has no expressions. The id of an expression is its index in phrases */
	uint32_t *phrases;       /* indices in rules->phrases */
	size_t count;
	unsigned char key[BUNDLE_KEY]; /* a hash of libhs's version and of the expressions */
};

struct bundle {
	unsigned magic;
	atomic_uint references;
	uint64_t serial; /* no two bundles of a process have the same: which one a scratch is fit for */
	struct rules *rules;
	/* By places, so that a text is searched for its own only. NULL: there are none. */
	struct literals *literals[PLACE_COUNT];
	struct bundle_part parts[PLACE_COUNT][BUNDLE_PARTS];
	bool compiled; /* parts had to be, they were not all in the packed octets */
};

/* bundle_compile.c: fills the parts, from packed octets or by compiling. ERR_NO_MEMORY, ERR_INVALID, ERR_SYSTEM with a problem. */
enum error bundle_compile(struct bundle *b, struct slice packed, char problem[BUNDLE_PROBLEM]);
/* bundle_pack.c: the parts in packed octets, empty when they are damaged or another libhs's; the part of that key, or NULL. */
struct slice bundle_packed_parts(struct slice packed);
hs_database_t *bundle_find_packed(struct slice parts, const unsigned char key[BUNDLE_KEY]);

#endif
