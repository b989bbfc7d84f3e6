/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coverage_book - how well each tenant's bounces are confirmed, counted while mail flows
 *
 * The relay's copy of table coverage (store/coverages.h): sessions add what they have judged, and ask whether silence of
 * the witnesses means something (bounce/coverage.h). What was added is written by coverage_book_flush(), all tenants in
 * one transaction, every COVERAGE_FLUSH_MS and when the relay stops; a crash costs what came since.
 *
 * What is left out, so that neither a flood nor a copy decides:
 *  - the second report about one message (the last COVERAGE_ABOUT of a tenant are remembered): who has one message of a
 *    tenant could confirm it a thousand times;
 *  - all that comes during a storm: from when more than COVERAGE_STORM bounces that nobody confirms came within an hour,
 *    about originals from COVERAGE_STORM_ORIGINS networks or more, until an hour has passed with fewer. That hour's counts are taken
 *    back. One sender alone is no storm: it may be a service that the tenant uses;
 *  - what no witness confirms from a network beyond its first few (bounce/reporters.h). Whoever makes up bounces would end the
 *    coverage, and a server by which the tenant also sends needs no more to be noticed: coverage_book_odd().
 *
 * Any thread, without waiting for disk except when a tenant is seen for the first time.
 *
 *     struct coverage_event e = {.tenant = id, .what = judge_case(&p, &j), .about = p.message_id, .origin = returned.origin};
 *     coverage_book_add(book, &e, clock_unix());
 *     judge_inbound(&p, coverage_book_complete(book, id, ledger_reaches_back(...), now), &j);
 */
#ifndef BACKSTOP_RELAY_COVERAGE_BOOK_H
#define BACKSTOP_RELAY_COVERAGE_BOOK_H

#include "base/endpoint.h"
#include "bounce/coverage.h"
#include "store/db.h"

#define COVERAGE_FLUSH_MS      2000
#define COVERAGE_ABOUT         256
#define COVERAGE_STORM         20
#define COVERAGE_STORM_ORIGINS 5
#define COVERAGE_STORM_S       3600

struct coverage_book;

struct coverage_book *coverage_book_new(struct db *state); /* NULL: no memory */
void coverage_book_free(struct coverage_book *);           /* does not flush; NULL is fine */

struct coverage_event {
	uint32_t tenant;
	enum coverage_case what;
	struct slice about; /* the original: its Message-ID, or what else names it; empty: it is counted always */
	struct ip origin;   /* whence the original came (bounce/returned.h); family 0: not known */
	struct ip reporter; /* who reports; family 0: not known */
};
/* False: it was left out. */
bool coverage_book_add(struct coverage_book *, const struct coverage_event *e, int64_t now);
/* Is it one that reports what no witness confirms, so that silence is not to be held against what it says? */
bool coverage_book_odd(struct coverage_book *, uint32_t tenant, const struct ip *reporter, int64_t now);
/* ledger: as for coverage_complete(). False also for what cannot be read. */
bool coverage_book_complete(struct coverage_book *, uint32_t tenant, bool ledger, int64_t now);
/* Writes what changed. On an error all of it is written next time. */
enum error coverage_book_flush(struct coverage_book *);

#endif
