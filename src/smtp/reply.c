/* SPDX-License-Identifier: Apache-2.0 */
#include "smtp/reply.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define WIRE_LINE_MAX  512 /* RFC 5321 4.5.3.1.5, with CR LF */
#define LINES_GIVEN_UP (16 * REPLY_MAX_LINES)

/* An immutable text. Replaced ones stay linked, since another thread may be reading them. */
struct link_prefix {
	struct link_prefix *older;
	size_t n;
	char text[];
};
static _Atomic(struct link_prefix *) link_prefix;

void reply_set_link_prefix(struct slice prefix)
{
	struct link_prefix *older = atomic_load(&link_prefix);
	if (older ? slice_equal(prefix, slice_of(older->text, older->n)) : prefix.n == 0) return;
	struct link_prefix *fresh = malloc(sizeof *fresh + prefix.n);
	if (!fresh) return;
	fresh->older = older;
	fresh->n = prefix.n;
	memcpy(fresh->text, prefix.p, prefix.n);
	atomic_store(&link_prefix, fresh);
}

static struct slice current_link_prefix(void)
{
	const struct link_prefix *now = atomic_load(&link_prefix);
	return now ? slice_of(now->text, now->n) : SLICE_EMPTY;
}

static char clean(char c)
{
	return c >= 32 && c <= 126 ? c : '?';
}

/* A copy fit to be sent, lines kept; empty when the arena is exhausted. */
static struct slice sanitised(struct arena *a, struct slice text)
{
	char *out = arena_alloc(a, text.n);
	if (!out) return SLICE_EMPTY;
	for (size_t i = 0; i < text.n; i++) out[i] = text.p[i] == '\n' ? '\n' : clean(text.p[i]);
	return slice_of(out, text.n);
}

void reply_set(struct arena *a, struct reply *r, int code, const char *enhanced, struct slice text)
{
	*r = (struct reply){.code = code, .text = sanitised(a, text), .reason = REASON_ok};
	if (enhanced) memcpy(r->enhanced, enhanced, strnlen(enhanced, sizeof r->enhanced - 1));
}

void reply_set_reason(struct arena *a, struct reply *r, enum reason reason, struct slice detail)
{
	const struct reason_row *row = reason_row(reason);
	struct slice link = reason == REASON_ok ? SLICE_EMPTY : current_link_prefix();
	*r = (struct reply){.code = row->code, .reason = reason};
	snprintf(r->enhanced, sizeof r->enhanced, "%s", row->enhanced);
	struct slice text = arena_printf(a, "%s%s%.*s%s%.*s%s", row->sentence, detail.n ? ": " : "", SLICE_ARG(detail),
	                                 link.n ? "; see " : "", SLICE_ARG(link), link.n ? row->name : "");
	/* The sentence alone needs no memory. */
	r->text = text.p ? sanitised(a, text) : SLICE_EMPTY;
	if (r->text.n == 0) r->text = slice_str(row->sentence);
}

void reply_complete_enhanced(struct reply *r)
{
	/* RFC 2034 4: replies that begin with 2, 4 or 5. RFC 3463 3.1: X.0.0 says nothing more. */
	if (r->enhanced[0] || r->code < 200 || r->code > 599 || r->code / 100 == 3) return;
	static const char general[] = "X.0.0";
	memcpy(r->enhanced, general, sizeof general);
	r->enhanced[0] = (char)('0' + r->code / 100);
}

/* Takes the next piece of at most `room` octets off *rest: a line, or as much of it as fits, cut at a blank if
 * there is one in the second half. The rest becomes {NULL, 0} after the last. */
static struct slice next_piece(struct slice *rest, size_t room)
{
	size_t n = slice_find(*rest, '\n');
	if (n <= room) {
		struct slice line = slice_split(rest, '\n');
		if (line.n && line.p[line.n - 1] == '\r') line.n--;
		return line;
	}
	size_t blank = slice_find_last(slice_sub(*rest, 0, room), ' ');
	bool at_blank = blank < room && blank > room / 2;
	n = at_blank ? blank : room;
	struct slice piece = slice_sub(*rest, 0, n);
	*rest = slice_sub(*rest, n + at_blank, rest->n);
	return piece;
}

/* "550-5.1.1 text" CR LF; returns its end. */
static char *put_line(char *out, const char *code, const char *enhanced, struct slice text, bool last)
{
	out = stpcpy(out, code);
	bool bare = enhanced[0] == 0 && text.n == 0;
	if (!last || !bare) *out++ = last ? ' ' : '-';
	out = stpcpy(out, enhanced);
	if (enhanced[0] && text.n) *out++ = ' ';
	for (size_t i = 0; i < text.n; i++) *out++ = clean(text.p[i]);
	return stpcpy(out, "\r\n");
}

