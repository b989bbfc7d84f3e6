/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled expressions as octets: SHA-256 over what follows; then for each its key, u64 size and the database as libhs writes
 * it, which names the processor it is for. */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "auth/digest.h"
#include "bounce/bundle_internal.h"

#define SEAL 32
#define HEAD (BUNDLE_KEY + sizeof(uint64_t)) /* of a piece */

static bool seal_of(struct slice body, unsigned char out[SEAL])
{
	struct digest d;
	digest_begin(&d, HASH_SHA256);
	digest_put(&d, body);
	return digest_end(&d, out);
}

/* ---- packing --------------------------------------------------------------------------------------------------------- */

struct piece {
	char *octets; /* libhs's malloc */
	size_t n;
};

static bool serialize(const struct bundle *b, struct piece *pieces, size_t *all)
{
	*all = SEAL;
	for (size_t i = 0; i < b->expression_count; i++) {
		if (hs_serialize_database(b->expressions[i].compiled, &pieces[i].octets, &pieces[i].n) != HS_SUCCESS)
			return false;
		*all += HEAD + pieces[i].n;
	}
	return true;
}

static void put_pieces(char *to, const struct bundle *b, const struct piece *pieces)
{
	for (size_t i = 0; i < b->expression_count; i++) {
		uint64_t size = htobe64(pieces[i].n);
		memcpy(to, b->expressions[i].key, BUNDLE_KEY);
		memcpy(to + BUNDLE_KEY, &size, sizeof size);
		memcpy(to + HEAD, pieces[i].octets, pieces[i].n);
		to += HEAD + pieces[i].n;
	}
}

enum error bundle_pack(const struct bundle *b, char **octets, size_t *n)
{
	struct piece *pieces = calloc(b->expression_count + 1, sizeof *pieces);
	enum error e = ERR_NO_MEMORY;
	*octets = NULL;
	if (!pieces) return e;
	if (serialize(b, pieces, n) && (*octets = malloc(*n))) {
		put_pieces(*octets + SEAL, b, pieces);
		if (seal_of(slice_of(*octets + SEAL, *n - SEAL), (unsigned char *)*octets)) e = ERR_OK;
	}
	for (size_t i = 0; i < b->expression_count; i++) free(pieces[i].octets);
	free(pieces);
	if (e) {
		free(*octets);
		*octets = NULL;
	}
	return e;
}

/* ---- unpacking ------------------------------------------------------------------------------------------------------- */

struct slice bundle_packed_pieces(struct slice packed)
{
	unsigned char seal[SEAL];
	struct slice body = slice_sub(packed, SEAL, packed.n);
	bool good = packed.n > SEAL && seal_of(body, seal) && memcmp(seal, packed.p, SEAL) == 0;
	return good ? body : SLICE_EMPTY;
}

/* Takes one off the front. */
static bool take_piece(struct slice *pieces, struct slice *key, struct slice *octets)
{
	uint64_t size;
	if (pieces->n < HEAD) return false;
	memcpy(&size, pieces->p + BUNDLE_KEY, sizeof size);
	size = be64toh(size);
	if (size > pieces->n - HEAD) return false;
	*key = slice_sub(*pieces, 0, BUNDLE_KEY);
	*octets = slice_sub(*pieces, HEAD, HEAD + size);
	*pieces = slice_sub(*pieces, HEAD + size, pieces->n);
	return true;
}

hs_database_t *bundle_find_packed(struct slice pieces, const unsigned char key[BUNDLE_KEY])
{
	struct slice its_key, octets;
	hs_database_t *out = NULL;
	while (take_piece(&pieces, &its_key, &octets))
		if (memcmp(its_key.p, key, BUNDLE_KEY) == 0 &&
		    hs_deserialize_database(octets.p, octets.n, &out) == HS_SUCCESS)
			return out;
	return NULL;
}
