/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolver - DNS questions asked by fibers
 *
 * One libunbound context per process: caching, following CNAMEs, validating when it has a trust anchor. Any octets may
 * be part of a name. A small cache per loop in front answers repeated questions without leaving the thread. The table
 * resolver answers from a text, for tests; both stand behind struct resolver. The loop's cache keeps an answer for its
 * ttl, at most 300 s (60 s for NXDOMAIN and NODATA); failures are not kept. Counts dns_queries, dns_cached,
 * dns_failures.
 *
 * Names are presentation format without need of a final dot: "mx.example.net". A name with an empty label, a label
 * over 63 or over 255 octets in all gives ERR_INVALID.
 *
 *     struct dns_answer *a;
 *     enum error e = resolver_query(r, "example.net", DNS_MX, clock_deadline(10000), &a);
 *     for (size_t i = 0; e == ERR_OK && i < a->count; i++) use(a->rr[i]);
 *     dns_answer_free(a);
 */
#ifndef BACKSTOP_NET_RESOLVER_H
#define BACKSTOP_NET_RESOLVER_H

#include "base/endpoint.h"
#include "base/fiber.h"
#include "base/slice.h"

enum dns_type {
	DNS_A = 1,
	DNS_NS = 2,
	DNS_CNAME = 5,
	DNS_SOA = 6,
	DNS_PTR = 12,
	DNS_MX = 15,
	DNS_TXT = 16,
	DNS_AAAA = 28,
	DNS_TLSA = 52
};

struct dns_answer {
	enum error status; /* ERR_OK, ERR_DNS_NXDOMAIN, ERR_DNS_NODATA */
	bool secure;       /* validated */
	uint32_t ttl;      /* seconds */
	size_t count;
	const struct slice *rr;     /* raw RDATA of the type asked, uncompressed */
	const char *canonical_name; /* after CNAMEs; NULL when none were followed */
};

struct resolver;

/* servers: "ADDRESS:PORT" texts of recursive servers; count 0 means the system's (/etc/resolv.conf). ERR_INVALID with
 * the reason in why (at least 256 bytes). No trust anchor: nothing is validated, secure is never true.
 *
 * Call it after a fork and before the process is sandboxed: it reads its files and starts its two threads (all signals
 * blocked in them) now, without sending a packet. Afterwards it opens no file. Its threads then need these system
 * calls: socket (AF_INET, AF_INET6; UDP and TCP), bind, connect, sendto, sendmsg, recvfrom, recvmsg, setsockopt,
 * getsockopt, getsockname, ioctl (FIONBIO), fcntl, epoll_ctl, epoll_wait, poll, read, write, close, futex, getrandom,
 * clock_gettime, gettimeofday, mmap, munmap, mprotect, madvise, brk, rt_sigprocmask, tgkill, exit; and a descriptor for
 * every question on its way, at most 512. Landlock's rules for files do not concern it; those for TCP do (connecting to
 * the servers' port, after a truncated answer). */
enum error resolver_new(const char *const *servers, size_t count, struct resolver **out, char *why);
/* The same with trust anchors from a file of DS or DNSKEY records (Debian: /usr/share/dns/root.key of package
 * dns-root-data). The servers must pass DNSSEC records, else every signed zone is ERR_DNS_BOGUS. NULL: none. */
enum error resolver_new_validating(const char *const *servers, size_t count, const char *anchor_file,
                                   struct resolver **out, char *why);
/* A table for tests: lines "NAME TYPE RDATA" (A, AAAA, MX "10 host", TXT "text", CNAME, PTR), or "NAME SERVFAIL",
 * "NAME TIMEOUT", "NAME NXDOMAIN". Names not in it are NXDOMAIN. */
enum error resolver_new_table(struct slice text, struct resolver **out, char *why);
void resolver_free(struct resolver *); /* no fiber may be asking; NULL is fine */

/* In a fiber, on any loop. ERR_OK with *out set (count > 0); ERR_DNS_NXDOMAIN and ERR_DNS_NODATA with *out set (count
 * 0, for the ttl); ERR_DNS_TEMPORARY, ERR_NO_MEMORY, ERR_DNS_BOGUS, ERR_TIMEOUT, ERR_CANCELLED, ERR_INVALID with *out
 * NULL. */
enum error resolver_query(struct resolver *, const char *name, enum dns_type type, int64_t deadline,
                          struct dns_answer **out);
void dns_answer_free(struct dns_answer *); /* NULL is fine */

/* Readers of RDATA; false when it is malformed. name needs 1024 bytes; escapes as in RFC 1035 5.1. */
bool dns_rdata_ip(enum dns_type type, struct slice rdata, struct ip *out);
bool dns_rdata_mx(struct slice rdata, uint16_t *preference, char name[1024]);
bool dns_rdata_name(struct slice rdata, char name[1024]);

#endif
