/* SPDX-License-Identifier: Apache-2.0 */
#include "list/reserved.h"

#include <stdint.h>

static const struct {
	uint8_t octets[4], length;
	const char *use;
} ranges4[] = {
	{{0}, 8, "this network"},
	{{10}, 8, "private use"},
	{{100, 64}, 10, "shared by carriers"},
	{{127}, 8, "loopback"},
	{{169, 254}, 16, "link-local"},
	{{172, 16}, 12, "private use"},
	{{192, 0, 0}, 24, "protocol assignments"},
	{{192, 0, 2}, 24, "documentation"},
	{{192, 88, 99}, 24, "6to4 relays"},
	{{192, 168}, 16, "private use"},
	{{198, 18}, 15, "benchmarks"},
	{{198, 51, 100}, 24, "documentation"},
	{{203, 0, 113}, 24, "documentation"},
	{{224}, 4, "multicast"},
	{{240}, 4, "future use"},
};

/* Within 2000::/3; what is outside is not in use on the public Internet. */
static const struct {
	uint8_t octets[6], length;
	const char *use;
} ranges6[] = {
	{{0x20, 0x01, 0, 0}, 23, "protocol assignments"},
	{{0x20, 0x01, 0x0d, 0xb8}, 32, "documentation"},
	{{0x3f, 0xff, 0}, 20, "documentation"},
};

static bool within(const struct ip *ip, const uint8_t *octets, size_t n, uint8_t length)
{
	struct prefix p = {.ip.family = ip->family, .length = length};
	memcpy(p.ip.octets, octets, n);
	return prefix_contains(&p, ip);
}

const char *reserved_for(const struct ip *ip)
{
	if (ip->family == AF_INET) {
		for (size_t i = 0; i < sizeof ranges4 / sizeof *ranges4; i++)
			if (within(ip, ranges4[i].octets, 4, ranges4[i].length)) return ranges4[i].use;
		return NULL;
	}
	if (ip->family != AF_INET6) return "no address";
	if ((ip->octets[0] & 0xe0) != 0x20) return "not global unicast";
	for (size_t i = 0; i < sizeof ranges6 / sizeof *ranges6; i++)
		if (within(ip, ranges6[i].octets, 6, ranges6[i].length)) return ranges6[i].use;
	return NULL;
}
