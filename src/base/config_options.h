/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_options - the one table of configuration options
 *
 * Every option is one row: X(name, type, value, count, default, least, most, help). From it come libConfuse's schema, the checks,
 * the defaults and the reading into struct config; docs/configuration.md must describe each row (scripts/check-docs compares).
 *
 *   type     scalars: NAME (host or domain name), PATH, WORD, URL, MAILBOX, CHOICE, BOOL, NUMBER, DURATION (ms), SIZE (octets);
 *            SECRET (base64); lists: ENDPOINTS, PREFIXES, ADDRESSES, HOPS, SERVERS, DURATIONS, NAMES, ACCESS, TARGETS, MAILBOXES
 *   value    where it goes: C(field) of struct config, P() of a pool, R() of a route, B() of a blocklist, T() of a TSIG key; NOWHERE: only checked,
 *            because its service is not in this release
 *   count    where the number of elements of a list goes; NOWHERE for scalars
 *   default  text as in the file, list elements parted by blanks; NULL: none, or worked out when the rest is known
 *   least, most   range of NUMBER, DURATION and SIZE; for lists the most elements
 *   help     one line. For a CHOICE it begins with the words allowed, in the order of the enum's values, up to a colon.
 */
#ifndef BACKSTOP_BASE_CONFIG_OPTIONS_H
#define BACKSTOP_BASE_CONFIG_OPTIONS_H

#define SECONDS(n) ((n)*1000LL)
#define MINUTES(n) SECONDS((n)*60LL)
#define HOURS(n)   MINUTES((n)*60LL)
#define DAYS(n)    HOURS((n)*24LL)
#define KIB(n)     ((n)*1024LL)
#define MIB(n)     KIB((n)*1024LL)

/* X(section, parent, titled). The options of SECTION are CONFIG_SECTION_OPTIONS below; root is the file's top level. */
#define CONFIG_SECTIONS(X)                                                                                             \
	X(root, none, 0)                                                                                               \
	X(log, root, 0)                                                                                                \
	X(resolver, root, 0)                                                                                           \
	X(tls, root, 0)                                                                                                \
	X(auth, root, 0)                                                                                               \
	X(relay, root, 0)                                                                                              \
	X(pool, relay, 1)                                                                                              \
	X(route, relay, 1)                                                                                             \
	X(blocklist, relay, 1)                                                                                         \
	X(bounce, root, 0)                                                                                             \
	X(storm, root, 0)                                                                                              \
	X(keeper, root, 0)                                                                                             \
	X(dns, root, 0)                                                                                                \
	X(tsig, dns, 1)                                                                                                \
	X(web, root, 0)

/* clang-format off */
#define CONFIG_root_OPTIONS(X) \
	X("hostname", NAME, C(hostname), NOWHERE, NULL, 0, 0, "the name in greetings, EHLO and Received; default: the system's host name") \
	X("state-dir", PATH, C(state_dir), NOWHERE, "/var/lib/backstop", 0, 0, "LMDB environments, large bodies, generated keys") \
	X("run-dir", PATH, C(run_dir), NOWHERE, "/run/backstop", 0, 0, "shared counters and sockets") \
	X("user", WORD, C(user), NOWHERE, "backstop", 0, 0, "services drop to this user when started as root")

#define CONFIG_log_OPTIONS(X) \
	X("format", CHOICE, C(log_format), NOWHERE, "logfmt", 0, 0, "logfmt json: how log lines are written") \
	X("level", CHOICE, C(log_level), NOWHERE, "info", 0, 0, "debug info warning error: the least important lines that are written")

#define CONFIG_resolver_OPTIONS(X) \
	X("server", SERVERS, C(resolver_servers), C(resolver_server_count), "", 0, 16, "recursive DNS servers, ADDRESS or ADDRESS:PORT; default: the system's") \
	X("dnssec", BOOL, C(resolver_dnssec), NOWHERE, "false", 0, 0, "validate answers; the servers must pass DNSSEC records on") \
	X("trust-anchor", PATH, C(resolver_trust_anchor), NOWHERE, "/usr/share/dns/root.key", 0, 0, "DS or DNSKEY records to validate with (package dns-root-data)")

#define CONFIG_tls_OPTIONS(X) \
	X("certificate", PATH, C(tls_certificate), NOWHERE, NULL, 0, 0, "PEM file: the certificate, then its intermediates") \
	X("key", PATH, C(tls_key), NOWHERE, NULL, 0, 0, "PEM file: the private key of the certificate")

