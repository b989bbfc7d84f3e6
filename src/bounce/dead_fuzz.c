/* SPDX-License-Identifier: Apache-2.0 */
/* Any octets as a report from which is learned, as a virus notice, and as what a person hands on. */
#include <assert.h>
#include <stdlib.h>

#include "bounce/addressee.h"
#include "bounce/dead.h"
#include "bounce/virus.h"
#include "mail/original.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct arena kept;
	static struct knowledge *k;
	char why[KNOWLEDGE_WHY];
	struct arena a;
	struct mime m;
	struct original o;
	struct dead found[DEAD_MOST];
	if (!k) {
		arena_init(&kept, KNOWLEDGE_ARENA);
		if (knowledge_parse(&kept, knowledge_builtin(), &k, why) != ERR_OK) abort();
	}
	arena_init(&a, (size_t)64 << 20);
	if (mime_parse(&a, slice_of(data, size), &m)) {
		size_t n = dead_find(&a, k, &m, found);
		assert(n <= DEAD_MOST);
		for (size_t i = 0; i < n; i++) assert(found[i].address.n > 0 && found[i].words.p);
		virus_notice(&a, m.root);
		if (original_find(&a, m.root, &o)) addressee_compare(m.root, o.header);
	}
	arena_free(&a);
	return 0;
}
