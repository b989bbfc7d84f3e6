/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger_record - a passage as octets; the layout is in docs/storage.md
 */
#include <assert.h>

#include "base/octets.h"
#include "store/ledger.h"

/* Version 2 ends with the list of authors. Without any a record is of version 1, which an older program reads, too. */
#define RECORD_VERSION 2
#define FIXED_SIZE     34 /* version to recipient_total */

#define NAME_MOST   255
#define REASON_MOST 63

enum { FLAG_OUTBOUND = 1, FLAG_AUTHENTICATED = 2, FLAG_DIGEST = 4, FLAG_CLASS_SHIFT = 3, FLAG_ALL = 63 };

const char *ledger_result_text(uint8_t result)
{
	static const char *const texts[] = {
#define X(name) [LEDGER_##name] = #name,
		LEDGER_RESULT_TABLE(X)
#undef X
	};
	return result < LEDGER_RESULT_COUNT ? texts[result] : "unknown";
}

void ledger_passage_recipient(struct ledger_passage *p, struct slice address)
{
	p->recipient_total++;
	if (p->recipient_count < LEDGER_RECIPIENTS) p->recipients[p->recipient_count++] = address;
}

void ledger_passage_author(struct ledger_passage *p, struct slice address)
{
	if (p->author_count < LEDGER_AUTHORS) p->authors[p->author_count++] = address;
}

void ledger_passage_dkim_domain(struct ledger_passage *p, struct slice domain)
{
	if (p->dkim_domain_count < LEDGER_DKIM_DOMAINS) p->dkim_domains[p->dkim_domain_count++] = domain;
}

static_assert(FIXED_SIZE + 1 + 16 + LEDGER_DIGEST + 2 + 7 * 2 + 3 * NAME_MOST + 2 * LEDGER_ADDRESS +
                              LEDGER_MESSAGE_ID_SIZE + REASON_MOST + LEDGER_DKIM_DOMAINS * (2 + NAME_MOST) +
                              LEDGER_RECIPIENTS * (2 + LEDGER_ADDRESS) + 1 + LEDGER_AUTHORS * (2 + LEDGER_ADDRESS) <=
                      LEDGER_RECORD_MOST,
              "the largest record fits");

/* The strings before the lists, in their order in the record. */
struct string_row {
	size_t offset, most;
};
static const struct string_row strings[] = {
	{offsetof(struct ledger_passage, helo), NAME_MOST},
	{offsetof(struct ledger_passage, return_path), LEDGER_ADDRESS},
	{offsetof(struct ledger_passage, handed_on), LEDGER_ADDRESS},
	{offsetof(struct ledger_passage, message_id), LEDGER_MESSAGE_ID_SIZE},
	{offsetof(struct ledger_passage, from_domain), NAME_MOST},
	{offsetof(struct ledger_passage, reason), REASON_MOST},
	{offsetof(struct ledger_passage, server), NAME_MOST},
};
#define STRING_COUNT (sizeof strings / sizeof *strings)

static struct slice cut(struct slice s, size_t most)
{
	return slice_of(s.p, s.n < most ? s.n : most);
}

static struct slice string_at(const struct ledger_passage *p, size_t i)
{
	const struct slice *s = (const struct slice *)((const char *)p + strings[i].offset);
	return cut(*s, strings[i].most);
}

static size_t ip_size(const struct ip *ip)
{
	return ip->family == AF_INET ? 4 : ip->family == AF_INET6 ? 16 : 0;
}

/* ---- writing ------------------------------------------------------------------------------------------------------ */

size_t ledger_record_size(const struct ledger_passage *p)
{
	assert(p->recipient_count <= LEDGER_RECIPIENTS && p->dkim_domain_count <= LEDGER_DKIM_DOMAINS);
	assert(p->author_count <= LEDGER_AUTHORS);
	size_t n = FIXED_SIZE + 1 + ip_size(&p->client) + (p->has_digest ? LEDGER_DIGEST : 0) + 2;
	for (size_t i = 0; i < STRING_COUNT; i++) n += 2 + string_at(p, i).n;
	for (size_t i = 0; i < p->dkim_domain_count; i++) n += 2 + cut(p->dkim_domains[i], NAME_MOST).n;
	for (size_t i = 0; i < p->recipient_count; i++) n += 2 + cut(p->recipients[i], LEDGER_ADDRESS).n;
	n += p->author_count > 0;
	for (size_t i = 0; i < p->author_count; i++) n += 2 + cut(p->authors[i], LEDGER_ADDRESS).n;
	return n;
}

static void put_fixed(struct octet_writer *w, const struct ledger_passage *p)
{
	octet_put_u8(w, p->author_count ? RECORD_VERSION : RECORD_VERSION - 1);
	octet_put_u8(w, (uint8_t)((p->outbound ? FLAG_OUTBOUND : 0) | (p->authenticated ? FLAG_AUTHENTICATED : 0) |
	                          (p->has_digest ? FLAG_DIGEST : 0) | (p->class & 7) << FLAG_CLASS_SHIFT));
	octet_put_u8(w, p->result);
	octet_put_u8(w, p->spf);
	octet_put_u8(w, p->dkim);
	octet_put_u8(w, p->dmarc);
	octet_put_u8(w, p->arc);
	octet_put_u8(w, p->proof);
	octet_put_u64(w, (uint64_t)p->time);
	octet_put_u32(w, p->tenant);
	octet_put_u16(w, p->reply_code);
	octet_put_u64(w, p->size);
	octet_put_u32(w, p->recipient_total);
}

