/* SPDX-License-Identifier: Apache-2.0 */
/* spf_internal - what spf.c and spf_mechanism.c share; nobody else includes it */
#ifndef BACKSTOP_AUTH_SPF_INTERNAL_H
#define BACKSTOP_AUTH_SPF_INTERNAL_H

#include "auth/spf.h"
#include "auth/spf_macro.h"
#include "auth/spf_record.h"

/* RFC 7208 4.6.4 */
#define SPF_TERMS_MAX 10 /* that ask DNS; also how deep includes nest */
#define SPF_VOIDS_MAX 2  /* terms that find nothing */
#define SPF_NAMES_MAX 10 /* of an MX or PTR answer */

struct spf_check { /* one evaluation */
	struct arena *arena;
	struct resolver *resolver;
	const struct spf_query *query;
	struct spf_macros macros; /* macros.domain changes with the record that is read */
	unsigned terms, voids, lookups;
	bool local_utf8; /* RFC 8616 4: the local part is not ASCII and gives no name */
	bool term_void;  /* the term being evaluated found nothing */
	const char *problem;
	/* of the record that decides, includes left out; copies */
	struct slice mechanism, exp, exp_domain;
};

enum spf_match { SPF_NO_MATCH, SPF_MATCH, SPF_TEMPERROR, SPF_PERMERROR };

/* Asks for records of a name of any octets. ERR_OK with *out set; ERR_DNS_NODATA when there is no such record or name;
 * ERR_DNS_TEMPORARY for everything else. */
enum error spf_ask(struct spf_check *c, struct slice name, enum dns_type type, struct dns_answer **out);
/* Expands a domain-spec, asking for the validated name when it is wanted. False: it gives no name. */
bool spf_expand(struct spf_check *c, struct slice spec, struct spf_name *out);
/* The validated domain name for %{p} in the arena or static; empty: there is none. */
struct slice spf_validated_name(struct spf_check *c);
/* Does the client match? For a, mx, ptr, ip4, ip6, exists. */
enum spf_match spf_mechanism(struct spf_check *c, const struct spf_term *t);

#endif
