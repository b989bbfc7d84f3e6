/* SPDX-License-Identifier: Apache-2.0 */
/*
 * address - mailboxes and paths of RFC 5321, and RFC 6531 when asked
 *
 * address_parse_path() reads what stands after "MAIL FROM:" and "RCPT TO:": "<>", "<local@domain>", with a source
 * route (dropped, RFC 5321 appendix C) and domain literals. The result points into the input, except where unquoting a
 * local part, or another spelling, needs memory from the arena. Limits: local part 255 octets (RFC 5321 4.5.3.1.1 has 64,
 * which SRS and VERP exceed), domain 255.
 *
 * One mailbox, one text: quotes that a local part does not need are dropped (4.1.2), and domains are in lower case and A-labels
 * (RFC 5890; what IDNA forbids stays as it is). So all that is keyed by an address, and compares it without regard to ASCII
 * case, finds it whatever it was spelled like; this is the one place where it is done. Addresses that come by other ways (reports) go
 * through address_spelled(). Local parts beyond ASCII are their server's to compare, and stay as they are.
 *
 * Percent hacks, bang paths and quoted local parts are parsed as what they are: one local part;
 * address_is_relay_trick() tells those that some servers would relay on. Pure.
 */
#ifndef BACKSTOP_MAIL_ADDRESS_H
#define BACKSTOP_MAIL_ADDRESS_H

#include "base/arena.h"
#include "base/slice.h"

struct address {
	struct slice text;  /* local@domain as it is passed on, spelled as above, without the route; empty for <> */
	struct slice local; /* unquoted local part */
	struct slice
		domain; /* that of text; no trailing dot; literals with brackets; empty for <> and for a bare "postmaster" */
	bool null;      /* <> */
	bool literal;   /* domain is [..] */
	bool had_route; /* a source route was dropped */
	bool utf8;      /* had octets over 127: needed SMTPUTF8 */
};

enum address_error {
	ADDRESS_OK,
	ADDRESS_SYNTAX,         /* not a path */
	ADDRESS_LOCAL_TOO_LONG, /* over 255 */
	ADDRESS_DOMAIN_TOO_LONG,
	ADDRESS_PATH_TOO_LONG,
	ADDRESS_BAD_DOMAIN, /* characters or labels that no domain has */
	ADDRESS_BAD_LITERAL,
	ADDRESS_BAD_UTF8,
	ADDRESS_NEEDS_SMTPUTF8, /* non-ASCII without the extension */
	ADDRESS_NO_MEMORY,
};
const char *address_error_text(enum address_error e); /* one plain clause: "the local part is longer than 255 octets" */

/* in begins at "<" (leading blanks are the caller's to have dropped); *rest is what follows ">". allow_null for MAIL,
 * allow_bare_postmaster for RCPT (RFC 5321 4.1.1.3). */
enum address_error address_parse_path(struct arena *a, struct slice in, bool allow_null, bool allow_bare_postmaster,
                                      bool smtputf8, struct address *out, struct slice *rest);
/* local@domain without angle brackets, whole input. */
enum address_error address_parse(struct arena *a, struct slice in, bool smtputf8, struct address *out);
/* local@domain of whatever else, its domain spelled as above; as it is when it has none that is valid. {NULL,0}: no memory. */
struct slice address_spelled(struct arena *a, struct slice address);
struct slice address_domain(struct slice address); /* what stands behind the last "@"; empty: there is none */
/* What looks like local@domain in running text, or in a field that is not as RFC 5322 has it: the next one; text: what is still to be read.
 * Quotes around it and a dot behind it are not of it. false: there is no more. */
bool address_in_text(struct slice *text, struct slice *out);
bool address_is_postmaster(const struct address *a); /* local part "postmaster", any case */
/* The unquoted local part has "@", "%" or "!" : a route some servers would follow. */
bool address_is_relay_trick(const struct address *a);
bool domain_valid(struct slice domain); /* LDH labels (underscore tolerated), or UTF-8 labels; no trailing dot */
/* Lower case, A-labels (IDNA 2008, libidn2) for UTF-8 labels, no trailing dot; {NULL,0} when it cannot be. */
struct slice domain_canonical(struct arena *a, struct slice domain);
/* A canonical domain as people write it, with U-labels; {NULL,0} when an A-label is none, or without memory. */
struct slice domain_display(struct arena *a, struct slice domain);
/* domain equals parent or is below it; both canonical. */
bool domain_within(struct slice domain, struct slice parent);

#endif
