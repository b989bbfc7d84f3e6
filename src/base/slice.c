/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slice - see slice.h
 *
 * The hash is SipHash-1-3 (Aumasson and Bernstein) with a key of the process: a peer who chooses the words of a table
 * cannot make them collide.
 */
#include "base/slice.h"

#include <endian.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/lanes.h"

#define PLACES     (2 * LANES)
#define WRONG_MOST 100 /* places with the same first and last octet */

/* Folds eight octets at once: bit 5 is set in each octet that is an ASCII capital. */
static inline uint64_t fold_word(uint64_t w)
{
	const uint64_t ones = 0x0101010101010101u;
	uint64_t low = w & ones * 0x7f;
	uint64_t from_a = low + ones * (0x80 - 'A');
	uint64_t beyond_z = low + ones * (0x80 - 'Z' - 1);
	uint64_t capital = from_a & ~beyond_z & ~w & ones * 0x80;
	return w | capital >> 2;
}

static inline uint64_t word_at(const char *p, size_t n)
{
	uint64_t w = 0;
	memcpy(&w, p, n);
	return fold_word(w);
}

bool slice_same_nocase(const char *a, const char *b, size_t n)
{
	if (n < 4) {
		size_t i = 0;
		while (i < n && word_at(a + i, 1) == word_at(b + i, 1)) i++;
		return i == n;
	}
	if (n < 8) /* the first four and the last */
		return word_at(a, 4) == word_at(b, 4) && word_at(a + n - 4, 4) == word_at(b + n - 4, 4);
	for (size_t i = 0; i + 8 < n; i += 8)
		if (word_at(a + i, 8) != word_at(b + i, 8)) return false;
	return word_at(a + n - 8, 8) == word_at(b + n - 8, 8);
}

int slice_compare(struct slice a, struct slice b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n ? memcmp(a.p, b.p, n) : 0;
	if (c) return c;
	return a.n < b.n ? -1 : a.n > b.n;
}

bool slice_ends_nocase(struct slice s, struct slice suffix)
{
	return s.n >= suffix.n && slice_same_nocase(s.p + (s.n - suffix.n), suffix.p, suffix.n);
}

size_t slice_find_last(struct slice s, char c)
{
	const char *at = s.n ? memrchr(s.p, c, s.n) : NULL;
	return at ? (size_t)(at - s.p) : s.n;
}

/* Where the first and the last octet of the needle stand, of sixteen places from p on. */
static inline uint32_t search_ends(const char *p, struct slice needle)
{
	lanes first = (lanes)(lanes_load(p) == (uint8_t)needle.p[0]);
	lanes last = (lanes)(lanes_load(p + needle.n - 1) == (uint8_t)needle.p[needle.n - 1]);
	return lanes_mask(first & last);
}

/* Where it is; places are as many as it may be at, PLACES or more; *wrong counts those that were not it. Ends when those are many. */
static size_t search_lanes(struct slice haystack, struct slice needle, size_t places, size_t *wrong)
{
	for (size_t i = 0; *wrong <= WRONG_MOST;) {
		const char *p = haystack.p + i;
		uint32_t ends = search_ends(p, needle) | search_ends(p + LANES, needle) << LANES;
		for (; ends; ends &= ends - 1, ++*wrong) {
			size_t at = i + lanes_first(ends);
			if (memcmp(haystack.p + at + 1, needle.p + 1, needle.n - 2) == 0) return at;
		}
		if (i + PLACES == places) break;
		i = i + 2 * PLACES <= places ? i + PLACES : places - PLACES; /* some may be looked at again */
	}
	return haystack.n;
}

