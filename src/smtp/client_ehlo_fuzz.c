/* SPDX-License-Identifier: Apache-2.0 */
#include "smtp/client_ehlo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct client_extensions x = {0};
	client_parse_ehlo(slice_of(data, size), &x);
	return 0;
}
