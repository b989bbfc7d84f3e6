/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spf_macro - macros of SPF: their syntax and what they stand for (RFC 7208 7)
 *
 * A domain-spec becomes a domain name, an explanation becomes text. The values come from outside and may hold any octets, and so
 * may a name made of them. Names here are octets with dots between the labels, nothing escaped and no final dot.
 * Pure; no memory but what is passed in; the work is bounded by SPF_EXPANSION octets an expansion.
 *
 *     struct spf_name name;
 *     if (spf_macro_check(spec, SPF_DOMAIN_SPEC) && spf_macro_domain(&values, spec, &name)) ask(name);
 */
#ifndef BACKSTOP_AUTH_SPF_MACRO_H
#define BACKSTOP_AUTH_SPF_MACRO_H

#include "base/endpoint.h"
#include "base/slice.h"

#define SPF_NAME_MAX  253         /* octets of a name as text, RFC 7208 7.3 */
#define SPF_EXPANSION (64 * 1024) /* octets that one expansion may read and write before it is shortened */

struct spf_name {
	uint8_t n;
	char octets[SPF_NAME_MAX];
};

struct spf_macros {                                /* RFC 7208 7.2 */
	struct slice sender, local, sender_domain; /* s, l, o */
	struct slice domain;                       /* d: of the record that is read */
	struct slice helo;                         /* h */
	struct slice receiver;                     /* r; empty: unknown */
	struct slice validated;                    /* p; empty: unknown */
	struct ip client;                          /* i, c, v */
	int64_t now;                               /* t */
};

enum spf_macro_kind {
	SPF_DOMAIN_SPEC,  /* ends in a top label or a macro; without the macros c, r, t */
	SPF_MACRO_STRING, /* of a modifier that nobody knows */
	SPF_EXPLAIN       /* of an explanation: spaces too */
};

bool spf_macro_check(struct slice text, enum spf_macro_kind kind);
/* Does it have a macro of one of these letters (lower case)? "p" is costly to get. */
bool spf_macro_uses(struct slice text, const char *letters);
/* Of a domain-spec that was checked. A name too long loses labels on the left (7.3). False: no name that could be asked for
 * (an empty label, one over 63 octets, nothing at all, more than SPF_EXPANSION). */
bool spf_macro_domain(const struct spf_macros *m, struct slice spec, struct spf_name *out);
/* Of an explanation that was checked. *n octets of out; false when they are more than room. */
bool spf_macro_explain(const struct spf_macros *m, struct slice text, char *out, size_t room, size_t *n);
/* Are all labels of 1 to 63 octets, and the whole within SPF_NAME_MAX? */
bool spf_name_valid(struct slice name);

#endif
