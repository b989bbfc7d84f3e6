/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ledger.h"

#include "store/store_test.h"

#define NOW  1700000000
#define DAY  86400
#define WIDE (&(struct ledger_bounds){.lifetime = 30 * DAY, .size = (uint64_t)1 << 30})

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

/* Ids as spool_new_id() makes them: n counts within the second. */
static uint64_t id_at(int64_t time, unsigned n)
{
	return (uint64_t)time * 1000 << 20 | n;
}

static void put(struct db *db, const struct ledger_bounds *b, struct ledger_passage *p)
{
	static char room[LEDGER_RECORD_MOST];
	if (!p->time) p->time = (int64_t)(p->id >> 20) / 1000;
	struct ledger_row row = {p->id, ledger_encode(p, room)};
	assert_int_equal(ledger_put(db, b, &row, 1, p->time), ERR_OK);
}

static void put_simple(struct db *db, uint64_t id, uint32_t tenant, const char *message_id, const char *from,
                       const char *to)
{
	struct ledger_passage p = {.id = id,
	                           .tenant = tenant,
	                           .message_id = slice_str(message_id),
	                           .return_path = slice_str(from)};
	ledger_passage_recipient(&p, slice_str(to));
	put(db, WIDE, &p);
}

static void put_raw(struct db_txn *t, uint64_t id, struct slice value)
{
	uint64_t key = htobe64(id);
	assert_int_equal(db_put(t, DB_passages, slice_of(&key, sizeof key), value), ERR_OK);
}

/* What a search finds, as "1 5 3 ": the low 20 bits of the ids in the order they came. */
struct found {
	char text[512];
	size_t most, n;
};

static bool note(const struct ledger_passage *p, void *arg)
{
	struct found *f = arg;
	size_t used = strlen(f->text);
	if (used + 16 < sizeof f->text)
		snprintf(f->text + used, sizeof f->text - used, "%llu ", (unsigned long long)(p->id & 0xfffff));
	f->n++;
	return f->most == 0 || f->n < f->most;
}

static const char *by_message_id(struct db *db, const char *id, struct found *f)
{
	*f = (struct found){0};
	assert_int_equal(ledger_each_by_message_id(db, slice_str(id), note, f), ERR_OK);
	return f->text;
}

static const char *by_return_path(struct db *db, uint32_t tenant, const char *address, struct found *f)
{
	*f = (struct found){0};
	assert_int_equal(ledger_each_by_return_path(db, tenant, slice_str(address), note, f), ERR_OK);
	return f->text;
}

static const char *by_author(struct db *db, uint32_t tenant, const char *address, struct found *f)
{
	*f = (struct found){0};
	assert_int_equal(ledger_each_by_author(db, tenant, slice_str(address), note, f), ERR_OK);
	return f->text;
}

static const char *by_recipient(struct db *db, uint32_t tenant, const char *address, struct found *f)
{
	*f = (struct found){0};
	assert_int_equal(ledger_each_by_recipient(db, tenant, slice_str(address), note, f), ERR_OK);
	return f->text;
}

/* ---- the record --------------------------------------------------------------------------------------------------- */

static void fill(struct ledger_passage *p)
{
	*p = (struct ledger_passage){.time = NOW,
	                             .outbound = true,
	                             .authenticated = true,
	                             .tenant = 7,
	                             .helo = SLICE("mx.example.org"),
	                             .return_path = SLICE("a@example.org"),
	                             .handed_on = SLICE("SRS0=x@example.net"),
	                             .message_id = SLICE("<1@example.org>"),
	                             .from_domain = SLICE("example.org"),
	                             .result = LEDGER_refused,
	                             .reply_code = 550,
	                             .reason = SLICE("unknown_recipient"),
	                             .spf = 1,
	                             .dkim = 2,
	                             .dmarc = 3,
	                             .arc = 4,
	                             .proof = 5,
	                             .class = 7,
	                             .size = (uint64_t)5 << 32,
	                             .has_digest = true,
	                             .server = SLICE("mx.example.net [192.0.2.1]")};
	assert_true(ip_parse(SLICE("2001:db8::1"), &p->client));
	memset(p->digest, 0xab, sizeof p->digest);
	ledger_passage_dkim_domain(p, SLICE("d.example.org"));
	ledger_passage_recipient(p, SLICE("b@example.net"));
	ledger_passage_recipient(p, SLICE("c@example.net"));
	ledger_passage_author(p, SLICE("d@example.org"));
	ledger_passage_author(p, SLICE("e@example.org"));
}

