/* SPDX-License-Identifier: Apache-2.0 */
/* A secondary in memory: what it has after any sequence of transfers is what a new one would get. */
#include "dns/transfer.h"

#include <stdio.h>

#include "base/log.h"
#include "store/publish.h"
#include "store/store_test.h"

#define NOW    1700000000
#define SECRET "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

struct world {
	struct store_test *store;
	struct config *config;
	struct list_zone zone;
	struct arena arena;
	struct tsig_keys keys;
	struct transfer_rules rules;
	struct transfers *transfers;
};

static int64_t clock_fixed(void)
{
	return NOW;
}

static struct world *world_begin(const char *settings)
{
	struct world *w = calloc(1, sizeof *w);
	char text[1024], why[CONFIG_WHY];
	snprintf(text, sizeof text,
	         "hostname = a.b\ndns { zone = bl.example.net nameserver = {ns1.example.net} tsig \"key.example\" { "
	         "secret = \"" SECRET "\" } %s }\n",
	         settings);
	assert_int_equal(config_parse("t", slice_str(text), SLICE_EMPTY, SLICE_EMPTY, &w->config, why), ERR_OK);
	assert_true(wire_name_parse("bl.example.net", 14, &w->zone.name));
	assert_true(wire_name_parse("ns1.example.net", 15, &w->zone.nameservers[0].name));
	assert_true(wire_name_parse("ns.example.org", 14, &w->zone.nameservers[1].name));
	w->zone.nameserver_count = 2;
	assert_true(list_zone_contact("hostmaster@bl.example.net", &w->zone.contact.name));
	w->zone.ttl = 300;
	list_zone_complete(&w->zone);
	w->store = store_test_begin(DB_STATE);
	arena_init(&w->arena, 1 << 16);
	assert_int_equal(tsig_keys_read(w->config->dns.tsig, w->config->dns.tsig_count, &w->arena, &w->keys), ERR_OK);
	w->rules = transfer_rules(w->config, &w->zone, &w->keys);
	assert_non_null(w->transfers = transfers_new(w->store->db));
	transfers_use(w->transfers, &w->rules);
	return w;
}

static void world_end(struct world *w)
{
	transfers_free(w->transfers);
	arena_free(&w->arena);
	store_test_end(w->store);
	config_unref(w->config);
	free(w);
}

struct row {
	struct ip ip;
	struct published row;
	bool listed;
};

struct rows {
	struct row rows[3000];
	size_t n;
};

static enum error put_rows(struct db_txn *t, void *arg)
{
	struct rows *r = arg;
	enum error e = ERR_OK;
	for (size_t i = 0; i < r->n && e == ERR_OK; i++)
		e = publish_row(t, &r->rows[i].ip, r->rows[i].listed ? &r->rows[i].row : NULL);
	return e;
}

static struct rows pending;

static void prepare(const char *address, uint8_t classes, uint8_t grade, uint8_t flags)
{
	struct row *r = &pending.rows[pending.n++];
	*r = (struct row){.row = {.classes = classes, .grade = grade, .flags = flags}, .listed = classes || flags};
	assert_true(ip_parse(slice_str(address), &r->ip));
}

static void commit(struct world *w)
{
	assert_int_equal(db_update(w->store->db, put_rows, &pending), ERR_OK);
	pending.n = 0;
}

static void list(struct world *w, const char *address, uint8_t classes, uint8_t grade, uint8_t flags)
{
	prepare(address, classes, grade, flags);
	commit(w);
}

static uint32_t serial(struct world *w)
{
	struct db_txn *t;
	assert_int_equal(db_begin_read(w->store->db, &t), ERR_OK);
	uint32_t s = published_serial(t);
	db_end_read(t);
	return s;
}

/* ---- one request ---------------------------------------------------------------------------------------------------------- */

#define RECORD_MOST 700

struct set {
	char (*records)[RECORD_MOST]; /* owner, type and RDATA as text */
	size_t n;
};

struct asked {
	struct set all; /* every record, in order */
	unsigned messages, rcode;
	uint16_t flags;
	struct tsig *client; /* not NULL: each message is to be signed */
	unsigned limit;      /* messages that are taken; 0: all */
	bool opt;
};

