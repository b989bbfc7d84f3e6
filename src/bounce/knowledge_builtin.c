/* SPDX-License-Identifier: Apache-2.0 */
/* The files of bounce/knowledge/, which the build turns into an array (scripts/embed-text). */
#include "bounce/knowledge.h"

extern const unsigned char knowledge_text[];
extern const size_t knowledge_text_size;

struct slice knowledge_builtin(void)
{
	return slice_of(knowledge_text, knowledge_text_size);
}
