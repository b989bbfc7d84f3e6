/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reportfield - values of the fields in delivery, disposition and feedback reports
 *
 * What status.h, disposition.h and feedback.h have in common. Results point into the value where it is one plain line,
 * else into the arena; {NULL, 0} when that is exhausted. Pure; any thread.
 */
#ifndef BACKSTOP_MAIL_REPORTFIELD_H
#define BACKSTOP_MAIL_REPORTFIELD_H

#include "mail/mime.h"

/* "rfc822; joe@example.com": type is empty when it was not said. */
struct status_typed {
	struct slice type, value;
};

/* On one line, UTF-8, trimmed. */
struct slice reportfield_text(struct arena *a, struct slice value);
/* The same without comments (RFC 5322 3.2.2). */
struct slice reportfield_without_comments(struct arena *a, struct slice value);
/* RFC 3464 2.1.2: type ";" value. */
struct status_typed reportfield_typed(struct arena *a, struct slice value);
/* The address in a typed value: without brackets and display name, the utf-8 form of RFC 6533 3 decoded, and an
 * "@" that was left in xtext. */
struct slice reportfield_address(struct arena *a, struct status_typed typed);

#endif
