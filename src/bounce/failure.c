/* SPDX-License-Identifier: Apache-2.0 */
#include "bounce/failure.h"

#include "bounce/phrases.h"
#include "mail/mailbox.h"
#include "mail/status.h"

#define TEXT_MOST 65536

/* ---- the part for programs ------------------------------------------------------------------------------------------- */

static const struct status_recipient *choose(const struct status_report *r)
{
	static const enum status_action order[] = {STATUS_FAILED, STATUS_DELAYED};
	for (size_t i = 0; i < sizeof order / sizeof *order; i++)
		for (size_t j = 0; j < r->recipient_count; j++)
			if (r->recipients[j].action == order[i]) return &r->recipients[j];
	for (size_t j = 0; j < r->recipient_count; j++)
		if (slice_starts(r->recipients[j].status, SLICE("5"))) return &r->recipients[j];
	return r->recipient_count ? &r->recipients[0] : NULL;
}

/* "mx.example.net. (192.0.2.1, the server for example.net)", "mx.example.net (TCP|...)": the name alone. */
static struct slice host_name(struct slice mta)
{
	size_t n = 0;
	mta = slice_trim(mta);
	while (n < mta.n && mta.p[n] != ' ' && mta.p[n] != '(' && mta.p[n] != ';' && mta.p[n] != '\n' &&
	       mta.p[n] != '\r')
		n++;
	while (n > 0 && mta.p[n - 1] == '.') n--;
	return n ? slice_sub(mta, 0, n) : mta;
}

/* At another organisation: "joe@example.org" and "joe@mail1.example.org" are one. */
static bool is_elsewhere(struct slice written, struct slice recipient)
{
	struct slice from = slice_sub(written, slice_find(written, '@') + 1, written.n);
	struct slice to = slice_sub(recipient, slice_find(recipient, '@') + 1, recipient.n);
	bool whole = slice_find(from, '.') < from.n && slice_find(to, '.') < to.n;
	return whole && !slice_ends_nocase(from, to) && !slice_ends_nocase(to, from);
}

/* "77" of Sendmail is what a program returned, and says nothing. */
static bool is_number(struct slice reply)
{
	struct slice s = slice_trim(reply);
	size_t n = 0;
	while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9') n++;
	return n == s.n;
}

/* A file or a program that an address led to ("/var/mail/joe", "|/usr/bin/filter") is no recipient for a person. */
static bool is_path(struct slice recipient)
{
	return recipient.n && (recipient.p[0] == '/' || recipient.p[0] == '|');
}

static void read_status(const struct status_report *r, struct failure *out)
{
	const struct status_recipient *s = choose(r);
	out->reporter = host_name(r->reporting_mta.value);
	if (!s) return;
	out->found = true;
	out->recipient = s->final.n ? s->final : s->original;
	if (s->original.n && is_elsewhere(s->original, out->recipient)) out->written_to = s->original;
	out->status = status_code(s->status);
	if (!is_number(s->diagnostic.value)) out->reply = s->diagnostic.value;
	if (is_path(out->recipient)) out->recipient = is_path(s->original) ? SLICE_EMPTY : s->original;
	out->host = host_name(s->remote_mta.value);
	out->delayed = s->action == STATUS_DELAYED;
	out->delivered = s->action == STATUS_DELIVERED || s->action == STATUS_RELAYED || s->action == STATUS_EXPANDED;
	out->others = r->recipient_count - 1;
}

/* ---- the words ------------------------------------------------------------------------------------------------------- */

/* What stands before a quoted original; all of it when that begins at once: Exchange 5 names To, Subject and Sent first. */
static struct slice own_words(struct slice text)
{
	struct slice before = slice_sub(text, 0, original_offset(text));
	return slice_trim(before).n < 60 ? text : before;
}

/* False when the arena is exhausted. */
static bool read_text(struct arena *a, struct slice text, struct slice own, struct failuretext *out,
                      struct slice *whole)
{
	*whole = own_words(text);
	if (!failuretext_read(a, *whole, own, out)) return false;
	/* What looked like the announcement of an original may have been a line of the refusal. */
	struct failuretext all;
	if (out->reply.n || whole->n == text.n) return true;
	if (!failuretext_read(a, text, own, &all)) return false;
	if (all.quoted) *out = all;
	return true;
}

