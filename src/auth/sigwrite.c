/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/sigwrite.h"

#include <stdio.h>

#include "auth/base64.h"

#define TOGETHER 64 /* octets as base64 that are not folded: hashes */

/* ---- the field ------------------------------------------------------------------------------------------------- */

static void put(struct sigwrite *w, struct slice s)
{
	if (w->failed || s.n == 0) return;
	if (s.n > w->size - w->n) {
		size_t size = (w->size + s.n) * 2;
		char *text = arena_alloc(w->arena, size);
		w->failed = !text;
		if (!text) return;
		if (w->n > 0) memcpy(text, w->text, w->n);
		w->text = text;
		w->size = size;
	}
	memcpy(w->text + w->n, s.p, s.n);
	w->n += s.n;
	w->column += s.n;
}

static void fold(struct sigwrite *w)
{
	put(w, SLICE("\r\n\t"));
	w->column = 8;
}

static size_t room(const struct sigwrite *w)
{
	return w->column < SIGWRITE_COLUMNS ? SIGWRITE_COLUMNS - w->column : 0;
}

/* Begins "tag=", on a new line when there is not also room for `least` more. */
static void begin_tag(struct sigwrite *w, const char *tag, size_t least)
{
	if (strlen(tag) + least + 3 > room(w))
		fold(w);
	else
		put(w, SLICE(" "));
	put(w, slice_str(tag));
	put(w, SLICE("="));
}

void sigwrite_begin(struct sigwrite *w, struct arena *a, const char *name)
{
	*w = (struct sigwrite){.arena = a};
	put(w, slice_str(name));
	put(w, SLICE(":"));
}

void sigwrite_tag(struct sigwrite *w, const char *tag, struct slice value)
{
	begin_tag(w, tag, value.n);
	put(w, value);
	put(w, SLICE(";"));
}

void sigwrite_number(struct sigwrite *w, const char *tag, int64_t value)
{
	char text[24];
	int n = snprintf(text, sizeof text, "%lld", (long long)value);
	sigwrite_tag(w, tag, slice_of(text, n > 0 ? (size_t)n : 0));
}

void sigwrite_list(struct sigwrite *w, const char *tag, struct slice value)
{
	begin_tag(w, tag, slice_find(value, ':') + 1);
	while (value.p) {
		struct slice word = slice_split(&value, ':');
		if (word.n + 1 > room(w)) fold(w);
		put(w, word);
		put(w, value.p ? SLICE(":") : SLICE(";"));
	}
}

/* Text that may be folded anywhere. */
static void put_folded(struct sigwrite *w, struct slice text)
{
	while (text.n > 0) {
		if (room(w) == 0) fold(w);
		struct slice part = slice_sub(text, 0, room(w));
		put(w, part);
		text = slice_sub(text, part.n, text.n);
	}
}

void sigwrite_octets(struct sigwrite *w, const char *tag, struct slice octets)
{
	struct slice text = base64_encode(w->arena, octets);
	if (!text.p) w->failed = true;
	begin_tag(w, tag, text.n <= TOGETHER ? text.n : 1);
	put_folded(w, text);
	put(w, SLICE(";"));
}

struct slice sigwrite_unsigned(struct sigwrite *w)
{
	begin_tag(w, "b", 1);
	return w->failed ? (struct slice){NULL, 0} : slice_of(w->text, w->n);
}

struct slice sigwrite_signed(struct sigwrite *w, struct slice signature)
{
	struct slice text = base64_encode(w->arena, signature);
	if (!text.p) w->failed = true;
	put_folded(w, text);
	put(w, SLICE("\r\n"));
	return w->failed ? (struct slice){NULL, 0} : slice_of(w->text, w->n);
}

/* ---- names ----------------------------------------------------------------------------------------------------- */

static const char *const oversigned[] = {"From",     "To",         "Cc",           "Subject",     "Date",
                                         "Reply-To", "Message-ID", "Content-Type", "MIME-Version"};

static bool is_oversigned(struct slice name)
{
	for (size_t i = 0; i < sizeof oversigned / sizeof *oversigned; i++)
		if (slice_equal_nocase(name, slice_str(oversigned[i]))) return true;
	return false;
}

static bool among(struct slice name, const struct slice *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (slice_equal_nocase(name, names[i])) return true;
	return false;
}

/* How often h= has the name. */
static size_t times(const struct fields *fields, struct slice name)
{
	size_t count = fields_named(fields, name);
	if (count > 0 && is_oversigned(name)) count++;
	return slice_equal_nocase(name, SLICE("From")) && count == 0 ? 1 : count;
}

static size_t put_name(char *to, size_t n, struct slice name, size_t count)
{
	for (; count > 0; count--) {
		if (n > 0) to[n++] = ':';
		memcpy(to + n, name.p, name.n);
		n += name.n;
	}
	return n;
}

struct slice sigwrite_names(struct arena *a, const struct fields *fields, const struct slice *wanted, size_t count,
                            const char *except)
{
	const struct slice from = SLICE("From");
	bool has_from = among(from, wanted, count);
	size_t size = (from.n + 1) * times(fields, from), n = 0;
	for (size_t i = 0; i < count; i++) size += (wanted[i].n + 1) * times(fields, wanted[i]);
	char *text = arena_alloc(a, size);
	if (!text) return (struct slice){NULL, 0};
	if (!has_from) n = put_name(text, n, from, times(fields, from));
	for (size_t i = 0; i < count; i++) {
		bool left_out =
			among(wanted[i], wanted, i) || (except && slice_equal_nocase(wanted[i], slice_str(except)));
		if (!left_out) n = put_name(text, n, wanted[i], times(fields, wanted[i]));
	}
	return slice_of(text, n);
}