#define CONFIG_auth_OPTIONS(X) \
	X("authserv-id", NAME, C(auth.authserv_id), NOWHERE, NULL, 0, 0, "our name in Authentication-Results; default: hostname") \
	X("dmarc", CHOICE, C(auth.dmarc), NOWHERE, "rfc9989", 0, 0, "rfc9989 rfc7489: how organisations are found: DNS tree walk, or the public suffix list") \
	X("suffix-list", PATH, C(auth.suffix_list), NOWHERE, NULL, 0, 0, "public suffix list for rfc7489; default: the one that libpsl brings") \
	X("spf-timeout", DURATION, C(auth.spf_timeout), NOWHERE, "20s", 100, MINUTES(2), "wait for SPF; past it the sender counts as not proven") \
	X("key-timeout", DURATION, C(auth.key_timeout), NOWHERE, "10s", 100, MINUTES(2), "wait at the end of a message for DKIM keys and DMARC records")

#define CONFIG_relay_OPTIONS(X) \
	X("return-path-domain", NAME, C(relay.return_path_domain), NOWHERE, NULL, 0, 0, "domain of the return paths that containment makes; its mail must come here; default: hostname") \
	X("ledger-lifetime", DURATION, C(relay.ledger_lifetime), NOWHERE, "30d", MINUTES(1), DAYS(366), "how long transactions are remembered") \
	X("ledger-size", SIZE, C(relay.ledger_size), NOWHERE, "1G", MIB(1), MIB(1048576), "room for remembered transactions; the oldest go first") \
	X("digest-interval", DURATION, C(relay.digest_interval), NOWHERE, "24h", 0, DAYS(30), "how often a tenant is told of mail held for it; 0: never") \
	X("listen", ENDPOINTS, C(relay.listen), C(relay.listen_count), "0.0.0.0:25 [::]:25", 0, 64, "addresses and ports that take mail") \
	X("proxy-from", PREFIXES, C(relay.proxy_from), C(relay.proxy_from_count), "", 0, 256, "front ends that speak the PROXY protocol, versions 1 and 2") \
	X("workers", NUMBER, C(relay.workers), NOWHERE, "0", 0, 256, "threads that hold sessions; 0: one per core") \
	X("message-size-limit", SIZE, C(relay.message_size_limit), NOWHERE, "50M", KIB(64), MIB(2048), "largest message taken (SIZE)") \
	X("header-size-limit", SIZE, C(relay.header_size_limit), NOWHERE, "256K", KIB(4), MIB(16), "largest header block of a message") \
	X("memory-body-limit", SIZE, C(relay.memory_body_limit), NOWHERE, "1M", KIB(4), MIB(64), "a message beyond it goes to a temporary file") \
	X("recipient-limit", NUMBER, C(relay.recipient_limit), NOWHERE, "1000", 1, 100000, "recipients of one transaction") \
	X("hop-limit", NUMBER, C(relay.hop_limit), NOWHERE, "50", 1, 1000, "Received fields before a message is taken for a loop") \
	X("session-limit", NUMBER, C(relay.session_limit), NOWHERE, "20000", 1, 1000000, "open sessions in all") \
	X("client-session-limit", NUMBER, C(relay.client_session_limit), NOWHERE, "100", 1, 1000000, "open sessions per IPv4 address or IPv6 /64") \
	X("client-session-rate", NUMBER, C(relay.client_session_rate), NOWHERE, "600", 0, 10000000, "new sessions a minute per IPv4 address or IPv6 /64 of strangers; 0: no limit") \
	X("client-message-rate", NUMBER, C(relay.client_message_rate), NOWHERE, "0", 0, 10000000, "messages a minute per IPv4 address or IPv6 /64 of strangers; 0: no limit") \
	X("session-message-limit", NUMBER, C(relay.session_message_limit), NOWHERE, "1000", 1, 10000000, "transactions in one session") \
	X("session-error-limit", NUMBER, C(relay.session_error_limit), NOWHERE, "20", 1, 10000, "command errors before a session is closed") \
	X("session-unknown-limit", NUMBER, C(relay.session_unknown_limit), NOWHERE, "20", 0, 100000, "unknown recipients before a session is closed; 0: no limit") \
	X("command-timeout", DURATION, C(relay.command_timeout), NOWHERE, "5m", 100, HOURS(1), "wait for a whole command line of a client") \
	X("data-timeout", DURATION, C(relay.data_timeout), NOWHERE, "3m", 100, HOURS(1), "wait between two blocks of a message") \
	X("data-time-limit", DURATION, C(relay.data_time_limit), NOWHERE, "1h", 100, DAYS(1), "longest time a whole message may take") \
	X("session-time-limit", DURATION, C(relay.session_time_limit), NOWHERE, "2h", 100, DAYS(7), "longest time a session may last") \
	X("drain-time", DURATION, C(relay.drain_time), NOWHERE, "30s", 0, HOURS(1), "how long sessions may go on after a stop was asked for") \
	X("downstream-connect-timeout", DURATION, C(relay.downstream_connect_timeout), NOWHERE, "10s", 100, MINUTES(10), "wait for the connection and greeting of a downstream") \
	X("downstream-command-timeout", DURATION, C(relay.downstream_command_timeout), NOWHERE, "60s", 100, HOURS(1), "wait for a downstream's reply to a command") \
	X("downstream-data-timeout", DURATION, C(relay.downstream_data_timeout), NOWHERE, "10m", 100, HOURS(1), "wait for a downstream's reply at end of data") \
	X("downstream-idle-time", DURATION, C(relay.downstream_idle_time), NOWHERE, "60s", 0, HOURS(1), "how long an unused downstream connection is kept") \
	X("downstream-connection-limit", NUMBER, C(relay.downstream_connection_limit), NOWHERE, "50", 1, 10000, "connections to one downstream per worker") \
	X("blocklist-deadline", DURATION, C(relay.blocklist_deadline), NOWHERE, "3s", 10, MINUTES(1), "wait for the answers of all blocklists together") \
	X("connect-timeout", DURATION, C(relay.connect_timeout), NOWHERE, "30s", 100, MINUTES(10), "delivery: wait for a connection") \
	X("greeting-timeout", DURATION, C(relay.greeting_timeout), NOWHERE, "5m", 100, HOURS(1), "delivery: wait for the greeting") \
	X("delivery-command-timeout", DURATION, C(relay.delivery_command_timeout), NOWHERE, "5m", 100, HOURS(1), "delivery: wait for the reply to a command") \
	X("delivery-data-timeout", DURATION, C(relay.delivery_data_timeout), NOWHERE, "3m", 100, HOURS(1), "delivery: wait for a block of data to be taken") \
	X("delivery-end-timeout", DURATION, C(relay.delivery_end_timeout), NOWHERE, "10m", 100, HOURS(1), "delivery: wait for the reply at end of data") \
	X("retry-schedule", DURATIONS, C(relay.retry_schedule), C(relay.retry_count), "5m 10m 20m 40m 1h", 100, 64, "waits between attempts; the last repeats") \
	X("queue-lifetime", DURATION, C(relay.queue_lifetime), NOWHERE, "5d", SECONDS(1), DAYS(30), "how long a message is tried") \
	X("bounce-lifetime", DURATION, C(relay.bounce_lifetime), NOWHERE, "2d", SECONDS(1), DAYS(30), "the same for messages with the null return path") \
	X("hold-lifetime", DURATION, C(relay.hold_lifetime), NOWHERE, "30d", SECONDS(1), DAYS(366), "how long a message on hold is kept") \
	X("hold-after-loss", DURATION, C(relay.hold_after_loss), NOWHERE, "1h", 0, DAYS(7), "how long answers about unknown mail are held after the ledger was lost; 0: they leave") \
	X("delay-notice", DURATION, C(relay.delay_notice), NOWHERE, "4h", 0, DAYS(30), "when the tenant's sender is told of a delay; 0: never") \
	X("destination-concurrency", NUMBER, C(relay.destination_concurrency), NOWHERE, "20", 1, 10000, "delivery connections to one destination") \
	X("destination-reuse", NUMBER, C(relay.destination_reuse), NOWHERE, "100", 1, 1000000, "messages on one delivery connection") \
	X("destination-idle-time", DURATION, C(relay.destination_idle_time), NOWHERE, "5s", 0, MINUTES(10), "how long a delivery connection waits for the next message") \
	X("delivery-tls", CHOICE, C(relay.delivery_tls), NOWHERE, "may", 0, 0, "may never require: TLS to other servers") \
	X("report-full", BOOL, C(relay.report_full), NOWHERE, "false", 0, 0, "delivery reports with RET=FULL return the whole message, not only its header")

