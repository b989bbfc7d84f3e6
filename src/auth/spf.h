/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spf - may this address send mail for that domain? (RFC 7208, all of it)
 *
 * spf_check() is check_host() of RFC 7208 4 with the choice of identity of 2.3 and 2.4: MAIL FROM, or postmaster@HELO for
 * the null return path. It asks the resolver it is given and nobody else, waits as a fiber while it asks, and has no state. What
 * came from DNS is bounded: 10 terms that ask, 2 void look-ups, 10 names of an MX or PTR answer (4.6.4).
 *
 *     struct spf_query q = {.client = ip, .sender = SLICE("joe@example.net"), .helo = SLICE("mx.example.net"),
 *                           .receiver = SLICE("mx.us.example"), .now = now, .deadline = clock_deadline(20000)};
 *     struct spf_verdict v;
 *     spf_check(arena, resolver, &q, &v);
 */
#ifndef BACKSTOP_AUTH_SPF_H
#define BACKSTOP_AUTH_SPF_H

#include "auth/result.h"
#include "base/arena.h"
#include "base/endpoint.h"
#include "net/resolver.h"

struct spf_query {
	struct ip client;      /* an IPv4-mapped IPv6 address counts as IPv4 */
	struct slice sender;   /* MAIL FROM, local@domain; empty: the null return path, so postmaster@HELO */
	struct slice helo;     /* as given: may be a name, a literal, rubbish */
	struct slice receiver; /* our host name, for %{r} */
	int64_t now;           /* Unix time, for %{t} */
	int64_t deadline; /* clock_now_ms(): past it the result is temperror. RFC 7208 4.6.4: at least 20 s is asked for */
	bool explain;     /* look up and expand exp= when the result is fail */
};

struct spf_verdict {
	enum auth_result result; /* none neutral pass fail softfail temperror permerror */
	struct slice
		domain; /* checked: of MAIL FROM or HELO; in the arena, lower case, no final dot; empty: unusable */
	bool helo;      /* the identity checked was HELO */
	struct slice explanation; /* expanded, ASCII; {NULL,0}: none */
	struct slice
		mechanism;   /* that matched, as in the record ("include:_spf.example.net"); empty: none, "default" */
	const char *problem; /* static text: why temperror or permerror; NULL otherwise */
	unsigned lookups;    /* questions asked */
};

/* Never fails: no memory is temperror. Everything in *out is in the arena. */
void spf_check(struct arena *a, struct resolver *r, const struct spf_query *q, struct spf_verdict *out);

#endif
