/* SPDX-License-Identifier: Apache-2.0 */
/*
 * assess - weighs a unit by what the state holds about it
 *
 * Reads acts, exposure, history and exemptions in the caller's transaction and hands them to weigh(). Used by the keeper, and by
 * the command line to explain. Any thread with 300 KiB of stack.
 */
#ifndef BACKSTOP_LIST_ASSESS_H
#define BACKSTOP_LIST_ASSESS_H

#include "base/config.h"
#include "list/weigh.h"

#define ASSESS_SKEW 300 /* seconds that the clock of another node may be ahead */

/* What the configuration says about weighing. */
struct assess_rules {
	struct weigh_policy policy;
	bool list_reserved;          /* for laboratories: 127.0.0.1 is as good as any */
	const struct config *config; /* whose pools are our own addresses; NULL: none. The caller's */
};
struct assess_rules assess_rules_of(const struct config *c);
/* Of all that decides, so that a change is seen: other rules, another number. */
uint64_t assess_fingerprint(const struct assess_rules *r);

/* Acts later than now + skew are left out. *known says whether there was a row before. */
enum error assess(struct db_txn *t, const struct prefix *unit, const struct assess_rules *r, bool afresh, int64_t now,
                  int64_t skew, struct weighed *out, bool *known);

#endif
