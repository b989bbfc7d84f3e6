/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coverage - would a witness speak, if a tenant's bounce were genuine?
 *
 * A tenant may send by other ways than through us: a newsletter service, an old server. Then genuine bounces come for
 * which no witness can speak. So silence means something only where it was seen that witnesses do speak: of the
 * tenant's ordinary bounces of the last COVERAGE_DAYS at least COVERAGE_CASES were seen, and a witness confirmed
 * COVERAGE_SHARE percent of them. That is measured, never configured, and it ends by itself: a tenant that begins to
 * send elsewhere falls below the share, one that gets no bounces falls below the number.
 *
 * Counted apart: what tag or signature confirmed. Those need nothing stored, so they are what counts while the ledger
 * does not reach back far enough.
 *
 * Plain numbers, to be stored as they are: coverage_pack(). A flood must not decide: see judge_case() for what
 * is counted. Pure; the time is passed in. One thread at a time.
 *
 *     struct coverage c = {0};
 *     coverage_add(&c, COVERAGE_STRONG, now);
 *     if (coverage_complete(&c, ledger_reaches_back, now)) ...
 */
#ifndef BACKSTOP_BOUNCE_COVERAGE_H
#define BACKSTOP_BOUNCE_COVERAGE_H

#include "base/slice.h"
#include "bounce/reporters.h"

#define COVERAGE_DAYS  30
#define COVERAGE_CASES 50
#define COVERAGE_SHARE 98 /* percent */

enum coverage_case {
	COVERAGE_NOT_COUNTED,
	COVERAGE_UNCONFIRMED,
	COVERAGE_WEAK,   /* confirmed by ledger or Received field only */
	COVERAGE_STRONG, /* by tag or signature */
};

struct coverage {
	int64_t day; /* of the newest counts, since 1970 */
	uint32_t ordinary[COVERAGE_DAYS], confirmed[COVERAGE_DAYS],
		strong[COVERAGE_DAYS]; /* by day modulo COVERAGE_DAYS */
	struct reporters reporters;    /* from where unconfirmed ones come; for who adds to look at before */
};

struct coverage_sum {
	uint64_t ordinary, confirmed, strong;
};

/* A time before the newest counts is counted with them: clocks go back. */
void coverage_add(struct coverage *c, enum coverage_case what, int64_t now);
struct coverage_sum coverage_sum(const struct coverage *c, int64_t now);
/* ledger: it reaches back so far that what a bounce may be about is in it. c NULL: no. */
bool coverage_complete(const struct coverage *c, bool ledger, int64_t now);

/* One octet: version; day (8), then the three rows (4 each), all big-endian. Version 2: then the reporters. Without any it is 1, which older
 * programs read, too. Returns how many octets. */
#define COVERAGE_COUNTS (9 + 3 * 4 * COVERAGE_DAYS)
#define COVERAGE_PACKED (COVERAGE_COUNTS + REPORTERS_PACKED)
size_t coverage_pack(const struct coverage *c, char out[static COVERAGE_PACKED]);
bool coverage_unpack(struct slice octets, struct coverage *out); /* false, and zeros: not of that form */

#endif
