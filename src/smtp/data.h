/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data - the bytes between DATA and the final dot (RFC 5321 4.5.2)
 *
 * The decoder takes arbitrary pieces of input, removes dot-stuffing, and finds the end, which is CR LF . CR LF and
 * nothing else: a bare LF or bare CR never ends a line (that is how messages are smuggled); it is reported, and the
 * message is to be refused when its end has come. The encoder does the reverse, adds a final CR LF when the content
 * has none, and the final dot. Both are fast (memchr over whole lines) and pure; state between calls is in the struct.
 */
#ifndef BACKSTOP_SMTP_DATA_H
#define BACKSTOP_SMTP_DATA_H

#include "base/slice.h"

struct data_decoder {
	int state;
	bool bare_cr, bare_lf; /* seen anywhere */
	bool nul;              /* a NUL octet was seen */
	bool eight_bit;        /* an octet over 127 was seen */
	bool line_too_long;    /* a line over 998+2 octets was seen: a fact, the policy decides */
	size_t line_length;
	bool done;
};
void data_decoder_init(struct data_decoder *d);
/* Consumes from in up to and including the final dot line; returns how much was consumed. Content goes to out, at most
 * in.n + 2 bytes; *out_n is set. d->done tells that the end was found (then input may be left unconsumed). */
size_t data_decode(struct data_decoder *d, struct slice in, char *out, size_t *out_n);
/* The same facts (bare CR/LF, NUL, 8 bit, long lines) about content that is not dot-stuffed: BDAT chunks. A CR at the
 * end of a chunk may be completed by the next; data_scan_end() tells that no more comes. */
void data_scan(struct data_decoder *d, struct slice chunk);
void data_scan_end(struct data_decoder *d);

struct data_encoder {
	bool at_line_start; /* true initially */
	bool last_was_cr;
};
void data_encoder_init(struct data_encoder *e);
/* out needs 2 * in.n + 8 bytes. Returns the length written. */
size_t data_encode(struct data_encoder *e, struct slice in, char *out);
/* The end: [CR LF] . CR LF; out needs 8 bytes. */
size_t data_encode_end(struct data_encoder *e, char *out);

#endif
