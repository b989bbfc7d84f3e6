/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cookie - DNS cookies: what a client shows so that we know that its address is its own (RFC 7873, RFC 9018)
 *
 * The server's part is the interoperable one of RFC 9018: version, time, and SipHash-2-4 over the client's part and address, so that
 * servers behind one address (anycast) that share the secret, ours and others', know each other's. With a secret of the
 * operator's that one is used, and the one before it is still taken. Without, secrets are drawn from a master that
 * lives as long as the process, a new one each day; the day before's is still taken. Nothing is stored and no thread tells another.
 *
 * Pure but for cookie_master_make(); any thread. Times are Unix seconds.
 *
 *     struct cookie_secrets s = cookie_secrets_at(&master, now);
 *     enum cookie_state state = cookie_check(&s, cookie, size, &client, now);
 *     cookie_make(&s, cookie, &client, now, way.cookie);               // to return, 24 octets
 */
#ifndef BACKSTOP_DNS_COOKIE_H
#define BACKSTOP_DNS_COOKIE_H

#include "base/endpoint.h"
#include "dns/query.h"

#define COOKIE_SECRET_SIZE 16
#define COOKIE_SERVER_SIZE 16
#define COOKIE_SIZE        (COOKIE_CLIENT_SIZE + COOKIE_SERVER_SIZE)
#define COOKIE_LIFETIME    3600 /* RFC 9018 4.3 */
#define COOKIE_RENEW       1800 /* from which age on a new one is given */
#define COOKIE_AHEAD       300  /* that another server's clock may be */
#define COOKIE_ROTATION    86400

struct cookie_secrets {
	uint8_t now[COOKIE_SECRET_SIZE], before[COOKIE_SECRET_SIZE];
	bool has_before;
};

struct cookie_master {
	bool fixed; /* the operator's: `secrets` as they are */
	struct cookie_secrets secrets;
	uint8_t key[COOKIE_SECRET_SIZE];
};

enum cookie_state {
	COOKIE_NONE,  /* the client sent none */
	COOKIE_FIRST, /* its own part alone */
	COOKIE_BAD,   /* not one of ours, or too old */
	COOKIE_GOOD,  /* ours */
	COOKIE_OLD,   /* ours, to be renewed */
};

enum error cookie_master_make(struct cookie_master *m); /* random; ERR_SYSTEM */
/* 32 hexadecimal digits; before: NULL, or the secret that was used until now. False: not such. */
bool cookie_master_set(struct cookie_master *m, const char *secret, const char *before);
struct cookie_secrets cookie_secrets_at(const struct cookie_master *m, int64_t now);

enum cookie_state cookie_check(const struct cookie_secrets *s, const uint8_t *cookie, size_t n, const struct ip *client,
                               int64_t now);
/* cookie: begins with the client's part; out: both parts. */
void cookie_make(const struct cookie_secrets *s, const uint8_t *cookie, const struct ip *client, int64_t now,
                 uint8_t out[static COOKIE_SIZE]);

/* SipHash-2-4 of at most 64 octets. */
uint64_t siphash24(const uint8_t key[static 16], const uint8_t *data, size_t n);

#endif
