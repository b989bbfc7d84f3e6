/* SPDX-License-Identifier: Apache-2.0 */
#include "dns/name.h"

#include <string.h>

static bool equal_lower(const uint8_t *name, const uint8_t *lower, size_t n)
{
	for (size_t i = 0; i < n && i < WIRE_NAME_MOST; i++)
		if (wire_lower(name[i]) != lower[i]) return false;
	return true;
}

/* "0" to "255", as they are written: no zeros in front. */
static int octet_of(const uint8_t *label)
{
	unsigned n = label[0], value = 0;
	if (n == 0 || n > 3 || (n > 1 && label[1] == '0')) return -1;
	for (unsigned i = 1; i <= n && i <= 3; i++) {
		if (label[i] < '0' || label[i] > '9') return -1;
		value = value * 10 + (label[i] - '0');
	}
	return value > 255 ? -1 : (int)value;
}

static int nibble_of(const uint8_t *label)
{
	if (label[0] != 1) return -1;
	uint8_t c = wire_lower(label[1]);
	if (c >= '0' && c <= '9') return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* starts: where the labels of the name begin; the last is next to the tree's. */
static void read_address(const uint8_t *name, const uint8_t *starts, unsigned labels, struct list_name *out)
{
	bool octets = labels >= 1 && labels <= 4, nibbles = true;
	for (unsigned i = 0; i < labels && i < LIST_NIBBLES; i++) {
		const uint8_t *label = name + starts[labels - 1 - i];
		int octet = octets ? octet_of(label) : -1, nibble = nibbles ? nibble_of(label) : -1;
		octets = octet >= 0;
		nibbles = nibble >= 0;
		if (i == LIST_NIBBLES_UNIT && label[0] == 1 && label[1] == '*') out->below_star = labels > i + 1;
		if (octets) out->octets[i & 3] = (uint8_t)octet;
		if (!nibbles) continue;
		out->nibbles[i / 2] |= (uint8_t)(i % 2 ? nibble : nibble << 4);
		out->nibble_count++;
	}
	out->octet_count = octets ? (uint8_t)labels : 0;
}

void list_name_read(const uint8_t *name, size_t n, unsigned labels, const struct wire_name *zone, struct list_name *out)
{
	uint8_t starts[WIRE_LABELS_MOST + 1];
	memset(out, 0, sizeof *out);
	if (n < zone->n || n > WIRE_NAME_MOST || labels > WIRE_LABELS_MOST) return;
	size_t within = n - zone->n, at = 0; /* octets of the labels before the zone's */
	unsigned below = 0;
	for (; below < labels && at < within; below++) {
		starts[below] = (uint8_t)at;
		at += 1u + name[at];
	}
	if (at != within || !equal_lower(name + within, zone->octets, zone->n)) return;
	out->place = LIST_APEX;
	if (below == 0) return;
	const uint8_t *tree = name + starts[below - 1];
	out->place = tree[0] == 4 && equal_lower(tree + 1, (const uint8_t *)"safe", 4)  ? LIST_SAFE
	             : tree[0] == 3 && equal_lower(tree + 1, (const uint8_t *)"any", 3) ? LIST_ANY
	                                                                                : LIST_NOWHERE;
	if (out->place == LIST_NOWHERE) return;
	out->labels = (uint8_t)(below - 1);
	read_address(name, starts, below - 1, out);
}

/* ---- test entries ---------------------------------------------------------------------------------------------------- */

static const uint8_t test_octets[4] = {127, 0, 0, 2};
static const uint8_t test_nibbles[LIST_NIBBLES / 2] = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 2};

static bool nibbles_equal(const uint8_t *a, const uint8_t *b, unsigned n)
{
	return memcmp(a, b, n / 2) == 0 && (n % 2 == 0 || (a[n / 2] ^ b[n / 2]) >> 4 == 0);
}

static enum list_test against(bool equal_so_far, bool whole, uint8_t last)
{
	if (equal_so_far) return whole ? LIST_TEST_LISTED : LIST_TEST_ABOVE;
	return whole && last == 1 ? LIST_TEST_NEVER : LIST_TEST_NONE;
}

enum list_test list_name_test(const struct list_name *name)
{
	enum list_test v4 = LIST_TEST_NONE, v6 = LIST_TEST_NONE;
	unsigned octets = name->octet_count, nibbles = name->nibble_count;
	if (octets && memcmp(name->octets, test_octets, octets < 4 ? octets : 3) == 0)
		v4 = against(memcmp(name->octets, test_octets, octets) == 0, octets == 4, name->octets[3]);
	if (nibbles && name->labels == nibbles &&
	    nibbles_equal(name->nibbles, test_nibbles, nibbles < 32 ? nibbles : 30))
		v6 = against(nibbles_equal(name->nibbles, test_nibbles, nibbles), nibbles == LIST_NIBBLES,
		             name->nibbles[15]);
	if (v4 == LIST_TEST_LISTED || v6 == LIST_TEST_LISTED) return LIST_TEST_LISTED;
	if (v4 == LIST_TEST_NEVER || v6 == LIST_TEST_NEVER) return LIST_TEST_NEVER;
	return v4 ? v4 : v6;
}
