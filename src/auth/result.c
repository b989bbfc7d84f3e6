/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/result.h"

static const char *const texts[] = {
#define X(name, text) [AUTH_##name] = text,
	AUTH_RESULT_TABLE(X)
#undef X
};

const char *auth_result_text(enum auth_result r)
{
	return r < AUTH_RESULT_COUNT ? texts[r] : "none";
}

bool auth_result_parse(struct slice text, enum auth_result *out)
{
	for (enum auth_result r = 0; r < AUTH_RESULT_COUNT; r++) {
		if (!slice_equal_nocase(text, slice_str(texts[r]))) continue;
		*out = r;
		return true;
	}
	return false;
}
