/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/tool_message.h"

#include "mail/header.h"

#define MESSAGE_MOST (100 * 1024 * 1024)

bool tool_read_message(struct arena *a, const json_t *question, struct tool_message *out, char why[TOOL_WHY])
{
	struct slice text;
	size_t scanned = 0;
	const char *path = tool_string(question, "file", NULL, why);
	if (!path || !tool_read_file(a, path, MESSAGE_MOST, &text, why)) return false;
	size_t end = header_end(text, &scanned);
	if (end == HEADER_NOT_YET) end = text.n; /* a header alone */
	out->header = slice_sub(text, 0, end);
	out->body = slice_sub(text, end, text.n);
	return true;
}
