/* SPDX-License-Identifier: Apache-2.0 */
/* A record has a version, and each edition makes of it one of the policies that it says, or none. */
#include <assert.h>

#include "auth/dmarc_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dmarc_record r;
	struct slice text = slice_of(data, size);
	if (!dmarc_record_parse(text, &r)) return 0;
	assert(slice_search(text, SLICE("DMARC1")) < size && r.pct <= 100);
	assert(!r.bad_p || r.p == DMARC_POLICY_ABSENT);
	for (enum dmarc_edition e = DMARC_EDITION_9989; e <= DMARC_EDITION_7489; e++) {
		for (enum dmarc_relation n = DMARC_ITSELF; n <= DMARC_NO_SUCH_DOMAIN; n++) {
			enum dmarc_policy p = dmarc_record_policy(&r, e, n);
			assert(p <= DMARC_POLICY_NONE || p == r.p || p == r.sp || p == r.np);
		}
	}
	return 0;
}
