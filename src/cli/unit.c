/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/unit.h"

#include <stdio.h>

bool unit_parse(struct slice text, struct prefix *out)
{
	struct prefix p;
	if (prefix_parse(text, &p)) return false;
	*out = ip_unit(&p.ip);
	return p.length == (p.ip.family == AF_INET ? 32 : 128) || p.length == out->length;
}

const char *unit_text(const struct prefix *unit, char out[UNIT_TEXT_SIZE])
{
	char ip[IP_TEXT_SIZE];
	snprintf(out, UNIT_TEXT_SIZE, unit->ip.family == AF_INET ? "%s" : "%s/%u", ip_text(&unit->ip, ip),
	         unit->length);
	return out;
}
