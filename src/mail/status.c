/* SPDX-License-Identifier: Apache-2.0 */
#include "mail/status.h"

#define RECIPIENTS_FIRST 4
#define COUNT(x)         (sizeof(x) / sizeof *(x))

/* Which fields of a recipient were seen; repeated ones begin the next recipient, or are left out. */
enum field {
	NO_FIELD,
	/* per message, RFC 3464 2.2 */
	ORIGINAL_ENVELOPE_ID,
	REPORTING_MTA,
	DSN_GATEWAY,
	RECEIVED_FROM_MTA,
	ARRIVAL_DATE,
	/* per recipient, RFC 3464 2.3 */
	ORIGINAL_RECIPIENT,
	FINAL_RECIPIENT,
	ACTION,
	STATUS,
	REMOTE_MTA,
	DIAGNOSTIC_CODE,
	LAST_ATTEMPT_DATE,
	FINAL_LOG_ID,
	WILL_RETRY_UNTIL,
	X_DISPLAY_NAME,
	X_SUPPLEMENTARY_INFO,
};

static const struct {
	const char *name;
	enum field field;
} field_names[] = {
	{"Original-Envelope-Id", ORIGINAL_ENVELOPE_ID},
	{"Reporting-MTA", REPORTING_MTA},
	{"DSN-Gateway", DSN_GATEWAY},
	{"Received-From-MTA", RECEIVED_FROM_MTA},
	{"Arrival-Date", ARRIVAL_DATE},
	{"Original-Recipient", ORIGINAL_RECIPIENT},
	{"Final-Recipient", FINAL_RECIPIENT},
	{"Action", ACTION},
	{"Status", STATUS},
	{"Remote-MTA", REMOTE_MTA},
	{"Diagnostic-Code", DIAGNOSTIC_CODE},
	{"Last-Attempt-Date", LAST_ATTEMPT_DATE},
	{"Final-Log-ID", FINAL_LOG_ID},
	{"Will-Retry-Until", WILL_RETRY_UNTIL},
	{"X-Display-Name", X_DISPLAY_NAME},
	{"X-Supplementary-Info", X_SUPPLEMENTARY_INFO},
};

struct builder {
	struct arena *arena;
	struct status_report *report;
	struct status_recipient *recipients;
	size_t room;
	struct status_recipient *current; /* NULL: fields are those of the message */
	unsigned seen;                    /* fields of the current recipient */
	bool blank;                       /* an empty line stood before this field */
	bool in_text;                     /* the report stands in a text, which may go on with other things */
};

static enum field field_of(const struct header_field *f)
{
	for (size_t i = 0; i < COUNT(field_names); i++)
		if (header_is(f, field_names[i].name)) return field_names[i].field;
	return NO_FIELD;
}

static bool has(const struct builder *b, enum field f)
{
	return b->seen & 1U << f;
}

/* RFC 3464 2.3: an empty line stands between recipients. It may be missing, and may stand elsewhere. */
static bool begins_recipient(const struct builder *b, enum field f)
{
	bool address = f == FINAL_RECIPIENT || f == ORIGINAL_RECIPIENT;
	if (!b->current) return true;
	if (has(b, f)) return address || b->blank;
	return address && b->blank && (has(b, FINAL_RECIPIENT) || has(b, ORIGINAL_RECIPIENT));
}

static bool add_recipient(struct builder *b)
{
	struct status_report *r = b->report;
	if (r->recipient_count == STATUS_RECIPIENTS) {
		r->cut = true;
		return false;
	}
	if (r->recipient_count == b->room) {
		size_t room = b->room ? b->room * 2 : RECIPIENTS_FIRST;
		struct status_recipient *more = arena_alloc(b->arena, room * sizeof *more);
		if (!more) return false;
		if (b->room) memcpy(more, b->recipients, b->room * sizeof *more);
		b->recipients = more;
		b->room = room;
		r->recipients = more;
	}
	const struct status_typed none = {SLICE_EMPTY, SLICE_EMPTY};
	b->current = &b->recipients[r->recipient_count++];
	*b->current = (struct status_recipient){.original = SLICE_EMPTY,
	                                        .final = SLICE_EMPTY,
	                                        .original_raw = none,
	                                        .final_raw = none,
	                                        .action_raw = SLICE_EMPTY,
	                                        .status = SLICE_EMPTY,
	                                        .remote_mta = none,
	                                        .diagnostic = none,
	                                        .last_attempt_date = SLICE_EMPTY,
	                                        .will_retry_until = SLICE_EMPTY,
	                                        .final_log_id = SLICE_EMPTY,
	                                        .x_display_name = SLICE_EMPTY,
	                                        .x_supplementary_info = SLICE_EMPTY,
	                                        .fields = SLICE_EMPTY};
	b->seen = 0;
	return true;
}

