/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock - the two clocks of the program
 *
 * Deadlines are monotonic milliseconds; what is stored or shown is Unix time. Pure modules take the time as an argument
 * and do not include this. Any thread.
 */
#ifndef BACKSTOP_BASE_CLOCK_H
#define BACKSTOP_BASE_CLOCK_H

#include <stdint.h>

#define DEADLINE_NEVER INT64_MAX

int64_t clock_now_ms(void);  /* CLOCK_MONOTONIC, milliseconds; the scale of every deadline */
int64_t clock_now_ns(void);  /* CLOCK_MONOTONIC, nanoseconds, for histograms */
int64_t clock_unix(void);    /* Unix time, seconds */
int64_t clock_unix_ms(void); /* Unix time, milliseconds */
/* now + ms, saturating; a negative ms means DEADLINE_NEVER. */
int64_t clock_deadline(int64_t ms);

#endif
