/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tenant_options - what `tenant add` and `tenant set` may say about a tenant
 *
 * The options are one table: the long options of getopt, what they do, and their help text come from it. Options are
 * gathered first and laid upon a tenant afterwards, since `set` knows the tenant only when all is read. A list that is given
 * replaces the old one; "none" empties it.
 *
 *     struct tenant_options o;
 *     tenant_options_init(&o, &arena);
 *     ... if (tenant_options_take(&o, option, optarg)) return CLI_USAGE;      // it has complained
 *     struct tenant t = tenant_options_defaults(name);
 *     if (tenant_options_apply(&o, &t)) return CLI_CANNOT;
 */
#ifndef BACKSTOP_CLI_TENANT_OPTIONS_H
#define BACKSTOP_CLI_TENANT_OPTIONS_H

#include <getopt.h>

#include "base/arena.h"
#include "store/tenants.h"

/* X(name, argument or NULL, take, help) */
#define TENANT_OPTION_TABLE(X)                                                                                         \
	X("domain", "DOMAIN", domain, "a domain of the tenant; \".example.net\": also all below it")                   \
	X("route", "HOST:PORT", route, "its own mail server; more are tried in turn; \"@PREF\" sets the order")        \
	X("from", "CIDR", from, "an address or network that may send out")                                             \
	X("certificate", "SHA256", certificate, "fingerprint of a client certificate that may send out")               \
	X("user", "NAME[:HASH]", user, "may send out with a password; without crypt(5) hash it is asked for")          \
	X("ask", "rcpt|data", ask, "when its server is asked: at each recipient (default), or at the end")             \
	X("directory", "complete|partial", directory, "what the lists are; partial: others are asked for")             \
	X("plus", "CHAR|none", plus, "user+x is user; default +")                                                      \
	X("case-sensitive", NULL, case_sensitive, "Joe and joe are two")                                               \
	X("no-case-sensitive", NULL, case_sensitive_no, "they are one (default)")                                      \
	X("catch-all", NULL, catch_all, "\"@domain\" in a list makes all its addresses known")                         \
	X("no-catch-all", NULL, catch_all_no, "it does not (default)")                                                 \
	X("tls", "may|never|require", tls, "to its own server")                                                        \
	X("dmarc", "mark|enforce|ignore", dmarc,                                                                       \
	  "what the author's domain asks for: noted in the header (default); done")                                    \
	X("backscatter", "refuse|tag", backscatter,                                                                    \
	  "bounces of mail it did not send: refused (default), or marked in the header")                               \
	X("tags", "off|prvs|sub-address", tags, "tag the return paths of its outbound mail; default off")              \
	X("tag-check", "learn|refuse|off", tag_check,                                                                  \
	  "bounces without a tag: noted for 7 days, then refused (default)")                                           \
	X("tag-exception", "ADDRESS", tag_exception, "joe@domain or @domain that also sends elsewhere: not checked")   \
	X("contain", NULL, contain, "unproven mail is handed on under a return path of ours")                          \
	X("no-contain", NULL, contain_no, "under its own (default)")                                                   \
	X("spool", NULL, spool, "proven mail is kept while its servers are away (default)")                            \
	X("no-spool", NULL, spool_no, "nothing is kept: senders are told to try again")                                \
	X("sign", NULL, sign, "outbound mail is signed when there is a key (default; see keys)")                       \
	X("no-sign", NULL, sign_no, "it is not")                                                                       \
	X("unproven", "hold|discard", unproven,                                                                        \
	  "its server's answers to mail that proved nothing: held (default), or thrown away")                          \
	X("learn", "on|off", learn, "addresses that its server takes and then bounces are refused (default on)")       \
	X("digest", "ADDRESS|none", digest, "who is told daily of held mail; default postmaster@ its first domain")    \
	X("enable", NULL, enable, "mail flows (default)")                                                              \
	X("disable", NULL, disable, "mail is answered 450 until it is enabled again")

enum { TENANT_OPTION_FIRST = 2000, TENANT_OPTION_COUNT = 29 };

struct tenant_words { /* a list option as given, checked */
	void *items;
	size_t count, room;
	bool given;
};
struct tenant_options {
	struct arena *arena;
	struct tenant t; /* the scalars that were given */
	struct tenant_words domains, downstreams, from, certificates, users, tag_exceptions;
	bool ask, directory, plus, case_sensitive, catch_all, tls, enabled; /* was it given? */
	bool dmarc, backscatter, tags, tag_check, contain, spool, sign, unproven, learn, digest;
	bool any;
};

const struct option *tenant_options_getopt(void); /* for cli_getopt(); ended by a zero row */
const char *tenant_options_help(void);            /* one line each */

void tenant_options_init(struct tenant_options *o, struct arena *arena);
/* One option of the table. Nonzero, having complained: an exit status. */
int tenant_options_take(struct tenant_options *o, int option, const char *value);
struct tenant tenant_options_defaults(const char *name);
/* Lays what was given upon t. Passwords that are not given as hashes are read here, in order. now: Unix time, for when tags
 * were turned on. Nonzero: an exit status. */
int tenant_options_apply(struct tenant_options *o, struct tenant *t, int64_t now);

#endif
