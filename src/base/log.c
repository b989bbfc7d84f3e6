/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log - see log.h
 *
 * A line is built in place, escaped as it is copied, in a buffer of the thread; there is no stdio and no allocation. The
 * text of the current second is kept per thread, because gmtime_r() costs more than the rest of a line. The buffer is
 * larger than a line may be, so that shortening, which knows only then which values are the longest, can wait for the end.
 */
#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/fiber.h"

#define LINE_LIMIT   (16 * 1024) /* what is written, newline included */
#define BUFFER_SIZE  (64 * 1024)
#define RESERVE      64 /* always left for closing quotes, braces and the newline */
#define FIELD_LIMIT  64
#define PRINTF_LIMIT 4096
#define ELLIPSIS     "\xe2\x80\xa6" /* U+2026 */

struct field { /* where the escaped text of a value lies */
	uint32_t start, length;
};

struct line {
	bool open;    /* between log_begin() and log_end() */
	bool enabled; /* the level is on */
	bool json;
	size_t used;
	size_t field_count;
	struct field fields[FIELD_LIMIT];
	time_t second;
	char second_text[24]; /* "2026-11-23T22:27:18." */
	char scratch[PRINTF_LIMIT];
	char text[BUFFER_SIZE];
};

static __thread struct line line;

static _Atomic int current_level = LOG_INFO;
static _Atomic int current_format = LOG_LOGFMT;
static const char *_Atomic current_service = "backstop";
static atomic_bool cut_short; /* the last write left a line without its newline */

static atomic_bool captured;
static pthread_mutex_t capture_lock = PTHREAD_MUTEX_INITIALIZER;
static void (*capture_line)(struct slice, void *);
static void *capture_arg;

static const char *const level_names[] = {"debug", "info", "warning", "error"};

/* ---- what an octet is ----------------------------------------------------------------------------------------------- */

enum octet { PLAIN, QUOTED, ESCAPED, HIGH }; /* bare; needs quotes; needs an escape; part of UTF-8 or garbage */

static inline enum octet octet_kind(unsigned char c)
{
	if (c >= 0x80) return HIGH;
	if (c < 0x20 || c == 0x7f || c == '"' || c == '\\') return ESCAPED;
	return c == ' ' || c == '=' ? QUOTED : PLAIN;
}

