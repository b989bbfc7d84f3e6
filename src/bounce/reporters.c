/* SPDX-License-Identifier: Apache-2.0 */
#include "bounce/reporters.h"

#include "base/octets.h"

#define HOUR 3600

/* ---- networks ------------------------------------------------------------------------------------------------------ */

uint64_t reporter_network(const struct ip *ip)
{
	size_t n = ip->family == AF_INET ? 3 : ip->family == AF_INET6 ? 6 : 0;
	uint64_t network = ip->family == AF_INET ? 4 : 6;
	for (size_t i = 0; i < 7; i++) network = network << 8 | (i < n ? ip->octets[i] : 0);
	return n ? network : 0;
}

static uint32_t origin_of(const struct ip *ip)
{
	uint64_t network = reporter_network(ip);
	return (uint32_t)slice_hash(slice_of((const char *)&network, sizeof network));
}

/* ---- the list ------------------------------------------------------------------------------------------------------ */

static uint32_t hour_of(int64_t now)
{
	return now < 0 ? 0 : (uint32_t)(now / HOUR);
}

static bool is_over(const struct reporter *one, int64_t now)
{
	return hour_of(now) > one->hour && hour_of(now) - one->hour > REPORTER_DAYS * 24;
}

/* Its index; REPORTERS: none. */
static size_t find(const struct reporters *r, uint64_t network, int64_t now)
{
	for (size_t i = 0; network && i < REPORTERS; i++)
		if (r->list[i].network == network) return is_over(&r->list[i], now) ? REPORTERS : i;
	return REPORTERS;
}

static bool is_full(const struct reporter *one)
{
	return one->counted >= REPORTER_CASES + one->confirmed / REPORTER_SHARE;
}

static bool is_odd(const struct reporter *one)
{
	return is_full(one) && one->origin_count <= REPORTER_ORIGINS;
}

/* Its own place, even one that is over; else a free one, else that of whom was not heard of for the longest. */
static struct reporter *place(struct reporters *r, uint64_t network)
{
	struct reporter *best = &r->list[0];
	for (size_t i = 0; i < REPORTERS; i++)
		if (r->list[i].network == network) return &r->list[i];
	for (size_t i = 0; i < REPORTERS && best->network; i++)
		if (!r->list[i].network || r->list[i].hour < best->hour) best = &r->list[i];
	return best;
}

static void note_origin(struct reporter *one, uint32_t origin)
{
	for (size_t i = 0; i < one->origin_count && i < REPORTER_ORIGINS; i++)
		if (one->origins[i] == origin) return;
	if (one->origin_count < REPORTER_ORIGINS) one->origins[one->origin_count] = origin;
	if (one->origin_count <= REPORTER_ORIGINS) one->origin_count++;
}

bool reporters_add(struct reporters *r, const struct ip *reporter, const struct ip *origin, int64_t now)
{
	uint64_t network = reporter_network(reporter);
	if (!network) return true;
	bool known = find(r, network, now) < REPORTERS;
	struct reporter *one = place(r, network);
	if (!known) *one = (struct reporter){.network = network};
	if (one->hour < hour_of(now)) one->hour = hour_of(now);
	note_origin(one, origin_of(origin));
	if (is_full(one)) return false;
	one->counted++;
	return true;
}

void reporters_confirm(struct reporters *r, const struct ip *reporter, int64_t now)
{
	size_t i = find(r, reporter_network(reporter), now);
	if (i < REPORTERS && r->list[i].confirmed < UINT16_MAX) r->list[i].confirmed++;
}

bool reporters_odd(const struct reporters *r, const struct ip *reporter, int64_t now)
{
	size_t i = find(r, reporter_network(reporter), now);
	return i < REPORTERS && is_odd(&r->list[i]);
}

static struct ip first_address(uint64_t network)
{
	struct ip ip = {.family = network >> 56 == 4 ? AF_INET : AF_INET6};
	for (size_t i = 0; i < 7; i++) ip.octets[i] = (uint8_t)(network >> (48 - 8 * i));
	return ip;
}

size_t reporters_list_odd(const struct reporters *r, int64_t now, struct ip out[static REPORTERS])
{
	size_t n = 0;
	for (size_t i = 0; i < REPORTERS; i++)
		if (r->list[i].network && !is_over(&r->list[i], now) && is_odd(&r->list[i]))
			out[n++] = first_address(r->list[i].network);
	return n;
}

/* ---- storage ------------------------------------------------------------------------------------------------------- */

size_t reporters_pack(const struct reporters *r, char out[static REPORTERS_PACKED])
{
	struct octet_writer w = octet_writer(out, REPORTERS_PACKED);
	uint8_t n = 0;
	for (size_t i = 0; i < REPORTERS; i++) n += r->list[i].network != 0;
	if (n == 0) return 0;
	octet_put_u8(&w, n);
	for (size_t i = 0; i < REPORTERS; i++) {
		const struct reporter *one = &r->list[i];
		if (!one->network) continue;
		octet_put_u64(&w, one->network);
		octet_put_u32(&w, one->hour);
		octet_put_u16(&w, one->counted);
		octet_put_u16(&w, one->confirmed);
		octet_put_u8(&w, one->origin_count);
		for (size_t k = 0; k < REPORTER_ORIGINS; k++) octet_put_u32(&w, one->origins[k]);
	}
	return w.n;
}

bool reporters_unpack(struct slice octets, struct reporters *out)
{
	struct octet_reader from = octet_reader(octets);
	*out = (struct reporters){0};
	size_t n = octet_get_u8(&from);
	if (n == 0 || n > REPORTERS || octets.n != 1 + n * REPORTER_PACKED) return false;
	for (size_t i = 0; i < n; i++) {
		struct reporter *one = &out->list[i];
		one->network = octet_get_u64(&from);
		one->hour = octet_get_u32(&from);
		one->counted = octet_get_u16(&from);
		one->confirmed = octet_get_u16(&from);
		one->origin_count = octet_get_u8(&from);
		for (size_t k = 0; k < REPORTER_ORIGINS; k++) one->origins[k] = octet_get_u32(&from);
		if (one->network && one->origin_count <= REPORTER_ORIGINS + 1) continue;
		*out = (struct reporters){0};
		return false;
	}
	return true;
}
