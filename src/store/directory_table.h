/* SPDX-License-Identifier: Apache-2.0 */
/*
 * directory_table - keys and rows of the two tables of the directory
 *
 * Shared by directory.c, directory_import.c and tenants.c; layouts are in docs/storage.md. All functions work inside a
 * transaction. ASCII letters only are folded.
 */
#ifndef BACKSTOP_STORE_DIRECTORY_TABLE_H
#define BACKSTOP_STORE_DIRECTORY_TABLE_H

#include "store/directory.h"

#define DIRECTORY_DOMAIN_MOST 255
#define DIRECTORY_LOCAL_MOST  250 /* RFC 5321 4.5.3.1.1 has 64, which SRS and VERP exceed; LMDB keys have 511 */
#define DIRECTORY_KEY_MOST    (4 + DIRECTORY_DOMAIN_MOST + 1 + DIRECTORY_LOCAL_MOST)
#define DIRECTORY_VALUE_MOST  (1 + DIRECTORY_LOCAL_MOST)

struct directory_key {
	char octets[DIRECTORY_KEY_MOST];
	size_t n;
};

/* Tenant, and, when they are given ({NULL,0}: not), the domain with its NUL and the local part as it is. The domain is folded. */
void directory_key(struct directory_key *k, uint32_t tenant, struct slice domain, struct slice local);
struct slice directory_key_slice(const struct directory_key *k);
/* Domain and local part of a key; false when it belongs to another tenant or is no key. */
bool directory_key_parts(struct slice key, uint32_t tenant, struct slice *domain, struct slice *local);
/* out has room for s. Returns whether a letter changed. */
bool directory_fold(struct slice s, char *out);

/* The value of an entry: the version, then the local part as it was given where that differs from the key's. */
struct slice directory_value(char room[DIRECTORY_VALUE_MOST], struct slice given, struct slice stored);
/* The local part as given. */
struct slice directory_value_local(struct slice value, struct slice stored);

struct directory_domain {
	uint64_t count;
	int64_t imported; /* Unix time; 0: never */
};
enum error directory_domain_get(struct db_txn *t, uint32_t tenant, struct slice domain, struct directory_domain *out);
enum error directory_domain_put(struct db_txn *t, uint32_t tenant, struct slice domain,
                                const struct directory_domain *row);

/* Splits "local@domain", "<local@domain>", or with a domain given also "local" alone, and checks both parts. Quotes are taken
 * off the local part into room. NULL when it is good, else why not, static text. */
const char *directory_split(const struct tenant *t, struct slice address, struct slice only_domain,
                            char room[DIRECTORY_LOCAL_MOST + DIRECTORY_DOMAIN_MOST], struct slice *local,
                            struct slice *domain);

/* Removes everything of a tenant, or of one of its domains. */
enum error directory_forget(struct db_txn *t, uint32_t tenant, struct slice domain);
/* Stores all entries of a tenant anew after it changed its mind about case. */
enum error directory_refold(struct db_txn *t, uint32_t tenant, bool case_sensitive);

#endif
