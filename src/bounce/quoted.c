/* SPDX-License-Identifier: Apache-2.0 */
#include "bounce/quoted.h"

#include <string.h>

#include "bounce/addressee.h"

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
	bool announced = false, empty = false, any = memmem(text.p, text.n, "\n>", 2);
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
