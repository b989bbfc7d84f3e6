/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/pools.h"

void pools_reset(struct pools *p)
{
	memset(p->penalty_until, 0, sizeof(p->penalty_until));
}

static size_t usable_sources(const struct config_pool *pool)
{
	return pool->source_count < POOLS_SOURCES_MAX ? pool->source_count : POOLS_SOURCES_MAX;
}

enum pools_choice pools_source(struct pools *p, const struct config *c, enum pool pool, int family, int64_t now_ms,
                               const struct ip **source, size_t *index)
{
	const struct config_pool *row = config_pool(c, pool_name(pool));
	*source = NULL;
	*index = 0;
	if (!row || row->source_count == 0) return POOLS_SYSTEM;
	size_t n = usable_sources(row);
	for (size_t i = 0; i < n; i++) {
		size_t k = (p->turn[pool] + i) % n;
		if (row->sources[k].family != family || p->penalty_until[pool][k] > now_ms) continue;
		p->turn[pool] = k + 1;
		*source = &row->sources[k];
		*index = k;
		return POOLS_SOURCE;
	}
	return POOLS_NONE;
}

void pools_penalize(struct pools *p, enum pool pool, size_t index, int64_t now_ms)
{
	if (index < POOLS_SOURCES_MAX) p->penalty_until[pool][index] = now_ms + POOLS_PENALTY_MS;
}

bool pools_family(const struct config *c, enum pool pool, int family)
{
	const struct config_pool *row = config_pool(c, pool_name(pool));
	if (!row || row->source_count == 0) return true;
	for (size_t i = 0; i < usable_sources(row); i++)
		if (row->sources[i].family == family) return true;
	return false;
}

const char *pools_helo_name(const struct config *c, enum pool pool)
{
	const struct config_pool *row = config_pool(c, pool_name(pool));
	return row && row->hostname ? row->hostname : c->hostname;
}
