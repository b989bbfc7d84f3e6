/* SPDX-License-Identifier: Apache-2.0 */
/* First octet: which extensions are offered. The rest: lines. */
#include <assert.h>

#include "smtp/command.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1) return 0;
	struct command_extensions offered = {.size = data[0] & 1,
	                                     .eightbitmime = data[0] & 2,
	                                     .smtputf8 = data[0] & 4,
	                                     .dsn = data[0] & 8,
	                                     .prdr = data[0] & 16,
	                                     .auth = data[0] & 32,
	                                     .chunking = data[0] & 64};
	struct slice rest = slice_of(data + 1, size - 1);
	struct arena a;
	arena_init(&a, 1 << 20);
	while (rest.p) {
		struct command c;
		struct slice detail;
		enum reason r = command_parse(&a, slice_split(&rest, '\n'), &offered, &c, &detail);
		assert(r < REASON_COUNT && (c.verb != VERB_UNKNOWN || r == REASON_unknown_command));
		if (r != REASON_ok) continue;
		assert(offered.dsn || (c.envid.n == 0 && c.orcpt.n == 0 && c.notify == 0 && c.ret == RET_UNSET));
		assert(offered.smtputf8 || !c.path.utf8);
		assert(!(c.notify & NOTIFY_NEVER) || c.notify == NOTIFY_NEVER);
		if (c.envid.n) assert(c.envid.n <= 100 && xtext_decode(&a, c.envid).p);
	}
	arena_free(&a);
	return 0;
}
