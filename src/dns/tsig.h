/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tsig - messages signed with a shared secret (RFC 8945)
 *
 * A request is checked by tsig_check_request(), which takes the TSIG record off it and fills a struct tsig: the state of this exchange.
 * Each message of the answer, one or the thousands of a transfer, is then signed by tsig_sign(): all of them, since RFC 8945 5.3.1
 * demands only each hundredth but a signature costs microseconds. A request that fails is answered with rcode NOTAUTH and what
 * tsig_sign() appends: the TSIG error, with a MAC for BADTIME and BADTRUNC, without one for BADKEY and BADSIG, where there is no
 * secret that both sides know.
 *
 * The other direction, for NOTIFY: tsig_begin(), tsig_sign(), and tsig_check_answer() for what comes back.
 *
 * Truncated MACs are well-formed down to half of their length but not taken (BADTRUNC); MACs are compared in constant time. Keys are
 * immutable, of any thread; a struct tsig holds no resources. No clock: the time is passed in (Unix seconds).
 *
 *     struct tsig t;
 *     switch (tsig_check_request(query, &n, keys, now, &t)) {
 *     case TSIG_FORMERR: ...                      // rcode FORMERR, without TSIG
 *     case TSIG_FAILED: ...                       // rcode NOTAUTH, then tsig_sign()
 *     case TSIG_GOOD: ...                         // answer, then tsig_sign(); t.key tells who
 *     case TSIG_NONE: ...
 *     }
 */
#ifndef BACKSTOP_DNS_TSIG_H
#define BACKSTOP_DNS_TSIG_H

#include "base/arena.h"
#include "base/config.h"
#include "dns/message.h"

#define TSIG_MAC_MOST 64
/* Octets that tsig_sign() may add: two names, fixed fields, MAC, the time as other data. */
#define TSIG_ROOM (2 * WIRE_NAME_MOST + 26 + TSIG_MAC_MOST + 6)

struct tsig_key {
	struct wire_name name; /* lower case */
	const char *text;      /* the name as text, lower case, no dot at its end */
	enum tsig_algorithm algorithm;
	struct slice secret;
};

struct tsig_keys {
	struct tsig_key *keys;
	size_t n;
};

/* The keys of a configuration, kept in the arena. ERR_NO_MEMORY; ERR_SYNTAX: a name or secret that config_load() refuses. */
enum error tsig_keys_read(const struct config_tsig *from, size_t n, struct arena *a, struct tsig_keys *out);
/* NULL: there is none of that name. */
const struct tsig_key *tsig_key_find(const struct tsig_keys *keys, const char *name);
const char *tsig_algorithm_name(enum tsig_algorithm a); /* "hmac-sha256" */
const char *tsig_error_name(unsigned error);            /* "BADKEY"; "NOERROR" */

struct tsig {
	const struct tsig_key *key; /* who signed; NULL: nobody, or a key that we do not know */
	bool active;                /* answers get a TSIG record */
	bool request;               /* what is signed next is a request of ours */
	bool later;                 /* not the first message of the answer: other fields are signed (5.3.1) */
	uint16_t error;             /* RCODE_BADSIG, _BADKEY, _BADTIME, _BADTRUNC; 0 when good */
	uint16_t original_id, fudge;
	uint64_t time; /* that the request was signed at */
	uint8_t mac_n;
	uint8_t mac[TSIG_MAC_MOST];       /* of the request, then of the last message signed */
	struct wire_name name, algorithm; /* as they came */
};

enum tsig_result { TSIG_NONE, TSIG_GOOD, TSIG_FAILED, TSIG_FORMERR };

/* query: a whole message of *n octets. When there is a TSIG record at its end, it is taken off: *n and ARCOUNT are as if it had not
 * been there. TSIG_FORMERR: also for a message whose records cannot be walked. */
enum tsig_result tsig_check_request(uint8_t *query, size_t *n, const struct tsig_keys *keys, int64_t now,
                                    struct tsig *out);

/* Appends the TSIG record to a whole message of n octets, corrects ARCOUNT, and returns the new length; n when the exchange has no
 * TSIG; 0 when there is no room or OpenSSL failed. */
size_t tsig_sign(struct tsig *t, uint8_t *message, size_t n, size_t room, int64_t now);

/* For requests of our own: the next tsig_sign() signs a request. */
void tsig_begin(struct tsig *t, const struct tsig_key *key);
/* The next message of the answer to it: ERR_OK when it is signed with the same key, in time, and says no error; ERR_SYNTAX,
 * ERR_PERMISSION (t->error tells what was wrong). The TSIG record is taken off. */
enum error tsig_check_answer(struct tsig *t, uint8_t *answer, size_t *n, int64_t now);

#endif