static void put_in(struct set *s, const char *text)
{
	if (s->n % 64 == 0) s->records = realloc(s->records, (s->n + 64) * sizeof *s->records);
	snprintf(s->records[s->n++], RECORD_MOST, "%s", text);
}

static void describe(const uint8_t *message, size_t n, const struct wire_name *owner, const struct wire_record *rr,
                     char *out)
{
	char name[WIRE_NAME_TEXT];
	size_t length = (size_t)snprintf(out, RECORD_MOST, "%s %u ", wire_name_text(owner, name), rr->type);
	if (rr->type == RR_NS || rr->type == RR_SOA) {
		struct wire_reader r = wire_read(message, n);
		struct wire_name target;
		r.at = rr->rdata_at;
		assert_true(wire_take_name(&r, &target));
		length += (size_t)snprintf(out + length, RECORD_MOST - length, "%s", wire_name_text(&target, name));
		if (rr->type == RR_NS) return;
		assert_true(wire_take_name(&r, &target));
		snprintf(out + length, RECORD_MOST - length, " %u", wire_take_u32(&r));
		return;
	}
	for (size_t i = 0; i < rr->length; i++)
		length += (size_t)snprintf(out + length, RECORD_MOST - length, "%02x", rr->rdata[i]);
}

static enum error take(void *arg, const uint8_t *message, size_t n)
{
	struct asked *a = arg;
	uint8_t copy[WIRE_MESSAGE_MOST];
	memcpy(copy, message, n);
	if (a->client) assert_int_equal(tsig_check_answer(a->client, copy, &n, NOW), ERR_OK);
	struct wire_reader r = wire_read(copy, n);
	struct wire_header h;
	struct wire_name owner;
	struct wire_record rr;
	char text[RECORD_MOST];
	assert_true(wire_take_header(&r, &h));
	for (unsigned i = 0; i < h.questions; i++) assert_true(wire_take_name(&r, &owner) && wire_take(&r, 4));
	for (unsigned i = 0; i < h.answers; i++) {
		assert_true(wire_take_record(&r, &owner, &rr));
		describe(copy, n, &owner, &rr, text);
		put_in(&a->all, text);
	}
	for (unsigned i = 0; i < h.additionals; i++) {
		assert_true(wire_take_record(&r, &owner, &rr));
		if (rr.type == RR_OPT) a->opt = true;
	}
	assert_int_equal(r.at, n);
	a->messages++;
	a->flags = h.flags;
	a->rcode = h.flags & 15;
	return a->limit && a->messages == a->limit ? ERR_TIMEOUT : ERR_OK;
}

struct question {
	const char *name; /* NULL: the zone */
	uint16_t type, class;
	bool edns, with_soa;
	uint32_t since;
	const struct tsig_key *key;
	const char *peer;
};

static size_t ask_write(struct world *w, const struct question *q, uint8_t *room, size_t size, struct tsig *client)
{
	struct wire_writer m = wire_write(room, size);
	struct wire_header h = {.id = 7, .questions = 1, .authorities = q->with_soa, .additionals = q->edns};
	struct wire_name name = w->zone.name;
	if (q->name) assert_true(wire_name_parse(q->name, strlen(q->name), &name));
	wire_put_header(&m, &h);
	wire_put_name_plain(&m, &name);
	wire_put_u16(&m, q->type);
	wire_put_u16(&m, q->class ? q->class : RR_CLASS_IN);
	if (q->with_soa) {
		wire_put_pointer(&m, WIRE_HEADER_SIZE);
		list_zone_put_soa(&m, &w->zone, 0, q->since, WIRE_HEADER_SIZE);
	}
	if (q->edns) {
		wire_put_u8(&m, 0);
		wire_put_u16(&m, RR_OPT);
		wire_put_u16(&m, 1232);
		wire_put_u32(&m, 0);
		wire_put_u16(&m, 0);
	}
	size_t n = m.n;
	if (q->key) {
		tsig_begin(client, q->key);
		n = tsig_sign(client, room, n, size, NOW);
		assert_true(n > 0);
	}
	return n;
}

