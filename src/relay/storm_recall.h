/* SPDX-License-Identifier: Apache-2.0 */
/*
 * storm_recall - after a restart the storm breaker knows again what it knew
 *
 * Storms are counted in memory. A relay that is started again in the middle of a campaign would let unknown answers go until it has
 * counted enough new ones, and just then there may be many, if the ledger was lost too. What was suspect within the window is still
 * in the spool, on hold; what left is in the ledger, and counts as proven, so that the share is rather too low than too
 * high. At most STORM_RECALL_LOOKED of each are looked at.
 *
 * At the start, before sessions; reads both environments.
 */
#ifndef BACKSTOP_RELAY_STORM_RECALL_H
#define BACKSTOP_RELAY_STORM_RECALL_H

#include "relay/storm.h"
#include "store/db.h"

#define STORM_RECALL_LOOKED 100000

/* window: milliseconds. now: Unix time; now_ms: clock_now_ms(). begun(): of each storm that it begins. */
void storm_recall(struct storms *s, struct db *spool, struct db *ledger, int64_t window, int64_t now, int64_t now_ms,
                  void (*begun)(const struct storm_event *));

#endif