static void assert_same(const struct ledger_passage *a, const struct ledger_passage *b)
{
	assert_int_equal(a->time, b->time);
	assert_int_equal(a->outbound, b->outbound);
	assert_int_equal(a->authenticated, b->authenticated);
	assert_int_equal(a->tenant, b->tenant);
	assert_true(ip_equal(&a->client, &b->client));
	assert_true(slice_equal(a->helo, b->helo) && slice_equal(a->return_path, b->return_path));
	assert_true(slice_equal(a->handed_on, b->handed_on) && slice_equal(a->message_id, b->message_id));
	assert_true(slice_equal(a->from_domain, b->from_domain) && slice_equal(a->reason, b->reason));
	assert_true(slice_equal(a->server, b->server));
	assert_int_equal(a->result, b->result);
	assert_int_equal(a->reply_code, b->reply_code);
	assert_int_equal(a->spf, b->spf);
	assert_int_equal(a->dkim, b->dkim);
	assert_int_equal(a->dmarc, b->dmarc);
	assert_int_equal(a->arc, b->arc);
	assert_int_equal(a->proof, b->proof);
	assert_int_equal(a->class, b->class);
	assert_int_equal(a->size, b->size);
	assert_int_equal(a->has_digest, b->has_digest);
	assert_memory_equal(a->digest, b->digest, LEDGER_DIGEST);
	assert_int_equal(a->dkim_domain_count, b->dkim_domain_count);
	for (size_t i = 0; i < a->dkim_domain_count; i++)
		assert_true(slice_equal(a->dkim_domains[i], b->dkim_domains[i]));
	assert_int_equal(a->recipient_total, b->recipient_total);
	assert_int_equal(a->recipient_count, b->recipient_count);
	assert_int_equal(a->author_count, b->author_count);
	for (size_t i = 0; i < a->author_count; i++) assert_true(slice_equal(a->authors[i], b->authors[i]));
	for (size_t i = 0; i < a->recipient_count; i++) assert_true(slice_equal(a->recipients[i], b->recipients[i]));
}

static void test_record(void **state)
{
	char room[LEDGER_RECORD_MOST];
	struct ledger_passage p, q, least = {0};
	fill(&p);
	struct slice record = ledger_encode(&p, room);
	assert_int_equal(record.n, ledger_record_size(&p));
	assert_int_equal(ledger_decode(record, &q), ERR_OK);
	assert_same(&p, &q);
	/* Every beginning of it is damage, and so is one octet more. */
	for (size_t n = 0; n < record.n; n++) assert_int_equal(ledger_decode(slice_of(room, n), &q), ERR_CORRUPT);
	room[record.n] = 0;
	assert_int_equal(ledger_decode(slice_of(room, record.n + 1), &q), ERR_CORRUPT);
	assert_int_equal(room[0], 2);
	room[0] = 3;
	assert_int_equal(ledger_decode(record, &q), ERR_VERSION);

	p.author_count = 0; /* as older programs wrote, and read, it */
	record = ledger_encode(&p, room);
	assert_int_equal(record.n, ledger_record_size(&p));
	assert_int_equal(room[0], 1);
	assert_int_equal(ledger_decode(record, &q), ERR_OK);
	assert_same(&p, &q);
	room[0] = 2;
	assert_int_equal(ledger_decode(record, &q), ERR_CORRUPT);

	record = ledger_encode(&least, room);
	assert_int_equal(ledger_decode(record, &q), ERR_OK);
	assert_same(&least, &q);
	assert_string_equal(ledger_result_text(LEDGER_held), "held");
	assert_string_equal(ledger_result_text(200), "unknown");
}

