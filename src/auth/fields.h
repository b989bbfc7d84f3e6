/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fields - a header's fields, found by name from the bottom up as signatures name them (RFC 6376 5.4.2)
 *
 * The header is read once; naming a field costs the same however many there are. The first naming of a name takes the
 * lowest field of it, the next the one above, and when all are taken there is none: what is signed then is that no more
 * were there. Lies in the arena, points into the header. Pure.
 *
 *     struct fields *f;
 *     e = fields_read(arena, header, &f);
 *     fields_restart(f);                                        // for each signature
 *     while (taglist_word(&names, &name))
 *             if (fields_take(f, name, own, &field)) canonical_field(&out, how, &field);
 */
#ifndef BACKSTOP_AUTH_FIELDS_H
#define BACKSTOP_AUTH_FIELDS_H

#include "base/arena.h"
#include "base/error.h"
#include "mail/header.h"

#define FIELDS_NONE UINT32_MAX

struct fields;

/* ERR_OK, ERR_NO_MEMORY, or ERR_LIMIT for a header of 4 GiB. It ends as in mail/header.h. */
enum error fields_read(struct arena *a, struct slice header, struct fields **out);
uint32_t fields_count(const struct fields *f);
struct header_field fields_at(const struct fields *f, uint32_t i); /* from the top */
/* Fields of that name, any case: how many, and the lowest and the ones above, FIELDS_NONE at the end. */
uint32_t fields_named(const struct fields *f, struct slice name);
uint32_t fields_lowest(const struct fields *f, struct slice name);
uint32_t fields_above(const struct fields *f, uint32_t i);
void fields_restart(struct fields *f);
/* The lowest field of that name not taken since the restart; false: none. except: the index of a field that is never
 * taken (the signature itself), or FIELDS_NONE. */
bool fields_take(struct fields *f, struct slice name, uint32_t except, struct header_field *out);

#endif
