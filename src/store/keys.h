/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keys - what tenants sign with (DKIM, return-path tags), and the relay's own secrets (SRS)
 *
 * Keys are data: they are made, rotated and removed by `backstop keys` while everything runs; services see it by keys_generation()
 * and compile what they need (relay/keyring.h).
 *
 * A key's life. From active_from on it is the one that signs, until a newer one of its group is: the same tenant and kind, and
 * for DKIM the same domain. keys_rotate() adds the newer one and retires those before it: retired says when the newer one takes over,
 * expires when a retired one is good for nothing any more. Until then tags and addresses that it made are accepted, and a DKIM key stays
 * published. What expired is removed by keys_purge(); of a DKIM key only the private part is, since headers that it signed may
 * still return and prove that they were ours.
 *
 * Tenant number KEYS_RELAY is the relay itself. Any process and thread.
 *
 *     struct key k = {.tenant = id, .kind = KEY_BATV, .created = now, .active_from = now, .secret = random};
 *     enum error e = keys_rotate(state, &k, KEYS_TAG_LIFETIME);
 */
#ifndef BACKSTOP_STORE_KEYS_H
#define BACKSTOP_STORE_KEYS_H

#include "store/db.h"

#define KEYS_RELAY 0          /* tenant number of the relay itself */
#define KEYS_ALL   UINT32_MAX /* for keys_each() */

#define KEYS_SECRET_SIZE 32 /* octets of a new BATV or SRS secret */

/* How long a retired key is kept, seconds: the longest that what it made may be on its way, and some days. */
#define KEYS_TAG_LIFETIME  (14 * INT64_C(86400))
#define KEYS_SRS_LIFETIME  (30 * INT64_C(86400))
#define KEYS_DKIM_LIFETIME (30 * INT64_C(86400))

/* X(NAME, text, number in storage) */
#define KEY_KIND_TABLE(X)                                                                                              \
	X(DKIM, "dkim", 1)                                                                                             \
	X(BATV, "batv", 2)                                                                                             \
	X(SRS, "srs", 3)

enum key_kind {
#define X(name, text, number) KEY_##name = number,
	KEY_KIND_TABLE(X)
#undef X
};
const char *key_kind_text(enum key_kind k); /* "dkim" */

struct key {
	uint32_t tenant; /* KEYS_RELAY for SRS */
	enum key_kind kind;
	struct slice domain, selector; /* DKIM: lower case, A-labels; else empty */
	uint32_t number;               /* BATV: 0 to 9; SRS: counts up; keys_rotate() gives it */
	int64_t created, active_from;  /* Unix time */
	int64_t retired, expires;      /* Unix time; 0: not yet */
	struct slice secret;           /* octets; DKIM: the private key in PEM, empty when it has expired */
	struct slice record;           /* DKIM: the TXT record to publish; else empty */
};

enum key_state { KEY_NEXT, KEY_ACTIVE, KEY_RETIRED, KEY_EXPIRED };
/* KEY_ACTIVE: in force, and it signs unless a newer one of its group is in force too. KEY_RETIRED: what it made is still accepted. */
enum key_state key_state(const struct key *k, int64_t now);
const char *key_state_text(enum key_state s); /* "next" */

/* Adds fresh, gives it its number, and retires those of its group that are older: expires is lifetime seconds after fresh takes over. Keys that
 * were to take over but have not yet are removed: nothing was signed with them. What has expired at fresh->created is purged. ERR_EXISTS: there
 * is a DKIM key of that domain and selector. ERR_BUSY: all ten BATV numbers are still in use. ERR_INVALID: a name or secret that
 * cannot be stored. */
enum error keys_rotate(struct db *state, struct key *fresh, int64_t lifetime);
enum error keys_put(struct db *state, const struct key *k); /* adds or replaces the one of that name, and no more */
/* Removes the key of that name. Where it was to take over, or had, the one before it signs again, if it has not expired. ERR_NOT_FOUND. */
enum error keys_remove(struct db *state, const struct key *name, int64_t now);
enum error keys_purge(struct db *state, int64_t now);
enum error keys_forget(struct db_txn *t, uint32_t tenant); /* all keys of a tenant that is removed */
/* Make a secret for the relay's return paths, or for a tenant's tags, if there is none in force, nor one that will be. */
enum error keys_ensure_srs(struct db *state, int64_t now);
enum error keys_ensure_tags(struct db *state, uint32_t tenant, int64_t now);

uint64_t keys_generation(struct db *state); /* grows with every change; 0: none yet */
/* All keys of a tenant, or KEYS_ALL, in order of tenant, kind and name, from one moment; each returns false to end. Within each no
 * transaction may be begun; slices live until it returns. A row that cannot be read ends it: ERR_CORRUPT, ERR_VERSION. */
enum error keys_each(struct db *state, uint32_t tenant, bool (*each)(const struct key *, void *arg), void *arg);

#endif
