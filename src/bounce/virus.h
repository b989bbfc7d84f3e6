/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virus - is it a notice of a virus scanner to the supposed sender?
 *
 * Scanners of mail used to tell the sender, who had been forged, that his mail carried a virus; some still do. Such notices come
 * as bounces, as automatic replies and as plain mail, so this is asked beside the class. The subject and the first VIRUS_TEXT octets
 * of what the message says itself are looked at, in the scanners' own words; a bounce that quotes another server's "554 virus
 * found" in its status fields is a bounce. Pure; any thread.
 *
 *     if (virus_notice(&arena, mime.root)) ...
 */
#ifndef BACKSTOP_BOUNCE_VIRUS_H
#define BACKSTOP_BOUNCE_VIRUS_H

#include "mail/mime.h"

#define VIRUS_TEXT 4096

bool virus_notice(struct arena *a, const struct mime_part *root); /* false without memory, too */

#endif
