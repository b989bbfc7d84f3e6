/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled phrases as octets: SHA-256 over libhs's version, the text and what follows; then for each place u64 size (0: none) and the
 * database as libhs writes it, which names the processor it is for. */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "auth/digest.h"
#include "bounce/bundle_internal.h"

#define SEAL 32

static bool seal_of(struct slice text, struct slice body, unsigned char out[SEAL])
{
	struct digest d;
	const char *version = hs_version();
	uint64_t size = htobe64(text.n);
	digest_begin(&d, HASH_SHA256);
	digest_put(&d, slice_of(version, strlen(version) + 1));
	digest_put(&d, slice_of(&size, sizeof size));
	digest_put(&d, text);
	digest_put(&d, body);
	return digest_end(&d, out);
}

/* ---- packing --------------------------------------------------------------------------------------------------------- */

struct piece {
	char *octets; /* libhs's malloc */
	size_t n;
};

static bool serialize(const struct bundle *b, struct piece pieces[PLACE_COUNT], size_t *all)
{
	*all = SEAL;
	for (size_t i = 0; i < PLACE_COUNT; i++) {
		*all += sizeof(uint64_t);
		if (!b->phrases[i]) continue;
		if (hs_serialize_database(b->phrases[i], &pieces[i].octets, &pieces[i].n) != HS_SUCCESS) return false;
		*all += pieces[i].n;
	}
	return true;
}

static void put_pieces(char *to, const struct piece pieces[PLACE_COUNT])
{
	for (size_t i = 0; i < PLACE_COUNT; i++) {
		uint64_t size = htobe64(pieces[i].n);
		memcpy(to, &size, sizeof size);
		if (pieces[i].n) memcpy(to + sizeof size, pieces[i].octets, pieces[i].n);
		to += sizeof size + pieces[i].n;
	}
}

enum error bundle_pack(const struct bundle *b, struct slice text, char **octets, size_t *n)
{
	struct piece pieces[PLACE_COUNT] = {0};
	enum error e = ERR_NO_MEMORY;
	*octets = NULL;
	if (serialize(b, pieces, n) && (*octets = malloc(*n))) {
		put_pieces(*octets + SEAL, pieces);
		if (seal_of(text, slice_of(*octets + SEAL, *n - SEAL), (unsigned char *)*octets)) e = ERR_OK;
	}
	for (size_t i = 0; i < PLACE_COUNT; i++) free(pieces[i].octets);
	if (e) {
		free(*octets);
		*octets = NULL;
	}
	return e;
}

bool bundle_was_packed(const struct bundle *b)
{
	return b->packed;
}

/* ---- unpacking ------------------------------------------------------------------------------------------------------- */

static bool take_piece(struct slice *from, hs_database_t **out)
{
	uint64_t size;
	if (from->n < sizeof size) return false;
	memcpy(&size, from->p, sizeof size);
	size = be64toh(size);
	*from = slice_sub(*from, sizeof size, from->n);
	if (size > from->n) return false;
	if (size && hs_deserialize_database(from->p, size, out) != HS_SUCCESS) return false;
	*from = slice_sub(*from, size, from->n);
	return true;
}

bool bundle_unpack(struct bundle *b, struct slice text, struct slice packed)
{
	unsigned char seal[SEAL];
	struct slice body = slice_sub(packed, SEAL, packed.n);
	if (packed.n <= SEAL || !seal_of(text, body, seal) || memcmp(seal, packed.p, SEAL) != 0) return false;
	bool good = true;
	for (size_t i = 0; i < PLACE_COUNT && good; i++) good = take_piece(&body, &b->phrases[i]);
	b->packed = good;
	for (size_t i = 0; i < PLACE_COUNT && !good; i++) {
		hs_free_database(b->phrases[i]);
		b->phrases[i] = NULL;
	}
	return good;
}
