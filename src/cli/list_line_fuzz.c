/* SPDX-License-Identifier: Apache-2.0 */
/* Any line: a listing that could be stored, or what is wrong. */
#include <assert.h>

#include "cli/list_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena texts;
	struct listing l = {.reason = SLICE("none")};
	arena_init(&texts, 1 << 16);
	const char *why = list_line_parse(&texts, slice_of(data, size), &l);
	assert(why ? *why : l.unit.length == 32 || l.unit.length == 64);
	assert(l.reason.n <= 255 && l.expires >= 0);
	for (size_t i = 0; i < l.reason.n; i++) assert((unsigned char)l.reason.p[i] >= ' ' && l.reason.p[i] != 0x7f);
	arena_free(&texts);
	return 0;
}
