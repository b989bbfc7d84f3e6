/* SPDX-License-Identifier: Apache-2.0 */
/*
 * disposition - reading message disposition notifications (RFC 8098)
 *
 * "Read", "deleted": what a person's mail program, not a server, says of a message. A disposition notification is no
 * bounce. As with status.h nothing is judged. Pure; any thread.
 *
 *     struct disposition d;
 *     if (disposition_find(arena, m.root, &d) && d.type == DISPOSITION_DISPLAYED) ...
 */
#ifndef BACKSTOP_MAIL_DISPOSITION_H
#define BACKSTOP_MAIL_DISPOSITION_H

#include "mail/status.h"

enum disposition_type {
	DISPOSITION_UNKNOWN,
	DISPOSITION_DISPLAYED,
	DISPOSITION_DELETED,
	DISPOSITION_DISPATCHED, /* these three: RFC 3798 and before */
	DISPOSITION_PROCESSED,
	DISPOSITION_DENIED,
	DISPOSITION_FAILED,
};

struct disposition {
	const struct mime_part *part;
	enum disposition_type type;
	bool automatic; /* automatic-action: no person did it */
	bool sent_automatically;
	struct slice modifiers; /* after "/": "error", "expired"; empty: none */
	struct slice reporting_ua, original_message_id;
	struct status_typed mdn_gateway, original_recipient, final_recipient;
	struct slice failure, error, warning; /* texts of the first such fields */
};

/* The content of a message/disposition-notification part. False: it has no Disposition nor Final-Recipient field. */
bool disposition_read(struct arena *a, struct slice content, struct disposition *out);
bool disposition_find(struct arena *a, const struct mime_part *root, struct disposition *out);

#endif
