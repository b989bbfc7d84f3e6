/* SPDX-License-Identifier: Apache-2.0 */
/*
 * format - how tenant, recipients, queue and list show values, and durations as they are typed
 *
 * Texts that came from elsewhere (addresses, replies of remote servers) pass through format_safe() before they reach a
 * terminal: control characters could otherwise rewrite what the postmaster sees. No state; any thread.
 */
#ifndef BACKSTOP_CLI_FORMAT_H
#define BACKSTOP_CLI_FORMAT_H

#include <jansson.h>

#include "base/slice.h"

#define FORMAT_TIME_SIZE 24
#define FORMAT_SPAN_SIZE 16

/* "2026-11-23 22:17:00Z"; "-" for 0. */
const char *format_time(int64_t unix_time, char out[FORMAT_TIME_SIZE]);
/* "59s", "12m", "3h", "4d": one unit, rounded down; negative spans have a minus. */
const char *format_span(int64_t seconds, char out[FORMAT_SPAN_SIZE]);
/* Control characters become "?"; no more than size - 1 octets, and a character of UTF-8 is not cut in two. */
const char *format_safe(struct slice text, char *out, size_t size);
/* A JSON string of any octets (cli_json_text), and a time: an integer, or null for 0. */
json_t *format_json(struct slice text);
json_t *format_json_time(int64_t unix_time);
/* The names of classes of backscatter (store/acts.h), by their bits. */
json_t *format_json_classes(unsigned classes);

/* The id of a message as people copy it: from a log, or from a Received field, where a stamp follows it (auth/stamp.h). */
bool format_parse_id(const char *text, uint64_t *id);
/* "90s", "5m", "2h", "4w", "30d" or plain seconds, more than none; false when it is none of these. */
bool format_parse_span(const char *text, int64_t *seconds);

#endif