struct slice reply_format(struct arena *a, const struct reply *r, bool with_enhanced)
{
	bool usable = r->code >= 200 && r->code < 600;
	int number = usable ? r->code : reason_row(REASON_internal)->code;
	const char code[] = {(char)('0' + number / 100), (char)('0' + number / 10 % 10), (char)('0' + number % 10),
	                     '\0'};
	const char *enhanced = with_enhanced ? r->enhanced : "";
	size_t overhead = strlen("250-") + strlen(enhanced) + strlen(" \r\n"), room = WIRE_LINE_MAX - overhead;
	struct slice text = r->text.p ? r->text : SLICE_EMPTY;
	/* A cut piece is over half the room, so at most two lines for each room, and one for each LF. */
	size_t lines = 2 + 2 * (text.n / room);
	for (size_t i = 0; i < text.n; i++) lines += text.p[i] == '\n';
	char *out = arena_alloc(a, text.n + lines * overhead + 1), *o = out; /* stpcpy adds a NUL */
	if (!out) return (struct slice){NULL, 0};
	do {
		struct slice piece = next_piece(&text, room);
		o = put_line(o, code, enhanced, piece, text.p == NULL);
	} while (text.p);
	return slice_of(out, (size_t)(o - out));
}

void reply_reader_init(struct reply_reader *rr, struct arena *a, struct reply *into)
{
	*rr = (struct reply_reader){.arena = a, .reply = into};
	*into = (struct reply){.text = SLICE_EMPTY, .reason = REASON_ok};
}

/* 200..599, or 0. */
static int read_code(struct slice line)
{
	uint64_t code;
	if (line.n < 3 || !slice_to_u64(slice_sub(line, 0, 3), &code) || code < 200 || code > 599) return 0;
	return (int)code;
}

/* Length of the enhanced code (RFC 3463 2) of class `class` at the beginning of text; 0 when there is none. */
static size_t enhanced_length(struct slice text, int class)
{
	size_t n = slice_find(text, ' '), dots = 0, digits = 0;
	if (n < 5 || n > 9 || text.p[0] != '0' + class || text.p[1] != '.') return 0;
	for (size_t i = 1; i < n; i++) {
		if (text.p[i] == '.') {
			if (dots && digits == 0) return 0;
			dots++;
			digits = 0;
		} else if (text.p[i] < '0' || text.p[i] > '9' || ++digits > 3) {
			return 0;
		}
	}
	return dots == 2 && digits ? n : 0;
}

/* Keeps the first line's enhanced code and takes it off. */
static struct slice take_enhanced(struct reply_reader *rr, struct slice text)
{
	struct reply *r = rr->reply;
	size_t n = enhanced_length(text, r->code / 100);
	if (n == 0) return text;
	if (rr->lines == 1) {
		memcpy(r->enhanced, text.p, n);
		r->enhanced[n] = 0;
	} else if (!slice_equal(slice_sub(text, 0, n), slice_str(r->enhanced))) {
		return text;
	}
	return slice_sub(text, n + 1, text.n);
}

static void add_text(struct reply_reader *rr, struct slice line)
{
	struct reply *r = rr->reply;
	bool separate = rr->lines > 1;
	size_t needed = r->text.n + separate + line.n;
	if (needed > rr->room) {
		size_t room = needed * 2;
		char *bigger = arena_alloc(rr->arena, room);
		if (!bigger) return;
		memcpy(bigger, r->text.p, r->text.n);
		rr->text = bigger;
		rr->room = room;
	}
	if (needed == 0) return;
	char *end = rr->text + r->text.n;
	if (separate) *end++ = '\n';
	memcpy(end, line.p, line.n);
	r->text = slice_of(rr->text, needed);
}

enum reply_progress reply_reader_line(struct reply_reader *rr, struct slice line)
{
	struct reply *r = rr->reply;
	int code = read_code(line);
	char separator = line.n > 3 ? line.p[3] : ' ';
	if (code == 0 || (separator != ' ' && separator != '-')) return REPLY_BAD;
	if (rr->lines++ == 0) r->code = code;
	/* RFC 5321 4.2.1: the code is the same on every line. */
	if (code != r->code || rr->lines > LINES_GIVEN_UP) return REPLY_BAD;
	if (rr->lines <= REPLY_MAX_LINES)
		add_text(rr, slice_sub(take_enhanced(rr, slice_sub(line, 4, line.n)), 0, REPLY_MAX_LINE));
	return separator == '-' ? REPLY_MORE : REPLY_DONE;
}
