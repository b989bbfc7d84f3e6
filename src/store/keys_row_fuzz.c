/* SPDX-License-Identifier: Apache-2.0 */
/* Reading any row ends well; one that can be read is written as it was. The first octet is the length of the name. */
#include <assert.h>
#include <stdlib.h>

#include "store/keys_row.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size), name, value;
	struct keys_name n;
	struct key k;
	if (size == 0) return 0;
	name = slice_sub(in, 1, 1 + data[0]);
	value = slice_sub(in, 1 + data[0], size);
	if (keys_row_read(name, value, &k) != ERR_OK) return 0;
	key_state(&k, 1800000000);
	if (!keys_row_storable(&k)) return 0; /* a number that we give to none */
	assert(keys_row_name(&n, &k) && slice_equal(n.s, name));
	size_t most = keys_row_size(&k);
	char *room = malloc(most);
	keys_row_write(&k, room);
	assert(most <= value.n && (uint8_t)value.p[0] <= (uint8_t)room[0] &&
	       memcmp(room + 1, value.p + 1, most - 1) == 0);
	free(room);
	return 0;
}