static enum error ask(struct world *w, const struct question *q, struct asked *out)
{
	uint8_t room[1024];
	struct tsig client;
	struct ip peer;
	unsigned limit = out->limit;
	*out = (struct asked){.limit = limit};
	size_t n = ask_write(w, q, room, sizeof room, &client);
	if (q->key) out->client = &client;
	assert_true(ip_parse(slice_str(q->peer ? q->peer : "192.0.2.7"), &peer));
	struct transfer_request r =
		{.peer = &peer, .octets = room, .n = n, .put = take, .arg = out, .clock = clock_fixed};
	enum error e = transfer_answer(w->transfers, &w->rules, &r);
	out->client = NULL;
	return e;
}

static void asked_free(struct asked *a)
{
	free(a->all.records);
	a->all = (struct set){0};
}

/* ---- a secondary ------------------------------------------------------------------------------------------------------------ */

static size_t find(const struct set *s, const char *record)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->records[i], record) == 0) return i;
	return s->n;
}

static uint32_t soa_serial(const char *record)
{
	assert_true(strncmp(record, "bl.example.net. 6 ", 18) == 0);
	return (uint32_t)strtoul(strrchr(record, ' ') + 1, NULL, 10);
}

static bool is_soa(const char *record)
{
	return strncmp(record, "bl.example.net. 6 ", 18) == 0;
}

struct secondary {
	struct set zone;
	uint32_t serial;
	unsigned wholes, differences, nothings;
};

static void take_whole(struct secondary *s, const struct asked *a)
{
	s->zone.n = 0;
	for (size_t i = 1; i + 1 < a->all.n; i++) {
		assert_false(is_soa(a->all.records[i]));
		assert_int_equal(find(&s->zone, a->all.records[i]), s->zone.n); /* nothing twice */
		put_in(&s->zone, a->all.records[i]);
	}
	s->wholes++;
}

/* RFC 1995 4. What is removed must be there, what is added must not. */
static void take_difference(struct secondary *s, const struct asked *a)
{
	unsigned soas = 0;
	for (size_t i = 1; i + 1 < a->all.n; i++) {
		const char *record = a->all.records[i];
		size_t at = find(&s->zone, record);
		if (is_soa(record)) {
			assert_int_equal(soa_serial(record), soas++ ? soa_serial(a->all.records[0]) : s->serial);
		} else if (soas == 1) {
			assert_true(at < s->zone.n);
			memmove(s->zone.records[at], s->zone.records[--s->zone.n], RECORD_MOST);
		} else {
			assert_int_equal(at, s->zone.n);
			put_in(&s->zone, record);
		}
	}
	assert_int_equal(soas, 2);
	s->differences++;
}

static void refresh(struct world *w, struct secondary *s, const struct tsig_key *key)
{
	struct question q = {.type = s->serial ? RR_IXFR : RR_AXFR,
	                     .with_soa = s->serial,
	                     .since = s->serial,
	                     .key = key};
	struct asked a = {0};
	assert_int_equal(ask(w, &q, &a), ERR_OK);
	assert_int_equal(a.rcode, 0);
	assert_true(a.flags & FLAG_AA);
	assert_true(a.all.n > 0);
	assert_int_equal(soa_serial(a.all.records[0]), serial(w));
	if (a.all.n == 1)
		s->nothings++;
	else if (a.all.n > 1 && is_soa(a.all.records[1]) && s->serial)
		take_difference(s, &a);
	else
		take_whole(s, &a);
	if (a.all.n > 1) assert_string_equal(a.all.records[0], a.all.records[a.all.n - 1]);
	s->serial = serial(w);
	asked_free(&a);
}

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void assert_same(struct secondary *a, struct secondary *b)
{
	qsort(a->zone.records, a->zone.n, RECORD_MOST, compare);
	qsort(b->zone.records, b->zone.n, RECORD_MOST, compare);
	assert_int_equal(a->zone.n, b->zone.n);
	for (size_t i = 0; i < a->zone.n; i++) assert_string_equal(a->zone.records[i], b->zone.records[i]);
}

