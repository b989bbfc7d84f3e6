/* SPDX-License-Identifier: Apache-2.0 */
/* The mechanisms of RFC 7208 5 but all and include, and what they ask. */
#include <stdio.h>

#include "auth/spf_internal.h"

#define NAME_TEXT 1024 /* escaped */

/* ---- asking ------------------------------------------------------------------------------------------------------------------------- */

static enum error ask_text(struct spf_check *c, const char *name, enum dns_type type, struct dns_answer **out)
{
	c->lookups++;
	enum error e = resolver_query(c->resolver, name, type, c->query->deadline, out);
	if (e == ERR_OK) return e;
	dns_answer_free(*out);
	*out = NULL;
	bool nothing = e == ERR_DNS_NXDOMAIN || e == ERR_DNS_NODATA || e == ERR_INVALID;
	if (nothing) c->term_void = true;
	return nothing ? ERR_DNS_NODATA : ERR_DNS_TEMPORARY;
}

/* Presentation format of a name whose only dots are between labels. */
static void name_text(struct slice name, char out[NAME_TEXT])
{
	char *to = out;
	for (size_t i = 0; i < name.n; i++) {
		unsigned char c = (unsigned char)name.p[i];
		if (c > 0x20 && c < 0x7f && c != '\\')
			*to++ = (char)c;
		else
			to += snprintf(to, 5, "\\%03u", c);
	}
	*to = '\0';
}

enum error spf_ask(struct spf_check *c, struct slice name, enum dns_type type, struct dns_answer **out)
{
	char text[NAME_TEXT];
	*out = NULL;
	if (name.n > SPF_NAME_MAX) return ERR_DNS_NODATA;
	name_text(name, text);
	return ask_text(c, text, type, out);
}

static enum dns_type address_type(const struct spf_check *c)
{
	return c->macros.client.family == AF_INET6 ? DNS_AAAA : DNS_A;
}

/* ---- addresses ---------------------------------------------------------------------------------------------------------------------- */

static bool same_network(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	size_t whole = bits / 8;
	uint8_t mask = (uint8_t)(0xff00u >> bits % 8);
	return memcmp(a, b, whole) == 0 && (mask == 0 || ((a[whole] ^ b[whole]) & mask) == 0);
}

static bool client_within(const struct spf_check *c, const uint8_t *network, const struct spf_term *t)
{
	const struct ip *client = &c->macros.client;
	return same_network(client->octets, network, client->family == AF_INET ? t->cidr4 : t->cidr6);
}

static bool answer_has_client(const struct spf_check *c, const struct dns_answer *a, const struct spf_term *t)
{
	size_t size = c->macros.client.family == AF_INET ? 4 : 16;
	for (size_t i = 0; i < a->count; i++)
		if (a->rr[i].n == size && client_within(c, (const uint8_t *)a->rr[i].p, t)) return true;
	return false;
}

static enum spf_match match_of(struct spf_check *c, enum error e, struct dns_answer *a, const struct spf_term *t)
{
	if (e == ERR_DNS_TEMPORARY) return SPF_TEMPERROR;
	enum spf_match match = e == ERR_OK && answer_has_client(c, a, t) ? SPF_MATCH : SPF_NO_MATCH;
	dns_answer_free(a);
	return match;
}

/* ---- mechanisms (RFC 7208 5.3 to 5.7) ------------------------------------------------------------------------------------------------- */

/* The target-name of a mechanism (4.8). False: malformed, so nothing matches it. */
static bool target_of(struct spf_check *c, const struct spf_term *t, struct spf_name *room, struct slice *out)
{
	*out = c->macros.domain;
	if (t->domain.n == 0) return true;
	if (!spf_expand(c, t->domain, room)) return false;
	*out = slice_of(room->octets, room->n);
	return true;
}

static enum spf_match match_a(struct spf_check *c, const struct spf_term *t, struct slice target)
{
	struct dns_answer *a;
	enum error e = spf_ask(c, target, address_type(c), &a);
	return match_of(c, e, a, t);
}

static enum spf_match match_exchange(struct spf_check *c, const struct spf_term *t, struct slice rdata)
{
	struct dns_answer *a;
	char host[NAME_TEXT];
	uint16_t preference;
	if (!dns_rdata_mx(rdata, &preference, host)) return SPF_NO_MATCH;
	if (strcmp(host, ".") == 0) return SPF_NO_MATCH; /* RFC 7505 3: there is no such host */
	enum error e = ask_text(c, host, address_type(c), &a);
	return match_of(c, e, a, t);
}

static enum spf_match match_mx(struct spf_check *c, const struct spf_term *t, struct slice target)
{
	struct dns_answer *mx;
	enum error e = spf_ask(c, target, DNS_MX, &mx);
	if (e == ERR_DNS_TEMPORARY) return SPF_TEMPERROR;
	if (e != ERR_OK) return SPF_NO_MATCH; /* RFC 7208 5.4: no MX is not an implicit MX */
	enum spf_match match = SPF_NO_MATCH;
	if (mx->count > SPF_NAMES_MAX) { /* RFC 7208 4.6.4 */
		c->problem = "a domain has more than 10 mail exchangers";
		match = SPF_PERMERROR;
	}
	for (size_t i = 0; i < mx->count && match == SPF_NO_MATCH; i++) match = match_exchange(c, t, mx->rr[i]);
	dns_answer_free(mx);
	return match;
}

