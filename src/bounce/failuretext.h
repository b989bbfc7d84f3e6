/* SPDX-License-Identifier: Apache-2.0 */
/*
 * failuretext - the refusal in a report's words for a person
 *
 * Reports that have no part for programs (qmail, Exim, old Sendmail and Exchange, many more), and those whose part says less than
 * their words, quote the other server's answer in text. This finds it: after the words by which programs announce it ("said:",
 * "Remote host said:", "<<<", "The response from the remote server was:"), else where the first reply code stands, else the
 * paragraph about the recipient. Also the host that answered, and the command it answered. Pure; any thread.
 */
#ifndef BACKSTOP_BOUNCE_FAILURETEXT_H
#define BACKSTOP_BOUNCE_FAILURETEXT_H

#include "base/arena.h"
#include "bounce/cause.h"

#define FAILURETEXT_OCTETS 32768 /* of a text that are read */
#define FAILURETEXT_REPLY  2000  /* of a reply, the most */

struct failuretext {
	struct slice reply;      /* in the text; empty: none was found */
	bool quoted;             /* announced as the other server's words */
	struct slice host;       /* that answered, in the text; or empty */
	enum stage stage;        /* STAGE_unknown: not told */
	bool delayed;            /* it is still being tried, says the text */
	struct slice recipient;  /* the address that the text names as failed; or empty */
	struct slice written_to; /* that it was "expanded" or "generated from"; or empty */
};

/* text: the report's own words, lines ending in LF. own: the address that the report is sent to, which is no failed
 * recipient; or empty. False when the arena is exhausted. */
bool failuretext_read(struct arena *a, struct slice text, struct slice own, struct failuretext *out);

/* The address that a line names as one of several that failed: alone ("  joe@example.com", with or without brackets and
 * ":"), or in brackets at the beginning ("<joe@example.com>: User unknown"); rest: what follows it. Empty: it does not. */
struct slice failuretext_named(struct slice line, struct slice *rest);

/* In words on one line, in lower case, the server that Postfix could not reach, or lost: "connect to mx.example.net[192.0.2.5]:25:
 * Connection refused". Empty: none is named. */
struct slice failuretext_unreached(struct slice text);

/* The stage that words like "in reply to RCPT TO command" tell; lower is in lower case. */
enum stage failuretext_stage(struct slice lower);

#endif
