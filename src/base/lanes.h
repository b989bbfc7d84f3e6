/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lanes - sixteen octets of a text at once
 *
 * For loops that look at each octet of a message. Lanes are a vector of GCC and Clang: operators work on each octet, and
 * what is true is 255. A mask has a bit for each octet, the lowest for the first one in memory, so that the first that
 * is so is its count of trailing zeros. Baseline x86-64 (SSE2) has an instruction for that; elsewhere it is two
 * multiplications. Pure; any thread.
 *
 *     for (; text.n - n >= LANES; n += LANES) {
 *             lanes octets = lanes_load(text.p + n);
 *             unsigned stops = LANES_MASK((octets == '<') | (octets == '&'));
 *             if (stops) return n + lanes_first(stops);
 *     }
 */
#ifndef BACKSTOP_BASE_LANES_H
#define BACKSTOP_BASE_LANES_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

#define LANES 16

typedef uint8_t lanes __attribute__((vector_size(LANES)));

static inline lanes lanes_load(const void *p) /* LANES octets, anywhere */
{
	lanes v;
	memcpy(&v, p, sizeof v);
	return v;
}

/* The first n of LANES octets, behind them zeros; no octet behind the n is looked at. */
static inline lanes lanes_load_some(const void *p, size_t n)
{
	typedef uint64_t halves __attribute__((vector_size(LANES)));
	const uint8_t *octets = p;
	uint64_t first = 0, second = 0;
	uint32_t begin, end;
	if (n >= LANES) return lanes_load(p);
	if (n >= 8) { /* loads may overlap */
		memcpy(&first, octets, 8);
		memcpy(&second, octets + n - 8, 8);
		second = n > 8 ? htole64(le64toh(second) >> 8 * (LANES - n)) : 0;
	} else if (n >= 4) {
		memcpy(&begin, octets, 4);
		memcpy(&end, octets + n - 4, 4);
		first = htole64(le32toh(begin) | (uint64_t)le32toh(end) << 8 * (n - 4));
	} else {
		for (size_t i = 0; i < n; i++) first |= (uint64_t)octets[i] << 8 * i;
		first = htole64(first);
	}
	return (lanes)(halves){first, second};
}

static inline void lanes_store(void *p, lanes v)
{
	memcpy(p, &v, sizeof v);
}

/* Each octet is from, or above it, and not above to. */
static inline lanes lanes_within(lanes v, uint8_t from, uint8_t to)
{
	return (lanes)((lanes)(v - from) <= (uint8_t)(to - from));
}

/* The top bit of each octet, where there is no instruction for it: eight of them come together in the top octet of a product. */
static inline unsigned lanes_mask_multiplied(lanes v)
{
	uint64_t halves[2];
	unsigned mask = 0;
	memcpy(halves, &v, sizeof halves);
	for (unsigned i = 0; i < 2; i++) {
		uint64_t bits = le64toh(halves[i]) >> 7 & UINT64_C(0x0101010101010101);
		mask |= (unsigned)(bits * UINT64_C(0x0102040810204080) >> 56) << 8 * i;
	}
	return mask;
}

/* The top bit of each octet. */
static inline unsigned lanes_mask(lanes v)
{
#ifdef __SSE2__
	typedef char octets __attribute__((vector_size(LANES)));
	return (unsigned)__builtin_ia32_pmovmskb128((octets)v);
#else
	return lanes_mask_multiplied(v);
#endif
}

/* Of a comparison. */
#define LANES_MASK(v) lanes_mask((lanes)(v))

/* The first octet of which the bit is set; there must be one. */
static inline size_t lanes_first(unsigned mask)
{
	return (size_t)__builtin_ctz(mask);
}

#endif