#define CONFIG_pool_OPTIONS(X) \
	X("source", ADDRESSES, P(sources), P(source_count), "", 0, 256, "source addresses of the pool; default: the system chooses") \
	X("hostname", NAME, P(hostname), NOWHERE, NULL, 0, 0, "EHLO name of the pool; default: hostname")

#define CONFIG_route_OPTIONS(X) \
	X("to", HOPS, R(hops), R(hop_count), "", 0, 64, "next hops in order of preference, HOST:PORT, instead of the MX records")

#define CONFIG_blocklist_OPTIONS(X) \
	X("mode", CHOICE, B(mode), NOWHERE, "safe", 0, 0, "safe all: for which return paths the list is asked")

#define CONFIG_bounce_OPTIONS(X) \
	X("rules", PATH, C(bounce.rules), NOWHERE, NULL, 0, 0, "rule bundle by which messages are classified; default: the one that is built in") \
	X("knowledge", PATH, C(bounce.knowledge), NOWHERE, NULL, 0, 0, "what refusals mean; default: what is built in")

#define CONFIG_storm_OPTIONS(X) \
	X("address", NUMBER, C(storm.address), NOWHERE, "20", 0, 500, "distinct answers of unknown or unproven cause to one address, within the window, that are a storm; 0: never") \
	X("domain", NUMBER, C(storm.domain), NOWHERE, "50", 0, 500, "distinct addresses of one domain that get such answers, within the window, that are a storm; 0: never") \
	X("share", NUMBER, C(storm.share), NOWHERE, "90", 50, 100, "percent of all answers to it that must be of that kind") \
	X("window", DURATION, C(storm.window), NOWHERE, "10m", SECONDS(1), DAYS(1), "the time over which answers are counted") \
	X("lull", DURATION, C(storm.lull), NOWHERE, "15m", SECONDS(1), DAYS(7), "how long it must be calm for a storm to be over")

