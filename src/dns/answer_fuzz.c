/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdlib.h>

#include "dns/test_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever comes: no answer is larger than may be, each can be read, and has the request's id and question. */
static void check(const uint8_t *request, size_t n, const struct answer_way *way, const struct answer_server *server)
{
	static uint8_t room[ANSWER_UDP_MOST];
	struct query q;
	struct answer_about about;
	enum query_state state = query_parse(request, n, &q);
	size_t size = answer_write(server, &test_list, request, &q, state, way, room, sizeof room, &about);
	assert((size == 0) == (state == QUERY_SILENT));
	if (size == 0) return;
	assert(!way->udp || size <= server->udp_size);
	assert(!way->udp || !way->bounded || size <= ANSWER_FACTOR * n);
	struct wire_reader r = wire_read(room, size);
	struct wire_header h;
	assert(wire_take_header(&r, &h) && memcmp(room, request, 2) == 0 && h.flags & FLAG_QR);
	if (h.questions) {
		size_t question = q.question_end - WIRE_HEADER_SIZE;
		assert(memcmp(wire_take(&r, question), request + WIRE_HEADER_SIZE, question) == 0);
	}
	for (unsigned i = h.answers + h.authorities + h.additionals; i > 0; i--) {
		struct wire_record record;
		struct wire_name owner;
		assert(wire_take_record(&r, &owner, &record));
	}
	assert(r.at == r.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct list_zone zone;
	struct answer_server server = {.zone = &zone, .version = "fuzz", .nsid = "node", .udp_size = 1232};
	if (zone.name.n == 0) test_zone(&zone);
	struct answer_way ways[] = {{.udp = true, .bounded = true},
	                            {.udp = true, .cookie_size = 24},
	                            {.udp = true, .bounded = true, .truncate = true, .cookie_size = 24},
	                            {.udp = false}};
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) check(data, size, &ways[i], &server);
	return 0;
}
