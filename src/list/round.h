/* SPDX-License-Identifier: Apache-2.0 */
/*
 * round - a round of the keeper's work: what is new or due is weighed, and what changes is written, in one commit
 *
 * Taking a unit out of the queue and writing what it amounts to are one transaction: a keeper that is killed loses nothing and
 * does nothing twice. Blocks its thread for the commit; needs 300 KiB of stack.
 *
 *     struct round r = {.state = state, .rules = &rules, .now = clock_unix(), .skew = ASSESS_SKEW};
 *     while (!(err = round_work(&r)) && r.taken) tell(r.changes, r.changed);
 */
#ifndef BACKSTOP_LIST_ROUND_H
#define BACKSTOP_LIST_ROUND_H

#include "list/assess.h"

#define ROUND_UNITS 256 /* in one commit */

/* X(name): what happened to a unit's listing. */
#define ROUND_CHANGE_TABLE(X)                                                                                          \
	X(listed)                                                                                                      \
	X(delisted)                                                                                                    \
	X(changed)
enum round_change_kind {
#define X(name) ROUND_##name,
	ROUND_CHANGE_TABLE(X)
#undef X
};

struct round_change {
	enum round_change_kind kind;
	struct weighed row; /* as it is now */
	char reason[WEIGHED_REASON_MOST + 1];
};

struct round {
	struct db *state;
	const struct assess_rules *rules;
	int64_t now, skew;
	size_t taken;   /* units and listings by hand that were looked at; 0: there is nothing to do */
	size_t expired; /* listings by hand whose time was over */
	size_t changed;
	struct round_change changes[ROUND_UNITS * 2];
};

/* New acts and what is due by now, ROUND_UNITS of either. */
enum error round_work(struct round *r);
/* The next ROUND_UNITS units that have evidence or a history, after *at (family 0: from the first on); *at moves on and is family 0
 * when all were weighed. afresh: by new rules. dry: nothing is written. */
enum error round_all(struct round *r, struct prefix *at, bool afresh, bool dry);
/* When something is due next; 0: never. */
int64_t round_next(struct db *state);

#endif
