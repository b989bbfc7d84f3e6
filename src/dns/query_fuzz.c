/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dns/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is read as a name can be written, and read again as the same. */
static void check_names(const uint8_t *data, size_t size)
{
	uint8_t room[2 * WIRE_NAME_MOST + WIRE_HEADER_SIZE];
	struct wire_name name, again;
	char text[WIRE_NAME_TEXT];
	for (size_t at = 0; at < size && at < 64; at++) {
		struct wire_reader r = wire_read(data, size);
		r.at = at;
		if (!wire_take_name(&r, &name)) continue;
		assert(strlen(wire_name_text(&name, text)) < sizeof text);
		struct wire_writer w = wire_write(room, sizeof room);
		wire_remember(&w, 0);
		wire_put_name(&w, &name);
		size_t second = w.n;
		wire_put_name(&w, &name);
		assert(!w.full && (name.n == 1 || w.n == second + 2));
		r = wire_read(room, w.n);
		assert(wire_take_name(&r, &again) && again.n == name.n &&
		       memcmp(again.octets, name.octets, name.n) == 0);
		assert(wire_take_name(&r, &again) && again.n == name.n &&
		       memcmp(again.octets, name.octets, name.n) == 0);
		assert(r.at == w.n);
	}
}

static void check_query(const uint8_t *data, size_t size)
{
	struct query q;
	enum query_state state = query_parse(data, size, &q);
	if (state == QUERY_SILENT) return;
	assert(q.question_end <= size && q.authority_at <= size && q.tsig_at < size);
	assert(q.cookie_at + q.cookie_size <= (int)size && q.cookie_size <= COOKIE_MOST);
	assert(q.udp_size >= UDP_SIZE_PLAIN);
	assert(!q.question_end || q.question_end == QUERY_NAME_AT + q.name_size + 4);
	assert(state == QUERY_BROKEN || state == QUERY_NOT_IMPLEMENTED || q.question_end || q.cookie_size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_names(data, size);
	check_query(data, size);
	return 0;
}
