/* SPDX-License-Identifier: Apache-2.0 */
/* signal_set - which signals of a bundle have fired: a bit for each, by its index in struct rules */
#ifndef BACKSTOP_BOUNCE_SIGNAL_SET_H
#define BACKSTOP_BOUNCE_SIGNAL_SET_H

#include "bounce/rules.h"

struct signal_set {
	uint64_t bits[RULES_SIGNALS / 64];
};

static inline bool signal_fired(const struct signal_set *s, size_t i)
{
	return s->bits[i / 64] >> (i % 64) & 1;
}

static inline void signal_set(struct signal_set *s, size_t i)
{
	s->bits[i / 64] |= UINT64_C(1) << (i % 64);
}

static inline void signal_add_all(struct signal_set *to, const struct signal_set *from)
{
	for (size_t i = 0; i < RULES_SIGNALS / 64; i++) to->bits[i] |= from->bits[i];
}

/* The first that fired of *i and those behind it becomes *i; false: none has. */
static inline bool signal_next(const struct signal_set *s, size_t *i)
{
	for (size_t at = *i; at < RULES_SIGNALS; at = (at / 64 + 1) * 64) {
		uint64_t rest = s->bits[at / 64] >> at % 64;
		if (rest == 0) continue;
		*i = at + (size_t)__builtin_ctzll(rest);
		return true;
	}
	return false;
}

#endif
