/* SPDX-License-Identifier: Apache-2.0 */
/* A specimen is printable lines, bounded, without the hidden domain or a local part of a person, and stays as it is when
 * it is redacted again. */
#include <assert.h>

#include "bounce/redact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool local_part_is_no_person(struct slice before)
{
	static const struct slice programs[] = {{"<x", 2},       {"<MAILER-DAEMON", 14}, {"<postmaster", 11},
	                                        {"<noreply", 8}, {"<no-reply", 9},       {"<mail-daemon", 12}};
	for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
		if (slice_ends_nocase(before, programs[i])) return true;
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char room[REDACT_MOST], again[REDACT_MOST];
	struct ip source = {.family = AF_INET, .octets = {192, 0, 2, 7}};
	struct redact_about about = {.source = ip_unit(&source), .hidden = SLICE("trap.example")};
	struct arena a;
	arena_init(&a, 4 << 20);
	struct slice got = redact_header(&a, slice_of(data, size), &about, room);
	assert(got.n <= REDACT_MOST && (got.n == 0 || got.p[got.n - 1] == '\n'));
	for (size_t i = 0; i < got.n; i++) {
		assert(got.p[i] == '\n' || (got.p[i] >= ' ' && got.p[i] < 0x7f));
		assert(got.p[i] != '@' || local_part_is_no_person(slice_sub(got, 0, i)));
		assert(!slice_starts_nocase(slice_sub(got, i, got.n), SLICE("trap.example")));
	}
	assert(slice_equal(redact_header(&a, got, &about, again), got));
	arena_free(&a);
	return 0;
}
