/* SPDX-License-Identifier: Apache-2.0 */
#include "bounce/shape.h"

#include "bounce/addressee.h"
#include "mail/feedback.h"
#include "mail/header.h"
#include "mail/original.h"
#include "mail/parameter.h"

static void set(struct signals *s, enum structure what, bool when)
{
	if (when) signal_set(&s->fired, what);
}

/* ---- parts ----------------------------------------------------------------------------------------------------------- */

bool shape_filename(struct arena *a, const struct mime_part *p, struct slice *name)
{
	struct slice disposition = mime_value(p, "Content-Disposition");
	if (disposition.n > 0 && parameter_find(a, disposition, "filename", name)) return true;
	return p->content_type.n > 0 && parameter_find(a, p->content_type, "name", name);
}

/* Gateways and lists that add a text or a signature put all that was there into a part of its own, the first. */
static const struct mime_part *find_report(const struct mime_part *root)
{
	const struct mime_part *p = root;
	while (p && p->type != MIME_MULTIPART_REPORT) p = mime_is_multipart(p) ? p->first : NULL;
	return p;
}

static void read_report_type(struct arena *a, const struct mime_part *root, struct signals *s)
{
	struct slice type;
	const struct mime_part *report = find_report(root);
	if (!report) return;
	set(s, STRUCTURE_REPORT, true);
	if (!parameter_find(a, report->content_type, "report-type", &type)) return;
	bool status = slice_equal_nocase(type, SLICE("delivery-status")) ||
	              slice_equal_nocase(type, SLICE("global-delivery-status"));
	bool disposition = slice_equal_nocase(type, SLICE("disposition-notification")) ||
	                   slice_equal_nocase(type, SLICE("global-disposition-notification"));
	bool feedback = slice_equal_nocase(type, SLICE("feedback-report"));
	set(s, STRUCTURE_REPORT_STATUS, status);
	set(s, STRUCTURE_REPORT_DISPOSITION, disposition);
	set(s, STRUCTURE_REPORT_FEEDBACK, feedback);
	set(s, STRUCTURE_REPORT_OTHER, !status && !disposition && !feedback);
}

/* Something to be opened: what people and malware send, and no report of a mail server does. */
static bool is_document(const struct mime_part *p)
{
	static const char *const harmless[] = {"pgp-signature", "pkcs7-signature", "x-pkcs7-signature", "ms-tnef",
	                                       NULL};
	if (!slice_equal_nocase(p->type_name, SLICE("application"))) return false;
	for (size_t i = 0; harmless[i]; i++)
		if (slice_equal_nocase(p->subtype_name, slice_str(harmless[i]))) return false;
	return true;
}

static bool is_calendar(const struct mime_part *p)
{
	return slice_equal_nocase(p->type_name, SLICE("text")) &&
	       slice_equal_nocase(p->subtype_name, SLICE("calendar"));
}

static void read_original_header(const struct mime_part *root, struct slice header, struct signals *s)
{
	struct header_field complained;
	struct addressee_findings f = addressee_compare(root, header);
	set(s, STRUCTURE_ORIGINAL, true);
	set(s, STRUCTURE_ORIGINAL_RETURNED, f.author);
	set(s, STRUCTURE_ORIGINAL_REPORT, f.report);
	set(s, STRUCTURE_ORIGINAL_COMPLAINED, header_find(header, "X-HmXmrOriginalRecipient", &complained));
}

/* The returned message: its header, as a message in it or as a part of header fields. */
static void read_original(const struct mime_part *root, const struct mime_part *p, struct signals *s)
{
	struct slice header = p->first ? p->first->header : p->body;
	while (header.n > 0 && (header.p[0] == '\n' || header.p[0] == '\r')) header = slice_sub(header, 1, header.n);
	read_original_header(root, header, s);
}

/* "original.eml": a message as a file. */
static bool read_file(struct arena *a, const struct mime_part *root, const struct mime_part *p, struct signals *s)
{
	struct slice header = original_in_file(a, p);
	if (header.n > 0) read_original_header(root, header, s);
	return header.n > 0;
}

static void read_parts(struct arena *a, const struct mime_part *root, struct signals *s)
{
	for (const struct mime_part *p = root; p; p = mime_next(root, p)) {
		if (p->embedded > root->embedded) continue;
		bool inner = p != root;
		switch (p->type) {
		case MIME_DELIVERY_STATUS:
		case MIME_GLOBAL_DELIVERY_STATUS: set(s, STRUCTURE_STATUS, true); break;
		case MIME_DISPOSITION:
		case MIME_GLOBAL_DISPOSITION: set(s, STRUCTURE_DISPOSITION, true); break;
		case MIME_FEEDBACK_REPORT: set(s, STRUCTURE_FEEDBACK, true); break;
		case MIME_MULTIPART_DIGEST: set(s, STRUCTURE_DIGEST, true); break;
		case MIME_TEXT_HEADERS:
		case MIME_GLOBAL_HEADERS:
		case MIME_MESSAGE_RFC822:
		case MIME_MESSAGE_GLOBAL:
		case MIME_MESSAGE_PARTIAL:
			if (inner || p->first) read_original(root, p, s);
			break;
		default:
			if (inner && read_file(a, root, p, s)) break;
			set(s, STRUCTURE_ATTACHMENT, is_document(p));
			set(s, STRUCTURE_CALENDAR, is_calendar(p));
		}
	}
}

