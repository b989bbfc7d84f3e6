/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/list_line.h"

#include <jansson.h>

#include "cli/unit.h"

bool list_line_is_empty(struct slice line)
{
	line = slice_trim(line);
	return line.n == 0 || line.p[0] == '#';
}

/* One line, without control characters, as everywhere. */
static bool take_reason(struct arena *texts, struct slice text, struct listing *l)
{
	text = slice_sub(slice_trim(text), 0, 255);
	if (text.n == 0) return true;
	char *copy = arena_alloc(texts, text.n);
	if (!copy) return false;
	for (size_t i = 0; i < text.n; i++)
		copy[i] = (unsigned char)text.p[i] < ' ' || text.p[i] == 0x7f ? ' ' : text.p[i];
	l->reason = slice_of(copy, text.n);
	return true;
}

static const char *take_object(struct arena *texts, struct slice line, struct listing *l)
{
	json_error_t error;
	json_t *o = json_loadb(line.p, line.n, JSON_REJECT_DUPLICATES, &error);
	const char *unit = json_string_value(json_object_get(o, "unit")), *why = NULL;
	const json_t *reason = json_object_get(o, "reason"), *expires = json_object_get(o, "expires");
	if (!json_is_object(o))
		why = "not JSON";
	else if (!unit || !unit_parse(slice_str(unit), &l->unit))
		why = "unit is not an IPv4 address, IPv6 address or IPv6 /64";
	else if (expires && !json_is_null(expires) && (!json_is_integer(expires) || json_integer_value(expires) < 0))
		why = "expires is not a Unix time";
	else if (!take_reason(texts, slice_str(json_is_string(reason) ? json_string_value(reason) : ""), l))
		why = "out of memory";
	if (!why && json_is_integer(expires)) l->expires = json_integer_value(expires);
	json_decref(o);
	return why;
}

static const char *take_words(struct arena *texts, struct slice line, struct listing *l)
{
	size_t end = 0;
	while (end < line.n && line.p[end] != ' ' && line.p[end] != '\t' && line.p[end] != '#') end++;
	if (!unit_parse(slice_sub(line, 0, end), &l->unit)) return "not an IPv4 address, IPv6 address or IPv6 /64";
	struct slice reason = slice_sub(line, end, line.n);
	return take_reason(texts, slice_sub(reason, 0, slice_find(reason, '#')), l) ? NULL : "out of memory";
}

const char *list_line_parse(struct arena *texts, struct slice line, struct listing *l)
{
	line = slice_trim(line);
	return line.n && line.p[0] == '{' ? take_object(texts, line, l) : take_words(texts, line, l);
}
