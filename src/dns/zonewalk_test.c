/* SPDX-License-Identifier: Apache-2.0 */
#include "dns/zonewalk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dns/test_list.h"

static struct list_zone zone;

struct row {
	const char *address;
	uint8_t classes, grade, flags;
};

#define BOUNCE    (1 << ACT_bounce)
#define AUTOREPLY (1 << ACT_autoreply)

static void put_rows(struct zone_rows *rows, uint8_t **at, const struct row *from, size_t n, int family)
{
	for (size_t i = 0; i < n; i++) {
		struct ip ip;
		assert_true(ip_parse(slice_str(from[i].address), &ip));
		if (ip.family != family) continue;
		size_t key = family == AF_INET ? 4 : 8;
		memcpy(*at, ip.octets, key);
		(*at)[key] = from[i].classes;
		(*at)[key + 1] = from[i].grade;
		(*at)[key + 2] = from[i].flags;
		*at += key + 3;
		if (family == AF_INET)
			rows->count4++;
		else
			rows->count6++;
	}
}

static struct zone_rows *make_rows(const struct row *from, size_t n)
{
	struct zone_rows *rows = calloc(1, sizeof *rows + n * 11);
	uint8_t *at = rows->octets;
	atomic_init(&rows->references, 1);
	put_rows(rows, &at, from, n, AF_INET);
	put_rows(rows, &at, from, n, AF_INET6);
	return rows;
}

/* "NAME CODE,CODE TEXT" of every node, a line each; the text only as "t". */
static void describe(struct zone_walk walk, char out[4096])
{
	struct zone_node node;
	size_t n = 0;
	while (zone_walk_next(&walk, &node)) {
		char name[ZONE_NODE_NAME_MOST], text[PUBLISHED_SENTENCE_MOST];
		n += (size_t)sprintf(out + n, "%.*s", (int)zone_node_name(&node, name), name);
		for (size_t i = 0; i < node.code_count; i++) n += (size_t)sprintf(out + n, " %u", node.codes[i]);
		if (node.txt) assert_true(zone_node_text(&node, &zone, text) > 20);
		n += (size_t)sprintf(out + n, "%s\n", node.txt ? " t" : "");
	}
	out[n] = '\0';
}

#define TEST6 "2.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0"

static const struct row rows[] = {
	{"1.2.3.4", BOUNCE, GRADE_some, 0},
	{"1.2.3.5", BOUNCE | AUTOREPLY, GRADE_only, PUBLISHED_ANY},
	{"127.0.0.1", BOUNCE, GRADE_only, PUBLISHED_ANY},
	{"127.0.0.2", AUTOREPLY, GRADE_only, PUBLISHED_ANY},
	{"255.20.0.100", 0, GRADE_none, PUBLISHED_MANUAL | PUBLISHED_ANY},
	{"::1", BOUNCE, GRADE_only, PUBLISHED_ANY},
	{"2001:db8:0:abcd::", AUTOREPLY, GRADE_only, PUBLISHED_ANY},
};

static void test_walk(void **state)
{
	char got[4096];
	struct zone_rows *r = make_rows(rows, sizeof rows / sizeof *rows);
	describe(zone_walk_rows(r), got);
	assert_string_equal(got, "2.0.0.127.safe 2 t\n" TEST6 ".safe 2 t\n"
	                         "4.3.2.1.safe 2 t\n"
	                         "5.3.2.1.safe 2 3 t\n"
	                         "100.0.20.255.safe 9 t\n"
	                         "*.d.c.b.a.0.0.0.0.8.b.d.0.1.0.0.2.safe 3 t\n"
	                         "2.0.0.127.any 2 t\n" TEST6 ".any 2 t\n"
	                         "5.3.2.1.any 2 3 t\n"
	                         "100.0.20.255.any 9 t\n"
	                         "*.d.c.b.a.0.0.0.0.8.b.d.0.1.0.0.2.any 3 t\n");
	zone_rows_unref(r);
	r = make_rows(rows, 0);
	describe(zone_walk_rows(r), got);
	assert_string_equal(got, "2.0.0.127.safe 2 t\n" TEST6 ".safe 2 t\n2.0.0.127.any 2 t\n" TEST6 ".any 2 t\n");
	zone_rows_unref(r);
}

static struct published published(uint8_t classes, uint8_t grade, uint8_t flags)
{
	return (struct published){.classes = classes, .grade = grade, .flags = flags};
}

