/* SPDX-License-Identifier: Apache-2.0 */
/* The fields, put together, are the header; its end is found in one piece and octet by octet alike. */
#include <assert.h>

#include "mail/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice message = slice_of(data, size);
	struct header_iterator it;
	struct header_field f;
	struct header_survey s;
	static const struct header_limits none = {0};
	struct arena a;
	size_t at = 0, fields = 0, scanned = 0, end = HEADER_NOT_YET;
	arena_init(&a, 1 << 20);
	for (header_begin(&it, message); header_next(&it, &f); fields++) {
		assert(f.raw.p == message.p + at && f.raw.n > 0);
		at += f.raw.n;
		header_unfold(&a, f.value);
	}
	for (size_t n = 0; n <= size && size < 4096 && end == HEADER_NOT_YET; n++)
		end = header_end(slice_sub(message, 0, n), &scanned);
	if (size < 4096) assert(it.ended ? end == it.at : end == HEADER_NOT_YET && at == size);
	header_survey(message, &none, &s);
	assert(s.fields == fields && s.complete == it.ended && s.octets == it.at);
	arena_free(&a);
	return 0;
}
