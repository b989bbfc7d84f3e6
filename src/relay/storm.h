/* SPDX-License-Identifier: Apache-2.0 */
/*
 * storm - a forged campaign, as it shows in the answers of all tenants' servers
 *
 * When somebody's address is forged in a campaign, the servers of many tenants answer it at once. What is known to be unproven is
 * held anyway; what is unknown (its original came by another way, or the ledger was lost) leaves by pool `ndr`, and in
 * a campaign most of it is backscatter too. So answers are counted over all tenants, and while there is a storm
 * against an address or a domain, unknown answers to it are held.
 *
 *   address   so many distinct answers to it within the window were suspect, that is unknown or unproven
 *   domain    so many distinct addresses in it got suspect answers within the window. One address's storm is therefore
 *             none against its domain
 *
 * and of all that were counted (genuine ones in the same way) at least `share` percent were suspect: to a large mail provider genuine
 * answers go all the time, so its ordinary volume of unknown ones begins no storm. It ends when for `lull` the window had
 * less than half as many, or the share was 20 points lower. Numbers are estimates by bitmaps (linear counting), exact to a few percent.
 * Known answers do not depend on it: genuine ones always leave, unproven ones never.
 *
 * Memory is fixed (STORM_TARGETS of about 170 octets, touched when used), whatever is sent: of targets that share a slot the one with
 * the fewest suspects gives way, never one under a storm. At most STORM_MOST storms are told apart; further ones do not
 * begin. Forgotten when the process ends; see storm_recall.h.
 *
 * Pure: the time is passed in. Any thread.
 *
 *     struct storm_event begun;
 *     if (storm_count(s, &(struct storm_answer){...}, now_ms, &begun)) log(begun);
 *     if (unknown && storm_holds(s, address, now_ms, against)) hold("while a forged campaign against %s lasts", against);
 *     while (storm_end_next(s, now_ms, &ended)) log(ended);      // once a second
 */
#ifndef BACKSTOP_RELAY_STORM_H
#define BACKSTOP_RELAY_STORM_H

#include "base/slice.h"

#define STORM_TARGETS 16384
#define STORM_MOST    256
#define STORM_NAME    324 /* octets of an address, with a NUL; longer ones are cut for display */
#define STORM_COUNTED 500 /* largest threshold: bitmaps tell no more than a thousand apart */

struct storms;

struct storm_limits {
	int64_t address, domain; /* suspects from which there is a storm; 0: never */
	int64_t share;           /* percent */
	int64_t window, lull;    /* milliseconds */
};

/* key: random, so that nobody can choose what falls together. NULL: no memory. */
struct storms *storms_new(const struct storm_limits *limits, const uint64_t key[2]);
void storms_free(struct storms *s); /* NULL is fine */
void storms_change(struct storms *s, const struct storm_limits *limits);

struct storm_answer {
	struct slice address;  /* that it goes to; any case */
	struct slice identity; /* what makes it a distinct one: its Message-ID */
	bool suspect;          /* unknown or unproven; else genuine */
};

struct storm_event {
	char against[STORM_NAME]; /* address or domain, lower case */
	bool domain;
	int64_t since;             /* as passed in */
	uint64_t suspects, proven; /* in the window now */
	uint64_t held;             /* answers held for it so far */
};

/* Counts one answer. How many storms it began: 0, 1, or 2 (address and domain), in begun. */
size_t storm_count(struct storms *s, const struct storm_answer *a, int64_t now, struct storm_event begun[2]);
/* Is there a storm against the address or its domain? If so it counts as held for it, and `against` says which. */
bool storm_holds(struct storms *s, struct slice address, int64_t now, char against[STORM_NAME]);
/* Ends a storm that is over. False: none is. */
bool storm_end_next(struct storms *s, int64_t now, struct storm_event *ended);
/* The storms that last, oldest first, at most `room`; how many there are. */
size_t storm_list(struct storms *s, int64_t now, struct storm_event *out, size_t room);
/* Grows with each beginning, end, and held answer: has what storm_list() says changed? */
uint64_t storm_changes(struct storms *s);

#endif
