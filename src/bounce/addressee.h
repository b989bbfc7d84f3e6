/* SPDX-License-Identifier: Apache-2.0 */
/*
 * addressee - is a returned message given back to whom wrote it?
 *
 * A delivery report goes to the author of what it returns, in whatever language it is written and whatever program wrote it. A
 * person who hands a message on sends it to somebody else, and what he hands on may be a report itself.
 *
 * The header of the returned message is read line by line, quoting ("> ", "| ", blanks) taken away. Only the addresses in it
 * are compared, local part and domain, any case. At most ADDRESSEE_LINES lines and a few addresses are looked at. Pure; any
 * thread.
 *
 *     struct addressee_findings f = addressee_compare(root, header);
 *     if (f.transported && f.author) ...
 */
#ifndef BACKSTOP_BOUNCE_ADDRESSEE_H
#define BACKSTOP_BOUNCE_ADDRESSEE_H

#include "mail/mime.h"

#define ADDRESSEE_LINES 200

struct addressee_findings {
	bool transported; /* it has been sent: Received, Return-Path or Message-ID */
	bool author;      /* From, Sender or Return-Path of it is an addressee of root */
	bool report;      /* it is a report itself: from a daemon, or of type multipart/report */
};

/* header: as it stands in a part or in text, up to its empty line or the end. */
struct addressee_findings addressee_compare(const struct mime_part *root, struct slice header);
/* A line without the marks of quoting before it. */
struct slice addressee_unquoted(struct slice line);
/* Whether a line (without quoting) begins with the name of a field. */
bool addressee_is_field(struct slice line);

#endif
