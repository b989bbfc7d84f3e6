/* SPDX-License-Identifier: Apache-2.0 */
/* A record without an error is read again term by term: every term lies in it and has a prefix length that exists. */
#include <stdlib.h>

#include "auth/spf_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = slice_of(data, size);
	struct spf_record r;
	struct spf_term t;
	if (!spf_is_record(text) || !spf_record_check(text, &r)) return 0;
	const char *at = text.p;
	while (spf_record_next(&r, &t)) {
		if (t.text.n == 0 || t.text.p <= at || t.text.p + t.text.n > text.p + text.n) abort();
		if (t.domain.n > 0 && (t.domain.p < t.text.p || t.domain.p + t.domain.n > t.text.p + t.text.n)) abort();
		if (t.cidr4 > 32 || t.cidr6 > 128) abort();
		at = t.text.p;
	}
	if (slice_find_last(r.rest, ' ') + 1 < r.rest.n) abort(); /* it was read to its end */
	return 0;
}
