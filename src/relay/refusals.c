/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/refusals.h"

#include <pthread.h>
#include <stdio.h>

#define TEXT_MOST 400

struct refusal {
	uint64_t hash; /* of tenant and address; 0: free */
	int64_t until;
	int code;
	char enhanced[12];
	char text[TEXT_MOST];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct refusal table[REFUSALS_MOST]; /* untouched pages cost nothing */

static uint64_t hash_of(uint32_t tenant, struct slice address)
{
	uint64_t h = slice_hash_nocase(address) ^ (tenant * 0x9e3779b97f4a7c15u);
	return h ? h : 1;
}

void refusals_remember(uint32_t tenant, struct slice address, const struct reply *reply, int64_t now)
{
	uint64_t h = hash_of(tenant, address);
	pthread_mutex_lock(&lock);
	struct refusal *r = &table[h % REFUSALS_MOST];
	*r = (struct refusal){.hash = h, .until = now + REFUSALS_KEEP_MS, .code = reply->code};
	memcpy(r->enhanced, reply->enhanced, sizeof r->enhanced);
	snprintf(r->text, sizeof r->text, "%.*s", SLICE_ARG(reply->text));
	pthread_mutex_unlock(&lock);
}

bool refusals_find(uint32_t tenant, struct slice address, int64_t now, struct arena *a, struct reply *out)
{
	uint64_t h = hash_of(tenant, address);
	pthread_mutex_lock(&lock);
	const struct refusal *r = &table[h % REFUSALS_MOST];
	bool found = r->hash == h && r->until > now;
	if (found) reply_set(a, out, r->code, r->enhanced, slice_str(r->text));
	pthread_mutex_unlock(&lock);
	return found;
}
