/* SPDX-License-Identifier: Apache-2.0 */
/* What is read lies within the limits; found in a message it is read alike. */
#include <assert.h>

#include "mail/status.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct status_report r;
	struct mime m;
	struct arena a;
	arena_init(&a, 64 << 20);
	struct slice content = slice_of(data, size);
	if (status_read(&a, content, &r)) {
		assert(r.recipient_count <= STATUS_RECIPIENTS);
		for (size_t i = 0; i < r.recipient_count; i++) {
			const struct status_recipient *p = &r.recipients[i];
			assert(p->fields.n > 0 && p->fields.p >= content.p &&
			       p->fields.p + p->fields.n <= content.p + size);
			assert(status_code(p->status).n <= p->status.n);
			assert(p->final.n <= p->final_raw.value.n && p->original.n <= p->original_raw.value.n);
		}
	}
	assert(mime_parse(&a, content, &m));
	if (status_find(&a, m.root, &r)) assert(r.part && r.part->embedded == 0);
	arena_free(&a);
	return 0;
}
