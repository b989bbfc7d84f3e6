/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/hosts.h"

#include <stdlib.h>

#define WAYS 4 /* places where an address may be */

struct host {
	struct endpoint at;
	int64_t avoid_until, plain_until;
};

struct hosts {
	struct host rows[HOSTS_MAX];
};

struct hosts *hosts_new(void)
{
	return calloc(1, sizeof(struct hosts));
}

void hosts_free(struct hosts *h)
{
	free(h);
}

static size_t first_way(const struct endpoint *at)
{
	struct {
		struct ip ip;
		uint16_t port;
	} key;
	memset(&key, 0, sizeof(key));
	key.ip = at->ip;
	key.port = at->port;
	return (size_t)(slice_hash(slice_of(&key, sizeof(key))) % (HOSTS_MAX / WAYS)) * WAYS;
}

static bool same(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port && a->scope == b->scope && ip_equal(&a->ip, &b->ip);
}

static struct host *find(const struct hosts *h, const struct endpoint *at)
{
	size_t way = first_way(at);
	for (size_t i = way; i < way + WAYS; i++)
		if (same(&h->rows[i].at, at)) return (struct host *)&h->rows[i];
	return NULL;
}

static int64_t latest(const struct host *row)
{
	return row->avoid_until > row->plain_until ? row->avoid_until : row->plain_until;
}

static struct host *find_or_take(struct hosts *h, const struct endpoint *at)
{
	struct host *row = find(h, at);
	if (row) return row;
	size_t way = first_way(at);
	row = &h->rows[way];
	for (size_t i = way + 1; i < way + WAYS; i++)
		if (latest(&h->rows[i]) < latest(row)) row = &h->rows[i];
	*row = (struct host){.at = *at};
	return row;
}

void hosts_failed(struct hosts *h, const struct endpoint *at, int64_t now)
{
	find_or_take(h, at)->avoid_until = now + HOSTS_AVOID_MS;
}

void hosts_worked(struct hosts *h, const struct endpoint *at)
{
	struct host *row = find(h, at);
	if (row) row->avoid_until = 0;
}

bool hosts_avoid(const struct hosts *h, const struct endpoint *at, int64_t now)
{
	const struct host *row = find(h, at);
	return row && row->avoid_until > now;
}

void hosts_tls_failed(struct hosts *h, const struct endpoint *at, int64_t now)
{
	find_or_take(h, at)->plain_until = now + HOSTS_PLAIN_MS;
}

bool hosts_plain(const struct hosts *h, const struct endpoint *at, int64_t now)
{
	const struct host *row = find(h, at);
	return row && row->plain_until > now;
}
