/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/suffixes.h"

#include "cli/tool.h"

#define LIST_MOST (16 * 1024 * 1024) /* publicsuffix.org's has a third of a megabyte */

int suffixes_option(const char *path, struct suffix_list **list)
{
	struct arena a;
	struct slice text;
	char why[TOOL_WHY];
	int status = 0;
	suffix_list_free(*list);
	*list = NULL;
	arena_init(&a, LIST_MOST + 4096);
	if (!tool_read_file(&a, path, LIST_MOST, &text, why)) {
		cli_complain("%s", why);
		status = CLI_CANNOT;
	} else if (text.n == 0 || suffix_list_load(text, list)) {
		/* An empty text would mean the system's list, which is not what was asked for. */
		cli_complain("%s: no public suffix list", path);
		status = CLI_CANNOT;
	}
	arena_free(&a);
	return status;
}
