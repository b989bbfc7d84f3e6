/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/tool_secret.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SECRET_MOST 4096

int tool_secret_file(struct tool_run *run, const char *member, const char *path)
{
	char text[SECRET_MOST + 1];
	bool standard = strcmp(path, "-") == 0;
	FILE *f = standard ? stdin : fopen(path, "re");
	size_t n = f ? fread(text, 1, sizeof text, f) : 0;
	bool failed = !f || ferror(f);
	int why = errno;
	if (f && !standard) fclose(f);
	if (failed) {
		cli_complain("%s: %s", path, strerror(why));
		return CLI_CANNOT;
	}
	if (n > SECRET_MOST) return cli_usage("%s: more than %d octets", path, SECRET_MOST);
	if (n && text[n - 1] == '\n') n--;
	if (n && text[n - 1] == '\r') n--;
	json_t *string = json_stringn(text, n); /* NULL also when it is not UTF-8 */
	if (!string || memchr(text, '\0', n)) {
		json_decref(string);
		return cli_usage("%s: not a text in UTF-8", path);
	}
	json_object_set_new(run->question, member, string);
	return 0;
}
