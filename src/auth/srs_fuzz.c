/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever is forwarded comes back; reversing any address ends. */
#include <assert.h>

#include "auth/srs.h"
#include "auth/tag.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct slice without_quotes(struct arena *a, struct slice s)
{
	char *text = arena_alloc(a, s.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '"') text[n++] = s.p[i];
	return slice_of(text, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct slice secret = {"key", 3};
	static const struct srs_secrets secrets = {&secret, 1};
	const int64_t now = 1700000000;
	struct slice in = slice_of(data, size), original, made;
	struct arena a;
	arena_init(&a, 1 << 20);
	if (srs_reverse(&a, in, &secrets, now, SRS_DAYS, &original) == ERR_OK) assert(original.n > 0);
	made = srs_forward(&a, in, SLICE("us.example"), secret, now);
	if (made.p && made.n <= TAG_ADDRESS_MOST && !slice_ends_nocase(in, SLICE("@us.example"))) {
		enum error e = srs_reverse(&a, made, &secrets, now, SRS_DAYS, &original);
		assert(e == ERR_OK);
		/* An SRS0 word comes back in capitals, SRS1 becomes the SRS0 it holds; beside a literal quotes may come and go. */
		bool srs1 = slice_starts_nocase(in, SLICE("SRS1")) || slice_starts_nocase(in, SLICE("\"SRS1"));
		assert(srs1 || slice_equal_nocase(without_quotes(&a, original), without_quotes(&a, in)));
	}
	arena_free(&a);
	return 0;
}
