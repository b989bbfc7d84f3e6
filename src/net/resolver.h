/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolver - DNS questions asked by fibers
 *
 * One libunbound context per process: caching, following CNAMEs, validating when it has a trust anchor. Any octets may be
 * part of a name. A small cache per loop in front answers repeated questions without leaving the thread. The table
 * resolver answers from a text, for tests; both stand behind struct resolver.
 *
 * Names are presentation format without need of a final dot: "mx.example.net". A name with an empty label, a label over 63 or
 * over 255 octets in all gives ERR_INVALID.
 *
 *     struct dns_answer *a;
 *     enum error e = resolver_query(r, "example.net", DNS_MX, clock_deadline(10000), &a);
 *     for (size_t i = 0; e == ERR_OK && i < a->count; i++) use(a->rr[i]);
 *     dns_answer_free(a);
 */
#ifndef BACKSTOP_NET_RESOLVER_H
#define BACKSTOP_NET_RESOLVER_H

#include "base/fiber.h"
#include "base/slice.h"
#include "base/endpoint.h"

enum dns_type { DNS_A = 1, DNS_NS = 2, DNS_CNAME = 5, DNS_SOA = 6, DNS_PTR = 12, DNS_MX = 15, DNS_TXT = 16, DNS_AAAA = 28, DNS_TLSA = 52 };

struct dns_answer {
	enum error status;   /* ERR_OK, ERR_DNS_NXDOMAIN, ERR_DNS_NODATA */
	bool secure;         /* validated */
	uint32_t ttl;        /* seconds */
	size_t count;
	const struct slice *rr; /* raw RDATA of the type asked, uncompressed */
	const char *canonical_name; /* after CNAMEs; NULL when none were followed */
};

struct resolver;

/* servers: "ADDRESS:PORT" texts of recursive servers; count 0 means the system's (/etc/resolv.conf). Before the process is
 * sandboxed. why: at least 256 bytes. */
enum error resolver_new(const char *const *servers, size_t count, struct resolver **out, char *why);
/* A table for tests: lines "NAME TYPE RDATA" (A, AAAA, MX "10 host", TXT "text", CNAME, PTR), or "NAME SERVFAIL",
 * "NAME TIMEOUT", "NAME NXDOMAIN". Names not in it are NXDOMAIN. */
enum error resolver_new_table(struct slice text, struct resolver **out, char *why);
void resolver_free(struct resolver *); /* no question may be under way */

/* In a fiber. ERR_OK with *out set (count > 0); ERR_DNS_NXDOMAIN and ERR_DNS_NODATA with *out set (count 0, for the ttl);
 * ERR_DNS_TEMPORARY, ERR_DNS_BOGUS, ERR_TIMEOUT, ERR_CANCELLED, ERR_INVALID with *out NULL. */
enum error resolver_query(struct resolver *, const char *name, enum dns_type type, int64_t deadline,
                          struct dns_answer **out);
void dns_answer_free(struct dns_answer *); /* NULL is fine */

/* Readers of RDATA; false when it is malformed. name needs 1024 bytes; escapes as in RFC 1035 5.1. */
bool dns_rdata_ip(enum dns_type type, struct slice rdata, struct ip *out);
bool dns_rdata_mx(struct slice rdata, uint16_t *preference, char name[1024]);
bool dns_rdata_name(struct slice rdata, char name[1024]);

#endif
