/* SPDX-License-Identifier: Apache-2.0 */
/* Encoding then decoding changes nothing; what decodes, encodes and decodes to the same. */
#include <assert.h>

#include "mail/xtext.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size);
	struct arena a;
	arena_init(&a, 1 << 22);
	struct slice decoded = xtext_decode(&a, in), back = xtext_decode(&a, xtext_encode(&a, in));
	if (size < 4096) assert(slice_equal(back, in));
	if (decoded.p && size < 4096) assert(slice_equal(xtext_decode(&a, xtext_encode(&a, decoded)), decoded));
	assert(!xtext_valid(in) || decoded.p);
	arena_free(&a);
	return 0;
}
