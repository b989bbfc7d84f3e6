/* SPDX-License-Identifier: Apache-2.0 */
#include "bounce/quoted.h"

#include <string.h>

#include "bounce/addressee.h"
#include "bounce/tagged.h"

static bool is_mark(struct slice line)
{
	return line.n > 0 && line.p[0] == '>';
}

/* "On Monday Jo wrote:", or with the wide colon of Chinese and Japanese. */
static bool announces(struct slice line)
{
	return line.n > 1 && !is_mark(line) && (line.p[line.n - 1] == ':' || slice_ends_nocase(line, SLICE("：")));
}

static bool is_somebodys(struct slice line)
{
	struct slice words = slice_trim(slice_sub(line, 1, line.n));
	if (words.n == 0) return true;
	bool reply = words.p[0] == '>' || (words.p[0] >= '0' && words.p[0] <= '9');
	return !reply && !addressee_is_field(words);
}

/* Has it a line but the first that begins with the mark? Most texts have none. */
static bool has_marks(struct slice text)
{
	const char *at = text.p, *end = text.p + text.n;
	while ((at = memchr(at, '>', (size_t)(end - at)))) {
		if (at > text.p && at[-1] == '\n') return true;
		at++;
	}
	return false;
}

/* What follows the quoted lines at the beginning of it; an empty line between two of them is one of them. */
static struct slice after_quoted(struct slice rest)
{
	struct slice after = rest;
	while (rest.n > 0) {
		struct slice line = slice_trim(slice_split(&rest, '\n'));
		if (is_mark(line))
			after = rest;
		else if (line.n > 0)
			break;
	}
	return after;
}

bool quoted_next(struct slice *rest, struct slice *piece)
{
	struct slice text = *rest, left = text;
	if (text.n == 0) return false;
	bool announced = false, empty = false, any = has_marks(text);
	while (any && left.n > 0) {
		struct slice here = left, line = slice_trim(slice_split(&left, '\n'));
		if (announced && is_mark(line) && is_somebodys(line)) {
			*piece = slice_sub(text, 0, (size_t)(line.p - text.p) + 1);
			*rest = after_quoted(here);
			return true;
		}
		announced = announces(line) || (announced && line.n == 0 && !empty);
		empty = line.n == 0;
	}
	*piece = text;
	*rest = slice_sub(text, text.n, text.n);
	return true;
}

/* ---- below a header --------------------------------------------------------------------------------------------------- */

#define LINES_LEAST  4  /* from whom, when, to whom, of what */
#define LABEL_MOST   40 /* octets: "Отправитель" has 22 */
#define WORDS_LEAST  4  /* octets of a subject that is worth comparing */
#define WORDS_ENOUGH 12 /* of it: a cheap question before the dear one */

/* What people's programs write before the subject of what is answered or handed on. */
static bool takes_prefix(struct slice *subject)
{
	static const struct slice prefixes[] = {
		SLICE("re"),   SLICE("aw"),     SLICE("antw"), SLICE("sv"),   SLICE("vs"),   SLICE("odp"),
		SLICE("rif"),  SLICE("res"),    SLICE("ynt"),  SLICE("fw"),   SLICE("fwd"),  SLICE("wg"),
		SLICE("tr"),   SLICE("rv"),     SLICE("enc"),  SLICE("i"),    SLICE("vb"),   SLICE("vl"),
		SLICE("pd"),   SLICE("doorst"), SLICE("回复"), SLICE("回覆"), SLICE("答复"), SLICE("转发"),
		SLICE("轉寄"), SLICE("轉發"),
	};
	static const struct slice colons[] = {SLICE(":"), SLICE("："), SLICE(" :")};
	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
		if (!slice_starts_nocase(*subject, prefixes[i])) continue;
		struct slice after = slice_sub(*subject, prefixes[i].n, subject->n);
		for (size_t k = 0; k < sizeof colons / sizeof *colons; k++)
			if (slice_starts(after, colons[k])) {
				*subject = slice_trim(slice_sub(after, colons[k].n, after.n));
				return true;
			}
	}
	return false;
}

struct slice quoted_subject(struct slice subject)
{
	subject = tagged_subject(subject);
	if (!takes_prefix(&subject)) return SLICE_EMPTY;
	do subject = tagged_subject(subject); /* of who answers what was tagged for him */
	while (takes_prefix(&subject));
	return subject;
}

/* "Von: Ann", "*From:* Ann", "件名：…": the words behind it, or false. */
static bool is_labelled(struct slice line, struct slice *value)
{
	while (line.n > 0 && (line.p[0] == '*' || line.p[0] == '>' || line.p[0] == ' '))
		line = slice_sub(line, 1, line.n);
	size_t colon = slice_find(slice_sub(line, 0, LABEL_MOST), ':'), wide = slice_search(line, SLICE("："));
	size_t end = wide < colon ? wide : colon, n = wide < colon ? SLICE("：").n : 1;
	if (end == 0 || end >= LABEL_MOST || end + n > line.n) return false;
	for (size_t i = 0; i < end; i++)
		if (strchr("@/.<>0123456789", line.p[i])) return false;
	*value = slice_trim(slice_sub(line, end + n, line.n));
	if (value->n > 0 && value->p[0] == '*') *value = slice_trim(slice_sub(*value, 1, value->n));
	return value->n > 0;
}

static bool is_subject(struct slice value, struct slice subject)
{
	do value = tagged_subject(value);
	while (takes_prefix(&value));
	if (value.n < WORDS_LEAST || subject.n < WORDS_LEAST) return slice_equal_nocase(value, subject);
	return slice_starts_nocase(value, subject) || slice_starts_nocase(subject, value);
}

size_t quoted_message(struct slice text, struct slice subject)
{
	struct slice left = text, value;
	size_t lines = 0, begin = 0;
	bool same = false;
	struct slice some = slice_sub(subject, 0, WORDS_ENOUGH);
	if (some.n == 0 || slice_search(text, some) == text.n)
		return text.n; /* of most answers nothing else need be read */
	while (left.n > 0) {
		size_t at = (size_t)(left.p - text.p);
		if (!is_labelled(slice_trim(slice_split(&left, '\n')), &value)) {
			lines = 0;
			same = false;
			continue;
		}
		if (lines++ == 0) begin = at;
		same |= is_subject(value, subject);
		if (same && lines >= LINES_LEAST) return begin;
	}
	return text.n;
}
