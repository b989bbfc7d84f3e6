/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool_key - what the files of the spool share: keys of its tables. Nobody else includes it
 */
#ifndef BACKSTOP_STORE_SPOOL_KEY_H
#define BACKSTOP_STORE_SPOOL_KEY_H

#include "base/octets.h"
#include "base/slice.h"

#define SPOOL_RECORD_MOST (64u * 1024 * 1024) /* arena of one record: a hundred thousand recipients fit */

struct id_key {
	char octets[8];
};

static inline struct id_key id_key(uint64_t id)
{
	struct id_key k;
	id = htobe64(id);
	memcpy(k.octets, &id, sizeof k.octets);
	return k;
}

static inline struct slice key_slice(const struct id_key *k)
{
	return slice_of(k->octets, sizeof k->octets);
}

static inline bool key_id(struct slice key, uint64_t *id)
{
	if (key.n != sizeof *id) return false;
	memcpy(id, key.p, sizeof *id);
	*id = be64toh(*id);
	return true;
}

#endif
