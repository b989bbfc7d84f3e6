/* SPDX-License-Identifier: Apache-2.0 */
#include "bounce/class.h"

static const char *const classes[CLASS_COUNT] = {
#define X(name, word) [CLASS_##name] = word,
	CLASS_TABLE(X)
#undef X
};

static const char *const kinds[KIND_COUNT] = {
#define X(name, word) [KIND_##name] = word,
	KIND_TABLE(X)
#undef X
};

const char *class_word(enum bounce_class c)
{
	return classes[c];
}

const char *kind_word(enum bounce_kind k)
{
	return kinds[k];
}

bool class_from_word(struct slice word, enum bounce_class *out)
{
	for (size_t i = 0; i < CLASS_COUNT; i++) {
		if (!slice_equal(word, slice_str(classes[i]))) continue;
		*out = (enum bounce_class)i;
		return true;
	}
	return false;
}

bool kind_from_word(struct slice word, enum bounce_kind *out)
{
	for (size_t i = KIND_NONE + 1; i < KIND_COUNT; i++) {
		if (!slice_equal_nocase(word, slice_str(kinds[i]))) continue;
		*out = (enum bounce_kind)i;
		return true;
	}
	return false;
}
