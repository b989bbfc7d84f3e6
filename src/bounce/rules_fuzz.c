/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as a rule bundle: it is read or refused with a reason. Compiling is left to libhs's own tests. */
#include <stdlib.h>

#include "bounce/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rules *r;
	char problem[RULES_PROBLEM];
	enum error e = rules_read(slice_of(data, size), &r, problem);
	if (!r != (e != ERR_OK) || (e != ERR_OK && e != ERR_NO_MEMORY && !problem[0])) abort();
	rules_free(r);
	return 0;
}
