/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/taglist.h"

#include "mail/utf8.h"

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_name_char(char c)
{
	return is_alpha(c) || (c >= '0' && c <= '9') || c == '_';
}

static bool is_name(struct slice name)
{
	if (name.n == 0 || !is_alpha(name.p[0])) return false;
	for (size_t i = 1; i < name.n; i++)
		if (!is_name_char(name.p[i])) return false;
	return true;
}

/* Length of the white space that text begins with: blanks, and line ends with a blank behind them. RFC 6376 2.8
 * allows one line end in a run; more of them are let pass, since folding programs make them and nothing can hide
 * there. */
static size_t folding_space(struct slice text)
{
	size_t i = 0;
	while (i < text.n) {
		size_t end = text.p[i] == '\n'                                              ? 1
		             : text.n - i > 1 && text.p[i] == '\r' && text.p[i + 1] == '\n' ? 2
		                                                                            : 0;
		if (end > 0) {
			bool blank = i + end < text.n && (text.p[i + end] == ' ' || text.p[i + end] == '\t');
			if (!blank) break;
		} else if (text.p[i] != ' ' && text.p[i] != '\t') {
			break;
		}
		i += end + 1;
	}
	return i;
}

/* RFC 6376 3.2: VALCHAR, with white space only where it folds. */
static bool is_value(struct slice value)
{
	for (size_t i = 0; i < value.n;) {
		unsigned char c = (unsigned char)value.p[i];
		struct slice rest = slice_sub(value, i, value.n);
		size_t n = c > 127 ? utf8_length(rest) : c >= 33 && c <= 126 ? 1 : folding_space(rest);
		if (n == 0) return false;
		i += n;
	}
	return true;
}

static bool read_tag(struct slice text, struct tag *out)
{
	size_t equals = slice_find(text, '=');
	if (equals == text.n) return false;
	out->name = slice_trim(slice_sub(text, 0, equals));
	out->whole = slice_sub(text, equals + 1, text.n);
	out->value = slice_trim(out->whole);
	return is_name(out->name) && is_value(out->value);
}

enum error taglist_read(struct slice text, struct taglist *out)
{
	out->count = 0;
	text = slice_sub(text, folding_space(text), text.n);
	while (text.p) {
		struct tag tag;
		struct slice part = slice_split(&text, ';');
		/* After the last ";" there may be nothing; RFC 6376 has no white space there, but people write it. */
		if (!text.p && out->count > 0 && slice_trim(part).n == 0) break;
		if (!read_tag(part, &tag)) return ERR_SYNTAX;
		for (size_t i = 0; i < out->count; i++)
			if (slice_equal(out->tags[i].name, tag.name)) return ERR_SYNTAX;
		if (out->count == TAGLIST_MOST) return ERR_LIMIT;
		out->tags[out->count++] = tag;
	}
	return out->count > 0 ? ERR_OK : ERR_SYNTAX;
}

const struct tag *taglist_tag(const struct taglist *t, const char *name)
{
	struct slice wanted = slice_str(name);
	for (size_t i = 0; i < t->count; i++)
		if (slice_equal(t->tags[i].name, wanted)) return &t->tags[i];
	return NULL;
}

bool taglist_find(const struct taglist *t, const char *name, struct slice *value)
{
	const struct tag *tag = taglist_tag(t, name);
	*value = tag ? tag->value : SLICE_EMPTY;
	return tag;
}

bool taglist_word(struct slice *rest, struct slice *word)
{
	if (!rest->p) return false;
	*word = slice_trim(slice_split(rest, ':'));
	return true;
}

bool taglist_has_word(struct slice value, struct slice word)
{
	struct slice one;
	while (taglist_word(&value, &one))
		if (slice_equal_nocase(one, word)) return true;
	return false;
}
