/* SPDX-License-Identifier: Apache-2.0 */
/* Any text: a stamp that is good is one that we would write, and whatever is written is good. */
#include <assert.h>

#include "auth/stamp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct slice secret = {"key", 3};
	static const struct srs_secrets secrets = {&secret, 1};
	const int64_t now = 1700000000;
	struct slice in = slice_of(data, size);
	struct stamp s;
	struct arena a;
	arena_init(&a, 1 << 16);
	if (stamp_read(in, &secrets, now, 17, &s) >= STAMP_EXPIRED) {
		assert(slice_equal_nocase(in, slice_of(s.text, s.id_size + 1 + STAMP_SIZE)));
		(void)stamp_is_from(&s, in);
	}
	struct stamp_facts f = {.id = stamp_id(in), .return_path = in, .domain = in, .time = now};
	struct slice made = stamp_write(&a, &f, secret);
	if (made.p) {
		enum stamp_verdict v = stamp_read(made, &secrets, now, 17, &s);
		assert(v == STAMP_GOOD && s.kind == STAMP_UNPROVEN && stamp_is_from(&s, in));
		assert(slice_equal_nocase(stamp_id(made), f.id));
	}
	arena_free(&a);
	return 0;
}
