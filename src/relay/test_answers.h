/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_answers - a ledger in which mail of a victim of forgers came, for the tests of answers
 *
 * For tests only; store/store_test.h's folder is what setup() gives each of them.
 */
#ifndef BACKSTOP_RELAY_TEST_ANSWERS_H
#define BACKSTOP_RELAY_TEST_ANSWERS_H

#include "auth/proof.h"
#include "relay/answers.h"
#include "store/spool.h"
#include "store/store_test.h"

#define NOW    1700000000
#define TENANT 7
#define VICTIM "victim@far.example"

static const struct slice secret_list[] = {{"key", 3}};
static const struct srs_secrets secrets = {secret_list, 1};

static int setup(void **state)
{
	*state = store_test_begin(DB_LEDGER);
	return 0;
}

static int teardown(void **state)
{
	store_test_end(*state);
	return 0;
}

static uint64_t id_of(unsigned n)
{
	return ((uint64_t)NOW - 3600) * 1000 << 20 | n;
}

/* An hour ago, to bob@ours.example; or sent by another tenant. */
static void came(struct db *ledger, unsigned n, const char *message_id, enum proof proof, bool outbound)
{
	static const struct ledger_bounds wide = {.lifetime = 30 * 86400, .size = (uint64_t)1 << 30};
	static char room[LEDGER_RECORD_MOST];
	struct ledger_passage p = {.time = NOW - 3600,
	                           .tenant = outbound ? TENANT + 1 : TENANT,
	                           .outbound = outbound,
	                           .result = outbound ? LEDGER_queued : LEDGER_delivered,
	                           .return_path = SLICE(VICTIM),
	                           .message_id = slice_str(message_id),
	                           .proof = proof};
	ledger_passage_recipient(&p, SLICE("bob@ours.example"));
	struct ledger_row row = {id_of(n), ledger_encode(&p, room)};
	assert_int_equal(ledger_put(ledger, &wide, &row, 1, p.time), ERR_OK);
}

/* "1m8awnthf0000-p4k...", as the relay writes it */
static struct slice stamped_id(struct arena *a, unsigned n, bool proven)
{
	char id[SPOOL_ID_TEXT];
	struct stamp_facts f = {.id = slice_str(spool_id_text(id_of(n), id)),
	                        .kind = proven ? STAMP_PROVEN : STAMP_UNPROVEN,
	                        .return_path = SLICE(VICTIM),
	                        .domain = proven ? SLICE("far.example") : SLICE_EMPTY,
	                        .author = SLICE_EMPTY,
	                        .time = NOW - 3600};
	struct slice text = stamp_write(a, &f, secret_list[0]);
	assert_non_null(text.p);
	return text;
}

#endif
