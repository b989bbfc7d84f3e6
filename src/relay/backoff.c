/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/backoff.h"

#define DEFAULT_SECONDS 3600

int64_t backoff_seconds(const int64_t *schedule, size_t n, uint32_t attempt, uint32_t random)
{
	int64_t seconds = DEFAULT_SECONDS;
	if (n > 0) {
		size_t i = attempt > 0 ? attempt - 1 : 0;
		seconds = schedule[i < n ? i : n - 1] / 1000;
	}
	int64_t span = seconds / 4;
	if (span > 0)
		seconds += (int64_t)(random % (uint32_t)(span > UINT32_MAX / 2 ? UINT32_MAX / 2 : span)) - span / 2;
	return seconds > 0 ? seconds : 1;
}

int64_t backoff_next(const int64_t *schedule, size_t n, uint32_t attempt, uint32_t random, int64_t now, int64_t expires)
{
	int64_t next = now + backoff_seconds(schedule, n, attempt, random);
	return next > expires && expires > now ? expires : next;
}
