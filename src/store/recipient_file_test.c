/* SPDX-License-Identifier: Apache-2.0 */
#include "store/recipient_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Lines in, "address|address|" out; "+" for a line that wants more. */
static void files_are_read(void **state)
{
	static const struct {
		const char *name, *file, *expected;
	} cases[] = {
		{"plain", "joe@a.org\nann@a.org\n", "joe@a.org|ann@a.org|"},
		{"no end of the last line", "joe@a.org", "joe@a.org|"},
		{"CRLF and blanks", "  joe@a.org \r\n\r\n \t\r\nann@a.org\r\n", "joe@a.org|ann@a.org|"},
		{"byte order mark", "\xef\xbb\xbfjoe@a.org\n", "joe@a.org|"},
		{"byte order mark and header",
	         "\xef\xbb\xbf"
	         "email;name\njoe@a.org;Joe\n",
	         "joe@a.org|"},
		{"comments", "# list\njoe@a.org\n#ann@a.org\n", "joe@a.org|"},
		{"catch-all", "@a.org\n", "@a.org|"},
		{"first column", "joe@a.org,Joe Doe\nann@a.org;Ann;x\nzoe@a.org\tZoe\n",
	         "joe@a.org|ann@a.org|zoe@a.org|"},
		{"named column", "Name,E-Mail,Phone\nJoe,joe@a.org,1\n\"Doe, Ann\",ann@a.org,2\n",
	         "joe@a.org|ann@a.org|"},
		{"semicolons named", "name;Address\nDoe, Joe;joe@a.org\n", "joe@a.org|"},
		{"tabs named, first empty", "name\tmail\n\tjoe@a.org\nAnn\tann@a.org\n", "joe@a.org|ann@a.org|"},
		{"quoted header", "\"name\",\"recipient\"\n\"x\",\"joe@a.org\"\n", "joe@a.org|"},
		{"header of one column", "email\njoe@a.org\n", "joe@a.org|"},
		{"a name that is no header", "joe\nann\n", "joe|ann|"},
		{"header only at the top", "joe@a.org\nemail\n", "joe@a.org|email|"},
		{"an address is no header", "mail@a.org,email\n", "mail@a.org|"},
		{"quoted field", "\"joe@a.org\",x\n\"a\"\"b\"\n", "joe@a.org|a\"b|"},
		{"quoted local part", "\"john doe\"@a.org\n\"x,y\"@a.org,z\n", "\"john doe\"@a.org|\"x,y\"@a.org|"},
		{"row without the column", "name,email\nJoe\nAnn,ann@a.org\n", "ann@a.org|"},
		{"field over two lines", "joe@a.org,\"two\nlines\"\nann@a.org\n", "+joe@a.org|ann@a.org|"},
		{"header over two lines", "\"my\nname\",email\nx,joe@a.org\n", "+joe@a.org|"},
		{"quoted local part without end", "\"joe@a.org\nann@a.org\n", "++"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct recipient_parser p = {0};
		char out[400] = "", scratch[400], line[400];
		size_t n = 0;
		for (const char *c = cases[i].file; *c;) {
			struct slice address;
			size_t take = strcspn(c, "\n");
			take += c[take] == '\n';
			memcpy(line + n, c, take);
			n += take;
			c += take;
			size_t at = strlen(out);
			switch (recipient_line(&p, slice_of(line, n), scratch, &address)) {
			case RECIPIENT_LINE_MORE: snprintf(out + at, sizeof out - at, "+"); continue;
			case RECIPIENT_LINE_ADDRESS:
				snprintf(out + at, sizeof out - at, "%.*s|", SLICE_ARG(address));
				break;
			case RECIPIENT_LINE_NOTHING: break;
			}
			n = 0;
		}
		if (strcmp(out, cases[i].expected)) fail_msg("%s: %s", cases[i].name, out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(files_are_read)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
