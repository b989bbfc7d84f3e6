/* SPDX-License-Identifier: Apache-2.0 */
/*
 * envelope - what travels beside a message: return path, recipients, DSN wishes (RFC 3461)
 *
 * Slices point into the arena of whoever made the envelope. Pure data.
 */
#ifndef BACKSTOP_MAIL_ENVELOPE_H
#define BACKSTOP_MAIL_ENVELOPE_H

#include "base/slice.h"

/* RFC 3461 4.1 */
enum { NOTIFY_UNSET = 0, NOTIFY_NEVER = 1, NOTIFY_SUCCESS = 2, NOTIFY_FAILURE = 4, NOTIFY_DELAY = 8 };
enum dsn_ret { RET_UNSET, RET_FULL, RET_HDRS };
enum body_type { BODY_7BIT, BODY_8BITMIME };

struct envelope_recipient {
	struct slice address; /* as given to the next hop */
	struct slice orcpt;   /* "type;xtext" as received, empty when absent */
	uint8_t notify;       /* NOTIFY_ bits */
};

struct envelope {
	struct slice return_path; /* empty: the null return path */
	struct slice envid;       /* xtext as received, empty when absent */
	enum dsn_ret ret;
	enum body_type body;
	bool smtputf8;
	uint64_t size; /* octets of the message, 0 when not known yet */
	struct envelope_recipient *recipients;
	size_t recipient_count;
};

#endif
