/* SPDX-License-Identifier: Apache-2.0 */
/* Decoded text is never longer than what was encoded. */
#include <assert.h>

#include "mail/transfer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size);
	struct arena a;
	arena_init(&a, 64 << 20);
	assert(transfer_base64(&a, in, SIZE_MAX).n <= size / 4 * 3 + 3);
	assert(transfer_quoted_printable(&a, in, SIZE_MAX).n <= size);
	assert(transfer_uuencode(&a, in, SIZE_MAX).n <= size);
	assert(transfer_base64(&a, in, 5).n <= 5 && transfer_quoted_printable(&a, in, 5).n <= 5 &&
	       transfer_uuencode(&a, in, 5).n <= 5);
	assert(!arena_exhausted(&a));
	arena_free(&a);
	return 0;
}
