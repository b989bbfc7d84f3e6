/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolver_internal - what resolver.c, resolver_unbound.c, resolver_packet.c, resolver_table.c, resolver_cache.c and rdata.c
 * share; nobody else includes it
 */
#ifndef BACKSTOP_NET_RESOLVER_INTERNAL_H
#define BACKSTOP_NET_RESOLVER_INTERNAL_H

#include "net/resolver.h"

#define RESOLVER_MAGIC 0x52736c76U
#define DNS_NAME_MAX   255 /* octets on the wire, RFC 1035 2.3.4 */
#define DNS_TEXT_MAX   1024

/* A name as on the wire, in lower case. */
struct dns_name {
	uint8_t n;
	unsigned char wire[DNS_NAME_MAX];
};

static inline struct slice dns_name_slice(const struct dns_name *name)
{
	return slice_of(name->wire, name->n);
}

bool dns_name_parse(struct slice text, struct dns_name *out);
/* Takes a name off the front of *wire and writes its text; false when it is malformed or compressed. */
bool dns_name_text(struct slice *wire, char out[DNS_TEXT_MAX]);
/* Takes one octet off the front of *text, RFC 1035 5.1: \X and \DDD are undone. -1 when malformed. text is not
 * empty. */
int dns_unescape(struct slice *text, bool *escaped);

/* One block of memory; NULL when there is none. canonical may be NULL. */
struct dns_answer *dns_answer_make(enum error status, bool secure, uint32_t ttl, const struct slice *rr, size_t count,
                                   const char *canonical);
size_t dns_answer_size(const struct dns_answer *);

/* The RDATA of the records of a type in a message's answer section, at most room, and the least of their TTLs. The type is
 * one without names in its RDATA, which would be compressed. False: malformed, no success, or there are none. */
bool dns_packet_answers(struct slice packet, enum dns_type type, struct slice *rr, size_t room, size_t *count,
                        uint32_t *ttl);

/* A resolver of some kind has this as its first member. */
struct resolver {
	uint32_t magic;
	uint32_t id; /* unique in the process: the cache of a loop serves all resolvers */
	bool use_cache;
	const struct resolver_kind *kind;
};

struct resolver_kind {
	enum error (*ask)(struct resolver *, const struct dns_name *, enum dns_type, int64_t deadline,
	                  struct dns_answer **);
	void (*free)(struct resolver *);
};

void resolver_init(struct resolver *, const struct resolver_kind *, bool use_cache);

/* The cache of a loop: answers by name, type and resolver. now: clock_now_ms(). */
#define DNS_CACHE_TTL_MAX          300
#define DNS_CACHE_NEGATIVE_TTL_MAX 60

struct dns_cache;
struct dns_cache *dns_cache_new(void);
void dns_cache_free(struct dns_cache *);
/* A copy, with the ttl that remains; NULL when there is none. */
struct dns_answer *dns_cache_find(struct dns_cache *, uint32_t resolver, const struct dns_name *, enum dns_type,
                                  int64_t now);
void dns_cache_store(struct dns_cache *, uint32_t resolver, const struct dns_name *, enum dns_type,
                     const struct dns_answer *, int64_t now);
size_t dns_cache_count(const struct dns_cache *);

#endif
