/* SPDX-License-Identifier: Apache-2.0 */
#include "bounce/redact.h"

#include "bounce/received.h"
#include "mail/address.h"
#include "mail/date.h"
#include "mail/header.h"
#include "mail/mailbox.h"

#define VALUE_MOST   4096 /* octets of a field that are read */
#define DOMAIN_MOST  255
#define DATE_MOST    64
#define TOKEN_MOST   40
#define TOKENS_MOST  8
#define MAILBOX_MOST 3 /* of a field */

struct specimen {
	struct arena *arena;
	const struct redact_about *about;
	char *room;
	size_t n, line; /* line: where the present field begins */
	bool full;      /* the present field did not fit */
	int hops;
};

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static void put(struct specimen *s, struct slice text)
{
	if (s->n + text.n + 1 > REDACT_MOST) s->full = true; /* and a line end */
	if (s->full) return;
	if (text.n) memcpy(s->room + s->n, text.p, text.n);
	s->n += text.n;
}

static bool is_letter_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* The leading octets of text that are letters, digits or of `more`. */
static struct slice span(struct slice text, const char *more, size_t most)
{
	size_t n = 0;
	while (n < text.n && n < most && text.p[n] && (is_letter_or_digit(text.p[n]) || strchr(more, text.p[n]))) n++;
	return slice_sub(text, 0, n);
}

static bool is_one_of(struct slice word, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (slice_equal_nocase(word, slice_str(words[i]))) return true;
	return false;
}

static bool is_hidden(const struct specimen *s, struct slice domain)
{
	struct slice hidden = s->about->hidden;
	if (!hidden.n) return false;
	for (size_t i = 0; i + hidden.n <= domain.n; i++)
		if (slice_equal_nocase(slice_sub(domain, i, i + hidden.n), hidden)) return true;
	return false;
}

/* A name of a host or domain; x for what is none, or may not be shown. */
static void put_domain(struct specimen *s, struct slice domain)
{
	bool good = domain.n && span(domain, ".-_", DOMAIN_MOST).n == domain.n && domain_valid(domain);
	put(s, good && !is_hidden(s, domain) ? domain : SLICE("x"));
}

static void put_local(struct specimen *s, struct slice local)
{
	static const char *const programs[] = {"MAILER-DAEMON", "postmaster", "noreply", "no-reply", "mail-daemon"};
	for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
		if (slice_equal_nocase(local, slice_str(programs[i]))) {
			put(s, slice_str(programs[i]));
			return;
		}
	put(s, SLICE("x"));
}

/* ---- the rules --------------------------------------------------------------------------------------------------- */

static void put_address(struct specimen *s, struct slice local, struct slice domain)
{
	put(s, SLICE("<"));
	put_local(s, local);
	put(s, SLICE("@"));
	put_domain(s, domain);
	put(s, SLICE(">"));
}

static bool rule_mailboxes(struct specimen *s, struct slice value)
{
	struct mailbox_reader r;
	struct mailbox m;
	int n = 0;
	if (slice_equal(value, SLICE("<>"))) {
		put(s, value);
		return true;
	}
	for (mailbox_begin(&r, s->arena, value); n < MAILBOX_MOST && mailbox_next(&r, &m); n++) {
		if (n) put(s, SLICE(", "));
		put_address(s, m.local, m.domain);
	}
	return n > 0;
}

