/* SPDX-License-Identifier: Apache-2.0 */
#include "bounce/forwarded.h"

#include "bounce/received.h"
#include "mail/address.h"
#include "mail/mailbox.h"
#include "mail/original.h"

#define MAILBOXES_MOST 20 /* of a field */

/* ---- the message ------------------------------------------------------------------------------------------------- */

/* What stands in the text, or as a header alone, as a message of its own. */
static const struct mime_part *read_again(struct arena *a, const struct original *o)
{
	struct mime m;
	struct slice header = slice_trim(o->header);
	size_t n = header.n + 2 + o->body.n;
	char *text = arena_alloc(a, n);
	if (!text) return NULL;
	memcpy(text, header.p, header.n);
	memcpy(text + header.n, "\n\n", 2);
	if (o->body.n) memcpy(text + header.n + 2, o->body.p, o->body.n);
	return mime_parse(a, slice_of(text, n), &m) ? m.root : NULL;
}

/* ---- whence it came ---------------------------------------------------------------------------------------------- */

static bool find_source(const struct mime_part *root, const struct forwarded_eyes *eyes, struct ip *out)
{
	const struct header_field *f = NULL;
	struct ip first = {0};
	while ((f = mime_field_after(root, "Received", f))) {
		struct received_words w;
		received_read(f->value, &w);
		bool ours = w.by.n && slice_equal_nocase(w.by, eyes->hostname);
		if (!ours && !(w.by.n && eyes->trusted(w.by, eyes->arg))) break;
		bool outside = w.from.family && !eyes->inside(&w.from, eyes->arg);
		if (ours) first = outside ? w.from : (struct ip){0};
		if (outside && !first.family) first = w.from;
		if (ours) break;
	}
	*out = first;
	return first.family != 0;
}

/* ---- to whom ----------------------------------------------------------------------------------------------------- */

static struct slice own_address(struct arena *a, struct slice value, const struct forwarded_eyes *eyes)
{
	struct mailbox_reader r;
	struct mailbox m;
	mailbox_begin(&r, a, value);
	for (int i = 0; i < MAILBOXES_MOST && mailbox_next(&r, &m); i++) {
		struct slice domain = m.literal ? SLICE_EMPTY : domain_canonical(a, m.domain);
		if (domain.n && eyes->owns(domain, eyes->arg))
			return arena_printf(a, "%.*s@%.*s", SLICE_ARG(m.local), SLICE_ARG(domain));
	}
	return SLICE_EMPTY;
}

static struct slice find_target(struct arena *a, const struct mime_part *root, const struct forwarded_eyes *eyes)
{
	static const char *const names[] = {"Delivered-To", "X-Original-To", "Envelope-To", "To", "Cc"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct slice found = own_address(a, mime_value(root, names[i]), eyes);
		if (found.n) return found;
	}
	return SLICE_EMPTY;
}

/* ---- both -------------------------------------------------------------------------------------------------------- */

enum forwarded_result forwarded_find(struct arena *a, const struct mime_part *root, const struct forwarded_eyes *eyes,
                                     struct forwarded *out)
{
	struct original o;
	*out = (struct forwarded){.target = SLICE_EMPTY, .return_path = SLICE_EMPTY};
	if (!original_find(a, root, &o)) return arena_exhausted(a) ? FORWARDED_NO_MEMORY : FORWARDED_NOTHING;
	out->root = o.root ? o.root : read_again(a, &o);
	if (!out->root) return FORWARDED_NO_MEMORY;
	out->has_return_path = mime_field(out->root, "Return-Path") != NULL;
	struct slice path = slice_trim(mime_value(out->root, "Return-Path"));
	if (path.n >= 2 && path.p[0] == '<' && path.p[path.n - 1] == '>') path = slice_sub(path, 1, path.n - 1);
	out->return_path = path;
	out->target = find_target(a, out->root, eyes);
	if (!out->target.p) out->target = SLICE_EMPTY;
	return find_source(out->root, eyes, &out->source) ? FORWARDED_FOUND : FORWARDED_NO_SOURCE;
}
