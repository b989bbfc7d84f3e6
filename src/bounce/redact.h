/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redact - the header of a message as evidence may be kept and shown: what proves the act, and nobody's name
 *
 * A table of fields is kept, each by a rule of its own; all others go, and so does all free text. In what is kept
 *
 *   addresses     have the local part "x", but for those of programs (MAILER-DAEMON, postmaster, noreply);
 *   Received      is rewritten, the outermost REDACT_HOPS only: from whom, when that is an address of the source; the host that wrote
 *                 it; the date. Neither "for" nor comments nor other people's addresses;
 *   Subject       is kept as far as a program is known to write it ("Undelivered Mail Returned to Sender"), the rest is "...";
 *   To, Cc        do not appear: that would name the trap or the person;
 *   dates         are dates, or go;
 *   words         of Auto-Submitted, Precedence, X-Auto-Response-Suppress and Content-Type are those that programs know, or go;
 *   Message-ID,   (computers have their owner's name), X-Failed-Recipients and the marks of answering programs: that they are there, "x".
 *
 * A domain that must not be known, the trap's, is "x" wherever it stands. Lines end in LF; at most REDACT_MOST octets, in whole fields;
 * printable ASCII. Redacting it again changes nothing. Pure; any thread.
 *
 *     struct redact_about about = {.source = ip_unit(&client), .hidden = SLICE("trap.example.net")};
 *     char room[REDACT_MOST];
 *     struct slice specimen = redact_header(&arena, header, &about, room);
 */
#ifndef BACKSTOP_BOUNCE_REDACT_H
#define BACKSTOP_BOUNCE_REDACT_H

#include "base/arena.h"
#include "base/endpoint.h"

#define REDACT_MOST 2048
#define REDACT_HOPS 2

struct redact_about {
	struct prefix source; /* whose act it is; its own addresses may be shown */
	struct slice hidden;  /* a domain that is not shown, nor what is below it; empty: none */
};

/* header: of a message, with or without the rest of it. Points into room. The arena is for names that stand in
 * odd forms; what does not fit there is left out. */
struct slice redact_header(struct arena *a, struct slice header, const struct redact_about *about,
                           char room[REDACT_MOST]);

#endif
