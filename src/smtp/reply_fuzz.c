/* SPDX-License-Identifier: Apache-2.0 */
/* Reads lines as a reply, writes it, and reads what was written: lines fit, and code and text length agree. */
#include <assert.h>

#include "smtp/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_wire(struct arena *a, const struct reply *r, bool with_enhanced)
{
	struct slice wire = reply_format(a, r, with_enhanced);
	struct reply again;
	struct reply_reader rr;
	enum reply_progress p = REPLY_MORE;
	if (!wire.p) return;
	reply_reader_init(&rr, a, &again);
	while (wire.n) {
		struct slice line = slice_split(&wire, '\n');
		assert(p == REPLY_MORE && wire.p && line.n >= 4 && line.n <= 511 && line.p[line.n - 1] == '\r');
		for (size_t i = 0; i + 1 < line.n; i++) assert(line.p[i] >= 32 && line.p[i] <= 126);
		p = reply_reader_line(&rr, slice_sub(line, 0, line.n - 1));
	}
	assert(p == REPLY_DONE && again.code == r->code);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = slice_of(data, size);
	struct reply r;
	struct reply_reader rr;
	struct arena a;
	enum reply_progress p = REPLY_MORE;
	if (size > 65536) return 0;
	arena_init(&a, 4 << 20);
	reply_reader_init(&rr, &a, &r);
	while (rest.p && p == REPLY_MORE) p = reply_reader_line(&rr, slice_split(&rest, '\n'));
	if (r.code) {
		check_wire(&a, &r, true);
		check_wire(&a, &r, false);
		reply_complete_enhanced(&r);
		check_wire(&a, &r, true);
	}
	struct slice text = slice_of(data, size);
	reply_set_reason(&a, &r, (enum reason)(size % REASON_COUNT), text);
	check_wire(&a, &r, true);
	arena_free(&a);
	return 0;
}
