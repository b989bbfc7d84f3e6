/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backoff - when to try again
 *
 * Waiting times come from the configuration's retry-schedule; after the last one it repeats. An eighth is taken off or
 * added at random, so that messages that failed together do not come back together. Pure; times are Unix seconds.
 */
#ifndef BACKSTOP_RELAY_BACKOFF_H
#define BACKSTOP_RELAY_BACKOFF_H

#include <stddef.h>
#include <stdint.h>

/* Seconds to wait after the attempt with this number (1 is the first). schedule in milliseconds; an empty one means an hour.
 * random: any number. At least 1. */
int64_t backoff_seconds(const int64_t *schedule, size_t n, uint32_t attempt, uint32_t random);

/* When to try next: now plus that, but never later than expires, where one last attempt is made. */
int64_t backoff_next(const int64_t *schedule, size_t n, uint32_t attempt, uint32_t random, int64_t now,
                     int64_t expires);

#endif
