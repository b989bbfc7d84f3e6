/* SPDX-License-Identifier: Apache-2.0 */
/* The header that is found is one, whether the input is a message or a text. */
#include <assert.h>

#include "mail/original.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct original *o)
{
	assert(o->form != ORIGINAL_NONE && o->header.n > 0 && o->fields > 0 && o->received <= o->fields);
	assert(o->announced ? o->form == ORIGINAL_QUOTED : true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct original o;
	struct mime m;
	struct arena a;
	arena_init(&a, 64 << 20);
	struct slice text = slice_of(data, size);
	size_t offset = original_offset(text);
	bool found = original_in_text(&a, text, &o);
	assert(offset <= size && (found || offset == size));
	if (found) check(&o);
	assert(mime_parse(&a, text, &m));
	if (original_find(&a, m.root, &o)) check(&o);
	arena_free(&a);
	return 0;
}
