/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/digest.h"

#include <openssl/evp.h>
#include <stdatomic.h>

size_t hash_size(enum hash_kind kind)
{
	return kind == HASH_SHA1 ? 20 : 32;
}

const EVP_MD *digest_algorithm(enum hash_kind kind)
{
	static EVP_MD *_Atomic fetched[2];
	EVP_MD *md = atomic_load_explicit(&fetched[kind], memory_order_acquire), *none = NULL;
	if (md) return md;
	md = EVP_MD_fetch(NULL, kind == HASH_SHA1 ? "SHA1" : "SHA256", NULL);
	if (!md || atomic_compare_exchange_strong(&fetched[kind], &none, md)) return md;
	EVP_MD_free(md); /* another thread was first */
	return none;
}

void digest_begin(struct digest *d, enum hash_kind kind)
{
	const EVP_MD *md = digest_algorithm(kind);
	d->ctx = md ? EVP_MD_CTX_new() : NULL;
	d->failed = !d->ctx || EVP_DigestInit_ex(d->ctx, md, NULL) != 1;
}

void digest_put(struct digest *d, struct slice octets)
{
	if (!d->failed && octets.n > 0 && EVP_DigestUpdate(d->ctx, octets.p, octets.n) != 1) d->failed = true;
}

void digest_copy(struct digest *to, const struct digest *from)
{
	to->ctx = from->failed ? NULL : EVP_MD_CTX_new();
	to->failed = !to->ctx || EVP_MD_CTX_copy_ex(to->ctx, from->ctx) != 1;
}

bool digest_peek(const struct digest *d, unsigned char out[DIGEST_MOST])
{
	if (d->failed) return false;
	EVP_MD_CTX *copy = EVP_MD_CTX_new();
	bool ok = copy && EVP_MD_CTX_copy_ex(copy, d->ctx) == 1 && EVP_DigestFinal_ex(copy, out, NULL) == 1;
	EVP_MD_CTX_free(copy);
	return ok;
}

bool digest_end(struct digest *d, unsigned char out[DIGEST_MOST])
{
	bool ok = out && !d->failed && EVP_DigestFinal_ex(d->ctx, out, NULL) == 1;
	EVP_MD_CTX_free(d->ctx);
	d->ctx = NULL;
	d->failed = true;
	return ok;
}
