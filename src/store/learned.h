/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learned - recipients that a tenant's own server took and then said do not exist
 *
 * Table learned: the key is that of the directory (tenant, domain, NUL, local part; folded unless the tenant is case sensitive); the
 * value says when it was first and last said, and until when the address is refused. A first time is good for a day. Said again
 * after that, for a week, then for four: LEARNED_TERMS. For LEARNED_MEMORY after its end a row is kept, so that the next time is
 * longer; then learned_expire() removes it. What is said within LEARNED_APART of the last time is the same time.
 *
 * That a server says 250 does not take the word back: it said 250 before, too. What does: mail that the address sends, a newer list of
 * the customer's that has it, `recipients add`, `recipients learned forget`, and the end of its term.
 *
 * Only single addresses are learned, never postmaster. Any process and thread.
 *
 *     struct learned l;
 *     if (learned_dead(state, tenant, local, domain, known, now, &l)) refuse(l.words);
 */
#ifndef BACKSTOP_STORE_LEARNED_H
#define BACKSTOP_STORE_LEARNED_H

#include "store/tenants.h"

#define LEARNED_DAY INT64_C(86400)
#define LEARNED_TERMS                                                                                                  \
	{                                                                                                              \
		LEARNED_DAY, 7 * LEARNED_DAY, 28 * LEARNED_DAY                                                         \
	}
#define LEARNED_APART  3600               /* seconds */
#define LEARNED_MEMORY (30 * LEARNED_DAY) /* seconds */
#define LEARNED_MOST   1000000            /* rows; when there are so many, nothing new is learned */
#define LEARNED_WORDS  200                /* octets of what the server said */

struct learned {
	int64_t first, last; /* Unix time when it was said */
	int64_t expires;     /* refused until then */
	uint32_t times;      /* one after another, LEARNED_APART or more apart */
	uint32_t words_size;
	char words[LEARNED_WORDS]; /* what its server said of it */
};
static inline struct slice learned_words(const struct learned *l)
{
	return slice_of(l->words, l->words_size);
}

/* Whose: local is unquoted, domain canonical. */
struct learned_name {
	uint32_t tenant;
	bool case_sensitive; /* as the tenant's */
	struct slice domain, local;
};

/* Inside db_update(): said now. *out, which may be NULL, is what is known from now on; *fresh: it was not refused before. ERR_INVALID: it
 * cannot be learned; ERR_LIMIT: there are too many. */
enum error learned_say(struct db_txn *, const struct learned_name *, struct slice words, int64_t now,
                       struct learned *out, bool *fresh);
enum error learned_erase(struct db_txn *, const struct learned_name *); /* ERR_NOT_FOUND */
enum error learned_forget_tenant(struct db_txn *, uint32_t tenant);     /* all of a tenant that is removed */
enum error learned_forget(struct db *, const struct learned_name *);    /* learned_erase() by itself */
enum error learned_forget_all(struct db *, uint32_t tenant,
                              uint64_t *n); /* learned_forget_tenant() by itself; n: how many */
/* Removes what is past remembering, at most `most` rows in one transaction. */
enum error learned_expire(struct db *, int64_t now, size_t most, size_t *removed);

/* Is it refused now? listed: it is in the customer's list, which counts when it is newer. *out may be NULL. False also when the store
 * cannot be read. */
bool learned_dead(struct db *, const struct learned_name *, bool listed, int64_t now, struct learned *out);
/* There is a row, in force or remembered. ERR_NOT_FOUND. */
enum error learned_get(struct db *, const struct learned_name *, struct learned *out);
/* In order of domain and address; false ends it. local: as it is stored. */
enum error learned_each(struct db *, uint32_t tenant,
                        bool (*each)(struct slice domain, struct slice local, const struct learned *, void *arg),
                        void *arg);

#endif
