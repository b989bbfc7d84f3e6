/* SPDX-License-Identifier: Apache-2.0 */
#include "dns/cookie.h"

#include <sys/random.h>

#define VERSION 1 /* RFC 9018 4.1 */

/* ---- SipHash-2-4 ------------------------------------------------------------------------------------------------------ */

static uint64_t little(const uint8_t *p, size_t n)
{
	uint64_t v = 0;
	for (size_t i = 0; i < n; i++) v |= (uint64_t)p[i] << (8 * i);
	return v;
}

static uint64_t rotate(uint64_t v, unsigned bits)
{
	return v << bits | v >> (64 - bits);
}

static void rounds(uint64_t v[4], unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		v[0] += v[1];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[0] = rotate(v[0], 32);
		v[2] += v[3];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] += v[3];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[2] += v[1];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[2] = rotate(v[2], 32);
	}
}

uint64_t siphash24(const uint8_t key[static 16], const uint8_t *data, size_t n)
{
	uint64_t k0 = little(key, 8), k1 = little(key + 8, 8);
	uint64_t v[4] = {k0 ^ 0x736f6d6570736575ULL, k1 ^ 0x646f72616e646f6dULL, k0 ^ 0x6c7967656e657261ULL,
	                 k1 ^ 0x7465646279746573ULL};
	for (size_t at = 0; at + 8 <= n; at += 8) {
		uint64_t word = little(data + at, 8);
		v[3] ^= word;
		rounds(v, 2);
		v[0] ^= word;
	}
	uint64_t last = (uint64_t)n << 56 | little(data + (n & ~(size_t)7), n & 7);
	v[3] ^= last;
	rounds(v, 2);
	v[0] ^= last;
	v[2] ^= 0xff;
	rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* ---- secrets ----------------------------------------------------------------------------------------------------------- */

enum error cookie_master_make(struct cookie_master *m)
{
	*m = (struct cookie_master){.fixed = false};
	return getrandom(m->key, sizeof m->key, 0) == (ssize_t)sizeof m->key ? ERR_OK : ERR_SYSTEM;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9') return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_secret(const char *text, uint8_t out[COOKIE_SECRET_SIZE])
{
	if (strlen(text) != 2 * COOKIE_SECRET_SIZE) return false;
	for (size_t i = 0; i < COOKIE_SECRET_SIZE; i++) {
		int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);
		if (high < 0 || low < 0) return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

bool cookie_master_set(struct cookie_master *m, const char *secret, const char *before)
{
	*m = (struct cookie_master){.fixed = true, .secrets.has_before = before != NULL};
	return read_secret(secret, m->secrets.now) && (!before || read_secret(before, m->secrets.before));
}

/* The secret of one day: the master's hash of it, in two halves. */
static void draw(const struct cookie_master *m, int64_t day, uint8_t out[COOKIE_SECRET_SIZE])
{
	for (uint8_t half = 0; half < 2; half++) {
		uint8_t of[9] = {[8] = half};
		memcpy(of, &day, sizeof day);
		uint64_t hash = siphash24(m->key, of, sizeof of);
		memcpy(out + 8 * half, &hash, sizeof hash);
	}
}

struct cookie_secrets cookie_secrets_at(const struct cookie_master *m, int64_t now)
{
	if (m->fixed) return m->secrets;
	struct cookie_secrets s = {.has_before = true};
	draw(m, now / COOKIE_ROTATION, s.now);
	draw(m, now / COOKIE_ROTATION - 1, s.before);
	return s;
}

/* ---- cookies ------------------------------------------------------------------------------------------------------------ */

/* RFC 9018 4.4: both parts without the hash, and the address. In the byte order of the hash's definition. */
static void put_hash(const uint8_t secret[COOKIE_SECRET_SIZE], const uint8_t *parts, const struct ip *client,
                     uint8_t out[8])
{
	uint8_t all[COOKIE_CLIENT_SIZE + 8 + 16];
	size_t address = client->family == AF_INET6 ? 16 : 4;
	memcpy(all, parts, COOKIE_CLIENT_SIZE + 8);
	memcpy(all + COOKIE_CLIENT_SIZE + 8, client->octets, address);
	uint64_t hash = siphash24(secret, all, COOKIE_CLIENT_SIZE + 8 + address);
	for (size_t i = 0; i < 8; i++) out[i] = (uint8_t)(hash >> (8 * i));
}

static bool hash_fits(const uint8_t secret[COOKIE_SECRET_SIZE], const uint8_t *cookie, const struct ip *client)
{
	uint8_t right[8], differs = 0;
	put_hash(secret, cookie, client, right);
	for (size_t i = 0; i < 8; i++) differs |= right[i] ^ cookie[COOKIE_SIZE - 8 + i];
	return differs == 0;
}

enum cookie_state cookie_check(const struct cookie_secrets *s, const uint8_t *cookie, size_t n, const struct ip *client,
                               int64_t now)
{
	if (n == 0) return COOKIE_NONE;
	if (n == COOKIE_CLIENT_SIZE) return COOKIE_FIRST;
	if (n != COOKIE_SIZE || cookie[8] != VERSION) return COOKIE_BAD;
	uint32_t made =
		(uint32_t)cookie[12] << 24 | (uint32_t)cookie[13] << 16 | (uint32_t)cookie[14] << 8 | cookie[15];
	int32_t age = (int32_t)((uint32_t)now - made); /* serial number arithmetic */
	if (age > COOKIE_LIFETIME || age < -COOKIE_AHEAD) return COOKIE_BAD;
	if (hash_fits(s->now, cookie, client)) return age > COOKIE_RENEW ? COOKIE_OLD : COOKIE_GOOD;
	return s->has_before && hash_fits(s->before, cookie, client) ? COOKIE_OLD : COOKIE_BAD;
}

void cookie_make(const struct cookie_secrets *s, const uint8_t *cookie, const struct ip *client, int64_t now,
                 uint8_t out[static COOKIE_SIZE])
{
	memcpy(out, cookie, COOKIE_CLIENT_SIZE);
	memset(out + COOKIE_CLIENT_SIZE, 0, 4);
	out[COOKIE_CLIENT_SIZE] = VERSION;
	for (size_t i = 0; i < 4; i++) out[12 + i] = (uint8_t)((uint32_t)now >> (24 - 8 * i));
	put_hash(s->now, out, client, out + COOKIE_CLIENT_SIZE + 8);
}
