/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keys_row - rows of table keys, as docs/storage.md says, octet by octet. For store/keys.c only. Pure.
 */
#ifndef BACKSTOP_STORE_KEYS_ROW_H
#define BACKSTOP_STORE_KEYS_ROW_H

#include "store/keys.h"

#define KEYS_BATV_NUMBERS 10

struct keys_name {        /* the key of a row */
	char octets[500]; /* LMDB's limit is 511 */
	struct slice s;
};

bool keys_row_name(struct keys_name *n, const struct key *k); /* false: too long to be stored */
bool keys_row_storable(const struct key *k);
size_t keys_row_size(const struct key *k);
void keys_row_write(const struct key *k, void *room); /* keys_row_size() octets */
/* The slices of *k point into name and value. ERR_CORRUPT, ERR_VERSION. */
enum error keys_row_read(struct slice name, struct slice value, struct key *k);

#endif
