/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reply - SMTP replies, made and read (RFC 5321 4.2, RFC 2034)
 *
 * A reply is a code, an enhanced status and text lines; text lines are joined with LF in `text`. Its memory is the
 * given arena. Replies to be sent are sanitised (control characters and octets over 127 replaced by '?') and cut into
 * lines of at most 512 octets with CR LF. Replies read are limited: REPLY_MAX_LINES lines of REPLY_MAX_LINE octets;
 * more text is dropped, the code kept; their text is as it came, so it is for the log, the report and reply_format,
 * which all clean it. When an arena is exhausted the text is lost, never the code. Pure, but for the link prefix.
 */
#ifndef BACKSTOP_SMTP_REPLY_H
#define BACKSTOP_SMTP_REPLY_H

#include "base/arena.h"
#include "base/error.h"
#include "smtp/reason.h"

#define REPLY_MAX_LINES 128
#define REPLY_MAX_LINE  2048

struct reply {
	int code;           /* 200..599; 0: none yet */
	char enhanced[12];  /* "5.1.1"; empty when the other server gave none */
	struct slice text;  /* lines joined by "\n", without codes */
	enum reason reason; /* REASON_ok when the reply came from another server or is a success */
};

static inline bool reply_positive(const struct reply *r)
{
	return r->code >= 200 && r->code < 400;
}
static inline bool reply_temporary(const struct reply *r)
{
	return r->code >= 400 && r->code < 500;
}
static inline bool reply_permanent(const struct reply *r)
{
	return r->code >= 500;
}

/* The prefix of links in our refusals, e.g. "https://bl.example.net/reason/"; the reason's name is added. Set at start
 * and on reload, by one thread at a time, while others make replies; the text is copied and the copy lives until the
 * process ends (a few octets for each change). Empty: no link. */
void reply_set_link_prefix(struct slice prefix);

/* enhanced may be NULL or empty: none, as in the greeting and the answer to EHLO (RFC 2034 4). */
void reply_set(struct arena *a, struct reply *r, int code, const char *enhanced, struct slice text);
/* The row's code and sentence, ": detail" when detail is not empty, and the link as "; see URL". */
void reply_set_reason(struct arena *a, struct reply *r, enum reason reason, struct slice detail);

/* Gives a reply that came without an enhanced code the general one of its class ("5.0.0"), so that it may be passed on
 * to a client that was offered ENHANCEDSTATUSCODES. */
void reply_complete_enhanced(struct reply *r);

/* Wire form into out (a growing text in the arena): "550-5.1.1 first\r\n550 5.1.1 last\r\n". Without enhanced codes
 * when with_enhanced is false (the client said HELO). {NULL,0} on exhaustion. */
struct slice reply_format(struct arena *a, const struct reply *r, bool with_enhanced);

/* Reading, line by line. Feed one line (without its line end) at a time. */
enum reply_progress { REPLY_MORE, REPLY_DONE, REPLY_BAD };
struct reply_reader {
	struct arena *arena;
	struct reply *reply;
	int lines;
	char *text; /* reply->text, with room to grow */
	size_t room;
};
void reply_reader_init(struct reply_reader *rr, struct arena *a, struct reply *into);
/* REPLY_BAD: not a reply line, a code that differs from the first line's, or a reply that does not end in 16 times
 * REPLY_MAX_LINES lines. The enhanced code of the first line is kept when its class is that of the code, and taken off
 * every line that begins with the same one. */
enum reply_progress reply_reader_line(struct reply_reader *rr, struct slice line);

#endif
