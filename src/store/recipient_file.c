/* SPDX-License-Identifier: Apache-2.0 */
#include "store/recipient_file.h"

static bool is_separator(const struct recipient_parser *p, char c)
{
	return p->separator ? c == p->separator : c == ',' || c == ';' || c == '\t';
}

/* RFC 4180: what stands between quotes, "" being one. Returns how much of s it took, 0 when it is not closed. */
static size_t take_quoted(struct slice s, char *scratch, struct slice *out)
{
	size_t n = 0;
	for (size_t i = 1; i < s.n; i++) {
		if (s.p[i] != '"') {
			scratch[n++] = s.p[i];
		} else if (i + 1 < s.n && s.p[i + 1] == '"') {
			scratch[n++] = s.p[i++];
		} else {
			*out = slice_of(scratch, n);
			return i + 1;
		}
	}
	return 0;
}

/* Where the field that begins s ends; separators within a quoted local part do not count. */
static size_t plain_end(const struct recipient_parser *p, struct slice s)
{
	bool quoted = false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' && (quoted || i == 0)) quoted = !quoted;
		if (quoted && s.p[i] == '\\' && i + 1 < s.n)
			i++;
		else if (!quoted && is_separator(p, s.p[i]))
			return i;
	}
	return s.n;
}

static struct slice skip_blanks(struct slice s)
{
	while (s.n > 0 && s.p[0] == ' ') s = slice_sub(s, 1, s.n);
	return s;
}

/* Takes one field and the separator behind it off *rest (p NULL: it was the last). false: a quote is open. */
static bool take_field(const struct recipient_parser *p, struct slice *rest, char *scratch, struct slice *out)
{
	struct slice s = skip_blanks(*rest);
	size_t end = 0;
	if (s.n > 0 && s.p[0] == '"') {
		end = take_quoted(s, scratch, out);
		struct slice after = skip_blanks(slice_sub(s, end, s.n));
		if (end == 0) return false;
		if (after.n > 0 && !is_separator(p, after.p[0])) end = 0; /* "john doe"@example.org */
		if (end > 0) end = s.n - after.n;
	}
	if (end == 0) {
		end = plain_end(p, s);
		*out = slice_sub(s, 0, end);
	}
	*out = slice_trim(*out);
	*rest = end < s.n ? slice_sub(s, end + 1, s.n) : (struct slice){NULL, 0};
	return true;
}

static bool names_the_column(struct slice field)
{
	static const char *const names[] = {"email", "e-mail", "address", "mail", "recipient"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (slice_equal_nocase(field, slice_str(names[i]))) return true;
	return false;
}

static char first_separator(struct slice line)
{
	struct recipient_parser any = {0};
	bool quoted = false;
	for (size_t i = 0; i < line.n; i++) {
		if (line.p[i] == '"') quoted = !quoted;
		if (!quoted && is_separator(&any, line.p[i])) return line.p[i];
	}
	return '\0';
}

/* A header is a first line without an address in it and with a field of one of the names. */
static bool read_header(struct recipient_parser *p, struct slice line, char *scratch)
{
	struct recipient_parser own = {.started = true, .separator = first_separator(line)};
	struct slice field;
	if (slice_find(line, '@') < line.n) return false;
	const char *begin = line.p;
	for (size_t i = 0; line.p && take_field(&own, &line, scratch + (line.p - begin), &field); i++)
		if (names_the_column(field)) {
			own.column = i;
			*p = own;
			return true;
		}
	return false;
}

/* Only in a file that has a header and tabs may the first column be told to be empty. */
static struct slice without_ends(const struct recipient_parser *p, struct slice line)
{
	if (p->separator != '\t') return slice_trim(line);
	while (line.n > 0 && (line.p[line.n - 1] == '\n' || line.p[line.n - 1] == '\r')) line.n--;
	return slice_trim(line).n ? line : SLICE_EMPTY;
}

enum recipient_line recipient_line(struct recipient_parser *p, struct slice line, char *scratch, struct slice *address)
{
	struct slice field = SLICE_EMPTY;
	if (!p->started && slice_starts(line, SLICE("\xef\xbb\xbf"))) line = slice_sub(line, 3, line.n);
	line = without_ends(p, line);
	*address = line;
	if (line.n == 0 || line.p[0] == '#') return RECIPIENT_LINE_NOTHING;
	if (!p->started && read_header(p, line, scratch)) return RECIPIENT_LINE_NOTHING;
	/* A field never has more octets than it took of the line, so its place in scratch is that in the line. All fields are
	 * looked at, since the last one may tell that the record goes on. */
	const char *begin = line.p;
	for (size_t i = 0; line.p; i++) {
		struct slice next;
		if (!take_field(p, &line, scratch + (line.p - begin), &next)) return RECIPIENT_LINE_MORE;
		if (i == p->column) field = next;
	}
	*address = field;
	p->started = true;
	return field.n ? RECIPIENT_LINE_ADDRESS : RECIPIENT_LINE_NOTHING;
}
