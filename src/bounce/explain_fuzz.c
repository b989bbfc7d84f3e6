/* SPDX-License-Identifier: Apache-2.0 */
/* Any octets as a bounce. */
#include <assert.h>
#include <stdlib.h>

#include "bounce/explain_recipients.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct arena kept;
	static struct knowledge *k;
	char why[KNOWLEDGE_WHY];
	struct arena a;
	struct mime m;
	struct explanation e;
	struct explained_recipient *list;
	size_t n;
	if (!k) {
		arena_init(&kept, KNOWLEDGE_ARENA);
		if (knowledge_parse(&kept, knowledge_builtin(), &k, why) != ERR_OK) abort();
	}
	arena_init(&a, (size_t)64 << 20);
	if (mime_parse(&a, slice_of(data, size), &m) && explain(&a, k, &m, &e)) {
		assert(e.verdict.means.n && e.verdict.advice.n);
		for (size_t i = 0; i < e.reply.n; i++)
			assert((unsigned char)e.reply.p[i] >= ' ' && e.reply.p[i] != 0x7f);
		if (explain_recipients(&a, k, &m, &e, &list, &n)) assert(n != 1 && n <= EXPLAIN_RECIPIENTS);
	}
	arena_free(&a);
	return 0;
}