/* The first text for a person, before the part for programs and the original. */
static bool read_words(struct arena *a, const struct mime *m, struct slice own, struct failuretext *out,
                       struct slice *whole)
{
	*out = (struct failuretext){.reply = SLICE_EMPTY,
	                            .host = SLICE_EMPTY,
	                            .recipient = SLICE_EMPTY,
	                            .written_to = SLICE_EMPTY};
	for (const struct mime_part *p = m->root; p; p = mime_next(m->root, p)) {
		if (p->embedded || p->first) continue;
		/* A message without parts is text, whatever type it claims. */
		if (p->type != MIME_TEXT_PLAIN && p->type != MIME_TEXT_HTML && p != m->root) continue;
		struct slice text = mime_text(a, p, TEXT_MOST);
		if (!text.p) return false;
		if (slice_trim(text).n >= 20) return read_text(a, text, own, out, whole);
	}
	return true;
}

/* The address in a header field; empty: none. */
static struct slice field_address(struct arena *a, struct slice value)
{
	struct slice text = header_unfold(a, value);
	size_t at = slice_find(text, '@'), begin = at, end = at;
	if (!text.p || at == text.n) return SLICE_EMPTY;
	while (begin > 0 && text.p[begin - 1] != ' ' && text.p[begin - 1] != '<' && text.p[begin - 1] != ',' &&
	       text.p[begin - 1] != '"')
		begin--;
	while (end < text.n && text.p[end] != '>' && text.p[end] != ' ' && text.p[end] != ',' && text.p[end] != ';')
		end++;
	return slice_sub(text, begin, end);
}

/* ---- hop and stage --------------------------------------------------------------------------------------------------- */

static bool same_organisation(struct slice host, struct slice address)
{
	struct slice domain = slice_sub(address, slice_find(address, '@') + 1, address.n);
	return domain.n && (slice_equal_nocase(host, domain) || (host.n > domain.n && slice_ends_nocase(host, domain) &&
	                                                         host.p[host.n - domain.n - 1] == '.'));
}

static bool has_code(struct slice reply)
{
	struct slice s = slice_trim(reply);
	return s.n >= 3 && (s.p[0] == '4' || s.p[0] == '5') && s.p[1] >= '0' && s.p[1] <= '9' && s.p[2] >= '0' &&
	       s.p[2] <= '9';
}

static bool find_stage(struct arena *a, struct failure *f, const struct failuretext *t)
{
	struct slice lower = phrases_normalise(a, f->reply, 4000);
	struct slice told = f->reply.n ? lower : phrases_normalise(a, f->words, 4000);
	if (!lower.p || !told.p) return false;
	if (!f->host.n) f->host = failuretext_unreached(told);
	f->stage = failuretext_stage(lower);
	if (f->stage == STAGE_unknown) f->stage = t->stage;
	/* "x.4.7": it was tried for too long, whatever the last answer was. */
	bool expired = f->status.n == 5 && memcmp(f->status.p + 1, ".4.7", 4) == 0;
	if (expired && !f->delayed) f->stage = STAGE_expired;
	bool answered = f->host.n || has_code(f->reply) || has_code(f->words);
	bool own = same_organisation(f->reporter, f->recipient);
	/* Words that are given as a reason, without a code or a server: of whom? Of the recipient's, when that tells of it. */
	if (f->stage == STAGE_unknown && !answered && (own || !t->quoted))
		f->stage = own ? STAGE_after_acceptance : STAGE_local;
	return true;
}

bool failure_read(struct arena *a, const struct mime *m, const struct original *o, struct failure *out)
{
	struct status_report r;
	struct failuretext t;
	*out = (struct failure){.recipient = SLICE_EMPTY,
	                        .written_to = SLICE_EMPTY,
	                        .status = SLICE_EMPTY,
	                        .reply = SLICE_EMPTY,
	                        .host = SLICE_EMPTY,
	                        .text = SLICE_EMPTY};
	if (status_find(a, m->root, &r)) read_status(&r, out);
	if (!read_words(a, m, field_address(a, mime_value(m->root, "To")), &t, &out->text)) return false;
	out->words = t.reply;
	if (!out->status.n) out->delayed |= t.delayed;
	out->found |= t.quoted;
	if (!out->host.n) out->host = t.host;
	struct slice failed = field_address(a, mime_value(m->root, "X-Failed-Recipients"));
	if (failed.n) out->found = true;
	if (!out->recipient.n) out->recipient = failed;
	if (!out->recipient.n) out->recipient = t.recipient;
	if (!out->recipient.n) out->recipient = field_address(a, o->to);
	if (!out->written_to.n && is_elsewhere(t.written_to, out->recipient)) out->written_to = t.written_to;
	if (!out->reporter.n) {
		struct slice from = field_address(a, mime_value(m->root, "From"));
		out->reporter = slice_sub(from, slice_find(from, '@') + 1, from.n);
	}
	return find_stage(a, out, &t) && !arena_exhausted(a);
}
