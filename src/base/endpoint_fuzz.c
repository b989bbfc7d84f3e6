/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever is accepted must be printable, and mean the same when read back. */
#include "base/endpoint.h"

#include <assert.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = slice_of(data, size);
	char buf[ENDPOINT_TEXT_SIZE], with_length[ENDPOINT_TEXT_SIZE + 8];
	struct endpoint e, e2;
	struct prefix p, p2;
	struct ip ip, ip2;
	if (ip_parse(text, &ip)) {
		assert(ip_parse(slice_str(ip_text(&ip, buf)), &ip2) && ip_equal(&ip, &ip2));
		struct prefix unit = ip_unit(&ip);
		assert(prefix_contains(&unit, &ip));
	}
	if (endpoint_parse(text, 25, &e)) {
		assert(endpoint_parse(slice_str(endpoint_text(&e, buf)), 0, &e2));
		assert(ip_equal(&e.ip, &e2.ip) && e.port == e2.port && e.scope == e2.scope);
		struct sockaddr_storage sa;
		assert(endpoint_to_sockaddr(&e, &sa) > 0);
		assert(endpoint_from_sockaddr((struct sockaddr *)&sa, &e2) && ip_equal(&e.ip, &e2.ip));
	}
	if (prefix_parse(text, &p) == ERR_OK) {
		assert(prefix_contains(&p, &p.ip));
		snprintf(with_length, sizeof with_length, "%s/%u", ip_text(&p.ip, buf), p.length);
		assert(prefix_parse(slice_str(with_length), &p2) == ERR_OK);
		assert(ip_equal(&p.ip, &p2.ip) && p.length == p2.length);
	}
	return 0;
}