static void test_whole(void **state)
{
	struct world *w = world_begin("transfer = {\"192.0.2.0/24\"}");
	struct secondary s = {0};
	list(w, "198.51.100.1", 1 << ACT_bounce, GRADE_only, PUBLISHED_ANY);
	list(w, "2001:db8::1", 1 << ACT_autoreply, GRADE_some, 0);
	refresh(w, &s, NULL);
	assert_int_equal(s.wholes, 1);
	assert_true(find(&s.zone, "bl.example.net. 2 ns1.example.net.") < s.zone.n);
	assert_true(find(&s.zone, "bl.example.net. 2 ns.example.org.") < s.zone.n);
	assert_true(find(&s.zone, "2.0.0.127.safe.bl.example.net. 1 7f000002") < s.zone.n);
	assert_true(find(&s.zone, "1.100.51.198.any.bl.example.net. 1 7f000002") < s.zone.n);
	assert_true(find(&s.zone, "*.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.safe.bl.example.net. 1 7f000003") < s.zone.n);
	assert_true(find(&s.zone, "*.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.any.bl.example.net. 1 7f000003") == s.zone.n);
	assert_int_equal(s.zone.n, 2 + 2 * 2 * 2 + 2 * 2 + 2);
	free(s.zone.records);
	world_end(w);
}

static unsigned random_state = 1;

static unsigned pick(unsigned n)
{
	random_state = random_state * 1103515245 + 12345;
	return (random_state >> 16) % n;
}

static void change_at_random(void)
{
	char address[64];
	if (pick(3))
		snprintf(address, sizeof address, "198.51.100.%u", pick(8));
	else
		snprintf(address, sizeof address, "2001:db8:0:%x::", pick(8));
	if (pick(3) == 0)
		prepare(address, 0, 0, 0);
	else
		prepare(address, (uint8_t)(1 + pick(31)), (uint8_t)pick(GRADE_COUNT), pick(2) ? PUBLISHED_ANY : 0);
}

static void test_differences(void **state)
{
	struct world *w = world_begin("transfer = {\"key key.example\"}");
	const struct tsig_key *key = tsig_key_find(&w->keys, "key.example");
	struct secondary s = {0};
	for (unsigned i = 0; i < 40; i++) change_at_random();
	commit(w);
	refresh(w, &s, key);
	for (unsigned round = 0; round < 60; round++) {
		struct secondary fresh = {0};
		for (unsigned i = pick(12); i > 0; i--) change_at_random();
		commit(w);
		refresh(w, &s, key);
		refresh(w, &fresh, key);
		assert_same(&s, &fresh);
		free(fresh.zone.records);
	}
	assert_int_equal(s.wholes, 1);
	assert_true(s.differences > 40);
	assert_int_equal(s.differences + s.nothings, 60);
	free(s.zone.records);
	world_end(w);
}

static void test_whole_instead(void **state)
{
	struct world *w = world_begin("transfer = {\"192.0.2.7\"}");
	struct secondary s = {0};
	list(w, "198.51.100.1", 1, GRADE_some, 0);
	refresh(w, &s, NULL);
	/* A serial that is none of ours. */
	list(w, "198.51.100.2", 1, GRADE_some, 0);
	s.serial = serial(w) - 1000;
	refresh(w, &s, NULL);
	assert_int_equal(s.wholes, 2);
	/* Another TTL: the difference to what was sent before would not be one. */
	w->zone.ttl++;
	struct transfer_rules old = w->rules;
	w->rules = transfer_rules(w->config, &w->zone, &w->keys);
	transfers_use(w->transfers, &w->rules);
	list(w, "198.51.100.3", 1, GRADE_some, 0);
	refresh(w, &s, NULL);
	assert_int_equal(s.wholes, 3);
	list(w, "198.51.100.4", 1, GRADE_some, 0);
	refresh(w, &s, NULL);
	assert_int_equal(s.wholes, 3);
	assert_int_equal(s.differences, 1);
	/* The same zone, made again: a reload that changes something else. */
	w->rules = transfer_rules(w->config, &w->zone, &w->keys);
	transfers_use(w->transfers, &w->rules);
	list(w, "198.51.100.5", 1, GRADE_some, 0);
	refresh(w, &s, NULL);
	assert_int_equal(s.differences, 2);
	/* A connection from before the change. */
	struct transfer_rules new = w->rules;
	struct question again = {.type = RR_AXFR};
	struct asked refused = {0};
	w->rules = old;
	assert_int_equal(ask(w, &again, &refused), ERR_OK);
	assert_int_equal(refused.rcode, RCODE_SERVFAIL);
	asked_free(&refused);
	w->rules = new;
	/* Ahead of us, after a state was restored: nothing new, until we are past it (RFC 1995 2). */
	s.serial = serial(w) + 5;
	struct question q = {.type = RR_IXFR, .with_soa = true, .since = s.serial};
	struct asked a = {0};
	assert_int_equal(ask(w, &q, &a), ERR_OK);
	assert_int_equal(a.all.n, 1);
	asked_free(&a);
	free(s.zone.records);
	world_end(w);
}

