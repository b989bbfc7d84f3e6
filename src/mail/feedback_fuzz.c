/* SPDX-License-Identifier: Apache-2.0 */
/* Feedback reports and disposition notifications, which share their reading. */
#include <assert.h>

#include "mail/disposition.h"
#include "mail/feedback.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feedback f;
	struct disposition d;
	struct mime m;
	struct arena a;
	arena_init(&a, 64 << 20);
	struct slice content = slice_of(data, size);
	if (feedback_read(&a, content, &f)) assert(f.type.n > 0);
	disposition_read(&a, content, &d);
	assert(mime_parse(&a, content, &m));
	if (feedback_find(&a, m.root, &f)) assert(f.part && f.type.n > 0);
	if (disposition_find(&a, m.root, &d)) assert(d.part);
	arena_free(&a);
	return 0;
}
