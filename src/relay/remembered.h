/* SPDX-License-Identifier: Apache-2.0 */
/*
 * remembered - the ledger as provenance.h wants to ask it
 *
 * Reads the ledger of the relay; no waits. One thread at a time.
 *
 *     struct remembered m = {.ledger = relay->ledger, .tenant = tenant};
 *     struct provenance_facts f = {.ledger = remembered_ledger(&m), ...};
 */
#ifndef BACKSTOP_RELAY_REMEMBERED_H
#define BACKSTOP_RELAY_REMEMBERED_H

#include "bounce/provenance.h"
#include "store/ledger.h"

struct remembered {
	struct db *ledger;
	uint32_t tenant; /* whose mail is looked for by return path */
};

/* m must live as long as what is returned is used. */
struct provenance_ledger remembered_ledger(struct remembered *m);
/* A passage as a row; its texts are those of p. */
struct provenance_row remembered_row(const struct ledger_passage *p);

#endif
