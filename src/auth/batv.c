/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/batv.h"

#include <openssl/crypto.h>
#include <stdio.h>

#include "auth/tag.h"

#define WORD        SLICE("prvs=")
#define TAG_SIZE    10 /* KDDDSSSSSS */
#define HASH_SIZE   3
#define STAMP_SIZE  4    /* KDDD */
#define DAYS_MODULO 1000 /* what three digits can tell */

struct tag {
	struct slice stamp; /* KDDD */
	uint8_t number;
	unsigned day;
	uint8_t hash[HASH_SIZE];
};

/* What a hash was made over: the case of letters that was kept. */
enum spelling { FOLDED, AS_GIVEN, DOMAIN_FOLDED, SPELLINGS };

static bool hash_address(const struct batv_key *key, struct slice stamp, struct slice address, enum spelling s,
                         uint8_t out[static HASH_SIZE])
{
	uint8_t digest[TAG_SHA1_SIZE];
	char lower[TAG_ADDRESS_MOST];
	struct slice parts[] = {stamp, address};
	if (s == DOMAIN_FOLDED) {
		if (address.n > sizeof lower) return false;
		memcpy(lower, address.p, address.n);
		for (size_t i = slice_find_last(address, '@'); i < address.n; i++)
			if (lower[i] >= 'A' && lower[i] <= 'Z') lower[i] += 'a' - 'A';
		parts[1] = slice_of(lower, address.n);
	}
	if (!tag_hash(key->secret, parts, 2, s == FOLDED, digest)) return false;
	memcpy(out, digest, HASH_SIZE);
	return true;
}

struct slice batv_sign(struct arena *a, struct slice address, const struct batv_key *key, enum batv_form form,
                       char plus, int64_t now, unsigned days)
{
	struct tag_address t;
	uint8_t hash[HASH_SIZE];
	char stamp[STAMP_SIZE + 1], text[32];
	if (!tag_split(address, &t)) return (struct slice){NULL, 0};
	if (days > BATV_MOST_DAYS) days = BATV_MOST_DAYS;
	snprintf(stamp, sizeof stamp, "%u%03u", key->number % 10u, (unsigned)((tag_day(now) + days) % DAYS_MODULO));
	if (!hash_address(key, slice_str(stamp), address, key->as_given ? AS_GIVEN : FOLDED, hash))
		return (struct slice){NULL, 0};
	bool prvs = form == BATV_PRVS;
	snprintf(text, sizeof text, prvs ? "prvs=%.4s%02x%02x%02x=" : "prvs=%.4s%02x%02x%02x", stamp, hash[0], hash[1],
	         hash[2]);
	char separator = plus ? plus : '+';
	struct slice before[] = {slice_str(text), t.local},
		     after[] = {t.local, slice_of(&separator, 1), slice_str(text)};
	return prvs ? tag_join(a, before, 2, t.quoted, t.domain) : tag_join(a, after, 3, t.quoted, t.domain);
}

/* ---- reading ------------------------------------------------------------------------------------------------------ */

static int hex_value(char c)
{
	if (c >= '0' && c <= '9') return c - '0';
	if (c >= 'A' && c <= 'F') return c - 'A' + 10;
	if (c >= 'a' && c <= 'f') return c - 'a' + 10;
	return -1;
}

static bool read_tag(struct slice text, struct tag *out)
{
	if (text.n != TAG_SIZE) return false;
	for (size_t i = 0; i < STAMP_SIZE; i++)
		if (text.p[i] < '0' || text.p[i] > '9') return false;
	for (size_t i = 0; i < HASH_SIZE; i++) {
		int high = hex_value(text.p[STAMP_SIZE + 2 * i]), low = hex_value(text.p[STAMP_SIZE + 2 * i + 1]);
		if (high < 0 || low < 0) return false;
		out->hash[i] = (uint8_t)(high << 4 | low);
	}
	out->stamp = slice_sub(text, 0, STAMP_SIZE);
	out->number = (uint8_t)(text.p[0] - '0');
	out->day = (unsigned)((text.p[1] - '0') * 100 + (text.p[2] - '0') * 10 + (text.p[3] - '0'));
	return true;
}

/* "prvs=KDDDSSSSSS=local" and the older "prvs=local/KDDDSSSSSS". */
static bool find_prvs(struct slice local, struct tag *tag, struct slice *rest)
{
	if (!slice_starts_nocase(local, WORD)) return false;
	struct slice s = slice_sub(local, WORD.n, local.n);
	if (s.n > TAG_SIZE && s.p[TAG_SIZE] == '=' && read_tag(slice_sub(s, 0, TAG_SIZE), tag)) {
		*rest = slice_sub(s, TAG_SIZE + 1, s.n);
		return true;
	}
	size_t end = s.n > TAG_SIZE ? s.n - TAG_SIZE - 1 : 0;
	if (s.n <= TAG_SIZE || s.p[end] != '/' || !read_tag(slice_sub(s, end + 1, s.n), tag)) return false;
	*rest = slice_sub(s, 0, end);
	return true;
}

static bool find_subaddress(struct slice local, char plus, struct tag *tag, struct slice *rest)
{
	size_t size = 1 + WORD.n + TAG_SIZE;
	if (!plus || local.n < size) return false;
	struct slice s = slice_sub(local, local.n - size, local.n);
	if (s.p[0] != plus || !slice_starts_nocase(slice_sub(s, 1, s.n), WORD)) return false;
	*rest = slice_sub(local, 0, local.n - size);
	return read_tag(slice_sub(s, 1 + WORD.n, s.n), tag);
}

static bool ours(const struct tag *tag, const struct batv_key *key, struct slice address)
{
	uint8_t hash[HASH_SIZE];
	for (enum spelling s = FOLDED; s < SPELLINGS; s++)
		if (hash_address(key, tag->stamp, address, s, hash) && CRYPTO_memcmp(hash, tag->hash, HASH_SIZE) == 0)
			return true;
	return false;
}

enum batv_verdict batv_verify_within(struct arena *a, struct slice address, const struct batv_key *keys,
                                     size_t key_count, char plus, int64_t now, unsigned most_days,
                                     struct slice *original)
{
	struct tag_address t;
	struct tag tag;
	struct slice local;
	*original = address;
	if (!tag_split(address, &t)) return BATV_UNTAGGED;
	if (!find_prvs(t.local, &tag, &local) && !find_subaddress(t.local, plus, &tag, &local)) return BATV_UNTAGGED;
	if (local.n == 0 && !t.quoted) return BATV_UNTAGGED;
	*original = tag_join(a, &local, 1, t.quoted, t.domain);
	bool known = false;
	for (size_t i = 0; original->p && i < key_count && !known; i++)
		known = keys[i].number == tag.number && ours(&tag, &keys[i], *original);
	if (!known) return BATV_FORGED;
	unsigned today = (unsigned)(tag_day(now) % DAYS_MODULO);
	return (tag.day + DAYS_MODULO - today) % DAYS_MODULO <= most_days ? BATV_VALID : BATV_EXPIRED;
}

enum batv_verdict batv_verify(struct arena *a, struct slice address, const struct batv_key *keys, size_t key_count,
                              char plus, int64_t now, struct slice *original)
{
	return batv_verify_within(a, address, keys, key_count, plus, now, BATV_MOST_DAYS, original);
}