/* ---- fields ------------------------------------------------------------------------------------------------------ */

static enum status_action action_of(struct slice word)
{
	static const char *const words[] = {
		[STATUS_FAILED] = "failed",   [STATUS_DELAYED] = "delayed",   [STATUS_DELIVERED] = "delivered",
		[STATUS_RELAYED] = "relayed", [STATUS_EXPANDED] = "expanded",
	};
	for (size_t i = STATUS_FAILED; i < COUNT(words); i++)
		if (slice_starts_nocase(word, slice_str(words[i]))) return (enum status_action)i;
	if (slice_starts_nocase(word, SLICE("fail"))) return STATUS_FAILED; /* "failure" */
	return STATUS_ACTION_NONE;
}

static void set_text(struct builder *b, struct slice *to, struct slice value)
{
	if (to->n == 0) *to = reportfield_text(b->arena, value);
}

static void set_typed(struct builder *b, struct status_typed *to, struct slice value)
{
	if (to->value.n == 0) *to = reportfield_typed(b->arena, value);
}

static void set_message_field(struct builder *b, enum field f, struct slice value)
{
	struct status_report *r = b->report;
	switch (f) {
	case ORIGINAL_ENVELOPE_ID: set_text(b, &r->original_envelope_id, value); break;
	case REPORTING_MTA: set_typed(b, &r->reporting_mta, value); break;
	case DSN_GATEWAY: set_typed(b, &r->dsn_gateway, value); break;
	case RECEIVED_FROM_MTA: set_typed(b, &r->received_from_mta, value); break;
	default: set_text(b, &r->arrival_date, value); break;
	}
}

static void set_recipient_field(struct builder *b, enum field f, struct slice value)
{
	struct status_recipient *r = b->current;
	switch (f) {
	case ORIGINAL_RECIPIENT:
		r->original_raw = reportfield_typed(b->arena, value);
		r->original = reportfield_address(b->arena, r->original_raw);
		break;
	case FINAL_RECIPIENT:
		r->final_raw = reportfield_typed(b->arena, value);
		r->final = reportfield_address(b->arena, r->final_raw);
		break;
	case ACTION:
		r->action_raw = reportfield_without_comments(b->arena, value);
		r->action = action_of(r->action_raw);
		break;
	case STATUS: r->status = reportfield_without_comments(b->arena, value); break;
	case REMOTE_MTA: set_typed(b, &r->remote_mta, value); break;
	case DIAGNOSTIC_CODE: set_typed(b, &r->diagnostic, value); break;
	case LAST_ATTEMPT_DATE: set_text(b, &r->last_attempt_date, value); break;
	case FINAL_LOG_ID: set_text(b, &r->final_log_id, value); break;
	case WILL_RETRY_UNTIL: set_text(b, &r->will_retry_until, value); break;
	case X_DISPLAY_NAME: set_text(b, &r->x_display_name, value); break;
	default: set_text(b, &r->x_supplementary_info, value); break;
	}
}

/* The group grows to the end of the field. */
static void extend(struct slice *group, struct slice raw)
{
	if (group->n == 0)
		*group = raw;
	else if (raw.p >= group->p + group->n) /* else it is in another part */
		group->n = (size_t)(raw.p + raw.n - group->p);
}

static bool take_field(struct builder *b, const struct header_field *f)
{
	enum field field = field_of(f);
	if (field >= ORIGINAL_RECIPIENT && begins_recipient(b, field) && !add_recipient(b)) return false;
	if (field == NO_FIELD || field < ORIGINAL_RECIPIENT) {
		if (field != NO_FIELD) set_message_field(b, field, f->value);
		extend(b->current ? &b->current->fields : &b->report->message_fields, f->raw);
		return true;
	}
	if (!has(b, field)) set_recipient_field(b, field, f->value);
	b->seen |= 1U << field;
	extend(&b->current->fields, f->raw);
	return true;
}

static bool is_blank_line(struct slice line)
{
	return slice_trim(line).n == 0;
}

static void read_content(struct builder *b, struct slice content)
{
	struct header_iterator it;
	struct header_field f;
	content = slice_sub(content, 0, STATUS_OCTETS);
	b->current = NULL;
	b->blank = true;
	header_begin(&it, content);
	while (it.at < content.n) {
		it.ended = false;
		if (!header_next(&it, &f)) {
			b->blank = true;
			continue;
		}
		if (f.malformed) {
			if (is_blank_line(f.raw))
				b->blank = true;
			else if (b->report->recipient_count && (b->in_text || slice_starts(f.raw, SLICE("--"))))
				break; /* the text goes on, or a part whose boundary was not right */
			continue;
		}
		if (!take_field(b, &f)) break;
		b->blank = false;
	}
}

