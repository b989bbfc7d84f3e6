/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "store/spool.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What decodes is the same after encoding and decoding again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;
	struct spool_message m, again;
	arena_init(&a, 64 << 20);
	if (spool_decode(&a, slice_of(data, size), &m) == ERR_OK) {
		struct slice record = spool_encode(&a, &m);
		if (record.p &&
		    (spool_decode(&a, record, &again) || again.recipient_count != m.recipient_count ||
		     !slice_equal(again.return_path, m.return_path) || !slice_equal(again.hold_reason, m.hold_reason) ||
		     again.proof != m.proof || again.answer != m.answer || again.redirected != m.redirected ||
		     again.hold != m.hold || again.held_since != m.held_since))
			abort();
	}
	arena_free(&a);
	return 0;
}
