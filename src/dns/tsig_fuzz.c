/* SPDX-License-Identifier: Apache-2.0 */
/* Any message, as a request and as an answer: no read beyond its end, and what is left of it is shorter and has no TSIG that counts. What
 * we sign ourselves checks out, whatever the message is. */
#include <assert.h>
#include <stdlib.h>

#include "dns/tsig.h"

#define NOW 1700000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* No octets behind its records, and room for one more. */
static bool is_whole(const uint8_t *message, size_t n)
{
	struct wire_reader r = wire_read(message, n);
	struct wire_header h;
	struct wire_record rr;
	wire_take_header(&r, &h);
	for (unsigned i = 0; i < h.questions; i++)
		if (wire_skip_name(&r)) wire_take(&r, 4);
	unsigned records = (unsigned)h.answers + h.authorities + h.additionals;
	for (unsigned i = 0; i < records; i++) wire_take_record(&r, NULL, &rr);
	return !r.failed && r.at == n && h.additionals < UINT16_MAX && n + TSIG_ROOM <= WIRE_MESSAGE_MOST;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tsig_key key = {.text = "k", .algorithm = TSIG_HMAC_SHA256, .secret = {"0123456789abcdef", 16}};
	struct tsig_keys keys = {&key, 1};
	struct tsig t, client;
	if (size > WIRE_MESSAGE_MOST) return 0;
	wire_name_parse("k", 1, &key.name);
	size_t n = size, room = size + TSIG_ROOM;
	uint8_t *m = malloc(room);
	if (size) memcpy(m, data, size);
	enum tsig_result result = tsig_check_request(m, &n, &keys, NOW, &t);
	assert(n <= size && (result != TSIG_GOOD || t.key == &key));
	if (result == TSIG_FAILED)
		assert(tsig_sign(&t, m, n, n + TSIG_ROOM < room ? n + TSIG_ROOM : room, NOW) <= room);

	if (size) memcpy(m, data, size);
	n = size;
	tsig_begin(&client, &key);
	tsig_check_answer(&client, m, &n, NOW);

	if (size) memcpy(m, data, size);
	n = size;
	if (tsig_check_request(m, &n, &keys, NOW, &t) == TSIG_NONE && is_whole(m, n)) {
		tsig_begin(&client, &key);
		size_t with = tsig_sign(&client, m, n, room, NOW);
		assert(tsig_check_request(m, &with, &keys, NOW, &t) == TSIG_GOOD);
		assert(with == size && memcmp(m, data, size) == 0);
	}
	free(m);
	return 0;
}
