/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mime - a message as a tree of parts (RFC 2045, RFC 2046)
 *
 * Reads any message, whole or cut off, in one pass, and never fails but for memory: what is broken is read as most
 * programs read it. Lines end in CR LF, LF, CR CR LF, or (in a message without any LF) CR. Parts point into the
 * message, which stays the caller's and must live as long as they; only a message without LF, or an embedded one that
 * came in base64 or quoted-printable, is copied into the arena. What is taken besides the standard: a missing
 * boundary parameter (found by looking), missing end boundaries, a part whose empty line is missing, an inner
 * multipart with its outer's boundary, parts after the end boundary, text that says it is base64, an mbox "From "
 * line on top.
 *
 * The parts are in one list in depth-first order; `next` leads on. The first is the message itself. An embedded
 * message (message/rfc822, message/global, message/partial) has one child: the message that it holds, with its own
 * header. So a message with a report in it is read as one tree, and `embedded` tells whose part a part is: 0 for
 * those of the outer message, 1 for those of a message within it. Limits: MIME_DEPTH levels, MIME_PARTS parts,
 * MIME_FIELDS indexed header fields a part; beyond them `cut` is set and the rest is content of the last part.
 *
 * About 2 µs for a message of 6 KB. Pure; any thread.
 *
 *     struct mime m;
 *     if (!mime_parse(&arena, message, &m)) return ERR_NO_MEMORY;
 *     struct slice subject = encodedword_decode(&arena, mime_value(m.root, "Subject"));
 *     for (const struct mime_part *p = m.root; p; p = mime_next(m.root, p))
 *             if (p->embedded == 0 && p->type == MIME_TEXT_PLAIN) look_at(mime_text(&arena, p, 64 << 10));
 */
#ifndef BACKSTOP_MAIL_MIME_H
#define BACKSTOP_MAIL_MIME_H

#include "mail/header.h"

#define MIME_DEPTH  20
#define MIME_PARTS  1000
#define MIME_FIELDS 1000

/* X(NAME, type, subtype): the media types that we know by number; the first row of a group with an empty subtype is
 * for all others of that type. */
#define MIME_TYPE_TABLE(X)                                                                                             \
	X(OTHER, "", "")                                                                                               \
	X(TEXT, "text", "")                                                                                            \
	X(TEXT_PLAIN, "text", "plain")                                                                                 \
	X(TEXT_HTML, "text", "html")                                                                                   \
	X(TEXT_HEADERS, "text", "rfc822-headers")                                                                      \
	X(TEXT_CALENDAR, "text", "calendar")                                                                           \
	X(MULTIPART, "multipart", "")                                                                                  \
	X(MULTIPART_REPORT, "multipart", "report")                                                                     \
	X(MULTIPART_DIGEST, "multipart", "digest")                                                                     \
	X(MULTIPART_ALTERNATIVE, "multipart", "alternative")                                                           \
	X(MULTIPART_SIGNED, "multipart", "signed")                                                                     \
	X(MESSAGE, "message", "")                                                                                      \
	X(MESSAGE_RFC822, "message", "rfc822")                                                                         \
	X(MESSAGE_GLOBAL, "message", "global")                                                                         \
	X(MESSAGE_PARTIAL, "message", "partial")                                                                       \
	X(DELIVERY_STATUS, "message", "delivery-status")                                                               \
	X(GLOBAL_DELIVERY_STATUS, "message", "global-delivery-status")                                                 \
	X(DISPOSITION, "message", "disposition-notification")                                                          \
	X(GLOBAL_DISPOSITION, "message", "global-disposition-notification")                                            \
	X(GLOBAL_HEADERS, "message", "global-headers")                                                                 \
	X(FEEDBACK_REPORT, "message", "feedback-report")                                                               \
	X(EXTERNAL_BODY, "message", "external-body")

enum mime_type {
#define X(name, type, subtype) MIME_##name,
	MIME_TYPE_TABLE(X)
#undef X
		MIME_TYPE_COUNT
};

enum mime_encoding {
	MIME_7BIT, /* also 8bit, binary, none */
	MIME_BASE64,
	MIME_QUOTED_PRINTABLE,
	MIME_UUENCODE,
	MIME_ENCODING_UNKNOWN, /* read as if there were none */
};