/* "Wed, 25 Nov 2026 10:00:00 +0000", without the comment after it. Only what is a date: there may be words instead. */
static bool rule_date(struct specimen *s, struct slice value)
{
	static const char *const words[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", "Jan", "Feb", "Mar",
	                                    "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "GMT"};
	struct slice date = slice_trim(span(value, " ,:+-", DATE_MOST));
	int64_t time;
	if (!date_parse(date, &time)) return false;
	for (size_t i = 0; i < date.n;) {
		size_t n = span(slice_sub(date, i, date.n), "", DATE_MOST).n;
		bool number = n == 0 || (date.p[i] >= '0' && date.p[i] <= '9');
		if (!number && !is_one_of(slice_sub(date, i, i + n), words, sizeof words / sizeof *words)) {
			char text[DATE_TEXT_SIZE];
			put(s, slice_str(date_rfc5322(text, time)));
			return true;
		}
		i += n ? n : 1;
	}
	put(s, date);
	return true;
}

static bool rule_received(struct specimen *s, struct slice value)
{
	struct received_words w;
	char ip[IP_TEXT_SIZE];
	if (s->hops >= REDACT_HOPS) return false;
	received_read(value, &w);
	if (!w.by.n) return false;
	s->hops++;
	if (w.from.family && prefix_contains(&s->about->source, &w.from)) {
		put(s, SLICE("from x (["));
		put(s, slice_str(ip_text(&w.from, ip)));
		put(s, SLICE("]) "));
	}
	put(s, SLICE("by "));
	put_domain(s, w.by);
	put(s, SLICE("; "));
	size_t date = slice_find_last(value, ';');
	return rule_date(s, slice_trim(slice_sub(value, date + 1, value.n)));
}

/* Words that programs know, parted by commas; others are left out, as they may be anybody's. */
static bool put_known(struct specimen *s, struct slice value, const char *const *words, size_t known)
{
	int n = 0;
	for (struct slice rest = value; rest.p && n < TOKENS_MOST;) {
		struct slice token = span(slice_trim(slice_split(&rest, ',')), "-_", TOKEN_MOST);
		if (!is_one_of(token, words, known)) continue;
		if (n++) put(s, SLICE(", "));
		put(s, token);
	}
	return n > 0;
}

/* RFC 3834 5, and what Sieve writes */
static bool rule_auto_submitted(struct specimen *s, struct slice value)
{
	static const char *const words[] = {"no", "auto-generated", "auto-replied", "auto-notified"};
	return put_known(s, value, words, sizeof words / sizeof *words);
}

static bool rule_precedence(struct specimen *s, struct slice value)
{
	static const char *const words[] = {"bulk", "junk", "list", "auto_reply", "first-class", "special-delivery"};
	return put_known(s, value, words, sizeof words / sizeof *words);
}

static bool rule_suppress(struct specimen *s, struct slice value)
{
	static const char *const words[] = {"All", "None", "DR", "NDR", "RN", "NRN", "OOF", "AutoReply"};
	return put_known(s, value, words, sizeof words / sizeof *words);
}

static bool rule_content_type(struct specimen *s, struct slice value)
{
	static const char *const types[] = {"text/plain",          "text/html",         "multipart/report",
	                                    "multipart/mixed",     "multipart/related", "multipart/alternative",
	                                    "multipart/signed",    "message/rfc822",    "message/delivery-status",
	                                    "text/rfc822-headers", "message/partial"};
	static const char *const reports[] = {"delivery-status", "disposition-notification", "feedback-report"};
	struct slice type = span(value, "-/", TOKEN_MOST), rest = value;
	if (!is_one_of(type, types, sizeof types / sizeof *types)) return false;
	put(s, type);
	slice_split(&rest, ';');
	while (rest.p) {
		struct slice parameter = slice_trim(slice_split(&rest, ';'));
		if (!slice_starts_nocase(parameter, SLICE("report-type="))) continue;
		parameter = slice_sub(parameter, sizeof "report-type=" - 1, parameter.n);
		if (parameter.n && parameter.p[0] == '"') parameter = slice_sub(parameter, 1, parameter.n);
		parameter = span(parameter, "-", TOKEN_MOST);
		if (!is_one_of(parameter, reports, sizeof reports / sizeof *reports)) break;
		put(s, SLICE("; report-type="));
		put(s, parameter);
		break;
	}
	return true;
}

/* Subjects as programs write them; what follows may be anybody's words. */
static const char *const subjects[] = {
	"Undelivered Mail Returned to Sender",
	"Undeliverable",
	"Undeliverable mail",
	"Undeliverable message",
	"Delivery Status Notification (Failure)",
	"Delivery Status Notification (Delay)",
	"Delivery Status Notification",
	"Delivery status notification",
	"Delivery Notification",
	"Delivery Failure",
	"Delivery Report",
	"Delayed Mail (still being retried)",
	"Mail delivery failed: returning message to sender",
	"Mail delivery failed",
	"Mail delivery failure",
	"Mail Delivery Failure",
	"Mail System Error - Returned Mail",
	"Message Delivery Failure",
	"Message could not be delivered",
	"Returned mail: see transcript for details",
	"Returned mail",
	"Warning: message delayed",
	"Warning: could not send message for past",
	"failure notice",
	"Nondeliverable mail",
	"Non-delivery report",
	"Unzustellbar",
	"Non remis",
	"No se puede entregar",
	"Out of Office",
	"Out of the office",
	"Automatic reply",
	"Automatically rejected mail",
	"Auto-Reply",
	"Autoreply",
	"Auto Reply",
	"Auto Response",
	"Auto:",
	"Vacation",
	"Abwesenheitsnotiz",
	"Automatische Antwort",
	"Read:",
	"Virus found",
	"Virus detected",
	"Virus Alert",
	"VIRUS IN YOUR MAIL",
	"Please confirm",
	"Please verify",
	"Your message to",
};

static bool rule_subject(struct specimen *s, struct slice value)
{
	struct slice best = SLICE_EMPTY;
	for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++) {
		struct slice known = slice_str(subjects[i]);
		if (known.n > best.n && slice_starts_nocase(value, known)) best = known;
	}
	put(s, best);
	if (best.n < value.n || !best.n) put(s, best.n ? SLICE(" ...") : SLICE("..."));
	return true;
}

