/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "store/tenants_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What decodes encodes, and decodes again to the same text. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;
	struct tenant t;
	arena_init(&a, 64 << 20);
	if (tenant_decode(&a, 1, slice_of(data, size), &t) == ERR_OK) {
		char *once = tenant_encode(&t), *shown = tenant_json(&t);
		if (!once || !shown || tenant_decode(&a, 1, slice_str(once), &t)) abort();
		char *twice = tenant_encode(&t);
		if (!twice || strcmp(once, twice)) abort();
		free(once);
		free(twice);
		free(shown);
	}
	arena_free(&a);
	return 0;
}
