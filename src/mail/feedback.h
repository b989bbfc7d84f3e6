/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feedback - reading feedback reports, ARF (RFC 5965, RFC 6650, RFC 6591)
 *
 * What a provider says of mail that a person called spam, and of mail that failed authentication. The message that it
 * speaks of is found by original.h. Nothing is judged. Pure; any thread.
 *
 *     struct feedback f;
 *     if (feedback_find(arena, m.root, &f) && slice_equal_nocase(f.type, SLICE("abuse"))) ...
 */
#ifndef BACKSTOP_MAIL_FEEDBACK_H
#define BACKSTOP_MAIL_FEEDBACK_H

#include "mail/status.h"

struct feedback {
	const struct mime_part *part;
	struct slice type; /* "abuse", "fraud", "auth-failure", "not-spam", "opt-out" ... */
	struct slice version, user_agent;
	struct slice original_mail_from, original_envelope_id, arrival_date, source_ip, incidents;
	struct slice original_rcpt_to, reported_domain, reported_uri; /* the first of each */
	struct slice authentication_results, auth_failure, delivery_result, identity_alignment, dkim_domain;
	struct status_typed reporting_mta;
	struct slice fields; /* all of it, for everything else and for repeated fields */
};

/* The content of a message/feedback-report part. False: it has no Feedback-Type. */
bool feedback_read(struct arena *a, struct slice content, struct feedback *out);
/* The part of that type in a message; else a text part that reads as one (providers of old). */
bool feedback_find(struct arena *a, const struct mime_part *root, struct feedback *out);

#endif
