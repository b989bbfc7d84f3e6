/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config - the configuration file, read by libConfuse into one immutable value
 *
 * One table of options (config_options.h: section, name, type, default, range, help) yields the libConfuse schema, the checks
 * and docs/configuration.md's test. Unknown names, bad values and values out of range are errors that say file and line. A
 * configuration is immutable and counted: sessions keep the one they began with while a reload puts a new one in place.
 * The PEM files of the tls section are read here too (as root, before the services drop their rights).
 *
 * Durations are written "30s", "5m", "2h", "5d" or plain seconds, sizes "64K", "50M" or plain bytes. Any thread.
 *
 *     struct config *c;
 *     char why[CONFIG_WHY];
 *     if (config_load("/etc/backstop/backstop.conf", &c, why)) fprintf(stderr, "%s\n", why);
 *     config_unref(c);
 */
#ifndef BACKSTOP_BASE_CONFIG_H
#define BACKSTOP_BASE_CONFIG_H

#include "base/endpoint.h"
#include "base/error.h"
#include "base/log.h"
#include "base/slice.h"

#define CONFIG_WHY          1024
#define CONFIG_DEFAULT_PATH "/etc/backstop/backstop.conf"

struct config_pool { /* pool "NAME" { source = {..} hostname = ".." } */
	const char *name;
	struct ip *sources; /* empty: the system chooses */
	size_t source_count;
	const char *hostname; /* EHLO name; the top-level hostname when not set */
};

struct config_hop {       /* "192.0.2.77:25", "[2001:db8::1]:25", "mx.example.org:25" */
	const char *host; /* name or address text without brackets */
	uint16_t port;
	bool is_ip;
	struct ip ip;
};

struct config_route {            /* route "DOMAIN" { to = {..} }; DOMAIN may be "*" or ".example.org" (subdomains) */
	const char *domain;      /* lower case */
	struct config_hop *hops; /* in order of preference */
	size_t hop_count;
};

enum blocklist_mode { BLOCKLIST_SAFE, BLOCKLIST_ALL };
struct config_blocklist {
	const char *zone;
	enum blocklist_mode mode;
};

/* X(id, name, OpenSSL's name of the hash, octets of the MAC): RFC 8945 6. In the order of option dns.tsig.algorithm. */
#define TSIG_ALGORITHM_TABLE(X)                                                                                        \
	X(HMAC_SHA256, "hmac-sha256", "SHA256", 32)                                                                    \
	X(HMAC_SHA1, "hmac-sha1", "SHA1", 20)                                                                          \
	X(HMAC_SHA224, "hmac-sha224", "SHA224", 28)                                                                    \
	X(HMAC_SHA384, "hmac-sha384", "SHA384", 48)                                                                    \
	X(HMAC_SHA512, "hmac-sha512", "SHA512", 64)
enum tsig_algorithm {
#define X(id, name, hash, size) TSIG_##id,
	TSIG_ALGORITHM_TABLE(X)
#undef X
};
struct config_tsig {      /* tsig "NAME" { algorithm = ".." secret-file = ".." } */
	const char *name; /* lower case */
	enum tsig_algorithm algorithm;
	const char *secret_file;
	const char *secret; /* base64, of the file or of the option; never NULL */
};

struct config_access { /* "192.0.2.0/24", "192.0.2.0/24 key NAME", "key NAME" */
	bool any_address;
	struct prefix from;
	const char *key; /* NULL: none is needed */
};

struct config_target { /* "192.0.2.1:53", "192.0.2.1:53 key NAME" */
	struct endpoint to;
	const char *key; /* NULL: not signed */
};

enum dmarc_way { DMARC_BY_TREE_WALK, DMARC_BY_SUFFIX_LIST }; /* RFC 9989, RFC 7489 */
enum delivery_tls { DELIVERY_TLS_MAY, DELIVERY_TLS_NEVER, DELIVERY_TLS_REQUIRE };

struct config {
	const char *path;
	const char *hostname, *state_dir, *run_dir, *user;
	enum log_format log_format;
	enum log_level log_level;
	const char *const *resolver_servers; /* "ADDRESS:PORT"; empty: the system's */
	size_t resolver_server_count;
	bool resolver_dnssec;
	const char *resolver_trust_anchor;
	const char *tls_certificate, *tls_key;         /* file names; NULL: no TLS offered to clients */
	struct slice tls_certificate_pem, tls_key_pem; /* their contents */

