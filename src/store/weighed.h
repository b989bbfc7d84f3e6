/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weighed - the keeper's part of the list: what the evidence against an address amounts to, and its history
 *
 * A row for each unit that the keeper lists or has listed (table list_weighed). The keeper (list/keeper.c) writes it from the
 * verdict of list/weigh.h; everybody may ask for removal. Each change also changes table published, its serial and its
 * journal, in the same transaction. A row that is not listed any more is kept for WEIGHED_MEMORY: who was taken off on request
 * and goes on is listed sooner next time. Exemptions (`list exempt`) are prefixes that the keeper never lists. Any thread.
 */
#ifndef BACKSTOP_STORE_WEIGHED_H
#define BACKSTOP_STORE_WEIGHED_H

#include "base/endpoint.h"
#include "store/db.h"
#include "store/published.h"

#define WEIGHED_MEMORY      (366 * 86400LL)
#define WEIGHED_REASON_MOST 255

/* X(name, listed, sentence): what the weighing came to, for either answer. Stored as numbers: never change them. */
#define WEIGHED_TABLE(X)                                                                                               \
	X(nothing, 0, "no evidence counts against it")                                                                 \
	X(enough, 1, "enough distinct addresses got backscatter from it")                                              \
	X(again, 1, "it was taken off on request and went on")                                                         \
	X(still, 1, "it stays until the time of its listing is over")                                                  \
	X(one_target, 0, "only one address got backscatter from it")                                                   \
	X(one_reporter, 0, "only one reporter says so")                                                                \
	X(few_days, 0, "not on enough days")                                                                           \
	X(too_little, 0, "too little evidence")                                                                        \
	X(callouts, 0, "only callouts, which are not published")                                                       \
	X(expired, 0, "it stopped: the time of its listing is over")                                                   \
	X(removed, 0, "taken off on request")                                                                          \
	X(exempt, 0, "exempt by the operator")                                                                         \
	X(own, 0, "an address of our own")                                                                             \
	X(reserved, 0, "not an address of the public Internet")
enum weighed_as {
#define X(name, listed, sentence) WEIGHED_##name,
	WEIGHED_TABLE(X)
#undef X
		WEIGHED_AS_COUNT
};
const char *weighed_as_name(enum weighed_as a);
const char *weighed_as_sentence(enum weighed_as a);

struct weighed {
	struct prefix unit;
	bool listed, any; /* any: PUBLISHED_ANY */
	enum weighed_as as;
	enum grade grade;
	uint8_t classes, seen;           /* bits of enum act_class: published, and of all acts that were weighed */
	uint8_t strikes;                 /* removals on request */
	uint16_t times;                  /* how often it was listed */
	uint32_t events, targets, days;  /* acts, distinct targets and days that it stands on */
	uint64_t exposure;               /* ordinary messages of the last weeks */
	int64_t first_seen, last_seen;   /* of those acts; Unix times, as all here */
	int64_t listed_at, expires, due; /* due: when to weigh anew, or to forget; 0: never */
	int64_t removed, off_at; /* the last removal on request; when it was last taken off, for whatever reason */
	struct slice reason;     /* one line; points into the transaction, or is the caller's */
};

/* ERR_NOT_FOUND: never listed, or forgotten. */
enum error weighed_get(struct db_txn *t, const struct ip *ip, struct weighed *out);
enum error weighed_put(struct db_txn *t, const struct weighed *w);
enum error weighed_drop(struct db_txn *t, const struct ip *ip);
typedef bool weighed_take(const struct weighed *w, void *arg);
/* By unit, beginning after `after` (family 0: with the first). */
enum error weighed_each(struct db_txn *t, const struct prefix *after, weighed_take *take, void *arg);

/* Removal on request: off the list now, one more strike; what was seen before does not count again. ERR_NOT_FOUND: the keeper
 * does not list it. ERR_BUSY: it was asked for too often; *again is when it may be asked next (force: an operator does not
 * care). After the first removal one waits a day for the next, then a week, then four. */
enum error weighed_remove(struct db *state, const struct ip *ip, int64_t now, bool force, int64_t *again);

struct exemption {
	struct prefix prefix;
	int64_t created;
	struct slice reason;
};
/* What the keeper lists within it comes off in the same transaction. An IPv6 prefix longer than /64 is its /64. */
enum error exemptions_add(struct db *state, const struct exemption *e, int64_t now);
/* What is within it is weighed again. ERR_NOT_FOUND. */
enum error exemptions_remove(struct db *state, const struct prefix *p);
bool exemptions_has(struct db_txn *t, const struct ip *ip, struct exemption *out); /* out may be NULL */
enum error exemptions_each(struct db_txn *t, bool (*take)(const struct exemption *, void *arg), void *arg);

#endif
