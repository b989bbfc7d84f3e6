/* SPDX-License-Identifier: Apache-2.0 */
/* What bundle.c, signals.c and classify.c share. */
#ifndef BACKSTOP_BOUNCE_BUNDLE_INTERNAL_H
#define BACKSTOP_BOUNCE_BUNDLE_INTERNAL_H

#include <hs/hs.h>
#include <stdatomic.h>

#include "bounce/bundle.h"
#include "bounce/rules.h"

#define BUNDLE_MAGIC 0x62756e64u

struct bundle {
	unsigned magic;
	atomic_uint references;
	uint64_t serial; /* no two bundles of a process have the same: which one a scratch is fit for */
	struct rules *rules;
	/* Those of each place, so that a text is searched for its own only. The id of a pattern is its index in rules->phrases; NULL: there
	 * are none. */
	hs_database_t *phrases[PLACE_COUNT];
	bool packed; /* they came from packed octets */
};

/* bundle_pack.c: phrases from packed octets. False: they are not of this text, libhs and processor. */
bool bundle_unpack(struct bundle *b, struct slice text, struct slice packed);

#endif