	struct {
		const char *authserv_id; /* the host name when not set */
		enum dmarc_way dmarc;
		const char *suffix_list; /* file; NULL: libpsl's own */
		int64_t spf_timeout;     /* 20s (RFC 7208 4.6.4: at least that) */
		int64_t key_timeout;     /* 10s for DKIM keys and DMARC records together */
	} auth;

	struct {
		bool enabled; /* the section is present */
		struct endpoint *listen;
		size_t listen_count;
		struct prefix *proxy_from; /* front ends that speak the PROXY protocol: proxy-from = {"192.0.2.0/28"} */
		size_t proxy_from_count;
		struct config_pool *pools;
		size_t pool_count;
		struct config_route *routes;
		size_t route_count;
		struct config_blocklist *blocklists;
		size_t blocklist_count;

		const char *return_path_domain; /* of contained return paths; the host name when not set */
		int64_t ledger_lifetime;        /* 30d, ms */
		uint64_t ledger_size;           /* 1G, octets */
		int64_t digest_interval;        /* 24h, ms; 0: no digests */

		int64_t workers; /* workers = 0: one per core */
		/* limits; name in the file is the field with dashes */
		uint64_t message_size_limit;   /* 50M; SIZE */
		uint64_t header_size_limit;    /* 256K */
		uint64_t memory_body_limit;    /* 1M: a body beyond it goes to a temporary file */
		int64_t recipient_limit;       /* 1000 per transaction (RFC 5321 4.5.3.1.8: at least 100) */
		int64_t hop_limit;             /* 50 Received fields */
		int64_t session_limit;         /* 20000 open sessions in all */
		int64_t client_session_limit;  /* 100 open sessions per IPv4 address or IPv6 /64 */
		int64_t client_session_rate;   /* 600 new sessions a minute per unit; 0: no limit */
		int64_t client_message_rate;   /* 0 (no limit): messages a minute per unit */
		int64_t session_message_limit; /* 1000 transactions in one session */
		int64_t session_error_limit;   /* 20 command errors */
		int64_t session_unknown_limit; /* 20 unknown recipients; 0: no limit */
		/* durations, milliseconds */
		int64_t command_timeout;             /* 5m (RFC 5321 4.5.3.2.7), for a whole command line */
		int64_t data_timeout;                /* 3m between two blocks of DATA (4.5.3.2.5) */
		int64_t data_time_limit;             /* 1h for a whole message */
		int64_t session_time_limit;          /* 2h */
		int64_t drain_time;                  /* 30s: how long sessions may go on after SIGTERM */
		int64_t downstream_connect_timeout;  /* 10s */
		int64_t downstream_command_timeout;  /* 60s */
		int64_t downstream_data_timeout;     /* 10m: end of data (4.5.3.2.6) */
		int64_t downstream_idle_time;        /* 60s: how long an unused downstream connection is kept */
		int64_t downstream_connection_limit; /* 50 per downstream and worker (a number, not a duration) */
		int64_t blocklist_deadline;          /* 3s for all zones of one question */
		/* outbound */
		int64_t connect_timeout;          /* 30s */
		int64_t greeting_timeout;         /* 5m (4.5.3.2.1) */
		int64_t delivery_command_timeout; /* 5m (4.5.3.2.2, .3) */
		int64_t delivery_data_timeout;    /* 3m (4.5.3.2.5) */
		int64_t delivery_end_timeout;     /* 10m (4.5.3.2.6) */
		int64_t *retry_schedule;          /* retry-schedule = {"5m","10m","20m","40m","1h"}; the last repeats */
		size_t retry_count;
		int64_t queue_lifetime;          /* 5d */
		int64_t bounce_lifetime;         /* 2d, for null return paths */
		int64_t hold_lifetime;           /* 30d */
		int64_t hold_after_loss;         /* 1h */
		int64_t delay_notice;            /* 4h; 0: none */
		int64_t destination_concurrency; /* 20 connections */
		int64_t destination_reuse;       /* 100 messages on one connection */
		int64_t destination_idle_time;   /* 5s a delivery connection is kept for the next message */
		enum delivery_tls delivery_tls;  /* delivery-tls = may|never|require */
		bool report_full;                /* report-full = false: RET=FULL is honoured with headers only */
	} relay;

