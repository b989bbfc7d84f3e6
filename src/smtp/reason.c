/* SPDX-License-Identifier: Apache-2.0 */
#include "smtp/reason.h"

#include <assert.h>

static const struct reason_row rows[REASON_COUNT] = {
#define X(name, code, enhanced, sentence) [REASON_##name] = {#name, code, enhanced, sentence},
	REASON_TABLE(X)
#undef X
};

const struct reason_row *reason_row(enum reason r)
{
	assert((unsigned)r < REASON_COUNT);
	return &rows[r];
}