static void test_record_is_bounded(void **state)
{
	static char room[LEDGER_RECORD_MOST], text[70000];
	memset(text, 'x', sizeof text);
	struct slice s = slice_of(text, sizeof text);
	struct ledger_passage q, p = {.helo = s,
	                              .return_path = s,
	                              .handed_on = s,
	                              .message_id = s,
	                              .from_domain = s,
	                              .reason = s,
	                              .server = s,
	                              .has_digest = true,
	                              .client.family = AF_INET6};
	for (int i = 0; i < 1000; i++) ledger_passage_recipient(&p, s);
	for (int i = 0; i < 1000; i++) ledger_passage_dkim_domain(&p, s);
	for (int i = 0; i < 1000; i++) ledger_passage_author(&p, s);
	assert_true(ledger_record_size(&p) <= sizeof room);
	assert_int_equal(ledger_decode(ledger_encode(&p, room), &q), ERR_OK);
	assert_int_equal(q.recipient_total, 1000);
	assert_int_equal(q.recipient_count, LEDGER_RECIPIENTS);
	assert_int_equal(q.dkim_domain_count, LEDGER_DKIM_DOMAINS);
	assert_int_equal(q.message_id.n, 998);
	assert_int_equal(q.recipients[31].n, 512);
	assert_int_equal(q.author_count, LEDGER_AUTHORS);
	assert_int_equal(q.authors[LEDGER_AUTHORS - 1].n, 512);
	assert_int_equal(q.reason.n, 63);
}

/* ---- finding ------------------------------------------------------------------------------------------------------ */

static void test_get(void **state)
{
	struct store_test *t = *state;
	struct ledger_passage p, q;
	struct arena a;
	arena_init(&a, 1 << 20);
	assert_int_equal(ledger_get(t->db, 5, &a, &q), ERR_NOT_FOUND);
	fill(&p);
	p.id = id_at(NOW, 1);
	put(t->db, WIDE, &p);
	assert_int_equal(ledger_get(t->db, p.id, &a, &q), ERR_OK);
	assert_same(&p, &q);
	assert_int_equal(q.id, p.id);
	assert_int_equal(ledger_get(t->db, p.id + 1, &a, &q), ERR_NOT_FOUND);
	arena_free(&a);
}

