/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recipient_file - one address a line, or CSV
 *
 * Reads what postmasters have at hand: plain lists and spreadsheet exports. Lines end in LF or CRLF; a UTF-8 byte order mark, blank
 * lines and lines that begin with # are skipped. Columns are separated by comma, semicolon or tab (in a file with a header line:
 * whichever comes first in it); a field may be in double quotes, with "" for a quote inside, and go over several lines. The
 * address is in the first column, or in the one that the header line names email, address, mail or recipient (any case, also
 * e-mail). A quoted local part ("john doe"@example.org) is left as it is. Whether a field is an address is not looked at.
 *
 * Pure; the parser keeps no memory of lines.
 *
 *     struct recipient_parser p = {0};
 *     while (getline(&line, &room, file) > 0) {          // appends to what is there after RECIPIENT_LINE_MORE
 *             switch (recipient_line(&p, slice_str(line), scratch, &address)) ...
 */
#ifndef BACKSTOP_STORE_RECIPIENT_FILE_H
#define BACKSTOP_STORE_RECIPIENT_FILE_H

#include "base/slice.h"

struct recipient_parser {
	bool started;   /* the first record was seen */
	char separator; /* 0: any of them */
	size_t column;
};

enum recipient_line {
	RECIPIENT_LINE_NOTHING, /* blank, a comment, the header */
	RECIPIENT_LINE_ADDRESS,
	RECIPIENT_LINE_MORE, /* a quoted field is open: call again with the next line appended (or take it for an address) */
};

/* line: with or without its end. scratch has room for line.n octets; *address points into it or into line. */
enum recipient_line recipient_line(struct recipient_parser *p, struct slice line, char *scratch, struct slice *address);

#endif
