/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <time.h>

static int64_t nanoseconds(clockid_t id)
{
	struct timespec ts;
	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t clock_now_ms(void)
{
	return nanoseconds(CLOCK_MONOTONIC) / 1000000;
}

int64_t clock_now_ns(void)
{
	return nanoseconds(CLOCK_MONOTONIC);
}

int64_t clock_unix(void)
{
	return nanoseconds(CLOCK_REALTIME) / 1000000000;
}

int64_t clock_unix_ms(void)
{
	return nanoseconds(CLOCK_REALTIME) / 1000000;
}

int64_t clock_deadline(int64_t ms)
{
	int64_t deadline;
	if (ms < 0 || __builtin_add_overflow(clock_now_ms(), ms, &deadline)) return DEADLINE_NEVER;
	return deadline;
}
