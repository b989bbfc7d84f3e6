/* SPDX-License-Identifier: Apache-2.0 */
/*
 * orgdomain - to which organisation does a domain belong?
 *
 * Two ways: the DNS tree walk of RFC 9989 4.10 (asks for _dmarc records upwards), or the public suffix list of RFC 7489 3.2 when one
 * is given. Both are asked by DMARC, and by whoever compares domains "relaxed". An answer of the walk depends on DNS: it may
 * be temperror. Canonical domains in (lower case, A-labels, no final dot), canonical out.
 */
#ifndef BACKSTOP_AUTH_ORGDOMAIN_H
#define BACKSTOP_AUTH_ORGDOMAIN_H

#include "base/arena.h"
#include "base/error.h"
#include "net/resolver.h"

struct suffix_list; /* immutable, any thread */

/* The text of a public suffix list (publicsuffix.org's format), or an empty slice for the system's, or the one built into libpsl.
 * ERR_SYNTAX: no rule is in it. ERR_NO_MEMORY. */
enum error suffix_list_load(struct slice text, struct suffix_list **out);
void suffix_list_free(struct suffix_list *); /* NULL is fine */
/* The registrable part of a canonical domain, an end of it; empty when the domain is a public suffix itself. {NULL,0}: no memory. */
struct slice suffix_list_registrable(struct arena *a, const struct suffix_list *list, struct slice domain);

struct orgdomain_source { /* how domains are looked up; passed about by value */
	struct resolver *resolver;
	const struct suffix_list *suffixes; /* NULL: RFC 9989's tree walk */
	int64_t deadline;                   /* clock_now_ms() */
};

/* *out in the arena. A domain that is itself a public suffix, or has no policy record anywhere, is its own organisation. ERR_DNS_TEMPORARY,
 * ERR_NO_MEMORY, ERR_CANCELLED. */
enum error orgdomain_find(struct arena *a, const struct orgdomain_source *s, struct slice domain, struct slice *out);
/* Relaxed alignment: the same organisation. Equal domains need no look-up. Errors as above; *out is then false. */
enum error orgdomain_same(struct arena *a, const struct orgdomain_source *s, struct slice x, struct slice y, bool *out);

#endif
