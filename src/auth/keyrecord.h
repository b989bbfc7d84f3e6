/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyrecord - the records that hold the keys of signatures (RFC 6376 3.6), read and asked for
 *
 * A name should have one record; where it has several each is read, and a signature that one of them verifies is good
 * (RFC 6376 3.6.2.2 leaves it open; people leave an old key beside a new one). Each name is asked for once, several at
 * a time. Pure but for the resolver.
 *
 *     struct key_query q[] = {{.domain = SLICE("example.net"), .selector = SLICE("s1")}, ...};
 *     key_query_all(arena, resolver, q, 2, deadline);               // in a fiber
 *     for (size_t i = 0; q[0].result == AUTH_pass && i < q[0].count; i++) try(&q[0].records[i]);
 */
#ifndef BACKSTOP_AUTH_KEYRECORD_H
#define BACKSTOP_AUTH_KEYRECORD_H

#include "auth/publickey.h"
#include "auth/result.h"
#include "base/arena.h"
#include "net/resolver.h"

#define KEY_RECORDS_MOST 8 /* of one name; more are not looked at */

struct key_record {
	const char *problem; /* static text: not a key to verify mail with; NULL: it is, and the rest is set */
	enum key_kind kind;  /* k= */
	bool sha1, sha256;   /* may be used: h= */
	bool testing;        /* t=y */
	bool strict;         /* t=s: i= must be in d= itself */
	struct slice key;    /* p=, in the arena */
};

/* Reads the text of one TXT record, its strings put together. */
void key_record_read(struct arena *a, struct slice text, struct key_record *out);

struct key_query {
	struct slice domain, selector; /* A-labels; compared as they are */
	enum auth_result result;       /* pass: there are records; permerror, temperror: there are none */
	const char *problem;           /* static text; NULL for pass */
	bool secure;                   /* validated by DNSSEC */
	struct key_record *records;    /* in the arena */
	size_t count;
};

/* Asks for all of them and waits. deadline as in base/clock.h; what is not there by then is temperror. Outside a
 * fiber it asks for one after the other, for resolvers that do not wait (tests). */
void key_query_all(struct arena *a, struct resolver *r, struct key_query *queries, size_t count, int64_t deadline);
/* Instead of asking: the one record that the caller has, its strings put together; NULL: there is none. */
void key_query_answer(struct arena *a, const struct slice *record, struct key_query *q);

#endif