static void test_differences(void **state)
{
	struct zone_change changes[] = {
		{.key = {1, 2, 3, 4}, .key_n = 4, .has = true, .after = published(BOUNCE, GRADE_only, PUBLISHED_ANY)},
		{.key = {1, 2, 3, 5}, .key_n = 4, .had = true, .before = published(BOUNCE, GRADE_some, 0)},
		/* Other classes: one code stays, the text changes. */
		{.key = {1, 2, 3, 6},
	         .key_n = 4,
	         .had = true,
	         .has = true,
	         .before = published(BOUNCE | AUTOREPLY, GRADE_some, 0),
	         .after = published(BOUNCE, GRADE_some, 0)},
		/* Only the day changes: nothing to tell. */
		{.key = {1, 2, 3, 7},
	         .key_n = 4,
	         .had = true,
	         .has = true,
	         .before = published(BOUNCE, GRADE_some, 0),
	         .after = published(BOUNCE, GRADE_some, 0)},
		{.key = {127, 0, 0, 1}, .key_n = 4, .has = true, .after = published(BOUNCE, GRADE_some, 0)},
		{.key = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 1},
	         .key_n = 8,
	         .had = true,
	         .before = published(BOUNCE, GRADE_only, PUBLISHED_ANY)},
	};
	struct zone_diff diff = {.changes = changes, .count = sizeof changes / sizeof *changes};
	char got[4096];
	describe(zone_walk_diff(&diff, &zone, false), got);
	assert_string_equal(got, "5.3.2.1.safe 2 t\n6.3.2.1.safe 3 t\n"
	                         "*.1.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.safe 2 t\n"
	                         "*.1.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.any 2 t\n");
	describe(zone_walk_diff(&diff, &zone, true), got);
	assert_string_equal(got, "4.3.2.1.safe 2 t\n6.3.2.1.safe t\n4.3.2.1.any 2 t\n");
}

/* Into the other tree, or out of it: there alone, and the text where it says so. */
static void test_difference_of_trees(void **state)
{
	struct zone_change changes[] = {{.key = {9, 9, 9, 9},
	                                 .key_n = 4,
	                                 .had = true,
	                                 .has = true,
	                                 .before = published(BOUNCE, GRADE_only, 0),
	                                 .after = published(BOUNCE, GRADE_only, PUBLISHED_ANY)}};
	struct zone_diff diff = {.changes = changes, .count = 1};
	char got[4096];
	describe(zone_walk_diff(&diff, &zone, true), got);
	char *last = strstr(got, "9.9.9.9.any");
	assert_non_null(last);
	assert_string_equal(last, "9.9.9.9.any 2 t\n");
	assert_null(strstr(got, "9.9.9.9.safe 2"));
	describe(zone_walk_diff(&diff, &zone, false), got);
	assert_null(strstr(got, "any"));
}

/* What is written can be read: the names, each with the right records, whatever was shared. */
static void check_message(struct wire_writer *w, unsigned records, struct zone_walk walk)
{
	struct wire_reader r = wire_read(w->p, w->n);
	struct zone_node node = {0};
	struct wire_name owner, expected;
	struct wire_record rr;
	struct wire_header h;
	assert_true(wire_take_header(&r, &h) && wire_take_name(&r, &owner) && wire_take(&r, 4));
	unsigned of_node = 0, seen = 0;
	for (; seen < records; seen++) {
		if (of_node == 0) {
			char text[ZONE_NODE_NAME_MOST + 32];
			assert_true(zone_walk_next(&walk, &node));
			size_t n = zone_node_name(&node, text);
			n += (size_t)sprintf(text + n, ".bl.example.net");
			assert_true(wire_name_parse(text, n, &expected));
		}
		assert_true(wire_take_record(&r, &owner, &rr));
		assert_true(wire_name_equal(&owner, &expected));
		assert_int_equal(rr.type, of_node < node.code_count ? RR_A : RR_TXT);
		if (rr.type == RR_A) assert_int_equal(rr.rdata[3], node.codes[of_node]);
		of_node = ++of_node == (unsigned)node.code_count + node.txt ? 0 : of_node;
	}
	assert_int_equal(r.at, w->n);
	assert_false(zone_walk_next(&walk, &node));
}

static struct wire_writer begin_message(void *room, size_t n, struct zone_pack *p)
{
	static const struct wire_header h = {.questions = 1};
	struct wire_writer w = wire_write(room, n);
	wire_put_header(&w, &h);
	wire_put_name_plain(&w, &zone.name);
	wire_put_u32(&w, 0);
	return w;
}

static void test_pack(void **state)
{
	uint8_t room[ZONE_PACK_ROOM];
	struct zone_pack p;
	struct zone_rows *r = make_rows(rows, sizeof rows / sizeof *rows);
	struct wire_writer w = begin_message(room, sizeof room, &p);
	struct zone_walk walk = zone_walk_rows(r);
	struct zone_node node;
	unsigned records = 0, n;
	zone_pack_begin(&p, &w, &zone, WIRE_HEADER_SIZE);
	while (zone_walk_next(&walk, &node)) {
		assert_true((n = zone_pack(&p, &node)) > 0);
		records += n;
	}
	check_message(&w, records, zone_walk_rows(r));
	zone_rows_unref(r);
}

/* At every size of a message a node is there whole or not at all. */
static void test_pack_without_room(void **state)
{
	struct zone_rows *r = make_rows(rows, sizeof rows / sizeof *rows);
	for (size_t size = 64; size < 1200; size++) {
		uint8_t *room = malloc(size);
		struct zone_pack p;
		struct wire_writer w = begin_message(room, size, &p);
		struct zone_walk walk = zone_walk_rows(r);
		struct zone_node node;
		zone_pack_begin(&p, &w, &zone, WIRE_HEADER_SIZE);
		while (zone_walk_next(&walk, &node)) {
			size_t before = w.n;
			if (zone_pack(&p, &node)) continue;
			assert_int_equal(w.n, before);
			assert_false(w.full);
			break;
		}
		free(room);
	}
	zone_rows_unref(r);
}

