/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shape - reads the signals of structure.h off a message
 *
 * Pure; any thread.
 */
#ifndef BACKSTOP_BOUNCE_SHAPE_H
#define BACKSTOP_BOUNCE_SHAPE_H

#include "bounce/signals.h"

/* Sets the bits of enum structure, except those of the text, and out->status. See signals_read(). */
void shape_read(struct arena *a, const struct mime_part *root, const struct slice *mail_from, struct signals *out);
/* The name that a part wants to be saved under; false: none. */
bool shape_filename(struct arena *a, const struct mime_part *p, struct slice *name);

#endif