	struct {
		const char *rules, *knowledge; /* files; NULL: what is built in */
	} bounce;
	struct {
		struct endpoint *listen;
		size_t listen_count;
		const char *zone; /* lower case; there is one when the section is */
		const char *const *nameservers;
		size_t nameserver_count;
		const char *contact;                              /* hostmaster@ZONE when not set */
		int64_t ttl;                                      /* 15m */
		int64_t negative_ttl;                             /* 1m */
		int64_t workers;                                  /* 0: one per core */
		const char *nsid;                                 /* NULL: not told */
		int64_t udp_size;                                 /* 1232 */
		const char *cookie_secret, *cookie_secret_before; /* 32 hexadecimal digits; NULL */
		int64_t rate_limit;                               /* 1000 a second per network; 0: none */
		int64_t rate_slip;                                /* 2 */
		struct prefix *rate_exempt;
		size_t rate_exempt_count;
		int64_t tcp_limit, tcp_client_limit; /* 1000, 50 connections */
		int64_t tcp_timeout;                 /* 10s */

		/* zone transfers */
		struct config_access *transfer;
		size_t transfer_count;
		struct config_target *notify;
		size_t notify_count;
		struct config_tsig *tsig;
		size_t tsig_count;
		int64_t notify_delay;     /* 500ms: changes within it are told of once */
		int64_t transfer_limit;   /* 10 at a time */
		int64_t transfer_timeout; /* 1m in which a secondary takes nothing */
	} dns;

	struct {
		const char *const *traps; /* domains */
		size_t trap_count;
		const char *const *trap_addresses; /* lower case, as the next one */
		size_t trap_address_count;
		const char *report_address; /* NULL: reports are not taken */
		/* when an address is listed, and how long: list/weigh.h */
		int64_t list_score;             /* 300 */
		int64_t list_targets;           /* 2 */
		int64_t list_days;              /* 1 */
		bool list_callouts;             /* false */
		bool list_reserved;             /* false */
		int64_t any_senders;            /* 100 */
		int64_t listing_lifetime;       /* 28d, ms */
		int64_t short_listing_lifetime; /* 7d */
		int64_t evidence_lifetime;      /* 180d */
		int64_t exposure_lifetime;      /* 400d */
	} keeper;

	struct {
		int64_t address, domain, share; /* 20, 50, 90 percent */
		int64_t window, lull;           /* 10m, 15m */
	} storm;

	/* Sections of services that this release does not have yet are parsed and checked all the same. */
	bool keeper_enabled, dns_enabled, web_enabled;
	const char *web_public_url; /* "https://bl.example.net"; NULL */
};

/* Reads and checks the whole file. On failure *out is NULL and why has "FILE:LINE: what is wrong", one or more lines. */
enum error config_load(const char *path, struct config **out, char why[CONFIG_WHY]);
/* The same from memory: for tests, and for the configuration that the supervisor sends. PEM contents come from the slices
 * when those are not empty, else from the files. */
enum error config_parse(const char *path, struct slice text, struct slice certificate_pem, struct slice key_pem,
                        struct config **out, char why[CONFIG_WHY]);
/* The same with the TSIG secrets as config_secrets() gives them; empty: from their files. */
enum error config_parse_secrets(const char *path, struct slice text, struct slice certificate_pem, struct slice key_pem,
                                struct slice secrets, struct config **out, char why[CONFIG_WHY]);
struct config *config_ref(struct config *);
void config_unref(struct config *); /* NULL is fine */
/* The file's text as read by config_load(): what the supervisor sends to the services. */
struct slice config_text(const struct config *);
/* The secrets of all tsig sections, in order, a line each: what the supervisor sends besides. */
struct slice config_secrets(const struct config *);

/* NULL when there is no pool of that name. */
const struct config_pool *config_pool(const struct config *, const char *name);
/* The route of a canonical domain: exact, then ".parent" from long to short, then "*"; NULL: use MX. */
const struct config_route *config_route(const struct config *, struct slice domain);

#endif