static void test_by_message_id(void **state)
{
	struct store_test *t = *state;
	struct found f;
	assert_string_equal(by_message_id(t->db, "<1@example.org>", &f), ""); /* nothing was ever written */
	put_simple(t->db, id_at(NOW, 1), 1, "<1@example.org>", "a@example.org", "b@example.net");
	put_simple(t->db, id_at(NOW, 2), 1, "<2@example.org>", "a@example.org", "b@example.net");
	put_simple(t->db, id_at(NOW, 3), 2, " 1@example.org ", "a@example.org", "b@example.net");
	put_simple(t->db, id_at(NOW, 4), 1, "", "a@example.org", "b@example.net");
	static const struct {
		const char *name, *id, *found;
	} cases[] = {
		{"as it is, newest first", "<1@example.org>", "3 1 "},
		{"without <>", "1@example.org", "3 1 "},
		{"white space around it", "\t<1@example.org>\r\n", "3 1 "},
		{"another", "<2@example.org>", "2 "},
		{"case matters", "<1@EXAMPLE.org>", ""},
		{"a part of one", "<1@example.or>", ""},
		{"none", "", ""},
		{"only brackets", "<>", ""},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (strcmp(by_message_id(t->db, cases[i].id, &f), cases[i].found) != 0)
			fail_msg("%s: %s", cases[i].name, f.text);
}

static void test_by_address(void **state)
{
	struct store_test *t = *state;
	struct found f;
	put_simple(t->db, id_at(NOW, 1), 1, "<1@x>", "a@example.org", "b@example.net");
	put_simple(t->db, id_at(NOW, 2), 2, "<2@x>", "A@Example.ORG", "B@example.net");
	put_simple(t->db, id_at(NOW, 3), 1, "<3@x>", "", "a@example.org");
	struct ledger_passage p = {.id = id_at(NOW, 4),
	                           .tenant = 1,
	                           .return_path = SLICE("c@example.org"),
	                           .handed_on = SLICE("SRS0=aa=c@rp.example.net")};
	ledger_passage_recipient(&p, SLICE("b@example.net"));
	ledger_passage_recipient(&p, SLICE("b@example.net"));
	ledger_passage_recipient(&p, SLICE("d@example.net"));
	ledger_passage_author(&p, SLICE("e@example.org"));
	ledger_passage_author(&p, SLICE("a@example.org"));
	put(t->db, WIDE, &p);
	assert_string_equal(by_return_path(t->db, 0, "a@example.org", &f), "2 1 ");
	assert_string_equal(by_return_path(t->db, 1, "a@EXAMPLE.org", &f), "1 ");
	assert_string_equal(by_return_path(t->db, 3, "a@example.org", &f), "");
	assert_string_equal(by_return_path(t->db, 0, "c@example.org", &f), "4 ");
	assert_string_equal(by_return_path(t->db, 0, "srs0=AA=c@rp.example.net", &f), "4 ");
	assert_string_equal(by_return_path(t->db, 0, "b@example.net", &f), ""); /* a recipient, not a return path */
	assert_string_equal(by_return_path(t->db, 0, "", &f), "");
	assert_string_equal(by_author(t->db, 0, "A@example.org", &f), "4 "); /* not return paths */
	assert_string_equal(by_author(t->db, 1, "e@example.org", &f), "4 ");
	assert_string_equal(by_author(t->db, 2, "e@example.org", &f), "");
	assert_string_equal(by_author(t->db, 0, "c@example.org", &f), "");
	assert_string_equal(by_recipient(t->db, 0, "b@example.net", &f), "4 2 1 "); /* named twice, found once */
	assert_string_equal(by_recipient(t->db, 2, "b@example.net", &f), "2 ");
	assert_string_equal(by_recipient(t->db, 0, "d@example.net", &f), "4 ");
	assert_string_equal(by_recipient(t->db, 0, "a@example.org", &f), "3 ");
}

static void test_cut_texts_are_found(void **state)
{
	struct store_test *t = *state;
	static char text[2000];
	struct found f;
	memset(text, 'x', sizeof text - 1);
	put_simple(t->db, id_at(NOW, 1), 1, text, text, text);
	assert_string_equal(by_message_id(t->db, text, &f), "1 ");
	assert_string_equal(by_return_path(t->db, 0, text, &f), "1 ");
	assert_string_equal(by_recipient(t->db, 1, text, &f), "1 ");
	text[600] = '\0';
	assert_string_equal(by_message_id(t->db, text, &f), "");
}

/* Sessions end in another order than they began; searches go by the id all the same, and a callback may end them. */
static void test_order(void **state)
{
	struct store_test *t = *state;
	static const unsigned order[] = {5, 2, 9, 1, 7, 9};
	struct found f;
	for (size_t i = 0; i < sizeof order / sizeof *order; i++)
		put_simple(t->db, id_at(NOW, order[i]), 1, "<m@x>", "a@x", "b@x");
	assert_string_equal(by_message_id(t->db, "m@x", &f), "9 7 5 2 1 ");
	f = (struct found){0};
	assert_int_equal(ledger_each(t->db, note, &f), ERR_OK);
	assert_string_equal(f.text, "9 7 5 2 1 ");
	f = (struct found){.most = 2};
	assert_int_equal(ledger_each(t->db, note, &f), ERR_OK);
	assert_string_equal(f.text, "9 7 ");
	f = (struct found){.most = 3};
	assert_int_equal(ledger_each_by_recipient(t->db, 1, SLICE("b@x"), note, &f), ERR_OK);
	assert_string_equal(f.text, "9 7 5 ");
}

/* Who asks is told that there is more than was handed over. */
static void test_more_than_is_looked_at(void **state)
{
	struct store_test *t = *state;
	struct found f = {.most = 10};
	for (unsigned i = 0; i < LEDGER_LOOKED; i++) put_simple(t->db, id_at(NOW, i), 1, "<m@x>", "a@x", "b@x");
	assert_int_equal(ledger_each_by_message_id(t->db, SLICE("m@x"), note, &f), ERR_OK);
	f = (struct found){.most = 1000000};
	assert_int_equal(ledger_each_by_return_path(t->db, 2, SLICE("a@x"), note, &f), ERR_LIMIT);
	assert_int_equal(ledger_each_by_return_path(t->db, 1, SLICE("b@x"), note, &f), ERR_OK);
}

/* An id that is written again stands for the new one only. */
static void test_replaced(void **state)
{
	struct store_test *t = *state;
	struct found f;
	put_simple(t->db, id_at(NOW, 1), 1, "<old@x>", "a@x", "b@x");
	put_simple(t->db, id_at(NOW, 1), 1, "<new@x>", "a@x", "b@x");
	assert_string_equal(by_message_id(t->db, "old@x", &f), "");
	assert_string_equal(by_message_id(t->db, "new@x", &f), "1 ");
}

static enum error spoil(struct db_txn *t, void *arg)
{
	put_raw(t, id_at(NOW, 1), SLICE("\3 of a newer version"));
	put_raw(t, id_at(NOW, 2), SLICE("\1damaged"));
	put_raw(t, id_at(NOW, 3), SLICE(""));
	return ERR_OK;
}

static void test_damaged_and_newer(void **state)
{
	struct store_test *t = *state;
	struct ledger_passage p;
	struct found f = {0};
	struct arena a;
	arena_init(&a, 1 << 20);
	for (unsigned i = 1; i <= 4; i++) put_simple(t->db, id_at(NOW, i), 1, "<m@x>", "a@x", "b@x");
	assert_int_equal(db_update(t->db, spoil, NULL), ERR_OK);
	assert_int_equal(ledger_get(t->db, id_at(NOW, 1), &a, &p), ERR_VERSION);
	assert_int_equal(ledger_get(t->db, id_at(NOW, 2), &a, &p), ERR_CORRUPT);
	assert_int_equal(ledger_get(t->db, id_at(NOW, 3), &a, &p), ERR_CORRUPT);
	assert_int_equal(ledger_each(t->db, note, &f), ERR_OK);
	assert_string_equal(f.text, "4 ");
	assert_string_equal(by_message_id(t->db, "m@x", &f), "4 ");
	/* They expire like the others. */
	size_t removed, passages;
	assert_int_equal(ledger_expire(t->db, WIDE, NOW + 31 * DAY, 1000, &removed, &passages), ERR_OK);
	assert_int_equal(passages, 4);
	arena_free(&a);
}

/* ---- expiry ------------------------------------------------------------------------------------------------------- */

static uint64_t count_of(struct db *db, enum db_table which)
{
	struct db_txn *t;
	assert_int_equal(db_begin_read(db, &t), ERR_OK);
	uint64_t n = db_count(t, which);
	db_end_read(t);
	return n;
}

static size_t expire_all(struct db *db, const struct ledger_bounds *b, int64_t now, size_t most)
{
	size_t removed = 1, passages, sum = 0;
	for (int i = 0; removed; i++) {
		assert_int_equal(ledger_expire(db, b, now, most, &removed, &passages), ERR_OK);
		assert_true(removed <= most && passages <= removed);
		sum += passages;
		assert_true(i < 100000);
	}
	return sum;
}

static void test_lifetime(void **state)
{
	struct store_test *t = *state;
	struct found f;
	struct ledger_summary s;
	assert_int_equal(expire_all(t->db, WIDE, NOW, 10), 0); /* an empty one */
	for (unsigned day = 0; day < 40; day++)
		put_simple(t->db, id_at(NOW + (int64_t)day * DAY, day), 1, "<m@x>", "a@x", "b@x");
	assert_int_equal(expire_all(t->db, WIDE, NOW + 39 * DAY, 3), 9);
	assert_string_equal(by_message_id(t->db, "m@x", &f),
	                    "39 38 37 36 35 34 33 32 31 30 29 28 27 26 25 24 23 22 21 20 19 18 17 16 15 14 13 12 11 10 "
	                    "9 ");
	assert_int_equal(count_of(t->db, DB_passages), 31);
	/* The index went with them, but for the generation that is not quite over. */
	uint64_t rows = count_of(t->db, DB_passage_index);
	assert_true(rows >= 31 * 3 && rows <= 33 * 3);
	assert_int_equal(ledger_summarize(t->db, &s), ERR_OK);
	assert_int_equal(s.passages, 31);
	assert_int_equal(s.oldest, NOW + 9 * DAY);
	assert_true(s.size > 0);
	assert_int_equal(expire_all(t->db, WIDE, NOW + 100 * DAY, 1000), 31);
	assert_int_equal(count_of(t->db, DB_passage_index), 0);
	put_simple(t->db, id_at(NOW + 100 * DAY, 7), 1, "<m@x>", "a@x", "b@x");
	assert_string_equal(by_message_id(t->db, "m@x", &f), "7 ");
}

static void test_how_far_it_reaches_back(void **state)
{
	struct store_test *t = *state;
	assert_false(ledger_reaches_back(t->db, NOW));
	put_simple(t->db, id_at(NOW, 1), 1, "<m@x>", "a@x", "b@x");
	put_simple(t->db, id_at(NOW + DAY, 1), 1, "<n@x>", "a@x", "b@x");
	assert_false(ledger_reaches_back(t->db, NOW - 1));
	assert_true(ledger_reaches_back(t->db, NOW));
	assert_int_equal(ledger_rebuild_mark(t->db, true), ERR_OK);
	assert_false(ledger_reaches_back(t->db, NOW + 2 * DAY));
	assert_int_equal(ledger_rebuild_mark(t->db, false), ERR_OK);
	assert_true(ledger_reaches_back(t->db, NOW + 2 * DAY));
}

static void put_many(struct db *db, const struct ledger_bounds *b, unsigned from, unsigned n)
{
	char room[64][512], ids[64][32];
	struct ledger_row rows[64];
	for (unsigned i = 0; i < n; i += 64) {
		for (unsigned j = 0; j < 64; j++) {
			snprintf(ids[j], sizeof ids[j], "<%u@example.org>", from + i + j);
			struct ledger_passage p = {.message_id = slice_str(ids[j]),
			                           .time = NOW,
			                           .has_digest = true,
			                           .return_path = SLICE("somebody@example.org"),
			                           .helo = SLICE("mail.example.org")};
			ledger_passage_recipient(&p, SLICE("someone.else@example.net"));
			rows[j] = (struct ledger_row){id_at(NOW, from + i + j), ledger_encode(&p, room[j])};
		}
		assert_int_equal(ledger_put(db, b, rows, 64, NOW), ERR_OK);
	}
}

/* The oldest go, room that they had is used again, and no row of the index stays for good. */
static void test_size(void **state)
{
	struct store_test *t = *state;
	const struct ledger_bounds small = {.lifetime = 30 * DAY, .size = 1 << 20};
	struct ledger_summary s;
	struct found f;
	char text[32];
	size_t gone = 0;
	for (unsigned i = 0; i < 20; i++) {
		put_many(t->db, &small, i * 1024, 1024);
		gone += expire_all(t->db, &small, NOW, 200);
		assert_int_equal(ledger_summarize(t->db, &s), ERR_OK);
		assert_true(s.size <= small.size);
	}
	assert_int_equal(s.passages + gone, 20 * 1024);
	assert_true(s.passages > 1000);
	/* Rows of passages that are gone: not more than those of a generation, of which there are some thirty. */
	assert_true(count_of(t->db, DB_passage_index) < s.passages * 3 * 11 / 10);
	assert_string_equal(by_message_id(t->db, "<20479@example.org>", &f), "20479 ");
	snprintf(text, sizeof text, "<%zu@example.org>", gone);
	by_message_id(t->db, text, &f);
	assert_int_equal(f.n, 1);
	snprintf(text, sizeof text, "<%zu@example.org>", gone - 1);
	by_message_id(t->db, text, &f);
	assert_int_equal(f.n, 0);
	by_return_path(t->db, 0, "somebody@example.org", &f);
	assert_int_equal(f.n, s.passages < LEDGER_LOOKED ? s.passages : LEDGER_LOOKED);
}

/* A ledger that must become much smaller is not left with an index of nothing. */
static void test_smaller(void **state)
{
	struct store_test *t = *state;
	const struct ledger_bounds tiny = {.lifetime = 30 * DAY, .size = 64 * 1024};
	struct ledger_summary s;
	put_many(t->db, WIDE, 0, 8192);
	expire_all(t->db, &tiny, NOW, 500);
	assert_int_equal(ledger_summarize(t->db, &s), ERR_OK);
	assert_true(s.size <= tiny.size);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_record),
		cmocka_unit_test(test_record_is_bounded),
		cmocka_unit_test_setup_teardown(test_get, setup, teardown),
		cmocka_unit_test_setup_teardown(test_by_message_id, setup, teardown),
		cmocka_unit_test_setup_teardown(test_by_address, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cut_texts_are_found, setup, teardown),
		cmocka_unit_test_setup_teardown(test_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_more_than_is_looked_at, setup, teardown),
		cmocka_unit_test_setup_teardown(test_replaced, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged_and_newer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lifetime, setup, teardown),
		cmocka_unit_test_setup_teardown(test_how_far_it_reaches_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_size, setup, teardown),
		cmocka_unit_test_setup_teardown(test_smaller, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
