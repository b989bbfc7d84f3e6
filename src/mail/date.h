/* SPDX-License-Identifier: Apache-2.0 */
/*
 * date - dates of mail (RFC 5322 3.3, and the obsolete forms of 4.3)
 *
 * Times are Unix seconds, UTC. No clock, no locale, no time-zone database; pure, any thread.
 *
 *     char text[DATE_TEXT_SIZE];
 *     date_rfc5322(text, 1795472220);      // "Mon, 23 Nov 2026 22:17:00 +0000"
 */
#ifndef BACKSTOP_MAIL_DATE_H
#define BACKSTOP_MAIL_DATE_H

#include "base/slice.h"

#define DATE_TEXT_SIZE 32

/* Always UTC, written "+0000". Years outside 1 to 9999 become the nearest that can be written. Returns out. */
const char *date_rfc5322(char out[DATE_TEXT_SIZE], int64_t unix_time);

/* Reads "[day-name,] day month year hh:mm[:ss] zone" with comments and folding anywhere, two- and three-digit years,
 * and named zones. Tolerated besides: a wrong day name, full month names, a missing zone (read as UTC), an unknown
 * zone (RFC 5322 4.3: read as -0000), a leap second, anything after the zone. False, *unix_time untouched, when it is
 * not a date. */
bool date_parse(struct slice text, int64_t *unix_time);

#endif
