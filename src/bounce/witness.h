/* SPDX-License-Identifier: Apache-2.0 */
/*
 * witness - the single witnesses, for provenance.c alone
 *
 * Each sets its entry in out->witnesses, and may set out->doubt and out->about if nobody has before. Pure.
 */
#ifndef BACKSTOP_BOUNCE_WITNESS_H
#define BACKSTOP_BOUNCE_WITNESS_H

#include "bounce/provenance.h"

static inline void witness_say(struct witness *out, enum testimony says, const char *why, struct slice detail)
{
	*out = (struct witness){.says = says, .why = why, .detail = detail};
}

static inline void witness_doubt(struct provenance *out, const char *doubt)
{
	if (!out->doubt) out->doubt = doubt;
}

/* False: no memory. */
bool witness_dkim(struct arena *a, const struct returned *r, const struct provenance_facts *f, struct provenance *out);
void witness_received(const struct returned *r, const struct provenance_facts *f, struct provenance *out);
/* After the one before, whose word it takes into account. */
void witness_ledger(const struct returned *r, const struct provenance_facts *f, struct provenance *out);

/* What the rows of the ledger that are about one message say, in either direction. */
struct witness_rows {
	const struct provenance_facts *facts;
	const struct returned *returned;
	bool by_id;              /* they are looked for by an id of the message */
	bool cut;                /* there are more than could be weighed */
	bool nameless;           /* only those without a plain Message-ID count */
	struct slice message_id; /* they must have it; empty: any */
	unsigned seen;           /* all that were handed over */
	unsigned known;          /* of this tenant, direction and time */
	unsigned other_message;  /* of them: with another Message-ID. Not in the following */
	unsigned others;         /* from another return path */
	unsigned neighbours;     /* outbound, from another one, whose domain proved itself all the same */
	unsigned elsewhere;      /* inbound, from the addressee, but to nobody of whom the report speaks */
	unsigned good;           /* for */
	unsigned bad;            /* outbound: from the addressee, not proven */
	unsigned strangers;      /* outbound, not known: what came for another tenant from the addressee, not proven */
	unsigned weight;         /* of the kind that weighs most, of which is: */
	uint64_t about;
};
struct witness_rows witness_rows_of(const struct returned *r, const struct provenance_facts *f,
                                    bool by_id);                /* none yet */
bool witness_row(const struct provenance_row *row, void *rows); /* a provenance_take */
/* Turns them into a testimony. */
void witness_weigh(const struct witness_rows *rows, enum witness_name who, struct slice detail, struct provenance *out);

#endif
