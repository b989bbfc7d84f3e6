/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit_key - the key of tables that have a row for each unit of the list: an IPv4 address or the /64 of an IPv6 address
 *
 * Octet 4 and the four octets, or octet 6 and the first eight: IPv4 comes first, then in order of addresses. Pure; any thread.
 */
#ifndef BACKSTOP_STORE_UNIT_KEY_H
#define BACKSTOP_STORE_UNIT_KEY_H

#include <string.h>

#include "base/endpoint.h"

#define UNIT_KEY_MOST 9

struct unit_key {
	char octets[UNIT_KEY_MOST];
	size_t n; /* 5 or 9; 0: no address */
};

static inline struct unit_key unit_key(const struct ip *ip)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct unit_key k = {.n = 0};
	bool is_mapped = ip->family == AF_INET6 && memcmp(ip->octets, mapped, sizeof mapped) == 0;
	if (ip->family == AF_INET || is_mapped) {
		k.octets[0] = 4;
		k.n = 5;
	} else if (ip->family == AF_INET6) {
		k.octets[0] = 6;
		k.n = 9;
	}
	if (k.n) memcpy(k.octets + 1, ip->octets + (is_mapped ? sizeof mapped : 0), k.n - 1);
	return k;
}

static inline struct slice unit_key_slice(const struct unit_key *k)
{
	return slice_of(k->octets, k->n);
}

/* Of the address octets alone. */
static inline bool unit_of_octets(struct slice octets, struct prefix *out)
{
	*out = (struct prefix){0};
	if (octets.n != 4 && octets.n != 8) return false;
	out->ip.family = octets.n == 4 ? AF_INET : AF_INET6;
	out->length = (uint8_t)(octets.n * 8);
	memcpy(out->ip.octets, octets.p, octets.n);
	return true;
}

static inline bool unit_of_key(struct slice key, struct prefix *out)
{
	*out = (struct prefix){0};
	if (key.n == 0 || (size_t)(key.p[0] == 4 ? 5 : key.p[0] == 6 ? 9 : 0) != key.n) return false;
	return unit_of_octets(slice_of(key.p + 1, key.n - 1), out);
}

#endif
