/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/digest.h"

#include <stdarg.h>
#include <stdio.h>

#include "mail/date.h"
#include "mail/mailtext.h"

#define ADDRESS_MOST 200 /* octets that are shown */
#define REASON_MOST  300

size_t digest_reach(const struct spool_message *const *held, size_t count, int64_t now)
{
	while (count > 0 && held[count - 1]->held_since >= now) count--;
	return count;
}

size_t digest_due(const struct spool_message *const *held, size_t count, int64_t last, int64_t interval, int64_t now)
{
	size_t first = 0;
	while (first < count && held[first]->held_since < last) first++;
	if (first == digest_reach(held, count, now) || held[first]->held_since + interval > now) return count;
	return first;
}

static struct slice shown(struct slice text, size_t most)
{
	return slice_sub(text, 0, most);
}

/* One paragraph, whatever is in it. */
static void add_line(struct mailtext *t, size_t indent, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void add_line(struct mailtext *t, size_t indent, const char *format, ...)
{
	char text[1024];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	for (char *p = text; *p; p++)
		if (*p == '\n') *p = ' ';
	mailtext_paragraph(t, indent, slice_str(text));
}

static void add_message(struct mailtext *t, const struct spool_message *m)
{
	char id[SPOOL_ID_TEXT], since[DATE_TEXT_SIZE], until[DATE_TEXT_SIZE];
	struct slice to = m->recipient_count ? m->recipients[0].address : SLICE_EMPTY;
	mailtext_raw(t, "\r\n");
	add_line(t, 0, "%s held since %s", spool_id_text(m->id, id), date_rfc5322(since, m->held_since));
	if (m->recipient_count > 1)
		add_line(t, 4, "from <%.*s> to <%.*s> and %zu more", SLICE_ARG(shown(m->return_path, ADDRESS_MOST)),
		         SLICE_ARG(shown(to, ADDRESS_MOST)), m->recipient_count - 1);
	else
		add_line(t, 4, "from <%.*s> to <%.*s>", SLICE_ARG(shown(m->return_path, ADDRESS_MOST)),
		         SLICE_ARG(shown(to, ADDRESS_MOST)));
	add_line(t, 4, "why: %.*s%s",
	         SLICE_ARG(m->hold_reason.n ? shown(m->hold_reason, REASON_MOST) : SLICE("held by hand")),
	         m->answer ? " (can be released to an address of yours only: --to ADDRESS)" : "");
	add_line(t, 4, "kept until %s", date_rfc5322(until, m->expires));
}

static void add_text(struct mailtext *t, const struct digest *d)
{
	size_t n = d->count < DIGEST_MESSAGES_MOST ? d->count : DIGEST_MESSAGES_MOST;
	add_line(t, 0,
	         "The mail server %.*s has put %zu message%s for %.*s on hold. Mail is held when it cannot be "
	         "delivered and "
	         "its sender did not prove to have sent it, since a bounce might hit somebody who never wrote; when "
	         "your own server answers such mail, with a bounce or an automatic reply; and when "
	         "somebody or a rule put it on hold. Below is said why. Nothing is needed of you if you do not miss "
	         "it: "
	         "it is removed when its time is over.",
	         SLICE_ARG(d->hostname), d->count, d->count == 1 ? "" : "s", SLICE_ARG(d->tenant));
	mailtext_raw(t, "\r\n");
	add_line(t, 0, "On that server, the postmaster looks at one, lets it go, or removes it with:");
	mailtext_raw(t, "\r\n    backstop held show ID\r\n    backstop held release ID [--to ADDRESS]\r\n"
	                "    backstop held drop ID\r\n");
	for (size_t i = 0; i < n; i++) add_message(t, d->messages[i]);
	if (d->count > n) {
		mailtext_raw(t, "\r\n");
		add_line(t, 0, "and %zu more.", d->count - n);
	}
	mailtext_raw(t, "\r\n");
	if (d->told_before) add_line(t, 0, "%zu more are held that you were told of before.", d->told_before);
	add_line(t, 0, "All of them: backstop held list --tenant %.*s", SLICE_ARG(d->tenant));
}

bool digest_write(struct arena *a, const struct digest *d, struct slice *out)
{
	struct mailtext t;
	char date[DATE_TEXT_SIZE];
	mailtext_init(&t, a, 16 * 1024);
	mailtext_field(&t, "Date", slice_str(date_rfc5322(date, d->now)));
	mailtext_field(&t, "From",
	               arena_printf(a, "Mail Delivery System <MAILER-DAEMON@%.*s>", SLICE_ARG(d->hostname)));
	mailtext_raw(&t, "To: <");
	mailtext_verbatim(&t, d->to);
	mailtext_raw(&t, ">\r\n");
	mailtext_field(&t, "Subject",
	               arena_printf(a, "Mail held for %.*s: %zu new message%s", SLICE_ARG(d->tenant), d->count,
	                            d->count == 1 ? "" : "s"));
	mailtext_raw(&t, "Message-ID: <");
	mailtext_verbatim(&t, d->message_id);
	mailtext_raw(&t, ">\r\nAuto-Submitted: auto-generated\r\n" /* RFC 3834 5 */
	                 "X-Auto-Response-Suppress: All\r\n"
	                 "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n");
	add_text(&t, d);
	*out = mailtext_result(&t);
	return !mailtext_failed(&t);
}
