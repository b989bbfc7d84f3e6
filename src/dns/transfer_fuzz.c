/* SPDX-License-Identifier: Apache-2.0 */
/* Any request for a transfer, from a client that may have the zone: the messages that come back can be read, and bear the id and the
 * question of the request. The first octet says whether the client may. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "dns/transfer.h"
#include "store/publish.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct db *state;
static struct transfers *transfers;
static struct list_zone zone;
static struct arena arena;
static struct tsig_keys keys;
static struct transfer_rules rules;

static enum error fill(struct db_txn *t, void *arg)
{
	enum error e = ERR_OK;
	for (uint8_t i = 0; i < 40 && e == ERR_OK; i++) {
		struct ip ip = {.family = i % 3 ? AF_INET : AF_INET6, .octets = {10, 0, i, 7, 1}};
		struct published row = {.classes = (uint8_t)(1 + i % 31), .grade = GRADE_only, .flags = i & 1};
		e = publish_row(t, &ip, &row);
	}
	return e;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char folder[] = "/tmp/backstop-fuzz-XXXXXX", why[CONFIG_WHY];
	static const char text[] = "hostname = a.b\n"
				   "dns { zone = bl.example.net nameserver = {ns1.example.net} transfer = "
				   "{\"192.0.2.0/24\"} tsig \"k\" { secret = \"MDEyMzQ1Njc4OWFiY2RlZg==\" } }\n";
	static struct config *c; /* the rules point into it */
	log_setup(LOG_LOGFMT, LOG_ERROR, NULL);
	if (!mkdtemp(folder) || db_open(folder, DB_STATE, DB_CREATE, &state, why) || db_update(state, fill, NULL))
		abort();
	if (config_parse("fuzz", slice_str(text), SLICE_EMPTY, SLICE_EMPTY, &c, why)) abort();
	wire_name_parse("bl.example", 10, &zone.name);
	wire_name_parse("ns.example", 10, &zone.nameservers[0].name);
	zone.nameserver_count = 1;
	zone.contact.name = zone.name;
	list_zone_complete(&zone);
	transfers = transfers_new(state);
	arena_init(&arena, 1 << 16);
	if (!transfers || tsig_keys_read(c->dns.tsig, c->dns.tsig_count, &arena, &keys) != ERR_OK) abort();
	rules = transfer_rules(c, &zone, &keys);
	transfers_use(transfers, &rules);
	return 0;
}

static enum error take(void *arg, const uint8_t *message, size_t n)
{
	struct wire_reader r = wire_read(message, n);
	struct wire_header h;
	struct wire_name name;
	struct wire_record rr;
	const uint16_t *id = arg;
	assert(wire_take_header(&r, &h) && h.id == *id && h.flags & FLAG_QR && h.questions <= 1);
	for (unsigned i = 0; i < h.questions; i++) assert(wire_take_name(&r, &name) && wire_take(&r, 4));
	for (unsigned i = 0; i < (unsigned)h.answers + h.additionals; i++) assert(wire_take_record(&r, &name, &rr));
	assert(r.at == n && h.authorities == 0);
	return ERR_OK;
}

static int64_t now(void)
{
	return 1700000000;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ip may = {.family = AF_INET, .octets = {192, 0, 2, 1}}, may_not = {.family = AF_INET6, .octets = {1}};
	if (size < 4 || size > WIRE_MESSAGE_MOST) return 0;
	size_t n = size - 1;
	uint8_t *octets = malloc(n);
	memcpy(octets, data + 1, n);
	uint16_t id = (uint16_t)(octets[0] << 8 | octets[1]);
	struct transfer_request r = {.peer = data[0] & 1 ? &may_not : &may,
	                             .octets = octets,
	                             .n = n,
	                             .put = take,
	                             .arg = &id,
	                             .clock = now};
	transfer_answer(transfers, &rules, &r);
	free(octets);
	return 0;
}
