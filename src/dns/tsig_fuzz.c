/* SPDX-License-Identifier: Apache-2.0 */
/* Any message, as a request and as an answer: no read beyond its end, and what is left of it is shorter and has no TSIG that counts. What
 * we sign ourselves checks out, whatever the message is. */
#include <assert.h>
#include <stdlib.h>

#include "dns/tsig.h"

#define NOW 1700000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
	if (tsig_check_request(m, &n, &keys, NOW, &t) == TSIG_NONE) {
		tsig_begin(&client, &key);
		size_t with = tsig_sign(&client, m, n, room, NOW);
		/* A message with octets behind its records, or with 65535 additional ones, cannot be signed in a way that can be read. */
		enum tsig_result own = tsig_check_request(m, &with, &keys, NOW, &t);
		assert(own == TSIG_GOOD || own == TSIG_FORMERR);
		if (own == TSIG_GOOD) assert(with == size && memcmp(m, data, size) == 0);
	}
	free(m);
	return 0;
}
