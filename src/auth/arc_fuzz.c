/* SPDX-License-Identifier: Apache-2.0 */
/* Any header has a verdict; a chain passes only by a key, which nobody has here; a sealed one has one set more. */
#include <assert.h>

#include "auth/arc.h"
#include "mail/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char private_key[] = "-----BEGIN PRIVATE KEY-----\n"
				  "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
				  "-----END PRIVATE KEY-----\n";

static struct arc_verdict verify(struct arena *a, struct slice header, struct slice body, struct resolver *r)
{
	struct arc_verifier *v;
	struct arc_verdict verdict = {.result = AUTH_none};
	enum error e = arc_verify_begin(a, header, 1700000000, &v);
	assert(!e);
	arc_verify_keys(v, r, 0);
	arc_verify_body(v, body);
	arc_verify_end(v, &verdict);
	assert(verdict.sets <= ARC_SETS_MOST && (verdict.result == AUTH_fail) == (verdict.problem != NULL));
	return verdict;
}

static struct slice join(struct arena *a, const struct slice *parts, size_t count)
{
	size_t n = 0;
	for (size_t i = 0; i < count; i++) n += parts[i].n;
	char *text = arena_alloc(a, n), *to = text;
	assert(text);
	for (size_t i = 0; i < count; to += parts[i++].n) memcpy(to, parts[i].p, parts[i].n);
	return slice_of(text, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct resolver *r;
	static struct signing_key *key;
	struct arena a;
	struct slice message = slice_of(data, size);
	size_t scanned = 0, end = header_end(message, &scanned);
	char why[256];
	if (!r) assert(!resolver_new_table(SLICE("s1._domainkey.example.net NXDOMAIN\n"), &r, why));
	if (!key) assert(!signing_key_load(slice_str(private_key), &key, why));
	if (end == HEADER_NOT_YET) end = size;
	struct slice header = slice_sub(message, 0, end), body = slice_sub(message, end, size);
	arena_init(&a, 256 << 20);
	struct arc_verdict chain = verify(&a, header, body, r);
	assert(chain.result != AUTH_pass);

	struct arc_sealing s =
		{.signing = {.key = key, .domain = SLICE("example.net"), .selector = SLICE("s1"), .now = 1700000000},
	         .authserv_id = SLICE("mx.example.net"),
	         .results = SLICE(" none"),
	         .chain = &chain};
	struct arc_sealer *g;
	struct arc_set set;
	enum error e = arc_seal_begin(&a, header, &s, &g);
	assert(!e);
	arc_seal_body(g, body);
	e = arc_seal_end(g, &set);
	assert(!e && (set.seal.n > 0) == chain.may_extend);
	if (chain.may_extend) {
		const struct slice parts[] = {set.seal, set.message_signature, set.authentication_results, header};
		struct slice sealed = join(&a, parts, 4);
		struct arc_verdict again = verify(&a, sealed, body, r);
		assert(again.sets == chain.sets + 1 && again.result == AUTH_fail);
	}
	arena_free(&a);
	return 0;
}
