/* SPDX-License-Identifier: Apache-2.0 */
/* What was read, written again without its white space, is read as the same. */
#include <assert.h>
#include <stdlib.h>

#include "auth/base64.h"
#include "auth/taglist.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put(char *text, size_t *n, struct slice s)
{
	if (s.n > 0) memcpy(text + *n, s.p, s.n);
	*n += s.n;
}

static void check_words(struct slice value)
{
	struct slice word;
	size_t total = 0;
	while (taglist_word(&value, &word)) {
		assert(slice_trim(word).n == word.n);
		total += word.n;
	}
	assert(total <= 1 << 20);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = slice_of(data, size);
	static struct taglist first, second;
	struct arena a;
	if (taglist_read(text, &first) != ERR_OK) return 0;
	assert(first.count > 0 && first.count <= TAGLIST_MOST);
	arena_init(&a, 1 << 24);
	char *again = malloc(size + 1);
	size_t n = 0;
	for (size_t i = 0; i < first.count; i++) {
		const struct tag *t = &first.tags[i];
		assert(t->whole.p >= text.p && t->whole.p + t->whole.n <= text.p + text.n);
		assert(taglist_tag(&first, arena_strdup(&a, t->name)) == t);
		put(again, &n, t->name);
		put(again, &n, SLICE("="));
		put(again, &n, t->value);
		if (i + 1 < first.count) put(again, &n, SLICE(";"));
		struct slice octets;
		if (base64_decode(&a, t->value, &octets) == ERR_OK) assert(octets.n <= t->value.n);
		check_words(t->value);
	}
	assert(n <= size);
	assert(taglist_read(slice_of(again, n), &second) == ERR_OK && second.count == first.count);
	for (size_t i = 0; i < first.count; i++) assert(slice_equal(first.tags[i].value, second.tags[i].value));
	free(again);
	arena_free(&a);
	return 0;
}