size_t slice_search(struct slice haystack, struct slice needle)
{
	size_t wrong = 0, at = 0, places = haystack.n - needle.n + 1;
	if (needle.n == 0) return 0;
	if (haystack.n < needle.n) return haystack.n;
	if (needle.n == 1) return slice_find(haystack, needle.p[0]);
	if (places < PLACES) {
		while (at < places &&
		       (haystack.p[at] != needle.p[0] || memcmp(haystack.p + at, needle.p, needle.n) != 0))
			at++;
		return at < places ? at : haystack.n;
	}
	at = search_lanes(haystack, needle, places, &wrong);
	if (wrong <= WRONG_MOST) return at;
	const char *found =
		memmem(haystack.p, haystack.n, needle.p, needle.n); /* its time is bound, whatever the text */
	return found ? (size_t)(found - haystack.p) : haystack.n;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct slice slice_trim(struct slice s)
{
	while (s.n && is_blank(s.p[0])) s = slice_sub(s, 1, s.n);
	while (s.n && is_blank(s.p[s.n - 1])) s.n--;
	return s;
}

struct slice slice_split(struct slice *rest, char sep)
{
	struct slice all = *rest;
	size_t at = slice_find(all, sep);
	if (at == all.n) {
		*rest = (struct slice){NULL, 0};
		return all;
	}
	*rest = slice_sub(all, at + 1, all.n);
	return slice_sub(all, 0, at);
}

bool slice_to_u64(struct slice s, uint64_t *out)
{
	if (s.n < 1 || s.n > 20) return false;
	uint64_t value = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9') return false;
		if (__builtin_mul_overflow(value, UINT64_C(10), &value)) return false;
		if (__builtin_add_overflow(value, (uint64_t)(s.p[i] - '0'), &value)) return false;
	}
	*out = value;
	return true;
}

/* ---- hash -------------------------------------------------------------------------------------------------------- */

static uint64_t hash_key[2];

/* Before main(), so that no thread ever sees two keys. */
__attribute__((constructor)) static void hash_key_make(void)
{
	if (getrandom(hash_key, sizeof hash_key, GRND_NONBLOCK) == (ssize_t)sizeof hash_key) return;
	/* Very early in a boot there is no randomness yet; what an outsider cannot see must do. */
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	hash_key[0] = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
	hash_key[1] = (uint64_t)(uintptr_t)&ts ^ (uint64_t)getpid() << 32;
}

static inline uint64_t rotate(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

struct sip {
	uint64_t v0, v1, v2, v3;
};

static inline void sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = rotate(s->v1, 13) ^ s->v0;
	s->v0 = rotate(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotate(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotate(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotate(s->v1, 17) ^ s->v2;
	s->v2 = rotate(s->v2, 32);
}

static inline void sip_word(struct sip *s, uint64_t m)
{
	s->v3 ^= m;
	sip_round(s);
	s->v0 ^= m;
}

static inline uint64_t sip13(struct slice s, const uint64_t key[2], bool nocase)
{
	struct sip sip = {key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du, key[0] ^ 0x6c7967656e657261u,
	                  key[1] ^ 0x7465646279746573u};
	size_t i = 0;
	for (; s.n - i >= 8; i += 8) {
		uint64_t w;
		memcpy(&w, s.p + i, 8);
		w = le64toh(w);
		sip_word(&sip, nocase ? fold_word(w) : w);
	}
	uint64_t last = 0;
	if (s.n > i) memcpy(&last, s.p + i, s.n - i);
	last = le64toh(last);
	if (nocase) last = fold_word(last);
	sip_word(&sip, last | (uint64_t)s.n << 56);
	sip.v2 ^= 0xff;
	sip_round(&sip);
	sip_round(&sip);
	sip_round(&sip);
	return sip.v0 ^ sip.v1 ^ sip.v2 ^ sip.v3;
}

uint64_t slice_hash(struct slice s)
{
	return sip13(s, hash_key, false);
}

uint64_t slice_hash_nocase(struct slice s)
{
	return sip13(s, hash_key, true);
}

uint64_t slice_hash_keyed(struct slice s, const uint64_t key[2], bool nocase)
{
	return nocase ? sip13(s, key, true) : sip13(s, key, false);
}
