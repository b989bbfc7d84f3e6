/* SPDX-License-Identifier: Apache-2.0 */
/* The answer section of any message: what is found lies in the message. */
#include <stdlib.h>

#include "net/resolver_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rr[8];
	size_t count;
	uint32_t ttl;
	struct slice packet = slice_of(data, size);
	if (!dns_packet_answers(packet, DNS_TXT, rr, 8, &count, &ttl)) return 0;
	if (count == 0 || count > 8) abort();
	for (size_t i = 0; i < count; i++)
		if (rr[i].p < packet.p || rr[i].p + rr[i].n > packet.p + packet.n) abort();
	return 0;
}
