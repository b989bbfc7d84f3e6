/* SPDX-License-Identifier: Apache-2.0 */
/* "value NUL value NUL text": what passes the check can be expanded, and a name that comes out is one. */
#include <stdlib.h>

#include "auth/spf_macro.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = slice_of(data, size);
	struct spf_macros m = {.sender_domain = SLICE("example.com"),
	                       .domain = SLICE("example.com"),
	                       .now = (int64_t)size};
	struct spf_name name;
	char out[500];
	size_t n;
	m.client = (struct ip){.family = size % 2 ? AF_INET : AF_INET6, .octets = {192, 0, 2, 1}};
	m.local = slice_split(&rest, '\0');
	m.helo = m.validated = slice_split(&rest, '\0');
	if (spf_macro_check(rest, SPF_DOMAIN_SPEC) && spf_macro_domain(&m, rest, &name))
		if (!spf_name_valid(slice_of(name.octets, name.n))) abort();
	if (spf_macro_check(rest, SPF_EXPLAIN) && spf_macro_explain(&m, rest, out, sizeof out, &n) && n > sizeof out)
		abort();
	spf_macro_uses(rest, "p");
	return 0;
}
