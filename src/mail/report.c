/* SPDX-License-Identifier: Apache-2.0 */
#include "mail/report.h"

#include <stdio.h>

#include "mail/date.h"
#include "mail/header.h"
#include "mail/mailtext.h"
#include "mail/utf8.h"
#include "mail/xtext.h"

static const struct {
	const char *name, *heading;
	char class;
} actions[REPORT_ACTION_COUNT] = {
#define X(name, class, heading) [REPORT_##name] = {#name, heading, '0' + class},
	REPORT_ACTION_TABLE(X)
#undef X
};

const char *report_action_name(enum report_action a)
{
	return (unsigned)a < REPORT_ACTION_COUNT ? actions[a].name : "failed";
}

/* What is to be written, found out before the first octet. */
struct plan {
	const struct report *r;
	struct arena *arena;
	struct mailtext t;
	struct header_survey original;
	bool utf8;        /* octets beyond ASCII may be written */
	bool utf8_status; /* the delivery-status part has some */
	bool utf8_words;  /* the part for a person has some */
	bool full;
	struct slice part; /* the original, or its header block */
	bool global;       /* in a message/global part, as UTF-8 header fields need (RFC 6533) */
	const char *encoding;
};

/* A line over 998 octets, a NUL or a bare CR: no encoding of a message/rfc822 part carries these (RFC 2046 5.2.1). */
static bool has_odd_lines(struct slice text)
{
	while (text.p) {
		struct slice line = slice_split(&text, '\n');
		if (text.p && line.n && line.p[line.n - 1] == '\r') line.n--;
		if (line.n > 998 || slice_find(line, 0) < line.n || slice_find(line, '\r') < line.n) return true;
	}
	return false;
}

static struct slice header_block(const struct report *r, const struct header_survey *s)
{
	struct slice block = r->original.n ? slice_sub(r->original, 0, s->octets) : SLICE_EMPTY;
	if (!s->complete) return block;
	/* Without the empty line. */
	if (block.n && block.p[block.n - 1] == '\n') block.n--;
	if (block.n && block.p[block.n - 1] == '\r') block.n--;
	return block;
}

static void plan_original(struct plan *p)
{
	const struct report *r = p->r;
	struct slice header = header_block(r, &p->original);
	p->full = r->return_full && r->original.n && !has_odd_lines(r->original);
	p->part = p->full ? r->original : header;
	p->global = p->utf8 && !utf8_is_ascii(header) && utf8_valid(header);
	bool ascii = utf8_is_ascii(p->part), encode = has_odd_lines(p->part) || (!ascii && !p->global);
	/* RFC 6522 4: a header that is not 7-bit lines may be encoded; RFC 2046 5.2.1: a message may not. */
	p->encoding = encode && !p->full ? "quoted-printable" : ascii ? "7bit" : "8bit";
}

static void plan_utf8(struct plan *p)
{
	const struct report *r = p->r;
	p->utf8 = r->smtputf8 || !utf8_is_ascii(r->to);
	for (size_t i = 0; i < r->recipient_count && p->utf8; i++) {
		const struct report_recipient *to = &r->recipients[i];
		if (!utf8_is_ascii(to->address) || !utf8_is_ascii(to->original) || !utf8_is_ascii(to->reply))
			p->utf8_status = p->utf8_words = true;
		if (!utf8_is_ascii(to->explanation)) p->utf8_words = true;
	}
	if (p->utf8 && !utf8_is_ascii(p->original.subject)) p->utf8_words = true;
}

static bool any_action(const struct report *r, enum report_action action)
{
	for (size_t i = 0; i < r->recipient_count; i++)
		if (r->recipients[i].action == action) return true;
	return false;
}

static void date_field(struct mailtext *t, const char *name, int64_t when)
{
	char text[DATE_TEXT_SIZE];
	if (when) mailtext_field(t, name, slice_str(date_rfc5322(text, when)));
}

/* --- The header --------------------------------------------------------------------------------------------------- */

/* "name: <text>" */
static void bracket_field(struct mailtext *t, const char *name, const char *before, struct slice text)
{
	mailtext_raw(t, name);
	mailtext_raw(t, before);
	mailtext_raw(t, "<");
	mailtext_verbatim(t, text);
	mailtext_raw(t, ">\r\n");
}

