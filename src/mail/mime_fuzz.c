/* SPDX-License-Identifier: Apache-2.0 */
/* Every part lies within the message or in the arena, the list and the tree agree, and texts are UTF-8 within their limit. */
#include <assert.h>

#include "mail/mime.h"
#include "mail/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mime m;
	struct arena a;
	size_t parts = 0;
	arena_init(&a, 64 << 20);
	assert(mime_parse(&a, slice_of(data, size), &m));
	for (const struct mime_part *p = m.root; p; p = mime_next(m.root, p), parts++) {
		assert(p->depth <= MIME_DEPTH && p->field_count <= MIME_FIELDS);
		assert(p == m.root ? !p->parent && p->depth == 0 : p->depth == p->parent->depth + 1);
		assert(p->message == (!p->parent || mime_is_message(p->parent)));
		assert(!p->first || (p->first->parent == p && p->last->parent == p && p->next == p->first));
		assert(p->header.p + p->header.n == p->body.p || p->header.n == 0);
		if (p->parent && p->parent->body.p <= p->body.p && p->body.p <= p->parent->body.p + p->parent->body.n)
			assert(p->body.p + p->body.n <= p->parent->body.p + p->parent->body.n);
		struct slice text = mime_text(&a, p, 1000);
		assert(text.p && text.n <= 1000 && utf8_valid(text));
	}
	assert(parts == m.parts && parts <= MIME_PARTS);
	arena_free(&a);
	return 0;
}
