/* SPDX-License-Identifier: Apache-2.0 */
/*
 * intake - a message of a session becomes one of the spool
 *
 * The stored body is our own fields and what the client sent; the record says the rest. ERR_OK means that it is on
 * stable storage and the delivery loop has it: only then may the client be told 250. Worker loop, the session's fiber.
 */
#ifndef BACKSTOP_RELAY_INTAKE_H
#define BACKSTOP_RELAY_INTAKE_H

#include "relay/marks.h"
#include "relay/visit.h"
#include "store/spool.h"

struct intake {
	uint64_t id;
	enum spool_kind kind;
	enum pool pool;
	struct marks marks;          /* what is sent instead of the beginning of the client's message */
	size_t header_size;          /* of the client's message */
	const struct envelope *from; /* return path, wishes and recipients (untagged) to be stored */
	struct slice message_id;
	uint32_t tenant;
	bool verified, downstream;
	bool hold, answer; /* as in the record */
	struct slice hold_reason;
};
enum error intake_store(struct passage *p, const struct intake *i);

#endif
