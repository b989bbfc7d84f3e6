/* SPDX-License-Identifier: Apache-2.0 */
#include "bounce/signals.h"

#include <stdlib.h>

#include "bounce/addressee.h"
#include "bounce/banner.h"
#include "bounce/bundle_internal.h"
#include "bounce/expressions.h"
#include "bounce/fold.h"
#include "bounce/literals.h"
#include "bounce/quoted.h"
#include "bounce/shape.h"
#include "bounce/tagged.h"
#include "bounce/wordsets.h"
#include "mail/encodedword.h"
#include "mail/original.h"

#define BUFFER    FOLD_ROOM((size_t)SIGNALS_TEXT + SIGNALS_HEADER)
#define LONG_TEXT 6000 /* octets that answers seldom have */
#define LINE_MOST 1000 /* octets of a subject, an author, a header field, a file name */

struct signal_reader {
	struct expressions *expressions;
	struct wordsets *sets;
	struct literals_lexicon *lexicons[PLACE_COUNT];
	uint64_t serial; /* of the bundle whose words these have */
	char buffer[BUFFER];
};

struct signal_reader *signal_reader_new(void)
{
	struct signal_reader *r = calloc(1, sizeof *r);
	if (!r) return NULL;
	r->sets = wordsets_new();
	r->expressions = expressions_new();
	bool good = r->sets && r->expressions;
	for (size_t i = 0; i < PLACE_COUNT && good; i++) {
		r->lexicons[i] = literals_lexicon_new();
		good = r->lexicons[i];
	}
	if (good) return r;
	signal_reader_free(r);
	return NULL;
}

void signal_reader_free(struct signal_reader *r)
{
	if (!r) return;
	for (size_t i = 0; i < PLACE_COUNT; i++) literals_lexicon_free(r->lexicons[i]);
	wordsets_free(r->sets);
	expressions_free(r->expressions);
	free(r);
}

/* ---- phrases --------------------------------------------------------------------------------------------------------- */

struct scan {
	struct signal_reader *reader;
	const struct rules *rules;
	struct signal_set *fired;
};

static void found(void *context, uint32_t phrase, size_t end)
{
	const struct scan *s = context;
	struct rule_tell tell = s->rules->tells[phrase];
	switch (tell.kind) {
	case RULE_FIRES: signal_set(s->fired, tell.number); break;
	case RULE_WORD: wordsets_found(s->reader->sets, tell.number, end); break;
	case RULE_GATE: expressions_gate(s->reader->expressions, tell.number, end); break;
	}
}

static void look(struct signal_reader *r, const struct bundle *b, enum place place, struct slice folded,
                 struct signal_set *fired)
{
	struct scan s = {r, b->rules, fired};
	if (folded.n <= 2) return;
	wordsets_begin(r->sets, b->rules, folded, fired);
	expressions_begin(r->expressions, b, place, folded);
	if (b->literals[place]) literals_scan(b->literals[place], r->lexicons[place], folded, found, &s);
	wordsets_end(r->sets);
	expressions_end(r->expressions, fired);
}

static bool look_at_field(struct signal_reader *r, const struct bundle *b, struct arena *a, enum place place,
                          struct slice value, struct signal_set *fired)
{
	struct fold f;
	struct slice text = encodedword_decode(a, slice_sub(value, 0, 4 * LINE_MOST));
	if (!text.p) return false;
	if (place == PLACE_SUBJECT) text = tagged_subject(text);
	fold_begin(&f, r->buffer, sizeof r->buffer);
	fold_text(&f, slice_sub(text, 0, LINE_MOST));
	look(r, b, place, fold_end(&f), fired);
	return true;
}

