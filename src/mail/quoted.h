/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quoted - finding a message header in the middle of a text; for original.c only
 *
 * Lines end in LF. Linear. Pure; any thread.
 */
#ifndef BACKSTOP_MAIL_QUOTED_H
#define BACKSTOP_MAIL_QUOTED_H

#include "base/slice.h"

#define QUOTED_SURE 3 /* worth: announced, or with a Message-ID among other fields */

struct quoted {
	size_t from, to;  /* the header in the text, quoting included, without the empty line */
	size_t announced; /* where the line that announces it begins; from: none */
	size_t prefix;    /* octets of quoting before each line */
	size_t fields, known;
	bool message_id; /* one that looks like one */
	unsigned worth;  /* more is better; 0: nothing was found */
};

/* The best place there is. */
void quoted_find(struct slice text, struct quoted *out);
/* How many fields with the names of a message's header are in a header block. */
size_t quoted_known_fields(struct slice header);

#endif
