/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration file: a service must refuse any bad text with a reason, and a good one after it must be read. */
#include <stdlib.h>

#include "base/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config *c;
	char why[CONFIG_WHY];
	enum error e = config_parse("fuzz", slice_of(data, size), SLICE("certificate"), SLICE("key"), &c, why);
	if (e == ERR_OK) {
		config_route(c, SLICE("a.example.org"));
		config_unref(c);
	} else if (c || why[0] == '\0') {
		abort();
	}
	if (config_parse("good", SLICE("hostname = a.b\nrelay {}\n"), SLICE_EMPTY, SLICE_EMPTY, &c, why) != ERR_OK)
		abort();
	config_unref(c);
	return 0;
}