struct slice ledger_encode(const struct ledger_passage *p, char *out)
{
	struct octet_writer w = octet_writer(out, ledger_record_size(p));
	put_fixed(&w, p);
	octet_put_u8(&w, (uint8_t)ip_size(&p->client));
	octet_put(&w, p->client.octets, ip_size(&p->client));
	if (p->has_digest) octet_put(&w, p->digest, LEDGER_DIGEST);
	for (size_t i = 0; i < STRING_COUNT; i++) octet_put_string(&w, string_at(p, i));
	octet_put_u8(&w, p->dkim_domain_count);
	for (size_t i = 0; i < p->dkim_domain_count; i++) octet_put_string(&w, cut(p->dkim_domains[i], NAME_MOST));
	octet_put_u8(&w, p->recipient_count);
	for (size_t i = 0; i < p->recipient_count; i++) octet_put_string(&w, cut(p->recipients[i], LEDGER_ADDRESS));
	if (p->author_count) octet_put_u8(&w, p->author_count);
	for (size_t i = 0; i < p->author_count; i++) octet_put_string(&w, cut(p->authors[i], LEDGER_ADDRESS));
	assert(!w.failed && w.n == w.capacity);
	return octet_written(&w);
}

/* ---- reading ------------------------------------------------------------------------------------------------------ */

static void get_fixed(struct octet_reader *r, struct ledger_passage *p)
{
	uint8_t flags = octet_get_u8(r);
	if (flags & ~FLAG_ALL) r->failed = true;
	p->outbound = flags & FLAG_OUTBOUND;
	p->authenticated = flags & FLAG_AUTHENTICATED;
	p->has_digest = flags & FLAG_DIGEST;
	p->class = flags >> FLAG_CLASS_SHIFT;
	p->result = octet_get_u8(r);
	p->spf = octet_get_u8(r);
	p->dkim = octet_get_u8(r);
	p->dmarc = octet_get_u8(r);
	p->arc = octet_get_u8(r);
	p->proof = octet_get_u8(r);
	p->time = (int64_t)octet_get_u64(r);
	p->tenant = octet_get_u32(r);
	p->reply_code = octet_get_u16(r);
	p->size = octet_get_u64(r);
	p->recipient_total = octet_get_u32(r);
}

static void get_ip(struct octet_reader *r, struct ip *out)
{
	size_t n = octet_get_u8(r);
	struct slice octets = octet_get(r, n);
	if (n != 0 && n != 4 && n != 16) r->failed = true;
	if (r->failed || n == 0) return;
	out->family = n == 4 ? AF_INET : AF_INET6;
	memcpy(out->octets, octets.p, n);
}

static struct slice get_string(struct octet_reader *r, size_t most)
{
	struct slice s = octet_get_string(r);
	if (s.n > most) r->failed = true;
	return s;
}

static uint8_t get_strings(struct octet_reader *r, struct slice *out, size_t room, size_t most)
{
	size_t n = octet_get_u8(r);
	if (n > room) r->failed = true;
	for (size_t i = 0; i < n && !r->failed; i++) out[i] = get_string(r, most);
	return r->failed ? 0 : (uint8_t)n;
}

enum error ledger_decode(struct slice record, struct ledger_passage *out)
{
	struct octet_reader r = octet_reader(record);
	*out = (struct ledger_passage){0};
	uint8_t version = octet_get_u8(&r);
	if (version > RECORD_VERSION) return ERR_VERSION;
	if (version < RECORD_VERSION - 1 || record.n > LEDGER_RECORD_MOST) return ERR_CORRUPT;
	get_fixed(&r, out);
	get_ip(&r, &out->client);
	struct slice digest = octet_get(&r, out->has_digest ? LEDGER_DIGEST : 0);
	if (digest.n) memcpy(out->digest, digest.p, LEDGER_DIGEST);
	for (size_t i = 0; i < STRING_COUNT; i++) {
		struct slice *s = (struct slice *)((char *)out + strings[i].offset);
		*s = get_string(&r, strings[i].most);
	}
	out->dkim_domain_count = get_strings(&r, out->dkim_domains, LEDGER_DKIM_DOMAINS, NAME_MOST);
	out->recipient_count = get_strings(&r, out->recipients, LEDGER_RECIPIENTS, LEDGER_ADDRESS);
	if (version == RECORD_VERSION) {
		out->author_count = get_strings(&r, out->authors, LEDGER_AUTHORS, LEDGER_ADDRESS);
		if (out->author_count == 0) r.failed = true;
	}
	return r.failed || r.rest.n ? ERR_CORRUPT : ERR_OK;
}
