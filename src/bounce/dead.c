/* SPDX-License-Identifier: Apache-2.0 */
#include "bounce/dead.h"

#include "mail/address.h"
#include "mail/original.h"
#include "mail/status.h"

#define CONFIDENCE 60 /* percent, at least */

/* On a host behind the domain, perhaps. */
static bool is_same_mailbox(struct slice named, struct slice address)
{
	size_t at = slice_find_last(address, '@'), end = slice_find_last(named, '@');
	struct slice domain = slice_sub(address, at + 1, address.n), host = slice_sub(named, end + 1, named.n);
	bool within = host.n >= domain.n && slice_equal_nocase(slice_sub(host, host.n - domain.n, host.n), domain) &&
	              (host.n == domain.n || host.p[host.n - domain.n - 1] == '.');
	return within && slice_equal_nocase(slice_sub(named, 0, end), slice_sub(address, 0, at));
}

/* Sendmail names a user who forwards as final recipient, and as the actual one whom the mail could not be forwarded to: that the latter
 * does not exist says nothing of the former. */
static bool is_another(struct arena *a, const struct status_recipient *r)
{
	struct header_field f;
	if (!header_find(r->fields, "X-Actual-Recipient", &f)) return false;
	struct slice actual = reportfield_address(a, reportfield_typed(a, f.value));
	return !is_same_mailbox(actual, r->final);
}

/* The reply speaks of somebody else: other servers keep the name of who forwards, and give the words of where the mail went to. */
static bool names_another(struct slice words, const struct status_recipient *r)
{
	struct slice named;
	while (address_in_text(&words, &named))
		if (!is_same_mailbox(named, r->final) && !slice_equal_nocase(named, r->original)) return true;
	return false;
}

/* A code that speaks of the sender, of content or of a rule: then words of the message itself may be in the reply, such as "user unknown". */
static bool is_of_another_kind(const struct statuscode *c)
{
	return c->subject == 6 || c->subject == 7 || (c->subject == 1 && (c->detail == 7 || c->detail == 8));
}

static bool is_dead(const struct reply_verdict *v)
{
	if (v->status.class == 4 || is_of_another_kind(&v->status)) return false;
	return v->cause == CAUSE_mailbox_unknown && v->confidence >= CONFIDENCE;
}

/* By its reply; where it has none, and is the only one, by the words for a person. */
static bool judge(struct arena *a, const struct knowledge *k, const struct mime *m, const struct status_report *report,
                  const struct status_recipient *r, struct slice *words)
{
	struct reply_verdict v;
	struct explanation e;
	if (r->diagnostic.value.n == 0 && report->recipient_count == 1) {
		if (!explain(a, k, m, &e)) return false;
		*words = e.reply.n ? e.reply : slice_str(e.status);
		*words = arena_copy(a, *words);
		return is_dead(&e.verdict);
	}
	struct reply_context c = {.text = r->diagnostic.value,
	                          .status = r->status,
	                          .host = SLICE_EMPTY,
	                          .recipient = r->final,
	                          .stage = STAGE_unknown};
	*words = r->diagnostic.value.n ? r->diagnostic.value : r->status;
	return explain_reply(a, k, &c, &v) && is_dead(&v);
}

size_t dead_find(struct arena *a, const struct knowledge *k, const struct mime *m, struct dead out[DEAD_MOST])
{
	struct status_report report;
	size_t n = 0;
	if (!m->root || !status_find(a, m->root, &report) || !report.declared) return 0;
	if (original_doubts(a, m->root, report.part))
		return 0; /* who wrote what is quoted could have mailboxes cut off */
	for (size_t i = 0; i < report.recipient_count && n < DEAD_MOST; i++) {
		const struct status_recipient *r = &report.recipients[i];
		struct dead *d = &out[n];
		if (r->action != STATUS_FAILED || r->final.n == 0 || is_another(a, r)) continue;
		if (!judge(a, k, m, &report, r, &d->words) || arena_exhausted(a)) continue;
		if (names_another(d->words, r)) continue;
		d->address = address_spelled(a, r->final);
		d->original = address_spelled(a, r->original);
		if (!d->address.p || !d->original.p) continue;
		if (slice_equal_nocase(d->original, d->address)) d->original = SLICE_EMPTY;
		n++;
	}
	return n;
}