static void test_many(void **state)
{
	struct world *w = world_begin("transfer = {\"key key.example\"} transfer-limit = 1");
	for (unsigned i = 0; i < 3000; i++) {
		char address[64];
		snprintf(address, sizeof address, "10.%u.%u.%u", i % 3, i / 256, i % 256);
		prepare(address, 1, GRADE_only, PUBLISHED_ANY);
	}
	commit(w);
	struct question q = {.type = RR_AXFR, .key = tsig_key_find(&w->keys, "key.example"), .edns = true};
	struct asked a = {0};
	assert_int_equal(ask(w, &q, &a), ERR_OK); /* each message's signature is checked */
	assert_true(a.messages > 10);
	assert_true(a.opt);
	assert_int_equal(a.all.n, 2 + 2 + 8 + 3000 * 4);
	asked_free(&a);
	/* A client that stops taking: the error comes back, and the place is free again. */
	for (unsigned i = 0; i < 3; i++) {
		a.limit = 2;
		assert_int_equal(ask(w, &q, &a), ERR_TIMEOUT);
		asked_free(&a);
	}
	world_end(w);
}

/* The serial at which we began: those who got it from us have what we have, others may have anything. */
static void test_beginning(void **state)
{
	struct world *w = world_begin("transfer = {\"192.0.2.0/24\"}");
	struct secondary ours = {0}, other = {.serial = serial(w)};
	refresh(w, &ours, NULL);
	list(w, "198.51.100.1", 1, GRADE_some, 0);
	refresh(w, &ours, NULL);
	assert_true(ours.wholes == 1 && ours.differences == 1);
	struct question q = {.type = RR_IXFR, .with_soa = true, .since = other.serial, .peer = "192.0.2.8"};
	struct asked a = {0};
	assert_int_equal(ask(w, &q, &a), ERR_OK);
	assert_false(is_soa(a.all.records[1]));
	asked_free(&a);
	free(ours.zone.records);
	world_end(w);
}

/* ---- who may, and what may be asked ------------------------------------------------------------------------------------------ */

static struct tsig_key other_key = {.text = "key.example",
                                    .algorithm = TSIG_HMAC_SHA256,
                                    .secret = {"another secret!!", 16}};

enum with { NO_KEY, GOOD_KEY, WRONG_SECRET };