/* Fields that are long, in every message, and of no interest here. */
static bool is_tedious(const struct header_field *f)
{
	static const struct slice names[] = {SLICE("Received"),
	                                     SLICE("DKIM-Signature"),
	                                     SLICE("Authentication-Results"),
	                                     SLICE("Subject"),
	                                     SLICE("To"),
	                                     SLICE("Cc"),
	                                     SLICE("From"),
	                                     SLICE("References"),
	                                     SLICE("DomainKey-Signature"),
	                                     SLICE("Message-ID"),
	                                     SLICE("Date")};
	static const struct slice families[] = {
		SLICE("ARC-"),
		SLICE("X-MS-Exchange-Organization"),
		SLICE("X-MS-Exchange-CrossTenant"),
		SLICE("X-MS-Exchange-AntiSpam"),
		SLICE("X-Microsoft-Antispam"),
		SLICE("X-Forefront-"),
	};
	if (f->malformed) return true;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (slice_equal_nocase(f->name, names[i])) return true;
	for (size_t i = 0; i < sizeof families / sizeof *families; i++)
		if (slice_starts_nocase(f->name, families[i])) return true;
	return false;
}

static void look_at_header(struct signal_reader *r, const struct bundle *b, const struct mime_part *root,
                           struct signal_set *fired)
{
	struct fold f;
	fold_begin(&f, r->buffer, SIGNALS_HEADER);
	for (size_t i = 0; i < root->field_count; i++) {
		const struct header_field *field = &root->fields[i];
		if (is_tedious(field)) continue;
		fold_paragraph(&f);
		fold_text(&f, slice_sub(field->name, 0, LINE_MOST));
		fold_text(&f, SLICE(": "));
		fold_text(&f, slice_sub(field->value, 0, LINE_MOST));
	}
	look(r, b, PLACE_HEADER, fold_end(&f), fired);
}

/* ---- text ------------------------------------------------------------------------------------------------------------ */

static bool is_text(const struct mime_part *p)
{
	if (p->attachment) return false;
	if (p->type == MIME_TEXT_PLAIN || p->type == MIME_TEXT_HTML || p->type == MIME_TEXT) return true;
	/* Some reporters return a message behind their own words under its own Content-Type: they are the preamble then. */
	return mime_is_multipart(p) && (!p->first || p->preamble.n > 0);
}

/* The HTML form of what was there as plain text. */
static bool is_again(const struct mime_part *p)
{
	return p->type == MIME_TEXT_HTML && p->parent && p->parent->type == MIME_MULTIPART_ALTERNATIVE &&
	       p->parent->first != p && p->parent->first->type == MIME_TEXT_PLAIN && p->parent->first->body.n > 20;
}

/* A report may name the message by some fields and go on ("Subject: hello ... did not reach the following recipients"). A
 * returned header has been through servers, or is announced. */
static bool is_returned(struct slice rest)
{
	if (!addressee_is_field(addressee_unquoted(slice_sub(rest, 0, slice_find(rest, '\n'))))) return true;
	while (rest.p) {
		struct slice line = addressee_unquoted(slice_split(&rest, '\n'));
		if (line.n == 0) break;
		if (slice_starts_nocase(line, SLICE("Received:")) || slice_starts_nocase(line, SLICE("Return-Path:")))
			return true;
	}
	return false;
}

/* Between the line that announces a header and the header there may be empty ones. */
static struct slice header_after(struct slice rest)
{
	while (rest.n > 0 && (rest.p[0] == '\n' || rest.p[0] == '\r')) rest = slice_sub(rest, 1, rest.n);
	return rest;
}

/* What stands before the message that it returns, with the line that announces it. */
static struct slice own_words(const struct mime_part *root, struct slice text, struct signal_set *fired)
{
	size_t end = original_offset(text);
	struct slice rest = slice_sub(text, end, text.n);
	if (end == text.n || !is_returned(rest)) return text;
	signal_set(fired, STRUCTURE_ORIGINAL_TEXT);
	size_t line = slice_find(rest, '\n');
	bool announced = !addressee_is_field(addressee_unquoted(slice_sub(rest, 0, line)));
	struct addressee_findings f =
		addressee_compare(root, header_after(announced ? slice_sub(rest, line + 1, rest.n) : rest));
	if (f.transported && f.author) signal_set(fired, STRUCTURE_ORIGINAL_RETURNED);
	return slice_sub(text, 0, announced ? end + line : end);
}

