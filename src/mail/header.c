/* SPDX-License-Identifier: Apache-2.0 */
#include "mail/header.h"

#include "base/lanes.h"
#include "mail/utf8.h"

void header_begin(struct header_iterator *it, struct slice message)
{
	*it = (struct header_iterator){.message = message};
}

/* The offset past the line that begins at `from`. */
static size_t line_end(struct slice message, size_t from)
{
	const char *lf = from < message.n ? memchr(message.p + from, '\n', message.n - from) : NULL;
	return lf ? (size_t)(lf - message.p) + 1 : message.n;
}

/* Length of the empty line at `at`: 1 or 2; 0 when there is none. */
static size_t empty_line(struct slice message, size_t at)
{
	if (at < message.n && message.p[at] == '\n') return 1;
	if (message.n - at >= 2 && message.p[at] == '\r' && message.p[at + 1] == '\n') return 2;
	return 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct slice without_line_end(struct slice line)
{
	if (line.n && line.p[line.n - 1] == '\n') line.n--;
	if (line.n && line.p[line.n - 1] == '\r') line.n--;
	return line;
}

/* How many octets of printable ASCII without colon text begins with. */
static size_t name_length(struct slice text)
{
	size_t n = 0;
	for (; text.n - n >= LANES; n += LANES) {
		lanes octets = lanes_load(text.p + n);
		unsigned stop = LANES_MASK(lanes_within(octets, '!', '~') & (lanes)(octets != ':')) ^ 0xffff;
		if (stop) return n + lanes_first(stop);
	}
	while (n < text.n && text.p[n] > ' ' && text.p[n] < 127 && text.p[n] != ':') n++;
	return n;
}

/* RFC 5322 2.2: a name is printable ASCII without colon; 4.5: blanks may stand before the colon. */
static bool split_field(struct header_field *f)
{
	struct slice text = without_line_end(f->raw);
	size_t n = name_length(text), colon;
	f->name = SLICE_EMPTY;
	f->value = text;
	for (colon = n; colon < text.n && is_blank(text.p[colon]); colon++) continue;
	if (n == 0 || colon == text.n || text.p[colon] != ':') return false;
	f->name = slice_sub(text, 0, n);
	f->value = slice_sub(text, colon + 1, text.n);
	return true;
}

bool header_next(struct header_iterator *it, struct header_field *out)
{
	struct slice message = it->message;
	size_t from = it->at, empty;
	if (it->ended || from >= message.n) return false;
	if ((empty = empty_line(message, from)) > 0) {
		it->at = from + empty;
		it->ended = true;
		return false;
	}
	size_t to = line_end(message, from);
	while (to < message.n && is_blank(message.p[to])) to = line_end(message, to);
	it->at = to;
	out->raw = slice_sub(message, from, to);
	out->malformed = !split_field(out);
	return true;
}

struct slice header_unfold(struct arena *a, struct slice value)
{
	value = slice_trim(value);
	if (slice_find(value, '\n') == value.n) return value;
	char *out = arena_alloc(a, value.n);
	if (!out) return (struct slice){NULL, 0};
	size_t n = 0;
	for (size_t i = 0; i < value.n; i++) {
		bool crlf = value.p[i] == '\r' && i + 1 < value.n && value.p[i + 1] == '\n';
		if (!crlf && value.p[i] != '\n') out[n++] = value.p[i];
	}
	return slice_of(out, n);
}

bool header_find(struct slice message, const char *name, struct header_field *out)
{
	struct header_iterator it;
	header_begin(&it, message);
	while (header_next(&it, out))
		if (header_is(out, name)) return true;
	return false;
}

size_t header_count(struct slice message, const char *name)
{
	struct header_iterator it;
	struct header_field f;
	size_t count = 0;
	header_begin(&it, message);
	while (header_next(&it, &f)) count += header_is(&f, name);
	return count;
}

size_t header_end(struct slice message, size_t *scanned)
{
	/* Octets before *scanned need no second look: no LF among them is followed by an empty line. */
	if (*scanned == 0) {
		size_t empty = empty_line(message, 0);
		if (empty || message.n < 2) return empty ? empty : HEADER_NOT_YET;
	}
	for (size_t at = *scanned; at < message.n;) {
		const char *lf = memchr(message.p + at, '\n', message.n - at);
		if (!lf) break;
		size_t next = (size_t)(lf - message.p) + 1, empty = empty_line(message, next);
		if (empty) return next + empty;
		bool undecided = next == message.n || (next + 1 == message.n && message.p[next] == '\r');
		if (undecided) {
			*scanned = next - 1;
			return HEADER_NOT_YET;
		}
		at = next;
	}
	*scanned = message.n;
	return HEADER_NOT_YET;
}

static void note_field(struct header_survey *s, const struct header_field *f)
{
	const struct {
		const char *name;
		struct slice *value;
	} wanted[] = {{"Message-ID", &s->message_id},
	              {"From", &s->from},
	              {"To", &s->to},
	              {"Subject", &s->subject},
	              {"Date", &s->date}};
	s->fields++;
	s->malformed += f->malformed;
	s->received += header_is(f, "Received");
	s->message_ids += header_is(f, "Message-ID");
	if (!utf8_is_ascii(f->raw)) s->eight_bit = true;
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
		if (wanted[i].value->n == 0 && header_is(f, wanted[i].name)) *wanted[i].value = f->value;
}

static bool over(size_t count, size_t limit)
{
	return limit && count > limit;
}

void header_survey(struct slice message, const struct header_limits *limits, struct header_survey *out)
{
	struct header_iterator it;
	struct header_field f;
	size_t scanned = 0, end = header_end(message, &scanned);
	*out = (struct header_survey){.message_id = SLICE_EMPTY,
	                              .from = SLICE_EMPTY,
	                              .to = SLICE_EMPTY,
	                              .subject = SLICE_EMPTY,
	                              .date = SLICE_EMPTY};
	out->complete = end != HEADER_NOT_YET;
	out->octets = out->complete ? end : message.n;
	if (over(out->octets, limits->octets)) out->verdict = HEADER_TOO_BIG;
	header_begin(&it, message);
	while (out->verdict == HEADER_OK && header_next(&it, &f)) {
		note_field(out, &f);
		if (over(out->fields, limits->fields)) out->verdict = HEADER_TOO_MANY_FIELDS;
		if (over(out->received, limits->received)) out->verdict = HEADER_TOO_MANY_HOPS;
	}
}
