/* SPDX-License-Identifier: Apache-2.0 */
/* The result is UTF-8 on one line, and reading it again changes little: no controls come up. */
#include <assert.h>

#include "mail/encodedword.h"
#include "mail/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;
	arena_init(&a, 64 << 20);
	struct slice text = encodedword_decode(&a, slice_of(data, size));
	assert(text.p && utf8_valid(text) && text.n <= size * 3 + 16);
	for (size_t i = 0; i < text.n; i++) assert((unsigned char)text.p[i] >= ' ' && text.p[i] != 0x7F);
	arena_free(&a);
	return 0;
}
