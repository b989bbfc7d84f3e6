/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status - reading delivery status notifications (RFC 3464, RFC 6533)
 *
 * What reporting servers say, as they say it: nothing is judged here, and no field is demanded. Values are trimmed,
 * unfolded, and freed of comments where the standard has them (Status, Action); types ("rfc822", "dns", "smtp") are
 * split off and may be missing. Tolerated: empty lines within a group, recipients without an empty line between them
 * (a second Final-Recipient begins a new group), per-message and per-recipient fields in one group, addresses in angle
 * brackets or with display names, xtext left encoded, the wrong media type, any charset. Pure; any thread.
 *
 *     struct status_report r;
 *     if (status_find(arena, m.root, &r))
 *             for (size_t i = 0; i < r.recipient_count; i++) use(r.recipients[i].status);
 */
#ifndef BACKSTOP_MAIL_STATUS_H
#define BACKSTOP_MAIL_STATUS_H

#include "mail/mime.h"
#include "mail/reportfield.h"

#define STATUS_RECIPIENTS 1000    /* groups beyond are left out */
#define STATUS_OCTETS     0x40000 /* of a report that are read */

enum status_action {
	STATUS_ACTION_NONE, /* no field, or an unknown word */
	STATUS_FAILED,
	STATUS_DELAYED,
	STATUS_DELIVERED,
	STATUS_RELAYED,
	STATUS_EXPANDED,
};

struct status_recipient {
	struct slice original, final; /* addresses, without type, brackets and name, xtext and utf-8 forms decoded */
	struct status_typed original_raw, final_raw; /* as written */
	enum status_action action;
	struct slice action_raw;
	struct slice status; /* "5.1.1", or what stands there; for codes only see status_code() */
	struct status_typed remote_mta, diagnostic;
	struct slice last_attempt_date, will_retry_until, final_log_id;
	struct slice x_display_name, x_supplementary_info; /* what Exchange and others add */
	struct slice fields;                               /* the whole group, for everything else */
};

struct status_report {
	const struct mime_part *part; /* where it stood */
	bool declared; /* as message/delivery-status; false: found in text, or in what was guessed to be parts */
	struct slice original_envelope_id;
	struct status_typed reporting_mta, dsn_gateway, received_from_mta;
	struct slice arrival_date;
	struct slice message_fields; /* the whole per-message group */
	const struct status_recipient *recipients;
	size_t recipient_count;
	bool cut; /* there were more */
};

/* Reads the content of a message/delivery-status part (transfer encoding undone). False: it has no field of RFC
 * 3464, or the arena is exhausted. */
bool status_read(struct arena *a, struct slice content, struct status_report *out);
/* Finds the report in a message, not looking into messages embedded in it: the parts of the two types (all of them are
 * read as one report), else a part of another type whose lines begin with such fields. False: there is none. */
bool status_find(struct arena *a, const struct mime_part *root, struct status_report *out);

/* The code in a Status or elsewhere at the beginning of a text: "5.1.1" of "5.1.1 (bad mailbox)"; empty when there
 * is none. Class 2, 4 or 5, up to three digits twice (RFC 3463 2). */
struct slice status_code(struct slice text);

#endif
