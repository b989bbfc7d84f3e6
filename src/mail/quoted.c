/* SPDX-License-Identifier: Apache-2.0 */
#include "mail/quoted.h"

#include "mail/header.h"
#include "mail/quoted_phrases.h"

#define NAME_MOST     40  /* octets of a field name that is looked at */
#define ANNOUNCE_MOST 160 /* octets of a line that announces */
#define SIEVE         1024
#define LINES_BETWEEN 12 /* at most, between that line and the header */
#define COUNT(x)      (sizeof(x) / sizeof *(x))

/* A bit for four octets, of SIEVE. */
static unsigned sieve_bit(const char *p)
{
	uint32_t octets;
	memcpy(&octets, p, sizeof octets);
	return octets * 2654435761u >> 22;
}

static bool has_bit(const uint64_t *sieve, unsigned bit)
{
	return sieve[bit / 64] >> bit % 64 & 1;
}

static bool announces(struct slice line)
{
	char text[ANNOUNCE_MOST];
	uint64_t sieve[SIEVE / 64] = {0}; /* all fours of octets in it: most announcements have one that is not */
	line = slice_trim(line);
	if (line.n < 9 || line.n > sizeof text) return false;
	for (size_t i = 0; i < line.n; i++)
		text[i] = line.p[i] >= 'A' && line.p[i] <= 'Z' ? line.p[i] | 0x20 : line.p[i];
	for (size_t i = 0; i + 4 <= line.n; i++)
		sieve[sieve_bit(text + i) / 64] |= UINT64_C(1) << sieve_bit(text + i) % 64;
	for (size_t i = 0; i < COUNT(announcements); i++) {
		size_t n = strlen(announcements[i]);
		if (has_bit(sieve, sieve_bit(announcements[i])) &&
		    has_bit(sieve, sieve_bit(announcements[i] + n - 4)) && memmem(text, line.n, announcements[i], n))
			return true;
	}
	return false;
}

/* ---- lines that are fields --------------------------------------------------------------------------------------- */

/* Length of the name when the line is a field; 0: it is none. */
static size_t field_name(struct slice line)
{
	size_t n = 0;
	while (n < line.n && n < NAME_MOST && line.p[n] > ' ' && line.p[n] < 127 && line.p[n] != ':') n++;
	if (n == 0 || n >= line.n || line.p[n] != ':') return 0;
	return n + 1 == line.n || line.p[n + 1] != '/' ? n : 0; /* "http://" is none */
}

static bool is_known(struct slice name)
{
	static const struct slice names[] = {SLICE("From"),           SLICE("To"),
	                                     SLICE("Subject"),        SLICE("Date"),
	                                     SLICE("Message-ID"),     SLICE("Received"),
	                                     SLICE("Return-Path"),    SLICE("Cc"),
	                                     SLICE("Reply-To"),       SLICE("MIME-Version"),
	                                     SLICE("Content-Type"),   SLICE("X-Mailer"),
	                                     SLICE("Sender"),         SLICE("References"),
	                                     SLICE("In-Reply-To"),    SLICE("Delivered-To"),
	                                     SLICE("DKIM-Signature"), SLICE("List-Id"),
	                                     SLICE("User-Agent"),     SLICE("Authentication-Results")};
	for (size_t i = 0; i < COUNT(names); i++)
		if (slice_equal_nocase(name, names[i])) return true;
	return false;
}

