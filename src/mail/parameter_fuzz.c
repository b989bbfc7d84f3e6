/* SPDX-License-Identifier: Apache-2.0 */
/* Any parameter of any field value is found or not, and no value is longer than its limit. */
#include <assert.h>

#include "mail/parameter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"charset", "boundary", "name", "filename", "x"};
	struct slice value = slice_of(data, size), word = parameter_main(value), out;
	struct arena a;
	arena_init(&a, 64 << 20);
	assert(word.n == 0 || (word.p >= value.p && word.p + word.n <= value.p + size));
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (parameter_find(&a, value, names[i], &out)) assert(out.p && out.n <= size * 3 + 16);
	assert(!arena_exhausted(&a));
	arena_free(&a);
	return 0;
}
