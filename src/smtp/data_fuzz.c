/* SPDX-License-Identifier: Apache-2.0 */
/* Decodes whole and in pieces of the size that the first octet says: the same result. Encodes and decodes: the same
 * text. */
#include <assert.h>
#include <stdlib.h>

#include "smtp/data.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t decode(struct data_decoder *d, struct slice in, size_t step, char *out, size_t *consumed)
{
	size_t n = 0, got;
	data_decoder_init(d);
	*consumed = 0;
	for (size_t at = 0; at < in.n && !d->done; at += step) {
		*consumed += data_decode(d, slice_sub(in, at, at + step), out + n, &got);
		n += got;
	}
	return n;
}

static void check_round_trip(struct slice in, char *wire, char *out)
{
	struct data_encoder e;
	struct data_decoder d;
	size_t consumed;
	data_encoder_init(&e);
	size_t n = data_encode(&e, in, wire);
	bool complete = in.n == 0 || e.at_line_start, cr = e.last_was_cr;
	n += data_encode_end(&e, wire + n);
	size_t got = decode(&d, slice_of(wire, n), n, out, &consumed);
	assert(d.done && consumed == n);
	assert(got == in.n + (complete ? 0 : cr ? 1 : 2) && (in.n == 0 || memcmp(out, in.p, in.n) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1) return 0;
	struct slice in = slice_of(data + 1, size - 1);
	struct data_decoder whole, pieces;
	char *out = malloc(2 * size + 16), *other = malloc(2 * size + 16);
	size_t used, used_in_pieces;
	size_t n = decode(&whole, in, size, out, &used),
	       m = decode(&pieces, in, data[0] % 64 + 1, other, &used_in_pieces);
	assert(slice_equal(slice_of(out, n), slice_of(other, m)) && used == used_in_pieces);
	assert(whole.done == pieces.done && whole.bare_cr == pieces.bare_cr && whole.bare_lf == pieces.bare_lf &&
	       whole.nul == pieces.nul && whole.eight_bit == pieces.eight_bit &&
	       whole.line_too_long == pieces.line_too_long);
	if (whole.done) assert(used >= 3 && memcmp(in.p + used - 3, ".\r\n", 3) == 0);
	check_round_trip(in, out, other);
	data_decoder_init(&pieces);
	data_scan(&pieces, in);
	data_scan_end(&pieces);
	free(out);
	free(other);
	return 0;
}
