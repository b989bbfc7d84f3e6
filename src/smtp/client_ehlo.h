/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_ehlo - what a server offers, read from its answer to EHLO (RFC 5321 4.1.1.1)
 *
 * A part of the client that is pure, so that it can be tested by table and fuzzed. Keywords are read in any case; those
 * that are unknown, and parameters that make no sense, are ignored.
 */
#ifndef BACKSTOP_SMTP_CLIENT_EHLO_H
#define BACKSTOP_SMTP_CLIENT_EHLO_H

#include "smtp/client.h"

/* text: the lines of the reply without codes, joined by LF; the first is the server's greeting and not a keyword. Adds to
 * *out, which the caller has cleared. */
void client_parse_ehlo(struct slice text, struct client_extensions *out);

#endif
