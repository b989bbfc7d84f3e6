/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/recipient_reader.h"

#include <stdlib.h>

#define BLOCK (64 * 1024)

void recipient_reader_init(struct recipient_reader *r, FILE *file)
{
	*r = (struct recipient_reader){.file = file};
}

void recipient_reader_free(struct recipient_reader *r)
{
	free(r->text);
	free(r->scratch);
	r->text = r->scratch = NULL;
}

/* Makes room behind end for another block; what was given out goes first. */
static bool make_room(struct recipient_reader *r)
{
	if (r->start > 0) memmove(r->text, r->text + r->start, r->end - r->start);
	r->end -= r->start;
	r->start = 0;
	if (r->room - r->end >= BLOCK) return true;
	size_t room = r->room * 2 + BLOCK;
	char *text = realloc(r->text, room);
	if (text) r->text = text;
	char *scratch = text ? realloc(r->scratch, room) : NULL;
	if (scratch) r->scratch = scratch;
	if (!scratch) return false;
	r->room = room;
	return true;
}

static int read_block(struct recipient_reader *r)
{
	if (!make_room(r)) return -1;
	size_t n = fread(r->text + r->end, 1, BLOCK, r->file);
	r->end += n;
	if (n == 0) r->ended = true;
	return n == 0 && ferror(r->file) ? -1 : 0;
}

/* The end of the line that begins at start + from, relative to start; 0 when there is no more, -1 on an error. */
static ssize_t line_end(struct recipient_reader *r, size_t from)
{
	for (size_t look = from;;) {
		size_t have = r->end - r->start;
		const char *lf = have > look ? memchr(r->text + r->start + look, '\n', have - look) : NULL;
		if (lf) return lf - (r->text + r->start) + 1;
		if (r->ended) return have > from ? (ssize_t)have : 0;
		if (have - from > RECIPIENT_READER_LINE) { /* keeps the beginning only */
			r->end = r->start + from + RECIPIENT_READER_LINE;
			have = RECIPIENT_READER_LINE + from;
		}
		look = have;
		if (read_block(r)) return -1;
	}
}

/* One record, of as many lines as its quotes want. Returns its length, *lines, and what it is. */
static ssize_t take_record(struct recipient_reader *r, size_t *lines, enum recipient_line *what, struct slice *address)
{
	ssize_t first = line_end(r, 0), end = first;
	if (first <= 0) return first;
	for (*lines = 1;; ++*lines) {
		*what = recipient_line(&r->parser, slice_of(r->text + r->start, (size_t)end), r->scratch, address);
		if (*what != RECIPIENT_LINE_MORE) return end;
		ssize_t more = *lines < RECIPIENT_READER_LINES ? line_end(r, (size_t)end) : 0;
		if (more < 0) return more;
		if (more == 0) break;
		end = more;
	}
	*lines = 1;
	*what = RECIPIENT_LINE_ADDRESS;
	*address = slice_trim(slice_of(r->text + r->start, (size_t)first));
	return first;
}

int recipient_reader_next(struct recipient_reader *r, struct slice *address, uint64_t *line_number)
{
	for (;;) {
		enum recipient_line what;
		size_t lines;
		ssize_t n = take_record(r, &lines, &what, address);
		if (n <= 0) return (int)n;
		*line_number = r->line + 1;
		r->line += lines;
		r->start += (size_t)n;
		if (what == RECIPIENT_LINE_ADDRESS) return 1;
	}
}
