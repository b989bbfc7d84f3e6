/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signals - which signals of a bundle a message shows
 *
 * Looks at the form of the outer message, then for all phrases at once in its subject, its author, its header and what it
 * says itself: at most SIGNALS_TEXT octets of its text parts, and none of the message that it returns. Conditions come last.
 * Pure; a struct signal_reader belongs to one thread.
 */
#ifndef BACKSTOP_BOUNCE_SIGNALS_H
#define BACKSTOP_BOUNCE_SIGNALS_H

#include "bounce/bundle.h"
#include "bounce/signal_set.h"
#include "bounce/structure.h"
#include "mail/mime.h"
#include "mail/status.h"

#define SIGNALS_TEXT   (32 * 1024) /* of text */
#define SIGNALS_HEADER (16 * 1024)

struct signals {
	struct signal_set fired;
	struct status_report status; /* when STRUCTURE_STATUS_FIELDS fired */
};

struct signal_reader;

struct signal_reader *signal_reader_new(void); /* NULL without memory */
void signal_reader_free(struct signal_reader *r);
/* mail_from: NULL when the envelope is unknown, else the return path without brackets, empty for <>. ERR_OK, ERR_NO_MEMORY. */
enum error signals_read(struct signal_reader *r, const struct bundle *b, struct arena *a, const struct mime_part *root,
                        const struct slice *mail_from, struct signals *out);

#endif