static enum spf_match match_exists(struct spf_check *c, struct slice target)
{
	struct dns_answer *a;
	enum error e = spf_ask(c, target, DNS_A, &a); /* RFC 7208 5.7: A, for IPv6 too */
	dns_answer_free(a);
	return e == ERR_OK ? SPF_MATCH : e == ERR_DNS_NODATA ? SPF_NO_MATCH : SPF_TEMPERROR;
}

/* ---- the names of the client (RFC 7208 5.5) ---------------------------------------------------------------------------------------------- */

static enum error ask_client_names(struct spf_check *c, struct dns_answer **out)
{
	const struct ip *ip = &c->macros.client;
	char name[80], *to = name;
	if (ip->family == AF_INET) {
		to += snprintf(name, sizeof name, "%u.%u.%u.%u.in-addr", ip->octets[3], ip->octets[2], ip->octets[1],
		               ip->octets[0]);
	} else {
		for (size_t i = 16; i-- > 0;)
			to += snprintf(to, 5, "%x.%x.", ip->octets[i] & 15u, (unsigned)ip->octets[i] >> 4);
		to += snprintf(to, 4, "ip6");
	}
	memcpy(to, ".arpa", 6);
	return ask_text(c, name, DNS_PTR, out);
}

/* Does the name have the client's address? Errors are skipped. */
static bool is_validated(struct spf_check *c, const char *name)
{
	static const struct spf_term exactly = {.cidr4 = 32, .cidr6 = 128};
	struct dns_answer *a;
	enum error e = ask_text(c, name, address_type(c), &a);
	return match_of(c, e, a, &exactly) == SPF_MATCH;
}

enum kinship { UNRELATED, BELOW, SAME };

/* Both are escaped in the same way; a dot with a backslash before it is none between labels. */
static enum kinship kinship_of(struct slice name, struct slice domain)
{
	if (slice_equal_nocase(name, domain)) return SAME;
	if (name.n <= domain.n + 1 || !slice_ends_nocase(name, domain)) return UNRELATED;
	size_t dot = name.n - domain.n - 1, slashes = 0;
	while (slashes < dot && name.p[dot - 1 - slashes] == '\\') slashes++;
	return name.p[dot] == '.' && slashes % 2 == 0 ? BELOW : UNRELATED;
}

static enum spf_match match_ptr(struct spf_check *c, struct slice target)
{
	struct dns_answer *ptr;
	char domain[NAME_TEXT], name[NAME_TEXT];
	if (ask_client_names(c, &ptr) != ERR_OK) return SPF_NO_MATCH; /* an error is no match */
	name_text(target, domain);
	enum spf_match match = SPF_NO_MATCH;
	/* RFC 7208 4.6.4: records other than the first 10 are ignored */
	for (size_t i = 0; i < ptr->count && i < SPF_NAMES_MAX && match == SPF_NO_MATCH; i++) {
		if (!dns_rdata_name(ptr->rr[i], name)) continue;
		if (kinship_of(slice_str(name), slice_str(domain)) == UNRELATED) continue;
		if (is_validated(c, name)) match = SPF_MATCH;
	}
	dns_answer_free(ptr);
	return match;
}

/* RFC 7208 7.3: the domain itself before a name below it before any other. A name that has to be escaped is no host's and
 * cannot stand in another name, so it is passed over. */
struct slice spf_validated_name(struct spf_check *c)
{
	struct dns_answer *ptr;
	char domain[NAME_TEXT], name[NAME_TEXT];
	struct slice best = SLICE_EMPTY;
	int rank = -1;
	if (ask_client_names(c, &ptr) != ERR_OK) return best;
	name_text(c->macros.domain, domain);
	for (size_t i = 0; i < ptr->count && i < SPF_NAMES_MAX && rank < SAME; i++) {
		if (!dns_rdata_name(ptr->rr[i], name) || strchr(name, '\\')) continue;
		int kin = kinship_of(slice_str(name), slice_str(domain));
		if (kin <= rank || !is_validated(c, name)) continue;
		rank = kin;
		best = arena_copy(c->arena, slice_str(name));
	}
	dns_answer_free(ptr);
	return best;
}

bool spf_expand(struct spf_check *c, struct slice spec, struct spf_name *out)
{
	if (c->local_utf8 && spf_macro_uses(spec, "sl")) return false;
	if (spf_macro_uses(spec, "p")) c->macros.validated = spf_validated_name(c);
	return spf_macro_domain(&c->macros, spec, out);
}

enum spf_match spf_mechanism(struct spf_check *c, const struct spf_term *t)
{
	int family = c->macros.client.family;
	struct spf_name room;
	struct slice target;
	if (t->kind == SPF_IP4 || t->kind == SPF_IP6) {
		bool same = family == (t->kind == SPF_IP4 ? AF_INET : AF_INET6);
		return same && client_within(c, t->network, t) ? SPF_MATCH : SPF_NO_MATCH;
	}
	if (!target_of(c, t, &room, &target)) return SPF_NO_MATCH;
	switch (t->kind) {
	case SPF_A: return match_a(c, t, target);
	case SPF_MX: return match_mx(c, t, target);
	case SPF_PTR: return match_ptr(c, target);
	default: return match_exists(c, target);
	}
}
