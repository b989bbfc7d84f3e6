/* SPDX-License-Identifier: Apache-2.0 */
/*
 * received - the words of a Received field that tell whose it is (RFC 5321 4.4)
 *
 *     struct received_words w;
 *     received_read(field.value, &w);   // "from x ([192.0.2.1]) by mx.example.net with ESMTP id abc; date"
 *     if (slice_equal_nocase(w.by, our_name)) use(w.id);
 *
 * Everybody writes them a little differently, and anybody may write what he likes: nothing is believed here. Pure.
 */
#ifndef BACKSTOP_BOUNCE_RECEIVED_H
#define BACKSTOP_BOUNCE_RECEIVED_H

#include "base/endpoint.h"

struct received_words {
	struct slice by,
		id; /* the words after "by" and "id", outside of comments and before the date; empty: not there */
	struct ip
		from; /* of the client, before "by": what the server says in a comment, else in brackets. Not the name by
	                   which the client called itself, though that looks like an address. family 0: none */
};

/* value: of the field, folded or not; its first 4 KiB are read. */
void received_read(struct slice value, struct received_words *out);
/* A loopback or private address: a hop within somebody's own house. */
bool received_inner(const struct ip *ip);

#endif
