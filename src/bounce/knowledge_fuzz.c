/* SPDX-License-Identifier: Apache-2.0 */
/* Any octets as a knowledge file: refused with a reason, or good for any question. */
#include <assert.h>

#include "bounce/explain_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a, scratch;
	struct knowledge *k;
	char why[KNOWLEDGE_WHY];
	arena_init(&a, KNOWLEDGE_ARENA);
	arena_init(&scratch, 1 << 20);
	enum error e = knowledge_load(&a, slice_of(data, size), &k, why);
	assert((e == ERR_OK) == (k != NULL));
	assert(e == ERR_OK || e == ERR_NO_MEMORY || why[0]);
	if (k) {
		struct reply_context c =
			{.text = SLICE("550 5.7.1 Client host [192.0.2.1] blocked using zen.spamhaus.org; spam"),
		         .host = SLICE("mx.example.org"),
		         .stage = STAGE_rcpt};
		struct reply_verdict v;
		explain_reply(&scratch, k, &c, &v);
	}
	arena_free(&scratch);
	arena_free(&a);
	return 0;
}
