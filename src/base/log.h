/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log - one canonical line per thing that happened
 *
 * A line is a level, an event name and fields; it is written to standard error as logfmt or JSON in a single write.
 * Every value is escaped: control characters, quotes and non-UTF-8 octets cannot forge or break a line. A line longer than
 * 16 KiB loses the end of its longest values, marked with "…"; never its structure. Lines never go to a user's SMTP reply.
 *
 * The line under construction is a buffer of the thread: begin ... end without a wait in between (log_begin forbids
 * waiting until log_end). Any thread.
 *
 *     log_begin(LOG_INFO, "message");
 *     log_slice("from", sender);
 *     log_uint("size", n);
 *     log_end();
 *
 * Events are named in docs/log.md, which says what each means and what to do; scripts/check-docs fails when one is missing.
 * In tests, log_capture() collects the lines.
 */
#ifndef BACKSTOP_BASE_LOG_H
#define BACKSTOP_BASE_LOG_H

#include <stdarg.h>

#include "base/error.h"
#include "base/slice.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };
enum log_format { LOG_LOGFMT, LOG_JSON };

/* Before threads start, or again on reload. service: static text put on every line ("relay"). */
void log_setup(enum log_format format, enum log_level level, const char *service);
bool log_enabled(enum log_level level);

void log_begin(enum log_level level, const char *event); /* adds time, level, service, event */
void log_str(const char *key, const char *value);        /* NULL value: the field is left out */
void log_slice(const char *key, struct slice value);
void log_int(const char *key, int64_t value);
void log_uint(const char *key, uint64_t value);
void log_bool(const char *key, bool value);
void log_error(const char *key, enum error e);
void log_printf(const char *key, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_end(void);

/* A line with only a text: log_text(LOG_WARNING, "config", "tls.key: %s", why) */
void log_text(enum log_level level, const char *event, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Tests: lines of all threads go to this function instead of standard error; NULL restores. */
void log_capture(void (*line)(struct slice, void *), void *arg);

#endif
