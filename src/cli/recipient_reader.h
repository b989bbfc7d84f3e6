/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recipient_reader - the addresses of a file, one at a time
 *
 * Feeds a stream to store/recipient_file's parser. A quoted field may go over RECIPIENT_READER_LINES lines; where its end does
 * not come by then the quote was a mistake, and only the line that opened it is given out (to be refused as an address).
 * The stream stays the caller's.
 */
#ifndef BACKSTOP_CLI_RECIPIENT_READER_H
#define BACKSTOP_CLI_RECIPIENT_READER_H

#include <stdio.h>

#include "store/recipient_file.h"

#define RECIPIENT_READER_LINES 32
#define RECIPIENT_READER_LINE  (64 * 1024) /* longest line; the rest of a longer one is left out */

struct recipient_reader {
	FILE *file;
	struct recipient_parser parser;
	char *text, *scratch;
	size_t start, end, room; /* text[start..end) was read and not given out */
	uint64_t line;           /* lines given out */
	bool ended;
};

void recipient_reader_init(struct recipient_reader *r, FILE *file);
void recipient_reader_free(struct recipient_reader *r);
/* 1: *address (until the next call) and its line's number; 0: the end; -1: the file cannot be read, or no memory. */
int recipient_reader_next(struct recipient_reader *r, struct slice *address, uint64_t *line_number);

#endif
