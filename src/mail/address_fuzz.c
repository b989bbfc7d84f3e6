/* SPDX-License-Identifier: Apache-2.0 */
/* First octet: flags. The rest: a path. What is accepted must be accepted again in its short form. */
#include <assert.h>

#include "mail/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1) return 0;
	struct slice in = slice_of(data + 1, size - 1), rest;
	bool utf8 = data[0] & 1;
	struct address out, again;
	struct arena a;
	arena_init(&a, 1 << 20);
	if (address_parse_path(&a, in, data[0] & 2, data[0] & 4, utf8, &out, &rest) == ADDRESS_OK) {
		assert(rest.n < in.n);
		assert(utf8 || !out.utf8);
		if (out.domain.n) {
			assert(address_parse(&a, out.text, utf8, &again) == ADDRESS_OK);
			assert(slice_equal(out.local, again.local) && slice_equal(out.domain, again.domain));
			assert(address_is_relay_trick(&out) == address_is_relay_trick(&again));
		}
	}
	address_parse(&a, in, utf8, &out);
	struct slice domain = domain_canonical(&a, in);
	if (domain.p) assert(slice_equal(domain, domain_canonical(&a, domain)));
	arena_free(&a);
	return 0;
}
