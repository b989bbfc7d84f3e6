/* SPDX-License-Identifier: Apache-2.0 */
/*
 * header - the header fields of a message (RFC 5322 2.2, RFC 5321 4.5.3 and 6.3)
 *
 * Reads a message, or a header block alone, whose lines end in CR LF or LF, as a slice that stays the caller's.
 * Nothing in it is trusted: a line that is neither a field nor the continuation of one is handed out as such
 * (malformed), and reading goes on until the empty line, since programs differ in where they would stop. A CR that no
 * LF follows is an ordinary octet. Pure; any thread.
 *
 *     struct header_iterator it;
 *     struct header_field f;
 *     for (header_begin(&it, message); header_next(&it, &f);)
 *             if (header_is(&f, "Subject")) subject = header_unfold(arena, f.value);
 */
#ifndef BACKSTOP_MAIL_HEADER_H
#define BACKSTOP_MAIL_HEADER_H

#include "base/arena.h"
#include "base/slice.h"

struct header_field {
	struct slice name;  /* without the colon and blanks before it; empty when malformed */
	struct slice value; /* all after the colon, still folded, without the last line end; the line when malformed */
	struct slice raw;   /* the whole field with its last line end (a cut-off message may lack it) */
	bool malformed;
};

struct header_iterator {
	struct slice message;
	size_t at;  /* of the next field; at the end: of the body, past the empty line */
	bool ended; /* the empty line was seen; false at the end of a message that has none */
};

void header_begin(struct header_iterator *it, struct slice message);
bool header_next(struct header_iterator *it, struct header_field *out);      /* false: no more */
static inline bool header_is(const struct header_field *f, const char *name) /* any case */
{
	return slice_equal_nocase(f->name, slice_str(name));
}
/* The value on one line, without blanks around it. Points into the value when that is one line already, else into the
 * arena; {NULL, 0} when that is exhausted. RFC 5322 2.2.3: only line ends are removed, the blanks after them stay. */
struct slice header_unfold(struct arena *a, struct slice value);
/* The first field of that name (any case); false when there is none. */
bool header_find(struct slice message, const char *name, struct header_field *out);
size_t header_count(struct slice message, const char *name);

/* The offset just past the empty line that ends the header, or HEADER_NOT_YET. *scanned is where to look next time: 0
 * at first, then kept by the caller while the message grows, so that each octet is looked at once. */
#define HEADER_NOT_YET SIZE_MAX
size_t header_end(struct slice message, size_t *scanned);

struct header_limits {
	size_t octets, fields, received; /* the most there may be; 0: no limit */
};

enum header_verdict {
	HEADER_OK,
	HEADER_TOO_BIG, /* more octets than allowed */
	HEADER_TOO_MANY_FIELDS,
	HEADER_TOO_MANY_HOPS, /* more Received fields than allowed: a loop, RFC 5321 6.3 */
};

/* What one pass over a header tells. */
struct header_survey {
	enum header_verdict verdict; /* the first limit passed; the counts then stop there, except octets */
	size_t octets;               /* to the end of the empty line, or all when there is none */
	size_t fields, received, malformed, message_ids;
	bool complete;  /* the empty line was there */
	bool eight_bit; /* an octet over 127 */
	struct slice message_id, from, to, subject,
		date; /* values of the first field of each name, folded; empty: none */
};
/* message may be the whole message or the beginning that has come so far. */
void header_survey(struct slice message, const struct header_limits *limits, struct header_survey *out);

#endif
