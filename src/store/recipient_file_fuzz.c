/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "store/directory_table.h"
#include "store/recipient_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct tenant_domain domains[] = {{.name = "a.org", .subdomains = true}};
static const struct tenant tenant = {.id = 1, .name = "a", .domains = domains, .domain_count = 1};

/* What an import does with each line: parse, split, make a key. */
static void take(struct slice address)
{
	char room[DIRECTORY_LOCAL_MOST + DIRECTORY_DOMAIN_MOST];
	struct slice local, domain;
	struct directory_key k;
	if (directory_split(&tenant, address, SLICE_EMPTY, room, &local, &domain)) return;
	directory_key(&k, 1, domain, local);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct recipient_parser p = {0};
	size_t start = 0, end = 0;
	while (end < size) {
		while (end < size && data[end++] != '\n') continue;
		struct slice address;
		char *line = malloc(end - start), *scratch = malloc(end - start);
		memcpy(line, data + start, end - start);
		enum recipient_line what = recipient_line(&p, slice_of(line, end - start), scratch, &address);
		if (what != RECIPIENT_LINE_NOTHING) take(address);
		if (what != RECIPIENT_LINE_MORE) start = end;
		free(line);
		free(scratch);
	}
	return 0;
}
