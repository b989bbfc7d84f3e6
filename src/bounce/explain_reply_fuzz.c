/* SPDX-License-Identifier: Apache-2.0 */
/* Any reply is explained: with a cause, sentences, and texts that have no control characters in links and zones. */
#include <assert.h>
#include <stdlib.h>

#include "bounce/explain_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct arena kept;
	static struct knowledge *k;
	char why[KNOWLEDGE_WHY];
	struct arena a;
	struct reply_verdict v;
	if (!k) {
		arena_init(&kept, KNOWLEDGE_ARENA);
		if (knowledge_parse(&kept, knowledge_builtin(), &k, why) != ERR_OK) abort();
	}
	if (size < 2) return 0;
	struct reply_context c = {.text = slice_of(data + 2, size - 2),
	                          .stage = (enum stage)(data[0] % STAGE_COUNT),
	                          .delayed = data[1] & 1,
	                          .about = data[1] >> 1 & 1};
	if (data[1] & 4) c.status = slice_sub(c.text, 0, 7);
	if (data[1] & 8) c.host = slice_sub(c.text, 3, 30);
	if (data[1] & 16) c.recipient = slice_sub(c.text, 10, 20);
	arena_init(&a, 4 << 20);
	if (!explain_reply(&a, k, &c, &v)) abort();
	assert(v.cause < CAUSE_COUNT && v.actor < ACTOR_COUNT && v.stage < STAGE_COUNT && v.confidence <= 100);
	assert(v.means.n && v.advice.n);
	for (size_t i = 0; i < v.link_count; i++)
		for (size_t j = 0; j < v.links[i].n; j++) assert((unsigned char)v.links[i].p[j] > ' ');
	arena_free(&a);
	return 0;
}
