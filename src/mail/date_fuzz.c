/* SPDX-License-Identifier: Apache-2.0 */
/* What is read as a date can be written and read again. */
#include <assert.h>

#include "mail/date.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int64_t t, again;
	char text[DATE_TEXT_SIZE];
	if (date_parse(slice_of(data, size), &t)) {
		assert(date_parse(slice_str(date_rfc5322(text, t)), &again));
		/* Only a zone at the very ends of time moves a date out of the years 1 to 9999. */
		assert(t == again || t < -62135596800 || t > 253402300799);
	}
	return 0;
}
