/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "store/ledger.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What decodes is the same octets when it is encoded. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char out[LEDGER_RECORD_MOST];
	struct ledger_passage p;
	struct slice record = slice_of(data, size);
	if (ledger_decode(record, &p) == ERR_OK &&
	    (ledger_record_size(&p) > sizeof out || !slice_equal(ledger_encode(&p, out), record)))
		abort();
	return 0;
}