size_t quoted_known_fields(struct slice header)
{
	struct header_iterator it;
	struct header_field f;
	size_t n = 0;
	for (header_begin(&it, header); header_next(&it, &f);) n += !f.malformed && is_known(f.name);
	return n;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_quoting(char c)
{
	return is_blank(c) || c == '>' || c == '|';
}

/* ---- the scan ---------------------------------------------------------------------------------------------------- */

struct scan {
	struct slice text;
	size_t announced;                    /* the last line that announces; text.n: none */
	size_t checked;                      /* lines before it were asked whether they announce */
	size_t recent[LINES_BETWEEN], count; /* offsets of the last lines */
};

static struct slice line_at(struct slice text, size_t at)
{
	struct slice rest = slice_sub(text, at, text.n);
	return slice_sub(rest, 0, slice_find(rest, '\n'));
}

/* The line among the last ones that announces; `at`: none. Each line is asked once. */
static size_t find_announcement(struct scan *s, size_t at)
{
	size_t first = s->count > LINES_BETWEEN ? s->count - LINES_BETWEEN : 0;
	for (size_t i = first; i < s->count; i++) {
		size_t line = s->recent[i % LINES_BETWEEN];
		if (line >= s->checked && announces(line_at(s->text, line))) s->announced = line;
	}
	s->checked = at;
	if (s->count == 0 || s->announced == s->text.n || s->announced < s->recent[first % LINES_BETWEEN]) return at;
	return s->announced;
}

/* The text of the line at `at` behind the prefix; p NULL: it is quoted otherwise, or the end. */
static struct slice unquoted(struct slice text, size_t at, struct slice prefix)
{
	if (at >= text.n) return (struct slice){NULL, 0};
	struct slice line = line_at(text, at);
	if (!slice_starts(line, prefix)) return (struct slice){NULL, 0};
	return slice_sub(line, prefix.n, line.n);
}

static void note_field(struct quoted *q, struct slice line, size_t name)
{
	struct slice n = slice_sub(line, 0, name);
	q->fields++;
	q->known += is_known(n);
	if (slice_equal_nocase(n, SLICE("Message-ID")) && slice_find(line, '<') < line.n &&
	    slice_find(line, '@') < line.n)
		q->message_id = true;
}

/* Reads the block of fields whose first is the line at q->from, with q->prefix before each line. One line that is
 * none does not end it if a field follows: lines are wrapped on the way. */
static void read_block(struct slice text, struct quoted *q)
{
	struct slice prefix = slice_sub(text, q->from, q->from + q->prefix);
	size_t at = q->from;
	q->to = at;
	for (struct slice line; (line = unquoted(text, at, prefix)).p;) {
		size_t next = at + prefix.n + line.n + 1, name = field_name(line);
		if (slice_trim(line).n == 0) break;
		if (name) {
			note_field(q, line, name);
		} else if (!is_blank(line.p[0])) {
			struct slice after = unquoted(text, next, prefix);
			if (!after.p || !field_name(after)) break;
		}
		at = q->to = next < text.n ? next : text.n;
	}
}

/* Announced and with a Message-ID is best; a few fields by themselves may be anything. */
static unsigned worth_of(const struct quoted *q)
{
	bool announced = q->announced < q->from;
	bool header = q->known >= 2 && (q->fields >= 3 || q->message_id);
	if (announced && q->known >= 1 && (q->fields >= 2 || q->message_id)) return q->message_id ? 5 : 3;
	if (header) return q->message_id ? 4 : 2;
	return q->message_id ? 1 : 0;
}

/* The last lines from `from` up to `to`, none of which is a known field; empty ones do not count. */
static void note_lines(struct scan *s, size_t from, size_t to)
{
	size_t lines[LINES_BETWEEN], n = 0;
	while (to > from && n < LINES_BETWEEN) {
		size_t end = to - 1, begin = from + slice_find_last(slice_sub(s->text, from, end), '\n') + 1;
		if (begin > end) begin = from; /* it is the first */
		if (end > begin) lines[n++] = begin;
		to = begin;
	}
	while (n > 0) s->recent[s->count++ % LINES_BETWEEN] = lines[--n];
}

static bool is_name(char c)
{
	return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-';
}

/* The next known field from the line at `from` on: where its line begins, and how much quoting is before its name. Most texts have few
 * colons, and a name, of letters and "-", stands before each that matters. */
static bool next_known(struct slice text, size_t from, size_t *line, size_t *prefix)
{
	for (size_t colon = from; colon < text.n; colon++) {
		colon += slice_find(slice_sub(text, colon, text.n), ':');
		size_t name = colon, begin;
		while (name > from && colon - name <= NAME_MOST && is_name(text.p[name - 1])) name--;
		for (begin = name; begin > from && is_quoting(text.p[begin - 1]); begin--) continue;
		if ((begin > from && text.p[begin - 1] != '\n') || !is_known(slice_sub(text, name, colon))) continue;
		if (!field_name(slice_sub(text, name, text.n))) continue;
		*line = begin;
		*prefix = name - begin;
		return true;
	}
	return false;
}

void quoted_find(struct slice text, struct quoted *out)
{
	struct scan s = {.text = text, .announced = text.n};
	*out = (struct quoted){.from = text.n, .to = text.n, .announced = text.n};
	for (size_t begin = 0, at, prefix; out->worth < 5 && next_known(text, begin, &at, &prefix);) {
		struct quoted q = {.from = at, .prefix = prefix, .announced = at};
		note_lines(&s, begin, at);
		read_block(text, &q);
		/* It makes no difference to a field that stands alone. */
		if (q.fields >= 2 || q.message_id) q.announced = find_announcement(&s, at);
		q.worth = worth_of(&q);
		if (q.worth > out->worth) *out = q;
		begin = q.to;
	}
}
