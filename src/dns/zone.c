/* SPDX-License-Identifier: Apache-2.0 */
#include "dns/zone.h"

#include <sys/socket.h>

#define STRING_MOST 255

bool list_zone_contact(const char *mailbox, struct wire_name *out)
{
	struct slice all = slice_str(mailbox);
	size_t at = slice_find_last(all, '@');
	if (at == all.n || !wire_name_parse(all.p + at + 1, all.n - at - 1, out) || out->n == 1) return false;
	return wire_name_prepend(out, all.p, at);
}

/* The longest end of whole labels that both names have. The root alone is not worth a pointer. */
static void find_shared(struct zone_target *t, const struct wire_name *zone)
{
	t->own = t->name.n;
	for (size_t at = 0; t->name.octets[at]; at += 1u + t->name.octets[at]) {
		struct wire_name end = {.n = (uint8_t)(t->name.n - at)};
		memcpy(end.octets, t->name.octets + at, end.n);
		if (!wire_name_within(zone, &end)) continue;
		t->own = (uint8_t)at;
		t->shared = (uint8_t)(zone->n - end.n);
		return;
	}
}

void list_zone_complete(struct list_zone *z)
{
	if (z->nameserver_count == 0) {
		z->nameservers[0].name = z->name;
		z->nameserver_count = 1;
	}
	for (size_t i = 0; i < z->nameserver_count; i++) find_shared(&z->nameservers[i], &z->name);
	find_shared(&z->contact, &z->name);
}

static void put_target(struct wire_writer *w, const struct zone_target *t, size_t zone_at)
{
	if (zone_at == 0 || t->own == t->name.n) {
		wire_put_name(w, &t->name);
		return;
	}
	wire_put(w, t->name.octets, t->own);
	wire_put_pointer(w, zone_at + t->shared);
}

void list_zone_put_soa(struct wire_writer *w, const struct list_zone *z, uint32_t ttl, uint32_t serial, size_t zone_at)
{
	size_t length = wire_begin_rdata(w, RR_SOA, RR_CLASS_IN, ttl);
	put_target(w, &z->nameservers[0], zone_at);
	put_target(w, &z->contact, zone_at);
	wire_put_u32(w, serial);
	wire_put_u32(w, z->refresh);
	wire_put_u32(w, z->retry);
	wire_put_u32(w, z->expire);
	wire_put_u32(w, z->negative_ttl);
	wire_end_rdata(w, length);
}

void list_zone_put_ns(struct wire_writer *w, const struct list_zone *z, size_t i, size_t zone_at)
{
	size_t length = wire_begin_rdata(w, RR_NS, RR_CLASS_IN, z->ttl);
	put_target(w, &z->nameservers[i], zone_at);
	wire_end_rdata(w, length);
}

void list_zone_put_a(struct wire_writer *w, const struct list_zone *z, uint8_t code)
{
	size_t length = wire_begin_rdata(w, RR_A, RR_CLASS_IN, z->ttl);
	wire_put_u32(w, 0x7f000000u | code);
	wire_end_rdata(w, length);
}

static void put_text(struct wire_writer *w, const struct list_zone *z, const char *text, size_t n)
{
	size_t length = wire_begin_rdata(w, RR_TXT, RR_CLASS_IN, z->ttl);
	for (size_t at = 0; at < n; at += STRING_MOST) {
		size_t part = n - at < STRING_MOST ? n - at : STRING_MOST;
		wire_put_u8(w, (uint8_t)part);
		wire_put(w, text + at, part);
	}
	wire_end_rdata(w, length);
}

/* "2001:db8::/64", of any address in it. */
static struct slice unit_text(const struct ip *unit, char out[IP_TEXT_SIZE + 4])
{
	struct prefix p = ip_unit(unit);
	ip_text(&p.ip, out);
	size_t n = strlen(out);
	if (p.ip.family == AF_INET6) {
		memcpy(out + n, "/64", 3);
		n += 3;
	}
	return slice_of(out, n);
}

void list_zone_put_txt(struct wire_writer *w, const struct list_zone *z, const struct published *p,
                       const struct ip *unit)
{
	char unit_room[IP_TEXT_SIZE + 4], text[PUBLISHED_SENTENCE_MOST];
	size_t n = published_sentence(p, unit_text(unit, unit_room), slice_str(z->site), text);
	put_text(w, z, text, n);
}

void list_zone_put_test_txt(struct wire_writer *w, const struct list_zone *z, bool ipv6)
{
	static const char v4[] = "127.0.0.2 is always listed, for testing (RFC 5782)";
	static const char v6[] = "::FFFF:7F00:2 is always listed, for testing (RFC 5782)";
	put_text(w, z, ipv6 ? v6 : v4, ipv6 ? sizeof v6 - 1 : sizeof v4 - 1);
}
