/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/format.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "auth/stamp.h"
#include "cli/cli.h"
#include "store/acts.h"
#include "store/spool.h"

#define LONGEST_SPAN (100LL * 366 * 86400)

static const struct {
	char letter;
	int64_t seconds;
} units[] = {{'w', 7 * 86400}, {'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};

const char *format_time(int64_t unix_time, char out[FORMAT_TIME_SIZE])
{
	time_t t = (time_t)unix_time;
	struct tm tm;
	if (unix_time == 0 || !gmtime_r(&t, &tm) || strftime(out, FORMAT_TIME_SIZE, "%Y-%m-%d %H:%M:%SZ", &tm) == 0)
		snprintf(out, FORMAT_TIME_SIZE, "-");
	return out;
}

const char *format_span(int64_t seconds, char out[FORMAT_SPAN_SIZE])
{
	const char *sign = seconds < 0 ? "-" : "";
	uint64_t n = seconds < 0 ? -(uint64_t)seconds : (uint64_t)seconds;
	size_t unit = n >= 2 * 86400 ? 1 : n >= 2 * 3600 ? 2 : n >= 2 * 60 ? 3 : 4;
	n /= (uint64_t)units[unit].seconds;
	if (n > 999999999) n = 999999999;
	snprintf(out, FORMAT_SPAN_SIZE, "%s%u%c", sign, (unsigned)n, units[unit].letter);
	return out;
}

const char *format_safe(struct slice text, char *out, size_t size)
{
	size_t n = text.n < size ? text.n : size - 1;
	while (n < text.n && n > 0 && ((unsigned char)text.p[n] & 0xc0) == 0x80) n--;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		/* The C1 controls are 0xc2 0x80..0x9f in UTF-8. */
		bool c1 = c >= 0x80 && c <= 0x9f && i > 0 && (unsigned char)text.p[i - 1] == 0xc2;
		out[i] = c < ' ' || c == 0x7f || c1 ? '?' : text.p[i];
		if (c1) out[i - 1] = '?';
	}
	out[n] = '\0';
	return out;
}

json_t *format_json(struct slice text)
{
	char *copy = text.n ? strndup(text.p, text.n) : strdup("");
	json_t *string = copy ? cli_json_text(copy) : NULL;
	free(copy);
	return string;
}

json_t *format_json_time(int64_t unix_time)
{
	return unix_time ? json_integer(unix_time) : json_null();
}

bool format_parse_span(const char *text, int64_t *seconds)
{
	struct slice number = slice_str(text);
	int64_t unit = 1;
	uint64_t n;
	for (size_t i = 0; number.n > 0 && i < sizeof units / sizeof *units; i++)
		if (number.p[number.n - 1] == units[i].letter) {
			unit = units[i].seconds;
			number.n--;
			break;
		}
	if (!slice_to_u64(number, &n) || n == 0 || n > (uint64_t)(LONGEST_SPAN / unit)) return false;
	*seconds = (int64_t)n * unit;
	return true;
}

json_t *format_json_classes(unsigned classes)
{
	json_t *a = json_array();
	for (unsigned i = 0; i < ACT_CLASS_COUNT; i++)
		if (classes & (1u << i)) json_array_append_new(a, json_string(act_class_name(i)));
	return a;
}

bool format_parse_id(const char *text, uint64_t *id)
{
	return spool_id_parse(stamp_id(slice_str(text)), id);
}
