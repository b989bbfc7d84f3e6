/* SPDX-License-Identifier: Apache-2.0 */
/* The text is no longer than the HTML, and keeps to its limit. */
#include <assert.h>

#include "mail/html.h"
#include "mail/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice html = slice_of(data, size);
	struct arena a;
	arena_init(&a, 64 << 20);
	struct slice text = html_to_text(&a, html, SIZE_MAX), cut = html_to_text(&a, html, 20);
	assert(text.p && text.n <= size && cut.n <= 20);
	if (utf8_valid(html)) assert(utf8_valid(text) && utf8_valid(cut));
	arena_free(&a);
	return 0;
}
