/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report - delivery reports written: bounces, delay notices, success reports (RFC 3464, 6522, 6533, 3834)
 *
 * report_write() makes one complete message: header, a part in plain words for a person, a delivery-status part for
 * programs, and the header of the original message (or all of it). Pure: date, message id and boundary are passed in.
 * Everything from outside is cleaned (see mail/mailtext.h), so neither an address nor the other server's answer nor
 * the original can add a field or a part, provided the boundary cannot be guessed. Whether a report may be sent at all
 * is the caller's decision.
 *
 *     struct report r = {.reporting_mta = SLICE("mx.example.net"), ...};
 *     struct report_message m;
 *     if (!report_write(arena, &r, &m)) return ERR_NO_MEMORY;
 */
#ifndef BACKSTOP_MAIL_REPORT_H
#define BACKSTOP_MAIL_REPORT_H

#include "base/arena.h"
#include "base/slice.h"

/* X(name, class of the status, heading of the part for a person) in the order in which a person wants to know.
 * RFC 3464 2.3.3 */
#define REPORT_ACTION_TABLE(X)                                                                                         \
	X(failed, 5, "Your message could not be delivered to:")                                                        \
	X(delayed, 4, "Your message has not been delivered yet, and is still being tried, for:")                       \
	X(delivered, 2, "Your message was delivered to:")                                                              \
	X(relayed, 2, "Your message was passed on to a server that does not report delivery, for:")                    \
	X(expanded, 2, "Your message was delivered to an address that passed it on to further addresses, for:")

enum report_action {
#define X(name, class, heading) REPORT_##name,
	REPORT_ACTION_TABLE(X)
#undef X
		REPORT_ACTION_COUNT
};
const char *report_action_name(enum report_action a); /* "failed" */

struct report_recipient {      /* unset slices are {NULL, 0} or empty */
	struct slice original; /* ORCPT as received, "type;xtext"; empty: none */
	struct slice address;  /* final recipient, local@domain */
	enum report_action action;
	struct slice status;      /* "5.1.1"; when its class is not the action's (or 4 with failed), X.0.0 is written */
	struct slice remote_mta;  /* host that answered; empty: we decided */
	struct slice reply;       /* what it said, or our reason, lines separated by LF: "550 5.1.1 no such user" */
	struct slice explanation; /* plain words for a person; empty: what the status says, if that is known */
	int64_t last_attempt;     /* Unix time; 0: never tried */
	int64_t retry_until;      /* with delayed; 0: not told */
};

struct report {
	struct slice reporting_mta; /* our host name */
	struct slice from_address;  /* "MAILER-DAEMON@mx.example.net" */
	struct slice to;            /* return path of the original; the report itself travels with <> */
	struct slice envid;         /* xtext as received; empty: none */
	int64_t arrival;            /* of the original, Unix time; 0: not told */
	int64_t date;               /* of this report */
	struct slice message_id;    /* without angle brackets */
	struct slice boundary;      /* 1 to 60 letters and digits that nobody can guess */
	const struct report_recipient *recipients;
	size_t recipient_count; /* at least 1 */
	struct slice original;  /* the message, or its header alone; LF or CR LF */
	bool return_full;       /* RET=FULL: all of it, where its lines permit (see below) */
	bool smtputf8;          /* the original came with SMTPUTF8, so its sender can read UTF-8 */
};

struct report_message {
	struct slice text; /* CR LF line ends, in the arena */
	bool eight_bit;    /* to be sent with BODY=8BITMIME: an 8-bit original in full, or smtputf8 */
	bool smtputf8;     /* to be sent with SMTPUTF8 */
	bool full; /* has the whole original; false although asked when that has NUL, bare CR or lines over 998 */
};

/* False when the arena is exhausted. The report takes about its original's size and 1.5 KiB, plus 1 KiB a recipient;
 * allow three times that. */
bool report_write(struct arena *a, const struct report *r, struct report_message *out);

#endif