#define CONFIG_keeper_OPTIONS(X) \
	X("trap", NAMES, C(keeper.traps), C(keeper.trap_count), "", 0, 1000, "trap domains, with all below them: nobody writes from there, so what answers is backscatter") \
	X("trap-address", MAILBOXES, C(keeper.trap_addresses), C(keeper.trap_address_count), "", 0, 1000, "the same of single addresses, also in a tenant's domain") \
	X("report-address", MAILBOX, C(keeper.report_address), NOWHERE, NULL, 0, 0, "where tenants send backscatter that they got, attached, as evidence") \
	X("list-score", NUMBER, C(keeper.list_score), NOWHERE, "300", 1, 1000000, "percent points that list an address: an act counts by its witness and class, 100 at most, once a day and target") \
	X("list-targets", NUMBER, C(keeper.list_targets), NOWHERE, "2", 2, 1000, "distinct addresses that must have got backscatter from it") \
	X("list-days", NUMBER, C(keeper.list_days), NOWHERE, "1", 1, 28, "distinct days on which they must have got it") \
	X("list-callouts", BOOL, C(keeper.list_callouts), NOWHERE, "false", 0, 0, "list addresses for callouts too (127.0.0.6)") \
	X("list-reserved", BOOL, C(keeper.list_reserved), NOWHERE, "false", 0, 0, "list private and reserved addresses too: for laboratories") \
	X("any-senders", NUMBER, C(keeper.any_senders), NOWHERE, "100", 0, 1000000, "senders of ordinary mail that must have been seen before anybody is in zone any.: who sees none cannot know who sends none") \
	X("listing-lifetime", DURATION, C(keeper.listing_lifetime), NOWHERE, "28d", MINUTES(1), DAYS(56), "how long after its last act an address stays listed") \
	X("short-listing-lifetime", DURATION, C(keeper.short_listing_lifetime), NOWHERE, "7d", MINUTES(1), DAYS(56), "the same after few acts, or when backscatter is rare among much mail") \
	X("evidence-lifetime", DURATION, C(keeper.evidence_lifetime), NOWHERE, "180d", DAYS(56), DAYS(3660), "how long evidence is kept") \
	X("exposure-lifetime", DURATION, C(keeper.exposure_lifetime), NOWHERE, "400d", DAYS(56), DAYS(3660), "how long it is remembered that an address sends ordinary mail, after the last one")

