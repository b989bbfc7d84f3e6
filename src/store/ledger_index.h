/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger_index - how passages are found: keys of table passage_index, and generations
 *
 * For ledger.c (writes) and ledger_find.c (reads). A key is generation, hash, id, 8 octets each, big-endian. The hash
 * is SipHash with a secret of the environment, so that nobody can choose texts that collide; what is found is
 * compared with the text.
 *
 * A generation is a run of passages written after each other, about a thirtieth of what the ledger holds. Hashes are
 * random: were they the front of the key, each row written or removed would touch a page of its own somewhere in the
 * table. So only one generation's part of it is hot, and the rows of an old one go in one sweep when the last of its
 * passages is gone; until then a row whose passage is gone finds nothing, which harms nobody. A search looks once
 * into each generation.
 *
 * The name of a generation is an id: greater than those of all passages that were written in earlier ones. So when
 * the oldest passage has at least the name of the next generation, all passages of this one are gone.
 */
#ifndef BACKSTOP_STORE_LEDGER_INDEX_H
#define BACKSTOP_STORE_LEDGER_INDEX_H

#include "store/ledger.h"

#define LEDGER_INDEX_KEY 24

enum ledger_kind { LEDGER_MESSAGE_ID = 1, LEDGER_RETURN_PATH, LEDGER_RECIPIENT, LEDGER_AUTHOR };

struct ledger_secret {
	uint64_t key[2];
};
struct ledger_index_key {
	uint64_t generation, hash, id;
};

/* ERR_NOT_FOUND: nothing was ever written. */
enum error ledger_secret_get(struct db_txn *t, struct ledger_secret *out);
enum error ledger_secret_make(struct db_txn *t, struct ledger_secret *out);

uint64_t ledger_hash(const struct ledger_secret *s, enum ledger_kind kind, struct slice text);
/* The part of a Message-ID that counts: without white space and one pair of <> around it, at most 998 octets. */
struct slice ledger_bare_message_id(struct slice message_id);

struct slice ledger_index_pack(const struct ledger_index_key *k, char out[LEDGER_INDEX_KEY]);
bool ledger_index_unpack(struct slice key, struct ledger_index_key *out);

/* The generation that is written to now: makes a new one when there is none, when it has `most` passages, or when it is
 * older than `age` seconds. Its count grows by n. */
enum error ledger_generation(struct db_txn *t, uint64_t most, int64_t age, size_t n, int64_t now, uint64_t *out);

struct slice ledger_id_key(uint64_t id, char out[8]);
bool ledger_id_of(struct slice key, uint64_t *id);

#endif
