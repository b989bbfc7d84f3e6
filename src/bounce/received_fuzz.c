/* SPDX-License-Identifier: Apache-2.0 */
/* Any octets as a Received field. The words are within it, and what the client called itself decides nothing. */
#include <assert.h>
#include <string.h>

#include "bounce/received.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_within(struct slice word, struct slice value)
{
	if (!word.n) return;
	assert(word.p >= value.p && word.p + word.n <= value.p + value.n);
	for (size_t i = 0; i < word.n; i++) assert(!strchr(" \t\r\n;(", word.p[i]) || !word.p[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char after[] = " ([192.0.2.1])\r\n\tby mx.example.net with ESMTP id 7;\r\n\tdate";
	char field[400] = "from ";
	struct received_words w;
	struct slice value = slice_of(data, size);
	received_read(value, &w);
	check_within(w.by, value);
	check_within(w.id, value);
	/* As in our own field, of which relay/trace.c leaves the client one word without these. */
	size_t n = strlen(field);
	for (size_t i = 0; i < size && n < 300; i++)
		if (data[i] > ' ' && data[i] != 127 && !strchr("()<>;,\\\"", data[i])) field[n++] = (char)data[i];
	if (n == 5) return 0;
	memcpy(field + n, after, sizeof after);
	received_read(slice_of(field, n + sizeof after - 1), &w);
	assert(slice_equal(w.by, SLICE("mx.example.net")) && slice_equal(w.id, SLICE("7")));
	assert(w.from.family == AF_INET && memcmp(w.from.octets, "\xC0\x00\x02\x01", 4) == 0);
	return 0;
}
