/* SPDX-License-Identifier: Apache-2.0 */
/* Any octets as a message, by the default bundle. The first octet says what is known of the envelope. */
#include <stdlib.h>

#include "bounce/classify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct slice paths[] = {{"", 0}, {"a@example.org", 13}};
	static struct bundle *bundle;
	static struct classifier *classifier;
	char problem[BUNDLE_PROBLEM];
	struct arena a;
	struct mime m;
	struct classification v;
	if (!bundle && bundle_load(bundle_default_text(), &bundle, problem) != ERR_OK) abort();
	if (!classifier) classifier = classifier_new();
	if (size == 0) return 0;
	arena_init(&a, (size_t)64 << 20);
	unsigned path = data[0] % 3;
	if (mime_parse(&a, slice_of(data + 1, size - 1), &m) &&
	    classify(classifier, bundle, &a, m.root, path < 2 ? &paths[path] : NULL, &v) == ERR_OK) {
		if (v.class >= CLASS_COUNT || (v.kind != KIND_NONE) != (v.class == CLASS_NDR)) abort();
		if (!(v.probability >= 0 && v.probability <= 1)) abort();
	}
	arena_free(&a);
	return 0;
}