/* A full message of neighbours: two octets a name besides its first label. */
static void test_pack_is_small(void **state)
{
	uint8_t room[ZONE_PACK_ROOM];
	struct zone_pack p;
	struct wire_writer w = begin_message(room, sizeof room, &p);
	zone_pack_begin(&p, &w, &zone, WIRE_HEADER_SIZE);
	for (unsigned i = 0; i < 100; i++) {
		struct zone_node node = {.unit = {.family = AF_INET}, .code_count = 1, .codes = {2}, .label_count = 4};
		node.labels[0] = node.labels[1] = node.labels[2] = 200;
		node.labels[3] = (uint8_t)(100 + i);
		size_t before = w.n;
		assert_int_equal(zone_pack(&p, &node), 1);
		if (i > 0) assert_int_equal(w.n - before, 4 + 2 + 14);
	}
}

/* ---- what is transferred is what is answered ---------------------------------------------------------------------------- */

/* Octets of the answer section of a question for that name, from the first record on; their number. */
static unsigned asked(const struct wire_name *name, uint16_t type, uint8_t answer[1024], struct wire_reader *r)
{
	struct answer_server server = {.zone = &zone, .version = "", .nsid = "", .udp_size = 1232};
	struct answer_way way = {0};
	struct answer_about about;
	struct query q;
	struct wire_header h = {.questions = 1};
	uint8_t room[512];
	struct wire_writer w = wire_write(room, sizeof room);
	wire_put_header(&w, &h);
	wire_put_name_plain(&w, name);
	wire_put_u16(&w, type);
	wire_put_u16(&w, RR_CLASS_IN);
	enum query_state state = query_parse(room, w.n, &q);
	*r = wire_read(answer, answer_write(&server, &test_list, room, &q, state, &way, answer, 1024, &about));
	assert_true(wire_take_header(r, &h) && wire_skip_name(r) && wire_take(r, 4));
	return (h.flags & 15) == 0 ? h.answers : 99;
}

/* Below a wildcard, any address of the /64. */
static void owner_of(const struct zone_node *node, struct wire_name *out)
{
	char text[2 * LIST_NIBBLES + ZONE_NODE_NAME_MOST + 32] = "", name[ZONE_NODE_NAME_MOST];
	int n = (int)zone_node_name(node, name);
	for (int i = 0; node->wildcard && i < LIST_NIBBLES_UNIT; i++) strcat(text, i % 3 ? "a." : "7.");
	strncat(text, name + (node->wildcard ? 2 : 0), (size_t)n - (node->wildcard ? 2 : 0));
	strcat(text, ".bl.example.net");
	assert_true(wire_name_parse(text, strlen(text), out));
}

static void check_node(const struct zone_node *node)
{
	uint8_t answer[1024];
	char text[PUBLISHED_SENTENCE_MOST];
	struct wire_name owner;
	struct wire_reader r;
	struct wire_record rr;
	owner_of(node, &owner);
	assert_int_equal(asked(&owner, RR_A, answer, &r), node->code_count);
	for (size_t i = 0; i < node->code_count; i++) {
		assert_true(wire_take_record(&r, NULL, &rr));
		assert_int_equal(rr.rdata[3], node->codes[i]);
	}
	assert_int_equal(asked(&owner, RR_TXT, answer, &r), 1);
	assert_true(wire_take_record(&r, NULL, &rr));
	size_t n = zone_node_text(node, &zone, text);
	assert_int_equal(rr.length, n + 1 + n / 256);
	assert_memory_equal(rr.rdata + 1, text, n < 255 ? n : 255);
}

static void test_same_as_answers(void **state)
{
	struct row from[sizeof test_rows / sizeof *test_rows];
	char addresses[sizeof test_rows / sizeof *test_rows][IP_TEXT_SIZE];
	for (size_t i = 0; i < sizeof from / sizeof *from; i++) {
		struct ip ip = {.family = test_rows[i].n == 4 ? AF_INET : AF_INET6};
		memcpy(ip.octets, test_rows[i].key, test_rows[i].n);
		const struct published *p = &test_rows[i].row;
		from[i] = (struct row){ip_text(&ip, addresses[i]), p->classes, p->grade, p->flags};
	}
	struct zone_rows *r = make_rows(from, sizeof from / sizeof *from);
	struct zone_walk walk = zone_walk_rows(r);
	struct zone_node node;
	unsigned nodes = 0;
	for (; zone_walk_next(&walk, &node); nodes++) check_node(&node);
	assert_int_equal(nodes, 4 + 6 + 3);
	zone_rows_unref(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walk),
		cmocka_unit_test(test_differences),
		cmocka_unit_test(test_difference_of_trees),
		cmocka_unit_test(test_pack),
		cmocka_unit_test(test_pack_without_room),
		cmocka_unit_test(test_pack_is_small),
		cmocka_unit_test(test_same_as_answers),
	};
	test_zone(&zone);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
