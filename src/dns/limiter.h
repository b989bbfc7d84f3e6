/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limiter - how many answers a client's network gets by UDP
 *
 * A forged source address makes us the one who answers to somebody who never asked. Answers are therefore counted per IPv4 /24 and IPv6
 * /56: so many a second, and a second's worth at once. What is beyond is dropped, but each so-manieth ("slip") is answered with TC:
 * an honest client then comes by TCP, where it cannot be forged.
 *
 * One table of fixed size for all threads. A bucket is one atomic word: a tag of the network and the time until which its answers are
 * paid for. Two threads that meet on one may lose a count, two networks may share a bucket's tag once in millions: both
 * only let an answer too many pass. When a set is full, the bucket that is nearest to being free is taken.
 *
 *     if (limiter_take(l, &client, rate, now_us)) answer(); else if (slip && ++dropped % slip == 0) answer_truncated();
 *
 * Any thread; no lock, no allocation after limiter_new().
 */
#ifndef BACKSTOP_DNS_LIMITER_H
#define BACKSTOP_DNS_LIMITER_H

#include "base/endpoint.h"

struct limiter;

/* networks: how many are told apart at least; NULL without memory. */
struct limiter *limiter_new(size_t networks);
void limiter_free(struct limiter *); /* NULL is fine */
/* True: within rate (answers a second, at least 1). now_us: a clock that only grows, microseconds. */
bool limiter_take(struct limiter *l, const struct ip *client, uint32_t rate, uint64_t now_us);

#endif
