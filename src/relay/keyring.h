/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyring - all keys that the relay signs and verifies with, compiled for look-ups
 *
 * An immutable, counted snapshot of table keys (store/keys.h): each tenant's BATV keys and DKIM keys, the relay's own SRS
 * secrets. Any thread may use it; what a look-up returns lives as long as the snapshot. keyring_generation() tells cheaply whether
 * a newer one must be loaded, as tenants_generation() does. Keys come into force and expire by the clock, without a new
 * snapshot: look-ups take the time. Nothing is signed with DKIM keys for domains that their
 * tenant no longer owns; their public halves, as those of retired and expired keys, still tell what was ours.
 *
 *     if (keyring_generation(state) != keyring_snapshot_generation(ring)) ... keyring_load(state, &ring, why) ...
 *     const struct batv_key *key = keyring_batv_sign_key(ring, tenant->id, now);
 *     if (key) tagged = batv_sign(a, return_path, key, BATV_PRVS, tenant->plus, now, BATV_DAYS);
 */
#ifndef BACKSTOP_RELAY_KEYRING_H
#define BACKSTOP_RELAY_KEYRING_H

#include "auth/batv.h"
#include "auth/signer.h"
#include "auth/srs.h"
#include "bounce/provenance.h"
#include "store/db.h"

struct keyring;

/* Slow with many RSA keys (0.1 ms each). ERR_OK with text in why: a key could not be used and was left out; to be logged. */
enum error keyring_load(struct db *state, struct keyring **out, char why[256]);
struct keyring *keyring_ref(struct keyring *);
void keyring_unref(struct keyring *);          /* NULL is fine */
uint64_t keyring_generation(struct db *state); /* grows with every change of keys or tenants; 0: none yet */
uint64_t keyring_snapshot_generation(const struct keyring *); /* 0 for NULL */

/* In the look-ups NULL is a ring without keys. */

/* The key that new tags of a tenant are made with; NULL: it has none, its mail is not tagged. */
const struct batv_key *keyring_batv_sign_key(const struct keyring *, uint32_t tenant, int64_t now);
/* All keys whose tags are good, for batv_verify(); NULL and 0 when there are none. */
const struct batv_key *keyring_batv_keys(const struct keyring *, uint32_t tenant, int64_t now, size_t *count);
/* The relay's own, newest first: secret[0] is for srs_forward(). count 0: none yet, see keys_ensure_srs(). */
struct srs_secrets keyring_srs(const struct keyring *, int64_t now);
/* The key to sign mail of a domain (canonical) with: of the domain itself, else of the nearest domain above it that the tenant has a key for.
 * NULL: none. */
const struct signing_key *keyring_dkim(const struct keyring *, uint32_t tenant, struct slice domain, int64_t now,
                                       struct slice *selector, struct slice *signing_domain);
/* The public halves of all DKIM keys that a tenant has or had, in any state, for any domain; NULL and 0 when there are none. */
const struct provenance_key *keyring_dkim_records(const struct keyring *, uint32_t tenant, size_t *count);
/* Since when there always was a DKIM key to sign mail of that domain (canonical) with, up to now; INT64_MAX: there is none now. */
int64_t keyring_dkim_since(const struct keyring *, uint32_t tenant, struct slice domain, int64_t now);

#endif