static void read_reports(struct arena *a, const struct mime_part *root, struct signals *s)
{
	struct feedback f;
	if (status_find(a, root, &s->status)) {
		bool says = false; /* not only of the message, but what became of a recipient */
		for (size_t i = 0; i < s->status.recipient_count && !says; i++) {
			const struct status_recipient *r = &s->status.recipients[i];
			says = r->action != STATUS_ACTION_NONE || status_code(r->status).n > 0 || r->final.n > 0;
		}
		set(s, STRUCTURE_STATUS_FIELDS, says);
	}
	set(s, STRUCTURE_FEEDBACK_FIELDS, feedback_find(a, root, &f));
}

/* ---- header ---------------------------------------------------------------------------------------------------------- */

static bool has_any(const struct mime_part *root, const char *const *names)
{
	for (; *names; names++)
		if (mime_field(root, *names)) return true;
	return false;
}

static void read_header(const struct mime_part *root, struct signals *s)
{
	static const char *const list[] =
		{"List-Id", "List-Post", "List-Unsubscribe", "Mailing-List", "X-Mailing-List", "X-BeenThere", NULL};
	static const char *const answer[] = {"In-Reply-To", "References", NULL};
	static const char *const program[] = {"User-Agent", "X-Mailer", "X-Newsreader", "X-MimeOLE", NULL};
	set(s, STRUCTURE_LIST, has_any(root, list));
	set(s, STRUCTURE_ANSWER, has_any(root, answer));
	set(s, STRUCTURE_PROGRAM, has_any(root, program));
	set(s, STRUCTURE_NO_FROM, !mime_field(root, "From") && !mime_field(root, "Sender"));
	set(s, STRUCTURE_FAILED_RECIPIENTS, mime_field(root, "X-Failed-Recipients"));
}

/* ---- return path ----------------------------------------------------------------------------------------------------- */

static bool is_daemon(struct slice path)
{
	static const char *const names[] = {"mailer-daemon", "postmaster",    "mail-daemon", "mailerdaemon",
	                                    "postmast",      "mailer_daemon", "maildaemon",  NULL};
	struct slice local = slice_sub(path, 0, slice_find_last(path, '@'));
	for (size_t i = 0; names[i]; i++)
		if (slice_equal_nocase(local, slice_str(names[i]))) return true;
	return false;
}

/* The top Return-Path field is written at final delivery (RFC 5321 4.4); any may be in a file. */
static bool find_return_path(const struct mime_part *root, struct slice *out)
{
	const struct header_field *f = mime_field(root, "Return-Path");
	if (!f) return false;
	struct slice v = slice_trim(f->value);
	size_t open = slice_find(v, '<');
	if (open < v.n) v = slice_sub(v, open + 1, v.n);
	*out = slice_trim(slice_sub(v, 0, slice_find(v, '>')));
	return true;
}

/* The "From " line that mail stores write on top names the return path (RFC 4155); who has none is MAILER-DAEMON there. Others
 * than daemons are not believed: many programs write anybody into it. */
static bool find_mbox_path(const struct mime_part *root, struct slice *out)
{
	struct slice line = slice_sub(root->header, 0, slice_find(root->header, '\n'));
	if (!slice_starts(line, SLICE("From "))) return false;
	struct slice word = slice_sub(line, 5, line.n);
	word = slice_sub(word, 0, slice_find(word, ' '));
	bool null = slice_equal_nocase(word, SLICE("MAILER-DAEMON")) || slice_equal(word, SLICE("<>"));
	*out = null ? SLICE_EMPTY : word;
	return null || is_daemon(word);
}

static void read_path(const struct mime_part *root, const struct slice *mail_from, struct signals *s)
{
	struct slice path;
	if (mail_from)
		path = slice_trim(*mail_from);
	else if (!find_return_path(root, &path) && !find_mbox_path(root, &path))
		return;
	if (path.n > 1 && path.p[0] == '<' && path.p[path.n - 1] == '>') path = slice_sub(path, 1, path.n - 1);
	set(s, STRUCTURE_PATH_NULL, path.n == 0);
	set(s, STRUCTURE_PATH_DAEMON, path.n > 0 && is_daemon(path));
	set(s, STRUCTURE_PATH_USER, path.n > 0 && !is_daemon(path));
}

void shape_read(struct arena *a, const struct mime_part *root, const struct slice *mail_from, struct signals *out)
{
	read_report_type(a, root, out);
	read_parts(a, root, out);
	read_reports(a, root, out);
	read_header(root, out);
	read_path(root, mail_from, out);
}
