/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "store/ledger_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Rows lie in the content, one after the other. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice content = slice_of(data, size);
	struct ledger_row rows[4];
	struct ledger_passage p;
	const char *end = (const char *)data;
	ledger_log_begins(&content);
	for (size_t n; (n = ledger_log_parse(&content, rows, 4));)
		for (size_t i = 0; i < n; i++) {
			if (rows[i].record.p < end || rows[i].record.p + rows[i].record.n > (const char *)data + size)
				abort();
			end = rows[i].record.p + rows[i].record.n;
			ledger_decode(rows[i].record, &p);
		}
	return 0;
}
