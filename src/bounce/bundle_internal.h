/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of bundle, signals.c and classify.c share. */
#ifndef BACKSTOP_BOUNCE_BUNDLE_INTERNAL_H
#define BACKSTOP_BOUNCE_BUNDLE_INTERNAL_H

#include <hs/hs.h>
#include <stdatomic.h>

#include "bounce/bundle.h"
#include "bounce/conditions.h"
#include "bounce/literals.h"
#include "bounce/rules.h"

#define BUNDLE_MAGIC            0x62756e64u
#define BUNDLE_KEY              32
#define BUNDLE_EXPRESSION_WORDS (RULES_EXPRESSIONS / 64)
/* How expressions are compiled. Not in block mode, although a text is one block: in it libhs makes a second automaton of each, for texts
 * of less than 70 octets, and that takes two thirds of the time (bench/rules_load). */
#define BUNDLE_FLAGS (HS_FLAG_DOTALL | HS_FLAG_SINGLEMATCH)
#define BUNDLE_MODE  HS_MODE_VECTORED

/* Each is compiled by itself: most are not asked at all, since what they need is not there, and one that is changed leaves the
 * others as they were. */
struct bundle_expression {
	hs_database_t *compiled;
	unsigned char key[BUNDLE_KEY]; /* a hash of libhs's version, of how it is compiled, and of the expression */
};

struct bundle {
	unsigned magic;
	atomic_uint references;
	uint64_t serial; /* no two bundles of a process have the same: which one a scratch is fit for */
	struct rules *rules;
	/* By places, so that a text is searched for its own only. NULL: there are none. */
	struct literals *literals[PLACE_COUNT];
	struct conditions *conditions;
	struct bundle_expression *expressions; /* as many, and in the same order, as rules->expressions */
	size_t expression_count;
	uint64_t ungated[PLACE_COUNT][BUNDLE_EXPRESSION_WORDS]; /* by number: those of a place without gates */
	atomic_bool compiled; /* expressions had to be, they were not all in the packed octets */
};

/* bundle_compile.c: fills the expressions, from packed octets or by compiling; help may be empty. ERR_NO_MEMORY, ERR_INVALID, ERR_SYSTEM with a problem. */
enum error bundle_compile(struct bundle *b, const struct bundle_help *help, char problem[BUNDLE_PROBLEM]);
/* bundle_pack.c: what is in packed octets, empty when they are damaged or another libhs's; the expression of that key, or NULL. */
struct slice bundle_packed_pieces(struct slice packed);
hs_database_t *bundle_find_packed(struct slice pieces, const unsigned char key[BUNDLE_KEY]);

#endif
