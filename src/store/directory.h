/* SPDX-License-Identifier: Apache-2.0 */
/*
 * directory - which recipients a tenant's domains have
 *
 * Key: tenant number (4 octets, big-endian), domain, NUL, local part; both folded to lower case (the local part is kept as given when the
 * tenant is case sensitive). Table directory_domains has, per tenant and domain, the number of addresses and the time of the last import: a
 * domain without a row has no list, and its recipients are asked downstream. Ten million entries, 2 µs a look-up.
 *
 * An address is given as "local@domain" or "<local@domain>", the local part quoted where it must be (RFC 5321 4.1.2); "@domain" is
 * the catch-all. Only ASCII letters are folded; domains are A-labels (the caller's to convert). Where folding changes the local part the
 * entry remembers how it was given, so that export gives it back and a tenant may change its mind about case at any time.
 *
 *     enum error err;
 *     if (directory_lookup(state, tenant, address.local, address.domain, &err) == DIRECTORY_UNKNOWN) refuse();
 */
#ifndef BACKSTOP_STORE_DIRECTORY_H
#define BACKSTOP_STORE_DIRECTORY_H

#include "store/tenants.h"

enum directory_answer {
	DIRECTORY_KNOWN,
	DIRECTORY_UNKNOWN, /* the list is complete and it is not in it */
	DIRECTORY_ASK,     /* no list for that domain, or a partial one */
};

/* local is the unquoted local part, domain canonical. Plus-addressing, case and catch-all as the tenant chose. postmaster is known where
 * a list is (RFC 5321 4.5.1). Any thread; one read transaction inside. A store error gives DIRECTORY_ASK and *error (may be NULL). */
enum directory_answer directory_lookup(struct db *state, const struct tenant *t, struct slice local,
                                       struct slice domain, enum error *error);

struct directory_result {
	uint64_t read; /* good addresses, those given twice included */
	uint64_t added, removed, kept, invalid;
	bool refused; /* more than a tenth would be removed and force was not given */
};
/* Replaces the lists of the domains that occur in the addresses (or of `domain` when given: lines may then be local parts alone)
 * by the given ones. next() yields an address a call: 1 yes, 0 end, -1 error; bad addresses are counted and told through
 * bad(line number, text, why). Reads all, sorts, and merges with what is stored in one transaction. dry_run changes nothing and tells in the
 * result what would happen. A refused import changes nothing either: ERR_LIMIT, and the numbers are in the result. Memory: about 30 octets an
 * address besides its local part, and what LMDB keeps of a transaction (at most 512 MiB). An error of next() gives ERR_IO. */
struct directory_import {
	const struct tenant *tenant;
	const char *domain; /* NULL: as the addresses say */
	bool dry_run, force;
	int (*next)(void *arg, struct slice *line, uint64_t *line_number);
	void (*bad)(void *arg, uint64_t line_number, struct slice line, const char *why);
	void (*progress)(void *arg, const char *phase, uint64_t done, uint64_t total); /* may be NULL */
	void *arg;
};
enum error directory_import(struct db *state, const struct directory_import *, struct directory_result *,
                            char why[256]);
enum error directory_add(struct db *state, const struct tenant *, struct slice address, char why[256]);
enum error directory_remove(struct db *state, const struct tenant *, struct slice address, char why[256]);
/* add: ERR_EXISTS; ERR_NOT_FOUND when the tenant's lists are complete and the domain has none (one address would make all others
 * unknown). It is also forgotten that its server said that it does not exist (learned.h). remove: ERR_NOT_FOUND. Both: ERR_INVALID for
 * what is no address of the tenant. */
/* The domain has no list any more: its recipients are asked downstream. ERR_NOT_FOUND when it had none. */
enum error directory_drop(struct db *state, const struct tenant *, const char *domain);
/* Calls each(address, arg) in order, for all domains or one; stops when it returns false. */
enum error directory_export(struct db *state, const struct tenant *, const char *domain,
                            bool (*each)(struct slice, void *), void *arg);
/* Number of addresses and time of the last import per domain. */
enum error directory_domains(struct db *state, const struct tenant *,
                             void (*each)(const char *domain, uint64_t count, int64_t imported, void *), void *arg);

#endif
