/* SPDX-License-Identifier: Apache-2.0 */
/* A record is a key or says why not; a key that can be used has a size within the bounds and does not verify a
 * signature of nothing. */
#include <assert.h>

#include "auth/keyrecord.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_key(enum key_kind kind, struct slice octets)
{
	static const unsigned char hash[32];
	struct public_key k;
	const char *problem = publickey_read(kind, octets, &k);
	assert(!problem == !!k.key);
	if (!problem) {
		assert(k.bits > 0 && k.bits <= PUBLICKEY_RSA_MOST && k.bits == publickey_bits(kind, octets));
		publickey_verify(&k, HASH_SHA256, hash, slice_sub(octets, 0, 256));
	}
	publickey_free(&k);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;
	struct key_record r;
	arena_init(&a, 1 << 22);
	key_record_read(&a, slice_of(data, size), &r);
	if (!r.problem) try_key(r.kind, r.key);
	try_key(KEY_RSA, slice_of(data, size));
	try_key(KEY_ED25519, slice_of(data, size));
	arena_free(&a);
	return 0;
}
