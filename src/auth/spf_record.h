/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spf_record - the syntax of an SPF record (RFC 7208 4.6.1, 5, 6, 12)
 *
 * A record is read term by term, without memory: once to find errors anywhere in it and its modifiers (spf_record_check), and
 * again to evaluate it. Terms point into the record. Linear in its length. Pure.
 *
 *     struct spf_record record;
 *     if (!spf_record_check(text, &record)) return permerror(record.problem);
 *     struct spf_term t;
 *     while (spf_record_next(&record, &t)) ...
 */
#ifndef BACKSTOP_AUTH_SPF_RECORD_H
#define BACKSTOP_AUTH_SPF_RECORD_H

#include "auth/result.h"
#include "base/endpoint.h"
#include "base/slice.h"

enum spf_kind {
	SPF_ALL,
	SPF_INCLUDE,
	SPF_A,
	SPF_MX,
	SPF_PTR,
	SPF_IP4,
	SPF_IP6,
	SPF_EXISTS,
	SPF_REDIRECT,
	SPF_EXP,
	SPF_MODIFIER /* unknown, to be ignored */
};

struct spf_term {
	enum spf_kind kind;
	enum auth_result result; /* of a match: pass, fail, softfail, neutral */
	struct slice text;       /* of the mechanism without its qualifier */
	struct slice domain;     /* domain-spec; empty: none */
	uint8_t network[16];     /* of ip4 and ip6 */
	uint8_t cidr4, cidr6;    /* 32 and 128 when not given */
};

struct spf_record {
	struct slice rest;          /* terms not yet read */
	struct slice redirect, exp; /* domain-specs; empty: none */
	const char *problem;        /* static text, NULL: none */
};

/* Begins with the version section: "v=spf1" and a space or the end (4.5). */
bool spf_is_record(struct slice text);
/* Of a text that is a record. False: there is a syntax error (4.6), problem says which. *out is ready for spf_record_next(). */
bool spf_record_check(struct slice text, struct spf_record *out);
/* The next term; false at the end. */
bool spf_record_next(struct spf_record *, struct spf_term *out);

#endif
