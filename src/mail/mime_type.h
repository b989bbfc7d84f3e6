/* SPDX-License-Identifier: Apache-2.0 */
/* mime_type - the media type and encoding of a part, from its fields; for mime.c only. See mime.h. */
#ifndef BACKSTOP_MAIL_MIME_TYPE_H
#define BACKSTOP_MAIL_MIME_TYPE_H

#include "mail/mime.h"

/* Sets type, type_name, subtype_name, content_type, encoding and attachment. The parent is known. */
void mime_type_read(struct mime_part *part);
/* It has boundaries, so it is one, whatever it says. */
void mime_type_is_multipart(struct mime_part *part);

#endif