/* Length of the well-formed UTF-8 sequence at p (RFC 3629 4), 0 when there is none. */
static size_t utf8_sequence(const unsigned char *p, size_t n, uint32_t *code)
{
	size_t length = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	if (p[0] < 0xc2 || p[0] > 0xf4 || n < length) return 0;
	uint32_t value = p[0] & (0xffu >> (length + 1));
	for (size_t i = 1; i < length; i++) {
		if ((p[i] & 0xc0) != 0x80) return 0;
		value = value << 6 | (p[i] & 0x3fu);
	}
	if (value < least[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) return 0;
	*code = value;
	return length;
}

/* Characters that move the cursor or turn the text around in a terminal or pager: C1 controls, line separators, direction marks. */
static bool code_is_control(uint32_t code)
{
	return code < 0xa0 || code == 0x2028 || code == 0x2029 || (code >= 0x202a && code <= 0x202e) ||
	       (code >= 0x2066 && code <= 0x2069) || code == 0x200e || code == 0x200f || code == 0x061c ||
	       code == 0xfeff;
}

/* ---- shortening ------------------------------------------------------------------------------------------------------- */

/* Length of one unit of escaped text: an escape, a UTF-8 character, or one octet. */
static size_t unit_length(const char *p, size_t n, bool json)
{
	uint32_t code;
	size_t length = 1;
	if (p[0] == '\\' && n > 1)
		length = p[1] == 'x' && !json ? 4 : p[1] == 'u' && json ? 6 : 2;
	else if ((unsigned char)p[0] >= 0x80)
		length = utf8_sequence((const unsigned char *)p, n, &code);
	return length == 0 || length > n ? 1 : length;
}

/* Cuts a value to at most keep octets plus the mark, at the border of a unit. */
static void field_cut(size_t index, size_t keep)
{
	struct field *f = &line.fields[index];
	const char *p = line.text + f->start;
	size_t at = 0;
	while (at < f->length) {
		size_t unit = unit_length(p + at, f->length - at, line.json);
		if (at + unit > keep) break;
		at += unit;
	}
	size_t mark = sizeof ELLIPSIS - 1;
	if (at + mark >= f->length) return; /* nothing is won */
	size_t lost = f->length - (at + mark);
	char *tail = line.text + f->start + f->length;
	memcpy(line.text + f->start + at, ELLIPSIS, mark);
	memmove(tail - lost, tail, (size_t)(line.text + line.used - tail));
	line.used -= lost;
	f->length -= (uint32_t)lost;
	for (size_t i = index + 1; i < line.field_count; i++) line.fields[i].start -= (uint32_t)lost;
}

/* Cuts the longest values until the line is at most target octets; structure is never cut. */
static void line_shorten(size_t target)
{
	while (line.used > target) {
		size_t longest = 0;
		for (size_t i = 1; i < line.field_count; i++)
			if (line.fields[i].length > line.fields[longest].length) longest = i;
		if (line.field_count == 0 || line.fields[longest].length < 16) return;
		size_t length = line.fields[longest].length, excess = line.used - target + 8;
		size_t keep = excess < length / 2 ? length - excess : length / 2;
		field_cut(longest, keep);
	}
}

/* ---- building --------------------------------------------------------------------------------------------------------- */

static void put(const char *p, size_t n)
{
	memcpy(line.text + line.used, p, n);
	line.used += n;
}

static void put_hex(const char *prefix, size_t n, unsigned value, unsigned digits)
{
	static const char hex[] = "0123456789abcdef";
	put(prefix, n);
	while (digits-- > 0) line.text[line.used++] = hex[value >> (4 * digits) & 15];
}

static void put_escaped_ascii(unsigned char c)
{
	const char *letters = "\n\r\t\"\\", *names = "nrt\"\\";
	const char *at = c ? strchr(letters, c) : NULL;
	if (at) {
		line.text[line.used++] = '\\';
		line.text[line.used++] = names[at - letters];
	} else if (line.json) {
		put_hex("\\u", 2, c, 4);
	} else {
		put_hex("\\x", 2, c, 2);
	}
}

/* One character beyond ASCII, or one octet that is none; returns the octets taken. */
static size_t put_high(const unsigned char *p, size_t n)
{
	uint32_t code = 0;
	size_t length = utf8_sequence(p, n, &code);
	if (length && !code_is_control(code)) {
		put((const char *)p, length);
		return length;
	}
	if (length && line.json) { /* all control characters are below U+10000 */
		put_hex("\\u", 2, code, 4);
		return length;
	}
	if (line.json)
		put_hex("\\u", 2, p[0], 4);
	else
		put_hex("\\x", 2, p[0], 2);
	return 1;
}

/* Escapes v, at most LINE_LIMIT octets of output; longer values end with the mark. */
static void put_escaped(struct slice v)
{
	size_t start = line.used, i = 0;
	while (i < v.n && line.used - start < LINE_LIMIT - 8) {
		unsigned char c = (unsigned char)v.p[i];
		enum octet kind = octet_kind(c);
		if (kind == HIGH) {
			i += put_high((const unsigned char *)v.p + i, v.n - i);
			continue;
		}
		if (kind == ESCAPED)
			put_escaped_ascii(c);
		else
			line.text[line.used++] = (char)c;
		i++;
	}
	if (i < v.n) put(ELLIPSIS, sizeof ELLIPSIS - 1);
}

/* True when the value may stand bare in logfmt; HIGH ones may not, because they may have to be escaped. */
static bool is_bare(struct slice v)
{
	if (v.n == 0 || v.n > LINE_LIMIT / 2) return false;
	for (size_t i = 0; i < v.n; i++)
		if (octet_kind((unsigned char)v.p[i]) != PLAIN) return false;
	return true;
}

/* Writes " key=" or ,"key": when the line takes the field. */
static bool key_begin(const char *key)
{
	size_t n = strlen(key);
	assert(line.open && n <= 128);
	if (!line.enabled || line.field_count == FIELD_LIMIT) return false;
	if (line.used > LINE_LIMIT) line_shorten(LINE_LIMIT - RESERVE);
	if (line.used + n + LINE_LIMIT + RESERVE > BUFFER_SIZE) return false;
	if (line.json) {
		put(",\"", 2);
		put(key, n);
		put("\":", 2);
	} else {
		line.text[line.used++] = ' ';
		put(key, n);
		line.text[line.used++] = '=';
	}
	return true;
}

void log_slice(const char *key, struct slice value)
{
	if (!key_begin(key)) return;
	if (!line.json && is_bare(value)) {
		line.fields[line.field_count++] = (struct field){(uint32_t)line.used, (uint32_t)value.n};
		put(value.p, value.n);
		return;
	}
	line.text[line.used++] = '"';
	struct field *f = &line.fields[line.field_count++];
	f->start = (uint32_t)line.used;
	put_escaped(value);
	f->length = (uint32_t)(line.used - f->start);
	line.text[line.used++] = '"';
}

void log_str(const char *key, const char *value)
{
	if (value) log_slice(key, slice_str(value));
}

/* Numbers and truth values are no fields to line_shorten(): half a number would be a lie, and no JSON. */
void log_uint(const char *key, uint64_t value)
{
	char digits[20];
	size_t at = sizeof digits;
	do digits[--at] = (char)('0' + value % 10);
	while (value /= 10);
	if (key_begin(key)) put(digits + at, sizeof digits - at);
}

void log_int(const char *key, int64_t value)
{
	char digits[21];
	size_t at = sizeof digits;
	uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	do digits[--at] = (char)('0' + rest % 10);
	while (rest /= 10);
	if (value < 0) digits[--at] = '-';
	if (key_begin(key)) put(digits + at, sizeof digits - at);
}

void log_bool(const char *key, bool value)
{
	if (key_begin(key)) put(value ? "true" : "false", value ? 4 : 5);
}

void log_error(const char *key, enum error e)
{
	log_str(key, error_text(e));
}

__attribute__((format(printf, 2, 0))) static void log_vprintf(const char *key, const char *format, va_list args)
{
	if (!line.enabled) return;
	int n = vsnprintf(line.scratch, sizeof line.scratch, format, args);
	if (n < 0) return;
	struct slice text = slice_of(line.scratch, (size_t)n);
	if (text.n >= sizeof line.scratch) {
		text.n = sizeof line.scratch - 1;
		memcpy(line.scratch + text.n - 3, ELLIPSIS, 3);
	}
	log_slice(key, text);
}

void log_printf(const char *key, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	log_vprintf(key, format, args);
	va_end(args);
}

/* ---- a whole line ----------------------------------------------------------------------------------------------------- */

/* The longest key and value around a time are far below what put() may take without a check. */
static void put_time(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	if (now.tv_sec != line.second || line.second_text[0] == '\0') {
		struct tm tm;
		if (!gmtime_r(&now.tv_sec, &tm)) memset(&tm, 0, sizeof tm);
		if (strftime(line.second_text, sizeof line.second_text, "%Y-%m-%dT%H:%M:%S.", &tm) == 0)
			line.second_text[0] = '\0';
		line.second = now.tv_sec;
	}
	put(line.second_text, strlen(line.second_text));
	unsigned ms = (unsigned)(now.tv_nsec / 1000000);
	char tail[4] = {(char)('0' + ms / 100), (char)('0' + ms / 10 % 10), (char)('0' + ms % 10), 'Z'};
	put(tail, sizeof tail);
}

void log_setup(enum log_format format, enum log_level level, const char *service)
{
	atomic_store(&current_format, format);
	atomic_store(&current_level, level);
	if (service) atomic_store(&current_service, service);
}

bool log_enabled(enum log_level level)
{
	return (int)level >= atomic_load_explicit(&current_level, memory_order_relaxed);
}

void log_begin(enum log_level level, const char *event)
{
	assert(!line.open);
	line.open = true;
	fiber_forbid_wait("a log line is open");
	line.enabled = log_enabled(level);
	if (!line.enabled) return;
	line.json = atomic_load_explicit(&current_format, memory_order_relaxed) == LOG_JSON;
	line.used = 0;
	line.field_count = 0;
	if (line.json) {
		put("{\"time\":\"", 9);
		put_time();
		put("\"", 1);
	} else {
		put("time=", 5);
		put_time();
	}
	log_str("level", level_names[level]);
	log_str("service", atomic_load_explicit(&current_service, memory_order_relaxed));
	log_str("event", event);
}

/* One write. A reader that is slow or gone costs us the line, never the work. */
static void line_write(const char *p, size_t n)
{
	if (atomic_load_explicit(&cut_short, memory_order_relaxed) && atomic_exchange(&cut_short, false))
		if (write(STDERR_FILENO, "\n", 1) < 0) atomic_store(&cut_short, true);
	ssize_t done;
	do done = write(STDERR_FILENO, p, n);
	while (done < 0 && errno == EINTR);
	if (done > 0 && (size_t)done < n) {
		ssize_t rest = write(STDERR_FILENO, p + done, n - (size_t)done);
		if (rest < 0 || (size_t)(done + rest) < n) atomic_store(&cut_short, true);
	}
}

static void line_capture(struct slice text)
{
	pthread_mutex_lock(&capture_lock);
	if (capture_line) capture_line(text, capture_arg);
	pthread_mutex_unlock(&capture_lock);
}

void log_end(void)
{
	assert(line.open);
	line.open = false;
	if (line.enabled) {
		if (line.used > LINE_LIMIT - RESERVE) line_shorten(LINE_LIMIT - RESERVE);
		if (line.json) line.text[line.used++] = '}';
		line.text[line.used] = '\n';
		if (atomic_load_explicit(&captured, memory_order_acquire))
			line_capture(slice_of(line.text, line.used));
		else
			line_write(line.text, line.used + 1);
	}
	fiber_allow_wait();
}

void log_text(enum log_level level, const char *event, const char *format, ...)
{
	if (!log_enabled(level)) return;
	log_begin(level, event);
	va_list args;
	va_start(args, format);
	log_vprintf("text", format, args);
	va_end(args);
	log_end();
}

void log_capture(void (*take)(struct slice, void *), void *arg)
{
	pthread_mutex_lock(&capture_lock);
	capture_line = take;
	capture_arg = arg;
	atomic_store_explicit(&captured, take != NULL, memory_order_release);
	pthread_mutex_unlock(&capture_lock);
}
