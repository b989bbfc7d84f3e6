/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "net/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proxy_header h, again;
	struct slice all = slice_of(data, size);
	enum proxy_result result = proxy_parse(all, &h);
	if (size >= PROXY_V2_MAX) assert(result != PROXY_MORE);
	if (result != PROXY_DONE) return 0;
	assert(h.size <= size && h.size <= PROXY_V2_MAX);
	/* The header alone is a header, and no proper beginning of it is one. */
	assert(proxy_parse(slice_sub(all, 0, h.size), &again) == PROXY_DONE && again.size == h.size);
	for (size_t n = 0; n < h.size; n++) assert(proxy_parse(slice_sub(all, 0, n), &again) == PROXY_MORE);
	return 0;
}
