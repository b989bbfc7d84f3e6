/* SPDX-License-Identifier: Apache-2.0 */
/*
 * published - the list as it is answered: small rows, a serial, and a journal of changes
 *
 * What DNS, exports, transfers and safe mode read. A row has a key of 4 octets (an IPv4 address; table published) or 8 (an
 * IPv6 /64; table published6), so that rows come in the order of addresses, and a value of 8: a million take 22 MB when they
 * came in order, about 30 otherwise. Every change of a row raises the serial by one (serial number arithmetic; never 0) and is
 * kept in the journal, the oldest going first, in the same transaction: a reader that knows serial N can have what came after
 * (IXFR). Only store/publish.c changes it: a row is what the listings of that unit amount to, those of the operator
 * (store/listings.h) and those of the keeper (store/weighed.h).
 *
 * A row whose time is over counts as absent at once; the keeper takes it away, and raises the serial, within seconds.
 *
 * Any process and thread reads, without a lock and without copying; a new transaction sees the last commit.
 */
#ifndef BACKSTOP_STORE_PUBLISHED_H
#define BACKSTOP_STORE_PUBLISHED_H

#include "base/endpoint.h"
#include "store/acts.h"
#include "store/db.h"

/* X(name, sentence): how much of what the address sends is backscatter. Stored as numbers. */
#define GRADE_TABLE(X)                                                                                                 \
	X(none, "not judged: listed by hand")                                                                          \
	X(rare, "backscatter is rare among much real mail")                                                            \
	X(some, "backscatter among real mail")                                                                         \
	X(mostly, "mostly backscatter, some real mail")                                                                \
	X(only, "nothing but backscatter was seen from it")
enum grade {
#define X(name, sentence) GRADE_##name,
	GRADE_TABLE(X)
#undef X
		GRADE_COUNT
};
const char *grade_name(enum grade g);
const char *grade_sentence(enum grade g);

#define PUBLISHED_KEY_MOST    8
#define PUBLISHED_CODE_MANUAL 9 /* 127.0.0.9: listed by the operator's hand */

enum {
	PUBLISHED_ANY = 1,    /* also in zone any.: it sends nothing but backscatter */
	PUBLISHED_MANUAL = 2, /* listed by hand (too) */
};

struct published {
	uint8_t classes; /* 1 << enum act_class; those that are published */
	uint8_t grade;   /* enum grade */
	uint8_t flags;
	uint32_t
		expires; /* Unix time, from which on it is not listed; 0: never. The keeper's: up to the end of the day */
};

/* The key of an address's unit: its length, 4 or 8. An IPv4-mapped IPv6 address is the IPv4 address. */
size_t published_key(const struct ip *ip, char out[static PUBLISHED_KEY_MOST]);
bool published_key_unit(struct slice key, struct prefix *out);

/* False: not listed at that time. */
bool published_get(struct db_txn *t, struct slice key, int64_t now, struct published *out);

typedef bool published_take(struct slice key, const struct published *p, void *arg); /* false: enough */
/* In order of addresses, IPv4 first; from: begin with the first key after it, empty: with the first of all. */
enum error published_each(struct db_txn *t, struct slice after, int64_t now, published_take *take, void *arg);
uint64_t published_count(struct db_txn *t); /* rows; those that have just expired included */

#define PUBLISHED_JOURNAL 100000 /* changes that are kept */

uint32_t published_serial(struct db_txn *t); /* 1 before the first change */

struct published_change {
	uint32_t serial; /* that this change led to */
	struct slice key;
	bool had, has; /* a row before, a row after */
	struct published before, after;
};
typedef bool published_take_change(const struct published_change *c, void *arg);
/* All changes after that serial, in order; none when it is the present one. ERR_NOT_FOUND: the journal does not reach back so
 * far, or the serial is not one of ours: the reader needs the whole list. */
enum error published_changes(struct db_txn *t, uint32_t since, published_take_change *take, void *arg);

#endif
