/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled expressions as octets: SHA-256 over what follows; then for each part its key, u64 size and the database as libhs writes
 * it, which names the processor it is for. */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "auth/digest.h"
#include "bounce/bundle_internal.h"

#define SEAL  32
#define HEAD  (BUNDLE_KEY + sizeof(uint64_t)) /* of a part */
#define PARTS (PLACE_COUNT * BUNDLE_PARTS)

static bool seal_of(struct slice body, unsigned char out[SEAL])
{
	struct digest d;
	digest_begin(&d, HASH_SHA256);
	digest_put(&d, body);
	return digest_end(&d, out);
}

/* ---- packing --------------------------------------------------------------------------------------------------------- */

struct piece {
	const struct bundle_part *part;
	char *octets; /* libhs's malloc */
	size_t n;
};

static bool serialize(const struct bundle *b, struct piece pieces[PARTS], size_t *all)
{
	*all = SEAL;
	for (size_t i = 0; i < PARTS; i++) {
		struct piece *p = &pieces[i];
		p->part = &b->parts[i / BUNDLE_PARTS][i % BUNDLE_PARTS];
		if (!p->part->compiled) continue;
		if (hs_serialize_database(p->part->compiled, &p->octets, &p->n) != HS_SUCCESS) return false;
		*all += HEAD + p->n;
	}
	return true;
}

static void put_pieces(char *to, const struct piece pieces[PARTS])
{
	for (size_t i = 0; i < PARTS; i++) {
		uint64_t size = htobe64(pieces[i].n);
		if (pieces[i].n == 0) continue;
		memcpy(to, pieces[i].part->key, BUNDLE_KEY);
		memcpy(to + BUNDLE_KEY, &size, sizeof size);
		memcpy(to + HEAD, pieces[i].octets, pieces[i].n);
		to += HEAD + pieces[i].n;
	}
}

enum error bundle_pack(const struct bundle *b, char **octets, size_t *n)
{
	struct piece pieces[PARTS] = {0};
	enum error e = ERR_NO_MEMORY;
	*octets = NULL;
	if (serialize(b, pieces, n) && (*octets = malloc(*n))) {
		put_pieces(*octets + SEAL, pieces);
		if (seal_of(slice_of(*octets + SEAL, *n - SEAL), (unsigned char *)*octets)) e = ERR_OK;
	}
	for (size_t i = 0; i < PARTS; i++) free(pieces[i].octets);
	if (e) {
		free(*octets);
		*octets = NULL;
	}
	return e;
}

/* ---- unpacking ------------------------------------------------------------------------------------------------------- */

struct slice bundle_packed_parts(struct slice packed)
{
	unsigned char seal[SEAL];
	struct slice body = slice_sub(packed, SEAL, packed.n);
	bool good = packed.n > SEAL && seal_of(body, seal) && memcmp(seal, packed.p, SEAL) == 0;
	return good ? body : SLICE_EMPTY;
}

/* Takes a part off the front. */
static bool take_part(struct slice *parts, struct slice *key, struct slice *octets)
{
	uint64_t size;
	if (parts->n < HEAD) return false;
	memcpy(&size, parts->p + BUNDLE_KEY, sizeof size);
	size = be64toh(size);
	if (size > parts->n - HEAD) return false;
	*key = slice_sub(*parts, 0, BUNDLE_KEY);
	*octets = slice_sub(*parts, HEAD, HEAD + size);
	*parts = slice_sub(*parts, HEAD + size, parts->n);
	return true;
}

hs_database_t *bundle_find_packed(struct slice parts, const unsigned char key[BUNDLE_KEY])
{
	struct slice its_key, octets;
	hs_database_t *out = NULL;
	while (take_part(&parts, &its_key, &octets))
		if (memcmp(its_key.p, key, BUNDLE_KEY) == 0 &&
		    hs_deserialize_database(octets.p, octets.n, &out) == HS_SUCCESS)
			return out;
	return NULL;
}
