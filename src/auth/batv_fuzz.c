/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever is signed verifies, and gives the address back; taking tags off any address ends, with an address. */
#include <assert.h>

#include "auth/batv.h"
#include "auth/tag.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct batv_key keys[] = {{.secret = {"secret", 6}, .number = 3},
	                                       {.secret = {"old", 3}, .number = 0, .as_given = true}};
	const int64_t now = INT64_C(20782) * 86400;
	struct slice in = slice_of(data, size), original, made;
	struct arena a;
	arena_init(&a, 1 << 20);
	batv_verify(&a, in, keys, 2, '+', now, &original);
	assert(original.p || size == 0);
	assert(original.n <= in.n);
	for (unsigned i = 0; i < 4; i++) {
		made = batv_sign(&a, in, &keys[i % 2], i < 2 ? BATV_PRVS : BATV_SUBADDRESS, '+', now, 7);
		if (!made.p || made.n > TAG_ADDRESS_MOST) continue;
		/* A tag in front is read before one at the end. */
		if (i >= 2 && slice_starts_nocase(in, SLICE("prvs="))) continue;
		if (i >= 2 && slice_starts_nocase(in, SLICE("\"prvs="))) continue;
		enum batv_verdict v = batv_verify(&a, made, keys, 2, '+', now, &original);
		assert(v == BATV_VALID);
		assert(slice_equal(original, in));
	}
	arena_free(&a);
	return 0;
}
