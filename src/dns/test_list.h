/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_list - a list in memory for the tests of answers
 *
 * Zone bl.example.net with ns1.example.net and ns2.example.org; rows as below. For tests and fuzz targets only.
 */
#ifndef BACKSTOP_DNS_TEST_LIST_H
#define BACKSTOP_DNS_TEST_LIST_H

#include <string.h>

#include "dns/answer.h"

struct test_row {
	size_t n;
	uint8_t key[8];
	struct published row;
};

static const struct test_row test_rows[] = {
	{4, {192, 0, 2, 1}, {.classes = 1 << ACT_bounce, .grade = GRADE_mostly}},
	{4, {192, 0, 2, 2}, {.classes = 0x1f, .grade = GRADE_only, .flags = PUBLISHED_ANY | PUBLISHED_MANUAL}},
	{4, {198, 51, 100, 7}, {.flags = PUBLISHED_MANUAL}},
	{4, {1, 2, 3, 4}, {.classes = 1 << ACT_callout, .grade = GRADE_only, .flags = PUBLISHED_ANY}},
	{8, {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 1}, {.classes = 1 << ACT_autoreply, .grade = GRADE_some}},
	{8,
         {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 2},
         {.classes = 1 << ACT_bounce, .grade = GRADE_only, .flags = PUBLISHED_ANY}},
};

static bool test_get(void *arg, const uint8_t *key, size_t n, struct published *out)
{
	for (size_t i = 0; i < sizeof test_rows / sizeof *test_rows; i++)
		if (test_rows[i].n == n && memcmp(test_rows[i].key, key, n) == 0) {
			*out = test_rows[i].row;
			return true;
		}
	return false;
}

static bool test_within(void *arg, const uint8_t *low, const uint8_t *high, size_t n, bool only_any)
{
	for (size_t i = 0; i < sizeof test_rows / sizeof *test_rows; i++)
		if (test_rows[i].n == n && memcmp(test_rows[i].key, low, n) >= 0 &&
		    memcmp(test_rows[i].key, high, n) <= 0 && (!only_any || test_rows[i].row.flags & PUBLISHED_ANY))
			return true;
	return false;
}

static uint32_t test_serial(void *arg)
{
	return 2026;
}

static const struct answer_rows test_list = {.get = test_get, .within = test_within, .serial = test_serial};

static inline void test_zone(struct list_zone *z)
{
	*z = (struct list_zone){.ttl = 300, .negative_ttl = 60, .refresh = 3600, .retry = 600, .expire = 604800};
	z->nameserver_count = 2;
	wire_name_parse("bl.example.net", 14, &z->name);
	wire_name_parse("ns1.example.net", 15, &z->nameservers[0].name);
	wire_name_parse("ns2.example.org", 15, &z->nameservers[1].name);
	list_zone_contact("hostmaster@example.net", &z->contact.name);
	memcpy(z->site, "https://bl.example.net", 23);
	list_zone_complete(z);
}

#endif
