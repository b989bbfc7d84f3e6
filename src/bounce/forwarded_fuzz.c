/* SPDX-License-Identifier: Apache-2.0 */
/* A source is only what a trusted host's field says, and never one from inside. */
#include <assert.h>

#include "bounce/forwarded.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool trusted(struct slice host, void *arg)
{
	return host.n % 3 == 1;
}

static bool inside(const struct ip *address, void *arg)
{
	return address->octets[0] == 10;
}

static bool owns(struct slice domain, void *arg)
{
	return slice_equal(domain, SLICE("tenant.test"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct forwarded_eyes eyes = {.hostname = {"mx.relay.test", 13},
	                                           .trusted = trusted,
	                                           .inside = inside,
	                                           .owns = owns};
	struct forwarded f;
	struct mime m;
	struct arena a;
	arena_init(&a, 64 << 20);
	assert(mime_parse(&a, slice_of(data, size), &m));
	enum forwarded_result got = forwarded_find(&a, m.root, &eyes, &f);
	assert((got == FORWARDED_FOUND) == (f.source.family != 0));
	assert(got != FORWARDED_FOUND || (!inside(&f.source, NULL) && mime_field(f.root, "Received")));
	assert(!f.target.n || slice_ends_nocase(f.target, SLICE("@tenant.test")));
	arena_free(&a);
	return 0;
}
