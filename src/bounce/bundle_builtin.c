/* SPDX-License-Identifier: Apache-2.0 */
/* The files of bounce/rules/, which the build turns into an array (scripts/embed-text). */
#include "bounce/bundle.h"

extern const unsigned char rules_text[];
extern const size_t rules_text_size;

struct slice bundle_default_text(void)
{
	return slice_of(rules_text, rules_text_size);
}

struct slice bundle_default_packed(void)
{
	return bundle_packed_octets ? slice_of(bundle_packed_octets, bundle_packed_size) : SLICE_EMPTY;
}
