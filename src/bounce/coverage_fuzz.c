/* SPDX-License-Identifier: Apache-2.0 */
/* A stored row of counts: what is read is the same octets when it is written, and goes on being counted. */
#include <assert.h>

#include "bounce/coverage.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char octets[COVERAGE_PACKED];
	struct coverage c;
	struct ip ip = {.family = AF_INET, .octets = {192, 0, 2, 1}}, odd[REPORTERS];
	struct slice row = slice_of(data, size);
	if (!coverage_unpack(row, &c)) return 0;
	size_t n = coverage_pack(&c, octets);
	assert(slice_equal(slice_of(octets, n), row));
	assert(reporters_list_odd(&c.reporters, 0, odd) <= REPORTERS);
	for (int i = 0; i < 3; i++) reporters_add(&c.reporters, &ip, &ip, 1800000000);
	coverage_add(&c, COVERAGE_STRONG, 1800000000);
	n = coverage_pack(&c, octets);
	assert(coverage_unpack(slice_of(octets, n), &c) && coverage_sum(&c, 1800000000).ordinary > 0);
	return 0;
}