static void begin_report(struct builder *b, struct arena *a, struct status_report *out)
{
	const struct status_typed none = {SLICE_EMPTY, SLICE_EMPTY};
	*b = (struct builder){.arena = a, .report = out};
	*out = (struct status_report){.original_envelope_id = SLICE_EMPTY,
	                              .reporting_mta = none,
	                              .dsn_gateway = none,
	                              .received_from_mta = none,
	                              .arrival_date = SLICE_EMPTY,
	                              .message_fields = SLICE_EMPTY};
}

static bool is_report(const struct status_report *r)
{
	return r->recipient_count > 0 || r->reporting_mta.value.n > 0 || r->original_envelope_id.n > 0 ||
	       r->arrival_date.n > 0;
}

bool status_read(struct arena *a, struct slice content, struct status_report *out)
{
	struct builder b;
	begin_report(&b, a, out);
	read_content(&b, content);
	return !arena_exhausted(a) && is_report(out);
}

/* ---- finding it -------------------------------------------------------------------------------------------------- */

/* The offset of the first line that begins as a field by which such a report begins; text.n: none. */
static size_t report_in_text(struct slice text)
{
	static const char *const names[] = {"Reporting-MTA:", "Final-Recipient:", "Original-Recipient:",
	                                    "Original-Envelope-Id:"};
	for (size_t at = 0; at < text.n;) {
		struct slice line = slice_sub(text, at, text.n);
		char c = line.p[0] | 0x20;
		for (size_t i = 0; (c == 'r' || c == 'f' || c == 'o') && i < COUNT(names); i++)
			if (slice_starts_nocase(line, slice_str(names[i]))) return at;
		at += slice_find(line, '\n') + 1;
	}
	return text.n;
}

/* Cheap: most texts have no such field. Programs on the way turn a report into an attached text file. */
static bool may_hold_report(const struct mime_part *p)
{
	bool text = p->type != MIME_TEXT_HTML && p->type != MIME_OTHER;
	if (p->first || p->type == MIME_TEXT_HTML || (p->attachment && !text)) return false;
	if (p->encoding == MIME_BASE64) return text;
	struct slice body = slice_sub(p->body, 0, STATUS_OCTETS);
	return slice_search(body, SLICE("ecipient:")) < body.n;
}

static bool find_in_text(struct arena *a, const struct mime_part *p, struct status_report *out)
{
	struct builder b;
	if (!may_hold_report(p)) return false;
	struct slice text = mime_text(a, p, STATUS_OCTETS);
	size_t at = text.p ? report_in_text(text) : 0;
	if (!text.p || at == text.n) return false;
	begin_report(&b, a, out);
	b.in_text = true;
	read_content(&b, slice_sub(text, at, text.n));
	out->part = p;
	return out->recipient_count > 0 && (out->recipients[0].final.n || out->recipients[0].original.n);
}

bool status_find(struct arena *a, const struct mime_part *root, struct status_report *out)
{
	struct builder b;
	begin_report(&b, a, out);
	for (const struct mime_part *p = root; p; p = mime_next(root, p)) {
		/* What stands behind the returned message its author may have written, where boundaries can be foretold. */
		if (out->part && mime_is_message(p)) break;
		if (p->embedded != root->embedded ||
		    (p->type != MIME_DELIVERY_STATUS && p->type != MIME_GLOBAL_DELIVERY_STATUS))
			continue;
		if (!out->part) out->part = p;
		struct slice content = mime_octets(a, p, STATUS_OCTETS);
		if (content.p) read_content(&b, content);
	}
	out->declared = out->part && !mime_is_guessed(out->part);
	if (is_report(out)) return !arena_exhausted(a);
	for (const struct mime_part *p = root; p; p = mime_next(root, p))
		if (p->embedded == root->embedded && find_in_text(a, p, out)) return !arena_exhausted(a);
	begin_report(&b, a, out);
	return false;
}

static size_t digits(struct slice s, size_t at)
{
	size_t n = 0;
	while (at + n < s.n && s.p[at + n] >= '0' && s.p[at + n] <= '9') n++;
	return n;
}

struct slice status_code(struct slice text)
{
	text = slice_trim(text);
	bool class = text.n >= 5 && (text.p[0] == '2' || text.p[0] == '4' || text.p[0] == '5') && text.p[1] == '.';
	size_t subject = class ? digits(text, 2) : 0;
	if (subject < 1 || subject > 3 || 2 + subject >= text.n || text.p[2 + subject] != '.') return SLICE_EMPTY;
	size_t from = 3 + subject, detail = digits(text, from), end = from + detail;
	/* Not the beginning of an IPv4 address. */
	if (detail < 1 || detail > 3 || (end + 1 < text.n && text.p[end] == '.' && digits(text, end + 1)))
		return SLICE_EMPTY;
	return slice_sub(text, 0, end);
}
