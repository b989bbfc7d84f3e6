/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weigh - evidence, exposure, policy, history and the time make a listing, or none, with the reason for either
 *
 * What counts. Acts of the four weeks (policy lifetime) up to the newest one, that came after the last removal on request. Acts
 * against the same address count once a day, by the strongest. Each counts by the strength of its witness and the weight of its
 * class. Callouts count only where the policy publishes them. What others report counts only when somebody else says so too:
 * two reporters, or one and an act that we saw ourselves; and no reporter counts for more than all others and ourselves together.
 *
 * Listed is who reached the policy's score with acts against at least `targets` (never fewer than two) distinct addresses on
 * at least `days` days. Half the score is enough for who was taken off on request before.
 *
 * Until when. Lifetime after the newest act; only short-lifetime after few acts, or when backscatter is rare among much
 * ordinary mail. What is listed stays until the time that it was once told; more acts only make it later.
 *
 * Grade: acts against the ordinary messages of the same eight weeks. `any` (the zone for all mail) only for who was never
 * seen to send ordinary mail, nor to try, after many acts against many addresses on several days, all seen by ourselves, and only where
 * ordinary mail of enough others is seen: an installation that has nothing but traps would take every large provider for one that
 * sends nothing else.
 *
 * weigh() is pure: it has no clock and touches nothing. It takes 130 KiB of stack. Any thread.
 *
 *     struct weighing w = {.unit = unit, .acts = acts, .count = n, .exposure = &exposure, .history = &old, .now = now};
 *     struct weighed row = weigh(&w, &policy);
 *     if (!row.listed) printf("%s\n", weighed_as_sentence(row.as));
 */
#ifndef BACKSTOP_LIST_WEIGH_H
#define BACKSTOP_LIST_WEIGH_H

#include "store/acts.h"
#include "store/exposure.h"
#include "store/weighed.h"

/* X(class, weight in percent) */
#define WEIGH_CLASS_TABLE(X)                                                                                           \
	X(bounce, 100)                                                                                                 \
	X(autoreply, 60)                                                                                               \
	X(challenge, 100)                                                                                              \
	X(virus, 100)                                                                                                  \
	X(callout, 50)

#define WEIGH_WINDOW    (EXPOSURE_WEEKS * 7 * 86400LL) /* acts that are older are not asked for */
#define WEIGH_ACTS_MOST 4096                           /* the newest; more than ACTS_OF_DAY a day for the window */

struct weigh_policy {
	unsigned score;                           /* 300: three acts that are sure */
	unsigned targets;                         /* 2 or more */
	unsigned days;                            /* 1 */
	unsigned few;                             /* 6: with fewer acts that count the listing is short */
	int64_t lifetime;                         /* seconds; four weeks */
	int64_t short_lifetime;                   /* one week */
	bool callouts;                            /* published? */
	unsigned any_acts, any_targets, any_days; /* 20, 5, 3 */
	unsigned any_senders;                     /* 100; weighing.blind is made of it */
};
extern const struct weigh_policy weigh_policy_default;

/* One row of acts without its texts. */
struct weigh_act {
	int64_t time, last;
	uint64_t target;
	uint64_t reporter; /* hash of who says so; 0: we saw it */
	uint32_t count;
	uint8_t class, strength;
};
struct weigh_act weigh_act_of(const struct act *a);

struct weighing {
	struct prefix unit;
	const struct weigh_act *acts; /* oldest first */
	size_t count;
	const struct exposure *exposure; /* NULL: none was seen */
	const struct weighed *history;   /* NULL: never listed */
	bool afresh;                     /* the policy has changed: what is listed need not stay */
	bool blind;                      /* so little ordinary mail is seen here that nobody can be in `any` */
	enum weighed_as barred;          /* exempt, own or reserved: why it is never listed; 0 (nothing): it may be */
	int64_t now;
};

/* The row as it is now; its reason is empty. Without a history and not listed there is nothing to store. */
struct weighed weigh(const struct weighing *w, const struct weigh_policy *p);
/* A line for people: "bounces and auto-replies to 5 addresses on 3 days". */
const char *weigh_reason(const struct weighed *w, char out[WEIGHED_REASON_MOST + 1]);

#endif