#define CONFIG_dns_OPTIONS(X) \
	X("listen", ENDPOINTS, C(dns.listen), C(dns.listen_count), "0.0.0.0:53 [::]:53", 0, 16, "addresses and ports that answer the list, by UDP and TCP") \
	X("zone", NAME, C(dns.zone), NOWHERE, NULL, 0, 0, "the list's zone: safe.ZONE and any.ZONE are the lists") \
	X("nameserver", NAMES, C(dns.nameservers), C(dns.nameserver_count), "", 0, 32, "the zone's name servers; the first is named in its SOA") \
	X("contact", MAILBOX, C(dns.contact), NOWHERE, NULL, 0, 0, "who answers for the zone, for its SOA; default: hostmaster at the zone") \
	X("ttl", DURATION, C(dns.ttl), NOWHERE, "15m", SECONDS(1), DAYS(7), "how long others may keep an answer") \
	X("negative-ttl", DURATION, C(dns.negative_ttl), NOWHERE, "1m", SECONDS(1), HOURS(3), "how long others may keep that an address is not listed") \
	X("workers", NUMBER, C(dns.workers), NOWHERE, "0", 0, 64, "threads for each address to listen on; 0: one for two cores") \
	X("nsid", WORD, C(dns.nsid), NOWHERE, NULL, 0, 0, "name of this server for who asks for it (NSID, id.server); default: it is not told") \
	X("udp-size", NUMBER, C(dns.udp_size), NOWHERE, "1232", 512, 4096, "largest message by UDP") \
	X("cookie-secret", WORD, C(dns.cookie_secret), NOWHERE, NULL, 0, 0, "32 hexadecimal digits that all servers behind one address share; default: a secret of its own, new each day") \
	X("cookie-secret-before", WORD, C(dns.cookie_secret_before), NOWHERE, NULL, 0, 0, "the secret that was used before and is still taken") \
	X("rate-limit", NUMBER, C(dns.rate_limit), NOWHERE, "1000", 0, 1000000, "answers a second by UDP to an IPv4 /24 or IPv6 /56 without a valid cookie; 0: no limit") \
	X("rate-slip", NUMBER, C(dns.rate_slip), NOWHERE, "2", 0, 10, "of what is beyond, each so-manieth is told to come by TCP; 0: none") \
	X("rate-exempt", PREFIXES, C(dns.rate_exempt), C(dns.rate_exempt_count), "127.0.0.0/8 ::1/128", 0, 256, "networks without that limit") \
	X("tcp-limit", NUMBER, C(dns.tcp_limit), NOWHERE, "1000", 1, 100000, "open TCP connections; for another one the idlest is closed") \
	X("tcp-client-limit", NUMBER, C(dns.tcp_client_limit), NOWHERE, "50", 1, 100000, "the same of one IPv4 address or IPv6 /64") \
	X("tcp-timeout", DURATION, C(dns.tcp_timeout), NOWHERE, "10s", 100, MINUTES(10), "wait for a whole request, or for an answer to be taken") \
	X("transfer", ACCESS, C(dns.transfer), C(dns.transfer_count), "", 0, 256, "who may have the whole zone: ADDRESS/LENGTH, key NAME, or both") \
	X("transfer-limit", NUMBER, C(dns.transfer_limit), NOWHERE, "10", 1, 1000, "transfers at a time; more are put off") \
	X("transfer-timeout", DURATION, C(dns.transfer_timeout), NOWHERE, "1m", SECONDS(1), HOURS(1), "a transfer of which nothing is taken for so long is given up") \
	X("notify", TARGETS, C(dns.notify), C(dns.notify_count), "", 0, 64, "secondaries to tell of changes, ADDRESS:PORT or ADDRESS:PORT key NAME") \
	X("notify-delay", DURATION, C(dns.notify_delay), NOWHERE, "500ms", 10, HOURS(1), "how long changes are gathered before secondaries are told")

#define CONFIG_tsig_OPTIONS(X) \
	X("algorithm", CHOICE, T(algorithm), NOWHERE, "hmac-sha256", 0, 0, "hmac-sha256 hmac-sha1 hmac-sha224 hmac-sha384 hmac-sha512: how messages are signed") \
	X("secret-file", PATH, T(secret_file), NOWHERE, NULL, 0, 0, "file with the secret in base64; read as root at start and reload") \
	X("secret", SECRET, T(secret), NOWHERE, NULL, 0, 0, "the secret itself in base64, when the configuration is nobody else's to read")

#define CONFIG_web_OPTIONS(X) \
	X("listen", ENDPOINTS, NOWHERE, NOWHERE, "127.0.0.1:8025", 0, 64, "addresses and ports of the lookup pages") \
	X("public-url", URL, C(web_public_url), NOWHERE, NULL, 0, 0, "where people reach the lookup pages; links in replies begin with it")
/* clang-format on */

#endif
