/* SPDX-License-Identifier: Apache-2.0 */
#include "dns/zonewalk.h"

#include <assert.h>

#define TESTS       2
#define RR_FIXED    10 /* type, class, TTL and length */
#define UNIT_OCTETS 8  /* of an IPv6 address: the /64 */

/* ---- nodes -------------------------------------------------------------------------------------------------------------- */

static void set_labels(struct zone_node *n)
{
	bool ipv6 = n->unit.family == AF_INET6;
	size_t octets = !ipv6 ? 4 : n->test ? 16 : UNIT_OCTETS;
	n->wildcard = ipv6 && !n->test;
	for (size_t i = 0; i < octets; i++) {
		uint8_t octet = n->unit.octets[i];
		if (ipv6) n->labels[n->label_count++] = octet >> 4;
		n->labels[n->label_count++] = ipv6 ? octet & 15 : octet;
	}
}

static void test_node(struct zone_node *out, bool any, bool ipv6)
{
	*out = (struct zone_node){.any = any, .test = true, .txt = true, .code_count = 1, .codes = {2}};
	struct ip v4 = {.family = AF_INET, .octets = {127, 0, 0, 2}};
	struct ip v6 = {.family = AF_INET6, .octets = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 2}};
	out->unit = ipv6 ? v6 : v4;
	set_labels(out);
}

/* What answers never show, whatever the table says: the entries that must not be there, and those that are made up. */
static bool is_hidden(const struct ip *unit)
{
	static const uint8_t local[] = {127, 0, 0}, zero[UNIT_OCTETS];
	if (unit->family == AF_INET6) return memcmp(unit->octets, zero, sizeof zero) == 0;
	return memcmp(unit->octets, local, sizeof local) == 0 && (unit->octets[3] == 1 || unit->octets[3] == 2);
}

static bool row_node(struct zone_node *out, bool any, const struct ip *unit, const struct published *row)
{
	if ((any && !(row->flags & PUBLISHED_ANY)) || is_hidden(unit)) return false;
	*out = (struct zone_node){.any = any, .unit = *unit, .row = *row, .txt = true};
	out->code_count = (uint8_t)published_codes(row, out->codes);
	set_labels(out);
	return true;
}

size_t zone_node_name(const struct zone_node *node, char out[ZONE_NODE_NAME_MOST])
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;
	if (node->wildcard) out[n++] = '*', out[n++] = '.';
	for (size_t i = node->label_count; i-- > 0; out[n++] = '.') {
		uint8_t v = node->labels[i];
		if (node->unit.family == AF_INET6) {
			out[n++] = hex[v];
			continue;
		}
		if (v >= 100) out[n++] = (char)('0' + v / 100);
		if (v >= 10) out[n++] = (char)('0' + v / 10 % 10);
		out[n++] = (char)('0' + v % 10);
	}
	memcpy(out + n, node->any ? "any" : "safe", node->any ? 3 : 4);
	return n + (node->any ? 3 : 4);
}

static void put_txt(struct wire_writer *w, const struct zone_node *node, const struct list_zone *zone)
{
	if (node->test)
		list_zone_put_test_txt(w, zone, node->unit.family == AF_INET6);
	else
		list_zone_put_txt(w, zone, &node->row, &node->unit);
}

/* Out of the record itself, so that it cannot be another one. */
size_t zone_node_text(const struct zone_node *node, const struct list_zone *zone, char out[PUBLISHED_SENTENCE_MOST])
{
	uint8_t room[RR_FIXED + PUBLISHED_SENTENCE_MOST + 8];
	struct wire_writer w = wire_write(room, sizeof room);
	size_t n = 0;
	put_txt(&w, node, zone);
	for (size_t at = RR_FIXED; at < w.n; at += 1u + room[at]) {
		memcpy(out + n, room + at + 1, room[at]);
		n += room[at];
	}
	return n;
}

/* ---- walks -------------------------------------------------------------------------------------------------------------- */

struct zone_walk zone_walk_rows(const struct zone_rows *rows)
{
	return (struct zone_walk){.rows = rows};
}

struct zone_walk zone_walk_diff(const struct zone_diff *diff, const struct list_zone *zone, bool adding)
{
	return (struct zone_walk){.diff = diff, .zone = zone, .adding = adding};
}

static bool has_code(const struct zone_node *n, uint8_t code)
{
	for (size_t i = 0; i < n->code_count; i++)
		if (n->codes[i] == code) return true;
	return false;
}

static bool same_text(const struct zone_node *a, const struct zone_node *b, const struct list_zone *zone)
{
	char one[PUBLISHED_SENTENCE_MOST], other[PUBLISHED_SENTENCE_MOST];
	size_t n = zone_node_text(a, zone, one);
	return zone_node_text(b, zone, other) == n && memcmp(one, other, n) == 0;
}

