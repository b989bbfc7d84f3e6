/* SPDX-License-Identifier: Apache-2.0 */
/* A hostile header: what is found are few addresses, each with a local part and a domain, and none of what was left out. */
#include <assert.h>

#include "relay/authors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;
	struct authors found;
	struct authors_proof proof = {.return_path = SLICE("a@b.c"), .author = SLICE("d.e"), .author_proven = true};
	arena_init(&a, 16 << 20);
	authors_find(&a, slice_of(data, size), &proof, &found);
	assert(found.count <= LEDGER_AUTHORS);
	for (size_t i = 0; i < found.count; i++) {
		struct slice one = found.address[i];
		size_t at = slice_find_last(one, '@');
		assert(at < one.n && at + 1 < one.n && !slice_equal_nocase(one, proof.return_path));
		assert(!slice_equal_nocase(slice_sub(one, at + 1, one.n), proof.author));
		for (size_t k = 0; k < i; k++) assert(!slice_equal_nocase(one, found.address[k]));
	}
	arena_free(&a);
	return 0;
}
