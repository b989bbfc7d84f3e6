/* SPDX-License-Identifier: Apache-2.0 */
/* Reading goes forward, ends, and what is read has a local part or a domain as its form says. */
#include <assert.h>

#include "mail/mailbox.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;
	struct mailbox_reader r;
	struct mailbox m;
	size_t at = 0;
	arena_init(&a, 16 << 20);
	mailbox_begin(&r, &a, slice_of(data, size));
	while (mailbox_next(&r, &m)) {
		assert(r.at > at && r.at <= size);
		at = r.at;
		assert(m.domain.n > 0 && m.literal == (m.domain.p[0] == '['));
		assert(m.display.n == 0 ||
		       (m.display.p >= (const char *)data && m.display.p + m.display.n <= (const char *)data + size));
	}
	assert(r.error == MAILBOX_OK || r.error == MAILBOX_SYNTAX);
	if (r.error == MAILBOX_OK) assert(r.at == size && !r.in_group);
	arena_free(&a);
	return 0;
}
