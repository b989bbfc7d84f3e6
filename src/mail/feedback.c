/* SPDX-License-Identifier: Apache-2.0 */
#include "mail/feedback.h"

#define BEGINNING 64 /* octets of a text that tell whether it is worth decoding */

bool feedback_read(struct arena *a, struct slice content, struct feedback *out)
{
	struct header_iterator it;
	struct header_field f;
	content = slice_sub(content, 0, STATUS_OCTETS);
	*out = (struct feedback){.fields = content};
	const struct {
		const char *name;
		struct slice *value;
	} wanted[] = {
		{"Feedback-Type", &out->type},
		{"Version", &out->version},
		{"User-Agent", &out->user_agent},
		{"Original-Mail-From", &out->original_mail_from},
		{"Original-Envelope-Id", &out->original_envelope_id},
		{"Arrival-Date", &out->arrival_date},
		{"Received-Date", &out->arrival_date}, /* its name before RFC 5965 */
		{"Source-IP", &out->source_ip},
		{"Incidents", &out->incidents},
		{"Original-Rcpt-To", &out->original_rcpt_to},
		{"Reported-Domain", &out->reported_domain},
		{"Reported-URI", &out->reported_uri},
		{"Authentication-Results", &out->authentication_results},
		{"Auth-Failure", &out->auth_failure},
		{"Delivery-Result", &out->delivery_result},
		{"Identity-Alignment", &out->identity_alignment},
		{"DKIM-Domain", &out->dkim_domain},
		{"Reporting-MTA", &out->reporting_mta.value},
	};
	const size_t count = sizeof wanted / sizeof *wanted;
	for (size_t i = 0; i < count; i++) *wanted[i].value = SLICE_EMPTY;
	out->reporting_mta.type = SLICE_EMPTY;
	header_begin(&it, content);
	while (it.at < content.n) {
		it.ended = false;
		if (!header_next(&it, &f)) continue;
		for (size_t i = 0; i < count; i++)
			if (wanted[i].value->n == 0 && header_is(&f, wanted[i].name)) {
				*wanted[i].value = reportfield_text(a, f.value);
				break;
			}
	}
	out->reporting_mta = reportfield_typed(a, out->reporting_mta.value);
	return !arena_exhausted(a) && out->type.n > 0;
}

bool feedback_find(struct arena *a, const struct mime_part *root, struct feedback *out)
{
	const struct mime_part *p = mime_find(root, MIME_FEEDBACK_REPORT);
	struct slice content = p ? mime_octets(a, p, STATUS_OCTETS) : SLICE_EMPTY;
	if (content.p && feedback_read(a, content, out)) {
		out->part = p;
		return true;
	}
	for (p = root; p; p = mime_next(root, p)) {
		if (p->embedded != root->embedded || p->first || p->type == MIME_TEXT_HTML) continue;
		/* Only a part that begins with it: a person may write of such a field. */
		content = mime_octets(a, p, BEGINNING);
		if (!content.p || !slice_starts_nocase(slice_trim(content), SLICE("Feedback-Type:"))) continue;
		content = mime_octets(a, p, STATUS_OCTETS);
		if (!content.p || !feedback_read(a, slice_trim(content), out)) continue;
		out->part = p;
		return true;
	}
	feedback_read(a, SLICE_EMPTY, out);
	return false;
}
