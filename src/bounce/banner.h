/* SPDX-License-Identifier: Apache-2.0 */
/*
 * banner - a text without the warning that the reader's own gateway put above it
 *
 * "CAUTION: This email originated from outside the organization. Do not click links or open attachments ..." is not what the sender
 * says, and what a text begins with tells much. A banner is the first paragraph, of at most 700 octets, perhaps between rows of marks,
 * when it says that mail is from outside and speaks of links and attachments, and says nothing of delivery; a paragraph that is one
 * tag ("[EXTERNAL EMAIL]"); or Microsoft's "You don't often get email from ...". Pure; any thread.
 *
 *     text = banner_skip(text);
 */
#ifndef BACKSTOP_BOUNCE_BANNER_H
#define BACKSTOP_BOUNCE_BANNER_H

#include "base/slice.h"

/* The end of text, from where its author begins; text itself when no banner is above. */
struct slice banner_skip(struct slice text);

#endif
