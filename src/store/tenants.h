/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tenants - customer organisations: domains, downstreams, sources, policy
 *
 * In the table each tenant is a version octet and a JSON object, keyed by its number (never used again). For look-ups all of them
 * are compiled into an immutable, counted snapshot; tenants_generation() tells cheaply whether a newer one must be loaded.
 * Tenants are data, changed by `backstop tenant` while everything runs.
 *
 * A snapshot may be used by any thread; the strings of a tenant live as long as its snapshot.
 */
#ifndef BACKSTOP_STORE_TENANTS_H
#define BACKSTOP_STORE_TENANTS_H

#include "base/endpoint.h"
#include "store/db.h"

struct tenant_domain {
	const char *name; /* canonical: lower case, A-labels */
	bool subdomains;  /* also everything below it: given as ".example.net" */
};
struct tenant_downstream {
	const char *host; /* name or address, without brackets */
	uint16_t port;
	bool is_ip;
	struct ip ip;
	uint16_t
		preference; /* lower is tried first; equal ones share; by position (10, 20, ..) unless given "HOST:PORT@PREF" */
};
struct tenant_user {
	const char *name;
	const char *password_hash; /* crypt(5) */
};

enum tenant_ask { ASK_AT_RCPT, ASK_AT_DATA };
enum tenant_directory {
	DIRECTORY_COMPLETE,
	DIRECTORY_PARTIAL
}; /* partial: an address that is not listed is asked downstream */
enum tenant_tls { TENANT_TLS_MAY, TENANT_TLS_NEVER, TENANT_TLS_REQUIRE };

enum tenant_dmarc { TENANT_DMARC_MARK, TENANT_DMARC_ENFORCE, TENANT_DMARC_IGNORE };
/* A bounce, auto-reply or challenge about mail that the tenant did not send. */
enum tenant_backscatter { TENANT_BACKSCATTER_REFUSE, TENANT_BACKSCATTER_TAG };
enum tenant_unproven { TENANT_UNPROVEN_HOLD, TENANT_UNPROVEN_DISCARD };
enum tenant_tags { TENANT_TAGS_OFF, TENANT_TAGS_PRVS, TENANT_TAGS_SUBADDRESS };
/* What happens to a bounce for an address without a valid tag: learn logs it for TENANT_LEARNING_S after tags were turned on, then
 * refuses it; refuse does so at once. */
enum tenant_tag_check { TENANT_CHECK_LEARN, TENANT_CHECK_REFUSE, TENANT_CHECK_OFF };
#define TENANT_LEARNING_S (7 * 24 * 3600)

struct tenant {
	uint32_t id; /* > 0 */
	const char *name;
	struct tenant_domain *domains;
	size_t domain_count;
	struct tenant_downstream *downstreams; /* sorted by preference */
	size_t downstream_count;
	struct prefix *from; /* sources that may send out */
	size_t from_count;
	const char **certificates; /* SHA-256 of client certificates, lower-case hex */
	size_t certificate_count;
	struct tenant_user *users; /* AUTH */
	size_t user_count;
	enum tenant_ask ask;             /* --ask rcpt|data */
	enum tenant_directory directory; /* --directory complete|partial */
	char plus;                       /* --plus CHAR: "user+x" is user; 0: none. Default '+'. */
	bool case_sensitive;             /* --case-sensitive; default false */
	bool catch_all;                  /* --catch-all: a directory entry "@domain" makes every local part known */
	enum tenant_tls tls;             /* --tls may|never|require, to the downstream */
	enum tenant_dmarc dmarc;         /* --dmarc mark|enforce|ignore: what the author's domain asks for */
	enum tenant_backscatter
		backscatter;   /* --backscatter refuse|tag: refused, or let in with a header field that tells */
	enum tenant_tags tags; /* --tags off|prvs|sub-address: return paths of its outbound mail */
	int64_t tags_since;    /* Unix time when tags were turned on; 0: they are off */
	enum tenant_tag_check tag_check; /* --tag-check learn|refuse|off */
	const char **tag_exceptions;     /* --tag-exception: "local@domain" or "@domain" that also send elsewhere */
	size_t tag_exception_count;
	bool contain;       /* --contain: unverified mail is handed on under a return path of ours */
	bool spool;         /* --no-spool: nothing inbound is kept while its servers are away. Default true */
	bool sign;          /* --no-sign: outbound mail is not signed though there is a key. Default true */
	int64_t sign_since; /* Unix time when signing was turned on again after --no-sign; 0: it never was off */
	enum tenant_unproven
		unproven; /* --unproven hold|discard: its server's answers to who did not prove to have sent what they answer */
	bool learn; /* --learn on|off: addresses that its server bounces are refused (store/learned.h). Default true */
	const char *digest; /* --digest ADDRESS|none: who is told of held mail; "": nobody, NULL: postmaster@ its first
	                       domain */
	bool enabled;       /* --disable: mail is answered 450 4.3.2 as long as it is */
};

struct tenants;

enum error tenants_load(struct db *state, struct tenants **out, char why[256]); /* an empty table gives an empty set */
struct tenants *tenants_ref(struct tenants *);
void tenants_unref(struct tenants *);
uint64_t tenants_generation(struct db *state); /* grows with every change; 0: none yet */
uint64_t tenants_snapshot_generation(const struct tenants *);

size_t tenants_count(const struct tenants *);
const struct tenant *tenants_at(const struct tenants *, size_t i); /* in order of names */
const struct tenant *tenants_by_name(const struct tenants *, struct slice name);
const struct tenant *tenants_by_id(const struct tenants *, uint32_t id);
const struct tenant *tenants_by_domain(const struct tenants *, struct slice canonical_domain); /* longest match */
const struct tenant *tenants_by_source(const struct tenants *, const struct ip *ip);           /* longest prefix */
const struct tenant *tenants_by_certificate(const struct tenants *, const char *sha256_hex);
const struct tenant *tenants_by_user(const struct tenants *, struct slice user, const struct tenant_user **out);
bool tenant_owns(const struct tenant *, struct slice canonical_domain);
/* Mail of this sender is neither tagged nor are bounces to it checked (tag_exceptions). As below. */
bool tenant_tag_exempt(const struct tenant *, struct slice local, struct slice domain);
/* A bounce to local@domain without a valid tag: TENANT_CHECK_OFF when nothing is asked of it (no tags, or an exception), _LEARN while only
 * a note is made, _REFUSE. local is without tag and unquoted, domain canonical; now: Unix time. */
enum tenant_tag_check tenant_tag_check(const struct tenant *, struct slice local, struct slice domain, int64_t now);

/* Stores a new tenant (id 0: the next number is given, *id_out) or replaces the one with that id. Checks names, that no
 * domain, source prefix, certificate or user belongs to another; why says which and whose (256 bytes). ERR_EXISTS, ERR_INVALID. */
enum error tenants_put(struct db *state, const struct tenant *t, uint32_t *id_out, char why[256]);
/* Removes the tenant, its directory and its keys. */
enum error tenants_remove(struct db *state, struct slice name);
/* One line of JSON, without password hashes, malloc'ed; for `tenant show --json` and list. */
char *tenant_json(const struct tenant *t);

#endif
