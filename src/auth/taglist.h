/* SPDX-License-Identifier: Apache-2.0 */
/*
 * taglist - "tag=value; tag=value" (RFC 6376 3.2): signatures, key records, ARC's fields
 *
 * Strict: a list that is not of that form, or has a tag twice, is an error as a whole. UTF-8 may stand in values (RFC
 * 8616 4). Tags point into the text, which stays the caller's. Pure.
 *
 *     struct taglist tags;
 *     struct slice selector;
 *     if (taglist_read(text, &tags) == ERR_OK && taglist_find(&tags, "s", &selector)) ...
 */
#ifndef BACKSTOP_AUTH_TAGLIST_H
#define BACKSTOP_AUTH_TAGLIST_H

#include "base/error.h"
#include "base/slice.h"

#define TAGLIST_MOST 64 /* no standard knows a third of that */

struct tag {
	struct slice name;
	struct slice value; /* without blanks and line ends around it; they may stand inside */
	struct slice whole; /* all from behind the "=" to the ";" or the end: what is taken out of a signature for b= */
};

struct taglist {
	size_t count;
	struct tag tags[TAGLIST_MOST];
};

/* ERR_OK; ERR_SYNTAX, also for a tag that is there twice; ERR_LIMIT: over TAGLIST_MOST tags. */
enum error taglist_read(struct slice text, struct taglist *out);
const struct tag *taglist_tag(const struct taglist *t, const char *name); /* the case counts; NULL: not there */
/* False, and the empty slice, when the tag is not there. */
bool taglist_find(const struct taglist *t, const char *name, struct slice *value);
/* Takes the next of the words that colons part ("h=from : to") off *rest, without blanks around it; false at the
 * end. Begin with *rest = value. An empty word is handed out as such. */
bool taglist_word(struct slice *rest, struct slice *word);
/* Is word (any case) one of them? */
bool taglist_has_word(struct slice value, struct slice word);

#endif