/* Addresses, people's words, the name of somebody's computer (Message-ID): that it is there is what counts. */
static bool rule_present(struct specimen *s, struct slice value)
{
	(void)value;
	put(s, SLICE("x"));
	return true;
}

static const struct {
	const char *name;
	bool (*write)(struct specimen *, struct slice value); /* false: it is left out */
} rules[] = {
	{"Return-Path", rule_mailboxes},
	{"Received", rule_received},
	{"Date", rule_date},
	{"From", rule_mailboxes},
	{"Sender", rule_mailboxes},
	{"Subject", rule_subject},
	{"Message-ID", rule_present},
	{"Auto-Submitted", rule_auto_submitted},
	{"Precedence", rule_precedence},
	{"X-Auto-Response-Suppress", rule_suppress},
	{"X-Autoreply", rule_present},
	{"X-Autorespond", rule_present},
	{"X-Autoresponder", rule_present},
	{"X-Failed-Recipients", rule_present},
	{"Content-Type", rule_content_type},
};
#define RULES (sizeof rules / sizeof *rules)

/* ---- the header -------------------------------------------------------------------------------------------------- */

static void field(struct specimen *s, size_t rule, struct slice value)
{
	struct slice line = header_unfold(s->arena, slice_sub(value, 0, VALUE_MOST));
	s->line = s->n;
	s->full = false;
	put(s, slice_str(rules[rule].name));
	put(s, SLICE(": "));
	bool kept = line.p && rules[rule].write(s, line) && !s->full;
	if (kept)
		s->room[s->n++] = '\n'; /* put() has left room */
	else
		s->n = s->line;
}

struct slice redact_header(struct arena *a, struct slice header, const struct redact_about *about,
                           char room[REDACT_MOST])
{
	struct specimen s = {.arena = a, .about = about, .room = room};
	struct header_iterator it;
	struct header_field f;
	int seen[RULES] = {0};
	for (header_begin(&it, header); header_next(&it, &f);)
		for (size_t i = 0; i < RULES; i++) {
			if (f.malformed || !header_is(&f, rules[i].name)) continue;
			if (rules[i].write == rule_received || !seen[i]++) field(&s, i, f.value);
		}
	return slice_of(room, s.n);
}
