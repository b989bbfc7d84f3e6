/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/tag.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#define HASHED_MOST (TAG_ADDRESS_MOST + 64)

bool tag_split(struct slice address, struct tag_address *out)
{
	size_t at = slice_find_last(address, '@');
	if (address.n > TAG_ADDRESS_MOST || at == 0 || at + 1 >= address.n) return false;
	out->local = slice_sub(address, 0, at);
	out->domain = slice_sub(address, at + 1, address.n);
	out->quoted = at >= 2 && address.p[0] == '"' && address.p[at - 1] == '"';
	if (out->quoted) out->local = slice_sub(out->local, 1, at - 1);
	return true;
}

static char *append(char *to, struct slice s)
{
	if (s.n) memcpy(to, s.p, s.n);
	return to + s.n;
}

struct slice tag_join(struct arena *a, const struct slice *parts, size_t count, bool quoted, struct slice domain)
{
	size_t n = domain.n + 1 + 2 * quoted;
	for (size_t i = 0; i < count; i++) n += parts[i].n;
	char *text = arena_alloc(a, n), *to = text;
	if (!text) return (struct slice){NULL, 0};
	if (quoted) *to++ = '"';
	for (size_t i = 0; i < count; i++) to = append(to, parts[i]);
	if (quoted) *to++ = '"';
	*to++ = '@';
	append(to, domain);
	return slice_of(text, n);
}

bool tag_hash(struct slice secret, const struct slice *parts, size_t count, bool fold,
              uint8_t out[static TAG_SHA1_SIZE])
{
	char text[HASHED_MOST], *to = text;
	for (size_t i = 0; i < count; i++) {
		if (parts[i].n > (size_t)(text + sizeof text - to)) return false;
		to = append(to, parts[i]);
	}
	for (char *p = text; fold && p < to; p++)
		if (*p >= 'A' && *p <= 'Z') *p += 'a' - 'A';
	if (secret.n > INT_MAX) return false;
	return HMAC(EVP_sha1(), secret.p ? secret.p : "", (int)secret.n, (const uint8_t *)text, (size_t)(to - text),
	            out, NULL) != NULL;
}

int64_t tag_day(int64_t now)
{
	return now > 0 ? now / 86400 : 0;
}

struct slice tag_bare(struct arena *a, struct slice tagged, struct slice original)
{
	struct tag_address t, o;
	if (!tag_split(tagged, &t) || !tag_split(original, &o) || !t.quoted) return tagged;
	if (t.local.n < o.local.n || !slice_equal(slice_sub(t.local, t.local.n - o.local.n, t.local.n), o.local))
		return tagged;
	struct slice parts[] = {
		slice_sub(t.local, 0, t.local.n - o.local.n),
		slice_sub(original, 0, o.local.n + 2 * o.quoted),
	};
	return tag_join(a, parts, 2, false, t.domain);
}