static const struct {
	const char *name, *settings, *peer;
	enum with with;
	unsigned rcode;
} access_cases[] = {
	{"nobody without a rule", "", "192.0.2.7", GOOD_KEY, RCODE_REFUSED},
	{"address", "transfer = {\"192.0.2.0/24\"}", "192.0.2.7", NO_KEY, 0},
	{"address, and a key besides", "transfer = {\"192.0.2.0/24\"}", "192.0.2.7", GOOD_KEY, 0},
	{"other address", "transfer = {\"192.0.2.0/24\"}", "192.0.3.7", NO_KEY, RCODE_REFUSED},
	{"IPv6 address", "transfer = {\"192.0.2.0/24\", \"2001:db8::/32\"}", "2001:db8::7", NO_KEY, 0},
	{"key", "transfer = {\"key key.example\"}", "203.0.113.1", GOOD_KEY, 0},
	{"no key", "transfer = {\"key key.example\"}", "203.0.113.1", NO_KEY, RCODE_REFUSED},
	{"wrong secret", "transfer = {\"key key.example\"}", "203.0.113.1", WRONG_SECRET, RCODE_NOTAUTH},
	{"wrong secret from an address that needs none", "transfer = {\"192.0.2.0/24\"}", "192.0.2.7", WRONG_SECRET,
         RCODE_NOTAUTH},
	{"both", "transfer = {\"192.0.2.0/24 key key.example\"}", "192.0.2.7", GOOD_KEY, 0},
	{"both, no key", "transfer = {\"192.0.2.0/24 key key.example\"}", "192.0.2.7", NO_KEY, RCODE_REFUSED},
	{"both, other address", "transfer = {\"192.0.2.0/24 key key.example\"}", "192.0.3.7", GOOD_KEY, RCODE_REFUSED},
	{"another key", "tsig other { secret = \"" SECRET "\" } transfer = {\"key other\"}", "192.0.2.7", GOOD_KEY,
         RCODE_REFUSED},
};

static void test_access(void **state)
{
	for (size_t i = 0; i < sizeof access_cases / sizeof *access_cases; i++) {
		struct world *w = world_begin(access_cases[i].settings);
		struct asked a = {0};
		struct question q = {.type = RR_AXFR, .peer = access_cases[i].peer};
		other_key.name = w->keys.keys[0].name;
		if (access_cases[i].with == GOOD_KEY) q.key = tsig_key_find(&w->keys, "key.example");
		uint8_t room[1024];
		struct tsig client;
		struct ip peer;
		if (access_cases[i].with == WRONG_SECRET) q.key = &other_key;
		size_t n = ask_write(w, &q, room, sizeof room, &client);
		assert_true(ip_parse(slice_str(q.peer), &peer));
		struct transfer_request r =
			{.peer = &peer, .octets = room, .n = n, .put = take, .arg = &a, .clock = clock_fixed};
		if (access_cases[i].with == GOOD_KEY) a.client = &client;
		assert_int_equal(transfer_answer(w->transfers, &w->rules, &r), ERR_OK);
		if (a.rcode != access_cases[i].rcode) printf("case: %s\n", access_cases[i].name);
		assert_int_equal(a.rcode, access_cases[i].rcode);
		assert_int_equal(a.all.n > 0, access_cases[i].rcode == 0);
		asked_free(&a);
		world_end(w);
	}
}

static const struct {
	const char *name;
	struct question question;
	unsigned rcode;
} question_cases[] = {
	{"other zone", {.name = "example.net", .type = RR_AXFR}, RCODE_NOTAUTH},
	{"below the zone", {.name = "safe.bl.example.net", .type = RR_AXFR}, RCODE_NOTAUTH},
	{"other case", {.name = "bl.example.net", .type = RR_AXFR}, 0},
	{"class CH", {.type = RR_AXFR, .class = RR_CLASS_CHAOS}, RCODE_NOTAUTH},
	{"IXFR without SOA", {.type = RR_IXFR}, RCODE_FORMERR},
	{"IXFR", {.type = RR_IXFR, .with_soa = true, .since = 1}, 0},
	{"AXFR with SOA", {.type = RR_AXFR, .with_soa = true, .since = 1}, 0},
};

static void test_questions(void **state)
{
	struct world *w = world_begin("transfer = {\"192.0.2.7\"}");
	for (size_t i = 0; i < sizeof question_cases / sizeof *question_cases; i++) {
		struct asked a = {0};
		assert_int_equal(ask(w, &question_cases[i].question, &a), ERR_OK);
		if (a.rcode != question_cases[i].rcode) printf("case: %s\n", question_cases[i].name);
		assert_int_equal(a.rcode, question_cases[i].rcode);
		asked_free(&a);
	}
	world_end(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),         cmocka_unit_test(test_differences),
		cmocka_unit_test(test_whole_instead), cmocka_unit_test(test_beginning),
		cmocka_unit_test(test_many),          cmocka_unit_test(test_access),
		cmocka_unit_test(test_questions),
	};
	log_setup(LOG_LOGFMT, LOG_ERROR, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