/* Takes out of a node what the other one, of the same name, has too. */
static void without(struct zone_node *n, const struct zone_node *other, const struct list_zone *zone)
{
	size_t kept = 0;
	for (size_t i = 0; i < n->code_count; i++)
		if (!has_code(other, n->codes[i])) n->codes[kept++] = n->codes[i];
	n->code_count = (uint8_t)kept;
	n->txt = !same_text(n, other, zone);
}

static bool change_node(const struct zone_walk *w, const struct zone_change *c, struct zone_node *out)
{
	struct ip unit = {.family = c->key_n == 4 ? AF_INET : AF_INET6};
	struct zone_node before, after;
	memcpy(unit.octets, c->key, c->key_n);
	bool had = c->had && row_node(&before, w->any, &unit, &c->before);
	bool has = c->has && row_node(&after, w->any, &unit, &c->after);
	if (w->adding ? !has : !had) return false;
	*out = w->adding ? after : before;
	if (had && has) without(out, w->adding ? &before : &after, w->zone);
	return out->code_count || out->txt;
}

static bool next_in_tree(struct zone_walk *w, struct zone_node *out)
{
	if (w->rows && w->tests < TESTS) {
		test_node(out, w->any, w->tests++ == 1);
		return true;
	}
	size_t count = w->rows ? w->rows->count4 + w->rows->count6 : w->diff->count;
	while (w->next < count) {
		struct ip unit;
		struct published row;
		size_t i = w->next++;
		if (w->rows) zone_rows_get(w->rows, i, &unit, &row);
		if (w->rows ? row_node(out, w->any, &unit, &row) : change_node(w, &w->diff->changes[i], out))
			return true;
	}
	return false;
}

bool zone_walk_next(struct zone_walk *w, struct zone_node *out)
{
	if (next_in_tree(w, out)) return true;
	if (w->any) return false;
	w->any = true;
	w->next = 0;
	w->tests = 0;
	return next_in_tree(w, out);
}

/* ---- wire form ------------------------------------------------------------------------------------------------------------ */

void zone_pack_begin(struct zone_pack *p, struct wire_writer *w, const struct list_zone *zone, size_t zone_at)
{
	assert(w->room <= ZONE_PACK_ROOM);
	memset(p, 0, sizeof *p);
	p->w = w;
	p->zone = zone;
	p->zone_at = (uint16_t)zone_at;
}

static void put_label(struct wire_writer *w, uint8_t value, bool ipv6)
{
	char text[3];
	uint8_t n = 0;
	if (ipv6) {
		text[n++] = "0123456789abcdef"[value & 15];
	} else {
		if (value >= 100) text[n++] = (char)('0' + value / 100);
		if (value >= 10) text[n++] = (char)('0' + value / 10 % 10);
		text[n++] = (char)('0' + value % 10);
	}
	wire_put_u8(w, n);
	wire_put(w, text, n);
}

/* "safe" or "any" and the zone's name behind it. */
static void put_tree(struct zone_pack *p, bool any)
{
	if (p->tree_at[any]) {
		wire_put_pointer(p->w, p->tree_at[any]);
		return;
	}
	p->tree_at[any] = (uint16_t)p->w->n;
	wire_put_u8(p->w, any ? 3 : 4);
	wire_put(p->w, any ? "any" : "safe", any ? 3 : 4);
	wire_put_pointer(p->w, p->zone_at);
}

/* How many labels, from the tree's on, the name shares with the last one. */
static size_t shared_labels(struct zone_pack *p, const struct zone_node *node)
{
	bool ipv6 = node->unit.family == AF_INET6;
	size_t shared = 0;
	if (p->any == node->any && p->ipv6 == ipv6)
		while (shared < p->depth && shared < node->label_count && p->labels[shared] == node->labels[shared])
			shared++;
	p->any = node->any;
	p->ipv6 = ipv6;
	return shared;
}

static void put_owner(struct zone_pack *p, const struct zone_node *node)
{
	struct wire_writer *w = p->w;
	size_t shared = shared_labels(p, node);
	if (node->wildcard) wire_put(w, "\1*", 2);
	for (size_t i = node->label_count; i-- > shared;) {
		p->at[i + 1] = (uint16_t)w->n;
		put_label(w, node->labels[i], p->ipv6);
	}
	memcpy(p->labels, node->labels, node->label_count);
	p->depth = node->label_count;
	if (shared)
		wire_put_pointer(w, p->at[shared]);
	else
		put_tree(p, node->any);
}

unsigned zone_pack(struct zone_pack *p, const struct zone_node *node)
{
	struct wire_writer *w = p->w;
	size_t owner = w->n;
	unsigned records = 0;
	put_owner(p, node);
	for (size_t i = 0; i < node->code_count; i++) {
		if (records++) wire_put_pointer(w, owner);
		list_zone_put_a(w, p->zone, node->codes[i]);
	}
	if (node->txt) {
		if (records++) wire_put_pointer(w, owner);
		put_txt(w, node, p->zone);
	}
	if (!w->full) return records;
	wire_rewind(w, owner);
	return 0;
}