/* RFC 3834 3.1.5; only what is surely one message id. */
static void write_references(struct plan *p)
{
	struct slice id = header_unfold(p->arena, p->original.message_id);
	if (id.n < 3 || id.n > MAILTEXT_MOST || id.p[0] != '<' || slice_find(id, '>') != id.n - 1) return;
	for (size_t i = 0; i < id.n; i++)
		if (id.p[i] < 33 || id.p[i] > 126) return;
	mailtext_field(&p->t, "In-Reply-To", id);
	mailtext_field(&p->t, "References", id);
}

static void write_header(struct plan *p)
{
	const struct report *r = p->r;
	struct mailtext *t = &p->t;
	const char *subject = any_action(r, REPORT_failed)      ? "Your message could not be delivered"
	                      : any_action(r, REPORT_delayed)   ? "Your message is delayed"
	                      : any_action(r, REPORT_delivered) ? "Your message was delivered"
	                                                        : "Your message was passed on";
	bracket_field(t, "From: ", "Mail Delivery System ", r->from_address);
	bracket_field(t, "To: ", "", r->to);
	mailtext_field(t, "Subject", slice_str(subject));
	date_field(t, "Date", r->date);
	bracket_field(t, "Message-ID: ", "", r->message_id);
	write_references(p);
	mailtext_raw(t, "Auto-Submitted: auto-replied\r\n"); /* RFC 3834 5 */
	mailtext_raw(t, "MIME-Version: 1.0\r\n");
	mailtext_raw(t, "Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"");
	mailtext_verbatim(t, r->boundary);
	mailtext_raw(t, "\"\r\n");
	bool eight_bit = p->utf8_words || p->utf8_status || p->encoding[0] == '8';
	mailtext_raw(t,
	             eight_bit ? "Content-Transfer-Encoding: 8bit\r\n\r\n" : "Content-Transfer-Encoding: 7bit\r\n\r\n");
}

static void begin_part(struct plan *p, const char *type, const char *encoding)
{
	mailtext_raw(&p->t, "\r\n--");
	mailtext_verbatim(&p->t, p->r->boundary);
	mailtext_raw(&p->t, "\r\nContent-Type: ");
	mailtext_raw(&p->t, type);
	mailtext_raw(&p->t, "\r\nContent-Transfer-Encoding: ");
	mailtext_raw(&p->t, encoding);
	mailtext_raw(&p->t, "\r\n\r\n");
}

/* --- The part for a person ---------------------------------------------------------------------------------------- */

/* What the common statuses of RFC 3463 mean to the one who wrote the message. */
static const char *status_in_words(struct slice status)
{
	static const struct {
		const char *status, *words;
	} table[] = {
		{"5.1.1", "There is no such address. Please look for a typing mistake in it."},
		{"5.1.2", "There is no such domain. Please look for a typing mistake after the @."},
		{"5.1.10", "This domain says that it takes no mail at all."},
		{"5.2.1", "This mailbox is closed and takes no mail now."},
		{"5.2.2", "This mailbox is full. Its owner has to make room; please try again later."},
		{"5.2.3", "The message is larger than this mailbox takes."},
		{"5.3.4", "The message is larger than that server takes. Please send less at once."},
		{"5.4.6", "The message went round in a loop. The administrator of the address has to correct that."},
		{"5.4.7", "The time to deliver the message ran out."},
		{"4.4.7", "The time to deliver the message ran out."},
		{"5.7.1", "The server refused the message by a rule of its own. The administrator of the address "
	                  "can tell you more."},
		{"4.2.2", "This mailbox is full now."},
		{"4.4.1", "The server for this address does not answer now."},
		{"4.4.2", "The connection to the server for this address was lost."},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (slice_equal(status, slice_str(table[i].status))) return table[i].words;
	return "";
}

static void write_recipient_words(struct plan *p, const struct report_recipient *to)
{
	struct mailtext *t = &p->t;
	char date[DATE_TEXT_SIZE];
	mailtext_raw(t, "\r\n<");
	mailtext_verbatim(t, to->address);
	mailtext_raw(t, ">\r\n");
	mailtext_paragraph(t, 4, to->explanation.n ? to->explanation : slice_str(status_in_words(to->status)));
	if (to->reply.n) {
		if (to->remote_mta.n) {
			mailtext_raw(t, "    The server ");
			mailtext_verbatim(t, to->remote_mta);
			mailtext_raw(t, " said:\r\n");
		}
		mailtext_paragraph(t, to->remote_mta.n ? 8 : 4, to->reply);
	}
	if (to->action == REPORT_delayed && to->retry_until) {
		mailtext_raw(t, "    It will be tried until ");
		mailtext_raw(t, date_rfc5322(date, to->retry_until));
		mailtext_raw(t, ".\r\n");
	}
}

static void write_message_words(struct plan *p)
{
	struct mailtext *t = &p->t;
	char date[DATE_TEXT_SIZE];
	struct slice subject = header_unfold(p->arena, p->original.subject);
	/* An encoded word (RFC 2047) would tell a person nothing. */
	bool readable = subject.n && slice_search(subject, SLICE("=?")) == subject.n;
	if (!readable && !p->r->arrival) return;
	mailtext_raw(t, "\r\nThe message this is about:\r\n");
	if (readable) {
		mailtext_raw(t, "    Subject: ");
		mailtext_verbatim(t, slice_sub(subject, 0, 200));
		mailtext_raw(t, "\r\n");
	}
	if (p->r->arrival) {
		mailtext_raw(t, "    Received here: ");
		mailtext_raw(t, date_rfc5322(date, p->r->arrival));
		mailtext_raw(t, "\r\n");
	}
}

static void write_words(struct plan *p)
{
	const struct report *r = p->r;
	struct mailtext *t = &p->t;
	begin_part(p, p->utf8_words ? "text/plain; charset=utf-8" : "text/plain; charset=us-ascii",
	           p->utf8_words ? "8bit" : "7bit");
	mailtext_raw(t, "This is the mail server ");
	mailtext_verbatim(t, r->reporting_mta);
	mailtext_raw(t, ".\r\n");
	for (int action = 0; action < REPORT_ACTION_COUNT; action++) {
		if (!any_action(r, (enum report_action)action)) continue;
		mailtext_raw(t, "\r\n");
		mailtext_paragraph(t, 0, slice_str(actions[action].heading));
		for (size_t i = 0; i < r->recipient_count; i++)
			if (r->recipients[i].action == (enum report_action)action)
				write_recipient_words(p, &r->recipients[i]);
	}
	if (any_action(r, REPORT_failed))
		mailtext_raw(t, "\r\nIt will not be tried again for the addresses that failed.\r\n");
	if (any_action(r, REPORT_delayed)) mailtext_raw(t, "\r\nYou need not send a delayed message again.\r\n");
	write_message_words(p);
	mailtext_raw(t, "\r\nThe next part of this report is for programs.");
	mailtext_raw(t, p->full     ? " After it comes your message.\r\n"
	                : p->part.n ? " After it comes the header of your message.\r\n"
	                            : "\r\n");
}

/* --- The part for programs ---------------------------------------------------------------------------------------- */

/* RFC 3463 2, of the class that the action has, or 4 with `failed`: a message that expired keeps what delayed it. */
static bool status_valid(struct slice status, char class)
{
	size_t parts = 0;
	if (status.n < 5 || status.n > 9 || status.p[1] != '.') return false;
	if (status.p[0] != class && (class != '5' || status.p[0] != '4')) return false;
	while (status.p) {
		uint64_t number;
		struct slice part = slice_split(&status, '.');
		if (part.n > 3 || !slice_to_u64(part, &number)) return false;
		parts++;
	}
	return parts == 3;
}

/* An address for which "rfc822;" will not do, where UTF-8 may not be written: utf-8-addr-xtext of RFC 6533 3. */
static struct slice utf8_address_as_ascii(struct arena *a, struct slice address)
{
	/* The longest form of an octet is "\x{2B}" and of a character of n octets "\x{10FFFF}". */
	char *out = arena_alloc(a, address.n * 6 + 8);
	size_t n = 0;
	if (!out) return SLICE_EMPTY;
	while (address.n) {
		size_t length = utf8_length(address);
		const unsigned char *p = (const unsigned char *)address.p;
		uint32_t code = p[0];
		if (length == 0) {
			code = '?';
			length = 1;
		} else if (length > 1) {
			code &= 0x7Fu >> length;
			for (size_t i = 1; i < length; i++) code = code << 6 | (p[i] & 0x3Fu);
		}
		if (code > 32 && code < 127 && code != '\\' && code != '+' && code != '=')
			out[n++] = (char)code;
		else
			n += (size_t)snprintf(out + n, 11, "\\x{%X}", code);
		address = slice_sub(address, length, address.n);
	}
	return slice_of(out, n);
}

static void address_field(struct plan *p, const char *name, const char *type, struct slice address)
{
	bool ascii = utf8_is_ascii(address);
	mailtext_raw(&p->t, name);
	mailtext_raw(&p->t, ": ");
	mailtext_raw(&p->t, ascii ? type : "utf-8");
	mailtext_raw(&p->t, "; ");
	mailtext_verbatim(&p->t, ascii || p->utf8 ? address : utf8_address_as_ascii(p->arena, address));
	mailtext_raw(&p->t, "\r\n");
}

/* RFC 3464 2.3.1, RFC 3461 6.3: the address decoded, the type as given. */
static void original_recipient_field(struct plan *p, struct slice orcpt)
{
	struct slice address = orcpt, type = slice_split(&address, ';');
	if (type.n == 0 || type.n > 40 || address.n == 0) return;
	char *name = arena_strdup(p->arena, type);
	bool is_utf8 = slice_equal_nocase(type, SLICE("utf-8"));
	struct slice decoded = is_utf8 ? address : xtext_decode(p->arena, address);
	if (!name || !decoded.p) return;
	for (char *c = name; *c; c++)
		if (*c < 33 || *c > 126) return;
	address_field(p, "Original-Recipient", name, decoded);
}

static void write_recipient_status(struct plan *p, const struct report_recipient *to)
{
	struct mailtext *t = &p->t;
	char status[] = "X.0.0";
	status[0] = actions[to->action].class;
	mailtext_raw(t, "\r\n");
	if (to->original.n) original_recipient_field(p, to->original);
	address_field(p, "Final-Recipient", "rfc822", to->address);
	mailtext_field(t, "Action", slice_str(report_action_name(to->action)));
	mailtext_field(t, "Status", status_valid(to->status, status[0]) ? to->status : slice_str(status));
	mailtext_typed_field(t, "Remote-MTA", "dns", to->remote_mta);
	/* RFC 3464 2.3.6: type smtp is what an SMTP server said, and nobody else. */
	mailtext_typed_field(t, "Diagnostic-Code", to->remote_mta.n ? "smtp" : "x-backstop", to->reply);
	date_field(t, "Last-Attempt-Date", to->last_attempt);
	if (to->action == REPORT_delayed) date_field(t, "Will-Retry-Until", to->retry_until);
}

static void write_status(struct plan *p)
{
	const struct report *r = p->r;
	struct slice envid = r->envid.n ? xtext_decode(p->arena, r->envid) : SLICE_EMPTY;
	begin_part(p, p->utf8_status ? "message/global-delivery-status" : "message/delivery-status",
	           p->utf8_status ? "8bit" : "7bit");
	mailtext_field(&p->t, "Original-Envelope-Id", envid);
	mailtext_typed_field(&p->t, "Reporting-MTA", "dns", r->reporting_mta);
	date_field(&p->t, "Arrival-Date", r->arrival);
	for (size_t i = 0; i < r->recipient_count; i++) write_recipient_status(p, &r->recipients[i]);
}

/* --- The original ------------------------------------------------------------------------------------------------- */

static void write_original(struct plan *p)
{
	if (p->part.n == 0) return;
	const char *type = p->full ? (p->global ? "message/global" : "message/rfc822")
	                           : (p->global ? "message/global-headers" : "text/rfc822-headers");
	begin_part(p, type, p->encoding);
	if (p->encoding[0] == 'q')
		mailtext_quoted_printable(&p->t, p->part);
	else
		mailtext_lines(&p->t, p->part);
}

bool report_write(struct arena *a, const struct report *r, struct report_message *out)
{
	struct plan p = {.r = r, .arena = a};
	static const struct header_limits none = {0};
	*out = (struct report_message){.text = {NULL, 0}};
	header_survey(r->original.n ? r->original : SLICE_EMPTY, &none, &p.original);
	plan_utf8(&p);
	plan_original(&p);
	mailtext_init(&p.t, a, p.part.n + p.part.n / 16 + 2048 + r->recipient_count * 1024);
	p.t.utf8 = p.utf8;
	write_header(&p);
	write_words(&p);
	write_status(&p);
	write_original(&p);
	mailtext_raw(&p.t, "\r\n--");
	mailtext_verbatim(&p.t, r->boundary);
	mailtext_raw(&p.t, "--\r\n");
	out->text = mailtext_result(&p.t);
	out->eight_bit = out->text.p && !utf8_is_ascii(out->text);
	out->smtputf8 = !utf8_is_ascii(r->to) || p.utf8_status || p.global;
	out->full = p.full;
	return out->text.p != NULL && !arena_exhausted(a);
}
