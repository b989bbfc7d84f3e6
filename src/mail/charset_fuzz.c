/* SPDX-License-Identifier: Apache-2.0 */
/* The input up to the first LF is a label, then a text in that charset: it becomes UTF-8 within its limit. */
#include <assert.h>

#include "mail/charset.h"
#include "mail/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;
	struct slice text = slice_of(data, size);
	if (size == 0) return 0;
	struct slice label = slice_split(&text, '\n');
	if (!text.p) text = SLICE_EMPTY;
	arena_init(&a, 64 << 20);
	struct slice all = charset_to_utf8(&a, label, text, SIZE_MAX);
	assert(all.p && utf8_valid(all) && all.n <= text.n * 3);
	struct slice cut = charset_to_utf8(&a, label, text, 50);
	assert(cut.p && utf8_valid(cut) && cut.n <= 50);
	arena_free(&a);
	return 0;
}