struct mime_part {
	struct mime_part *next;         /* in depth-first order; NULL at the end of the whole message */
	struct mime_part *parent;       /* NULL: the message itself */
	struct mime_part *first, *last; /* children; NULL: a leaf */
	struct mime_part *sibling;      /* the next child of the parent */
	unsigned depth;                 /* 0: the message itself */
	unsigned embedded;              /* messages around it */
	bool message;                   /* the root of a message, not a part of a multipart */
	bool attachment;                /* Content-Disposition: attachment */
	bool guessed; /* a text that says nothing of parts, and looks as if it had some: it may quote a message that has */

	struct slice header; /* with its empty line, if there is one; header.h reads it */
	struct slice body;   /* as it stands, encoded, without the line end before the boundary that follows */
	struct slice preamble, epilogue;   /* of a multipart: before its first and after its end boundary */
	const struct header_field *fields; /* the first MIME_FIELDS of the header, malformed ones too */
	size_t field_count;

	enum mime_type type;
	enum mime_encoding encoding;
	struct slice type_name, subtype_name; /* as written; "text" and "plain" (in a digest: message, rfc822) if not */
	struct slice content_type;            /* value of Content-Type, folded, for parameter_find(); empty: none */
	uint64_t names; /* mime_name_bit() of each field: most names that are asked for are not there */
};

struct mime {
	struct mime_part *root;
	size_t parts;
	struct slice message; /* what the parts point into: the caller's, or its copy with LF instead of CR */
	bool cut;             /* a limit was reached */
};

/* False when the arena is exhausted. */
bool mime_parse(struct arena *a, struct slice message, struct mime *out);

/* Is p, or what it is a part of, guessed? Then it may be the work of whoever wrote what is quoted. */
bool mime_is_guessed(const struct mime_part *p);
/* The part after p in depth-first order within the tree of root, root first; NULL: no more. */
const struct mime_part *mime_next(const struct mime_part *root, const struct mime_part *p);
/* The first part of that type in the tree of root, not looking into messages embedded in it; NULL: none. */
const struct mime_part *mime_find(const struct mime_part *root, enum mime_type type);
/* "text/html" and the like, any case. For types that have no number. */
bool mime_is(const struct mime_part *p, const char *type, const char *subtype);
bool mime_is_multipart(const struct mime_part *p); /* by its type; a broken one may have no children */
bool mime_is_message(const struct mime_part *p); /* message/rfc822, /global or /partial: `first` is the message in it */

static inline uint64_t mime_name_bit(struct slice name)
{
	return UINT64_C(1) << (name.n * 7 + (name.n ? name.p[0] | 0x20u : 0)) % 64;
}

const struct header_field *mime_find_field(const struct mime_part *p, struct slice name,
                                           const struct header_field *after);

/* The first (next after `after`, when not NULL) field of that name, any case; NULL: none. */
static inline const struct header_field *mime_field_after(const struct mime_part *p, const char *name,
                                                          const struct header_field *after)
{
	struct slice wanted = slice_str(name);
	return p->names & mime_name_bit(wanted) ? mime_find_field(p, wanted, after) : NULL;
}

static inline const struct header_field *mime_field(const struct mime_part *p, const char *name)
{
	return mime_field_after(p, name, NULL);
}

/* Its value, without blanks around, still folded; the empty slice when there is none. */
static inline struct slice mime_value(const struct mime_part *p, const char *name)
{
	const struct header_field *f = mime_field(p, name);
	return f ? slice_trim(f->value) : SLICE_EMPTY;
}

/* The content with the transfer encoding undone, at most `limit` octets of it. Points into the message when there was
 * nothing to undo. {NULL, 0} when the arena is exhausted. */
struct slice mime_octets(struct arena *a, const struct mime_part *p, size_t limit);
/* The same as text: UTF-8 by the part's charset, lines end in LF, HTML without its tags (see html.h), NULs taken out.
 * For a multipart its preamble (without children: its body). About `limit` octets at most, cut at a character. */
struct slice mime_text(struct arena *a, const struct mime_part *p, size_t limit);

#endif
