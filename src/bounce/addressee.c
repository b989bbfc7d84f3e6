/* SPDX-License-Identifier: Apache-2.0 */
#include "bounce/addressee.h"

#define VALUE_MOST   2000 /* octets of To that are searched */
#define ADDRESS_MOST 320
#define COMPARE_MOST 12 /* addresses of the returned header */

struct slice addressee_unquoted(struct slice line)
{
	size_t i = 0;
	while (i < line.n && (line.p[i] == '>' || line.p[i] == '|' || line.p[i] == ' ' || line.p[i] == '\t')) i++;
	return slice_sub(line, i, line.n);
}

bool addressee_is_field(struct slice line)
{
	size_t colon = slice_find(line, ':');
	for (size_t i = 0; i < colon; i++)
		if (line.p[i] <= ' ' || line.p[i] > '~') return false;
	return colon > 0 && colon < line.n;
}

/* ---- addresses ------------------------------------------------------------------------------------------------------- */

static bool is_address(unsigned char c)
{
	return c > ' ' && c != '<' && c != '>' && c != '(' && c != ')' && c != ',' && c != ';' && c != ':' &&
	       c != '"' && c != '\'' && c != '[' && c != ']';
}

/* The next word with an @ in it; what is left of the text in *rest. */
static bool next_address(struct slice *rest, struct slice *out)
{
	for (;;) {
		size_t at = slice_find(*rest, '@');
		if (at == rest->n) return false;
		size_t from = at, to = at + 1;
		while (from > 0 && is_address((unsigned char)rest->p[from - 1])) from--;
		while (to < rest->n && is_address((unsigned char)rest->p[to])) to++;
		*out = slice_sub(*rest, from, to);
		*rest = slice_sub(*rest, to, rest->n);
		if (at - from > 0 && out->n > at - from + 1 && out->n <= ADDRESS_MOST) return true;
	}
}

static bool names(struct slice value, struct slice address)
{
	struct slice rest = slice_sub(value, 0, VALUE_MOST), one;
	while (next_address(&rest, &one))
		if (slice_equal_nocase(one, address)) return true;
	return false;
}

static bool is_addressee(const struct mime_part *root, struct slice address)
{
	static const char *const fields[] = {"To", "Delivered-To", "X-Original-To", "Envelope-To"};
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		if (names(mime_value(root, fields[i]), address)) return true;
	return false;
}

/* ---- the returned header --------------------------------------------------------------------------------------------- */

enum interest { NOTHING, AUTHOR, TRANSPORT, TYPE };

static enum interest interest_of(struct slice name)
{
	static const struct {
		const char *name;
		enum interest interest;
	} fields[] = {{"From", AUTHOR},          {"Sender", AUTHOR},        {"Return-Path", AUTHOR},
	              {"Received", TRANSPORT},   {"Message-ID", TRANSPORT}, {"Content-Type", TYPE},
	              {"X-Return-Path", AUTHOR}, {"Errors-To", AUTHOR},     {"Reply-To", AUTHOR}};
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		if (slice_equal_nocase(name, slice_str(fields[i].name))) return fields[i].interest;
	return NOTHING;
}

static bool is_daemon(struct slice address)
{
	return slice_starts_nocase(address, SLICE("mailer-daemon")) ||
	       slice_starts_nocase(address, SLICE("postmaster@")) ||
	       slice_starts_nocase(address, SLICE("MicrosoftExchange"));
}

static void read_author(const struct mime_part *root, struct slice value, size_t *compared,
                        struct addressee_findings *f)
{
	struct slice rest = slice_sub(value, 0, VALUE_MOST), one;
	while (*compared < COMPARE_MOST && next_address(&rest, &one)) {
		++*compared;
		f->author |= is_addressee(root, one);
		f->report |= is_daemon(one);
	}
}

struct addressee_findings addressee_compare(const struct mime_part *root, struct slice header)
{
	struct addressee_findings f = {0};
	enum interest interest = NOTHING;
	size_t compared = 0;
	for (size_t lines = 0; header.p && lines < ADDRESSEE_LINES; lines++) {
		struct slice line = addressee_unquoted(slice_trim(slice_split(&header, '\n')));
		if (line.n == 0) break;
		struct slice value = line;
		if (addressee_is_field(line)) {
			size_t colon = slice_find(line, ':');
			interest = interest_of(slice_sub(line, 0, colon));
			value = slice_trim(slice_sub(line, colon + 1, line.n));
			f.transported |= interest == TRANSPORT || slice_starts_nocase(line, SLICE("Return-Path:"));
		}
		if (interest == AUTHOR) read_author(root, value, &compared, &f);
		if (interest == TYPE) f.report |= slice_starts_nocase(value, SLICE("multipart/report"));
	}
	return f;
}