/* Without what it answers, line by line. */
static void fold_own(struct fold *f, struct slice text, struct signal_set *fired)
{
	struct slice own;
	for (size_t n = text.n; quoted_next(&text, &own); n = text.n) {
		if (own.n + text.n < n) signal_set(fired, STRUCTURE_QUOTES);
		fold_paragraph(f);
		fold_text(f, own);
	}
}

static bool look_at_text(struct signal_reader *r, const struct bundle *b, struct arena *a, const struct mime_part *root,
                         struct signal_set *fired)
{
	struct fold f;
	bool any = false, html = false, plain = false;
	fold_begin(&f, r->buffer, sizeof r->buffer);
	size_t left = SIGNALS_TEXT;
	struct slice subject = encodedword_decode(a, slice_sub(mime_value(root, "Subject"), 0, 4 * LINE_MOST));
	if (!subject.p) return false;
	subject = quoted_subject(subject);
	for (const struct mime_part *p = root; p && left > 0; p = mime_next(root, p)) {
		if (p->embedded > root->embedded || !is_text(p) || is_again(p)) continue;
		struct slice text = mime_text(a, p, left);
		if (!text.p) return false;
		text = banner_skip(text);
		size_t answered = quoted_message(text, subject);
		if (answered < text.n) signal_set(fired, STRUCTURE_QUOTES);
		text = slice_sub(own_words(root, text, fired), 0, answered);
		fold_own(&f, text, fired);
		left -= text.n < left ? text.n : left;
		any |= text.n > 0;
		html |= p->type == MIME_TEXT_HTML;
		plain |= p->type != MIME_TEXT_HTML && !html; /* below a page it is a list's or a gateway's */
	}
	if (!any) signal_set(fired, STRUCTURE_EMPTY);
	if (SIGNALS_TEXT - left > LONG_TEXT) signal_set(fired, STRUCTURE_LONG);
	if (html && !plain) signal_set(fired, STRUCTURE_HTML_ONLY);
	look(r, b, PLACE_BODY, fold_end(&f), fired);
	return true;
}

static bool look_at_names(struct signal_reader *r, const struct bundle *b, struct arena *a,
                          const struct mime_part *root, struct signal_set *fired)
{
	struct slice name;
	for (const struct mime_part *p = root; p; p = mime_next(root, p))
		if (p->embedded == root->embedded && shape_filename(a, p, &name) &&
		    !look_at_field(r, b, a, PLACE_FILENAME, name, fired))
			return false;
	return true;
}

static bool fit(struct signal_reader *r, const struct bundle *b)
{
	for (size_t i = 0; i < PLACE_COUNT && r->serial != b->serial; i++) literals_lexicon_forget(r->lexicons[i]);
	r->serial = b->serial;
	return expressions_fit(r->expressions, b);
}

enum error signals_read(struct signal_reader *r, const struct bundle *b, struct arena *a, const struct mime_part *root,
                        const struct slice *mail_from, struct signals *out)
{
	struct signal_set *fired = &out->fired;
	*out = (struct signals){0};
	if (!fit(r, b)) return ERR_NO_MEMORY;
	shape_read(a, root, mail_from, out);
	const char *author = mime_field(root, "From") ? "From" : "Sender"; /* a header may have been cut */
	bool ok = look_at_field(r, b, a, PLACE_SUBJECT, mime_value(root, "Subject"), fired) &&
	          look_at_field(r, b, a, PLACE_FROM, mime_value(root, author), fired) &&
	          look_at_text(r, b, a, root, fired) && look_at_names(r, b, a, root, fired);
	if (!ok || arena_exhausted(a)) return ERR_NO_MEMORY;
	look_at_header(r, b, root, fired);
	conditions_apply(b->conditions, fired);
	return ERR_OK;
}
