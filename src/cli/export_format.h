/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export_format - the list as text for other programs
 *
 *   rbldnsd  a combined data set for rbldnsd: sections safe and any, of IPv4 (ip4set) and of IPv6 (ip6trie). It answers as we do,
 *            but for IPv6 with one code only, since an ip6trie has one value for an address
 *   zone     a zone file for any name server, record by record what we answer and transfer
 *   rpz      a response policy zone: an answer with a listed address becomes NXDOMAIN
 *   json     an object a line: {"unit","codes","classes","grade","any","manual","expires"}
 *
 * All write the rows of one serial. Errors of the stream are for the caller to look at (ferror). One thread.
 *
 *     struct export_job j = {.out = f, .zone = &zone, .zone_name = "bl.example.net", .rows = rows};
 *     export_formats[EXPORT_zone].write(&j);
 */
#ifndef BACKSTOP_CLI_EXPORT_FORMAT_H
#define BACKSTOP_CLI_EXPORT_FORMAT_H

#include <stdio.h>

#include "base/config.h"
#include "dns/zonewalk.h"

/* X(name, help) */
#define EXPORT_TABLE(X)                                                                                                \
	X(rbldnsd, "a combined data set for rbldnsd")                                                                  \
	X(zone, "a zone file")                                                                                         \
	X(rpz, "a response policy zone of what sends nothing but backscatter")                                         \
	X(json, "one object a line")

enum export_format {
#define X(name, help) EXPORT_##name,
	EXPORT_TABLE(X)
#undef X
		EXPORT_COUNT
};

struct export_job {
	FILE *out;
	const struct config *config;
	const struct list_zone *zone;
	const struct zone_rows *rows;
	bool all; /* rpz: all rows, not only those of any. */
};

bool export_format_parse(const char *name, enum export_format *out);
void export_write(const struct export_job *j, enum export_format f);

#endif
