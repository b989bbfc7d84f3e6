/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bucket's word: 24 bits of tag, 40 bits of time in microseconds, which go round every twelve days. A bucket that was not used for
 * half of that would seem to be in the future; it then counts as free, since no time is ever more than a second ahead.
 */
#include "dns/limiter.h"

#include <stdatomic.h>
#include <stdlib.h>

#define WAYS      4
#define TIME_BITS 40
#define TIME_MASK ((1ULL << TIME_BITS) - 1)
#define SECOND    1000000ULL

struct limiter {
	size_t mask; /* number of sets, less one */
	_Atomic uint64_t buckets[];
};

struct limiter *limiter_new(size_t networks)
{
	size_t sets = 1;
	while (sets * WAYS < networks) sets *= 2;
	struct limiter *l = calloc(1, sizeof *l + sets * WAYS * sizeof l->buckets[0]);
	if (l) l->mask = sets - 1;
	return l;
}

void limiter_free(struct limiter *l)
{
	free(l);
}

static uint64_t network_hash(const struct ip *client)
{
	uint8_t network[8] = {client->family == AF_INET6};
	memcpy(network + 1, client->octets, client->family == AF_INET6 ? 7 : 3);
	return slice_hash(slice_of(network, sizeof network));
}

/* Microseconds for which a bucket is paid ahead: 0 to SECOND; what is beyond is long past. */
static uint64_t ahead(uint64_t word, uint64_t now)
{
	uint64_t d = ((word & TIME_MASK) - now) & TIME_MASK;
	return d > 2 * SECOND ? 0 : d;
}

bool limiter_take(struct limiter *l, const struct ip *client, uint32_t rate, uint64_t now_us)
{
	uint64_t hash = network_hash(client), tag = hash >> TIME_BITS << TIME_BITS, now = now_us & TIME_MASK;
	_Atomic uint64_t *set = l->buckets + (hash & l->mask) * WAYS, *bucket = NULL;
	uint64_t word = 0, least = UINT64_MAX;
	for (size_t i = 0; i < WAYS; i++) {
		uint64_t w = atomic_load_explicit(&set[i], memory_order_relaxed), d = ahead(w, now);
		bool own = (w & ~TIME_MASK) == tag;
		if (!own && d >= least) continue;
		bucket = &set[i];
		word = own ? w : now;
		if (own) break;
		least = d;
	}
	uint64_t paid = ahead(word, now) + SECOND / rate;
	if (paid > SECOND) return false;
	atomic_store_explicit(bucket, tag | ((now + paid) & TIME_MASK), memory_order_relaxed);
	return true;
}
