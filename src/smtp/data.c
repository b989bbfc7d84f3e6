/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every octet is looked at three times by fast code and never by slow code: memchr finds the line ends, memcpy moves
 * runs of lines that begin with no dot, and a vector loop collects the facts that concern single octets. A bare CR is
 * found by arithmetic: every CR that is not the first half of a CR LF pair is bare.
 */
#include "smtp/data.h"

#define LINE_MAX_ 1000 /* RFC 5321 4.5.3.1.6, with CR LF */

enum {
	AT_LINE_START, /* after CR LF, or at the very beginning */
	AFTER_DOT,     /* a dot at line start, withheld */
	AFTER_DOT_CR,  /* dot and CR at line start, both withheld */
	IN_LINE,
	AFTER_CR, /* in a line, CR already passed on */
};

void data_decoder_init(struct data_decoder *d)
{
	*d = (struct data_decoder){.state = AT_LINE_START};
}

typedef uint8_t vector __attribute__((vector_size(16)));

struct octet_facts {
	bool nul, eight_bit;
	size_t crs;
};

static bool any_set(vector v)
{
	uint64_t halves[2];
	memcpy(halves, &v, sizeof halves);
	return (halves[0] | halves[1]) != 0;
}

/* Up to 255 vectors: more would overflow the counters, one per lane. */
static const char *survey_vectors(const char *p, size_t vectors, vector *high, vector *zero, size_t *crs)
{
	vector count = {0}, all = *high, none = *zero;
	for (size_t i = 0; i < vectors; i++, p += sizeof(vector)) {
		vector v;
		memcpy(&v, p, sizeof v);
		all |= v;
		none |= (vector)(v == 0);
		count -= (vector)(v == '\r'); /* true is -1 */
	}
	for (size_t i = 0; i < sizeof(vector); i++) *crs += count[i];
	*high = all;
	*zero = none;
	return p;
}

static struct octet_facts survey_octets(const char *p, size_t n)
{
	struct octet_facts facts = {0};
	vector high = {0}, zero = {0};
	const char *end = p + n;
	for (size_t vectors; (vectors = (size_t)(end - p) / sizeof(vector)) > 0;)
		p = survey_vectors(p, vectors < 255 ? vectors : 255, &high, &zero, &facts.crs);
	facts.eight_bit = any_set(high & 0x80);
	facts.nul = any_set(zero);
	for (; p < end; p++) {
		facts.eight_bit |= (unsigned char)*p >= 0x80;
		facts.nul |= *p == 0;
		facts.crs += *p == '\r';
	}
	return facts;
}

static bool cr_pending(int state)
{
	return state == AFTER_CR || state == AFTER_DOT_CR;
}

/* The input being read, where output goes, and the CR LF pairs whose LF was in this input. */
struct pass {
	const char *p, *end;
	char *out;
	size_t pairs;
};

static void add_to_line(struct data_decoder *d, size_t n)
{
	d->line_length += n;
	if (d->line_length > LINE_MAX_) d->line_too_long = true;
}

static void end_line(struct data_decoder *d, struct pass *w)
{
	w->pairs++;
	d->line_length = 0;
	d->state = AT_LINE_START;
}

static void put(struct pass *w, const char *from, size_t n)
{
	if (w->out) {
		memcpy(w->out, from, n);
		w->out += n;
	}
}

/* Reads on from the middle of a line whose last octet was not CR, over as many lines as need no attention: up to the
 * end of input or, when `dots`, a line that begins with a dot. */
static void run_of_lines(struct data_decoder *d, struct pass *w, bool dots)
{
	const char *start = w->p, *line = w->p;
	d->state = IN_LINE;
	while (line < w->end) {
		const char *lf = memchr(line, '\n', (size_t)(w->end - line));
		if (!lf) {
			add_to_line(d, (size_t)(w->end - line));
			d->state = w->end[-1] == '\r' ? AFTER_CR : IN_LINE;
			line = w->end;
			break;
		}
		add_to_line(d, (size_t)(lf + 1 - line));
		line = lf + 1;
		if (lf > start && lf[-1] == '\r') {
			end_line(d, w);
			if (dots && line < w->end && *line == '.') break;
		} else {
			d->bare_lf = true;
			d->state = IN_LINE;
		}
	}
	put(w, start, (size_t)(line - start));
	w->p = line;
}

static void after_cr(struct data_decoder *d, struct pass *w)
{
	if (*w->p != '\n') {
		d->state = IN_LINE;
		return;
	}
	put(w, w->p++, 1);
	add_to_line(d, 1);
	end_line(d, w);
}

/* A dot at line start is dropped (RFC 5321 4.5.2), and with CR LF after it is the end: RFC 5321 4.1.1.4. */
static void after_dot(struct data_decoder *d, struct pass *w)
{
	if (d->state == AFTER_DOT) {
		d->state = *w->p == '\r' ? AFTER_DOT_CR : IN_LINE;
		w->p += *w->p == '\r';
	} else if (*w->p == '\n') {
		w->p++;
		end_line(d, w);
		d->done = true;
	} else {
		put(w, "\r", 1);
		add_to_line(d, 1);
		d->state = AFTER_CR;
	}
}

/* The facts about the octets that a pass has consumed. */
static void note_facts(struct data_decoder *d, struct slice consumed, bool cr_before, size_t pairs)
{
	struct octet_facts facts = survey_octets(consumed.p, consumed.n);
	d->nul |= facts.nul;
	d->eight_bit |= facts.eight_bit;
	if (facts.crs + cr_before > pairs + cr_pending(d->state)) d->bare_cr = true;
}

size_t data_decode(struct data_decoder *d, struct slice in, char *out, size_t *out_n)
{
	*out_n = 0;
	if (d->done || in.n == 0) return 0;
	struct pass w = {.p = in.p, .end = in.p + in.n, .out = out};
	bool cr_before = cr_pending(d->state);
	while (w.p < w.end && !d->done) {
		switch (d->state) {
		case AT_LINE_START:
			if (*w.p == '.') {
				d->state = AFTER_DOT;
				w.p++;
				break;
			}
			run_of_lines(d, &w, true);
			break;
		case AFTER_DOT:
		case AFTER_DOT_CR: after_dot(d, &w); break;
		case AFTER_CR: after_cr(d, &w); break;
		default: run_of_lines(d, &w, true); break;
		}
	}
	size_t consumed = (size_t)(w.p - in.p);
	note_facts(d, slice_sub(in, 0, consumed), cr_before, w.pairs);
	*out_n = (size_t)(w.out - out);
	return consumed;
}

void data_scan(struct data_decoder *d, struct slice chunk)
{
	if (chunk.n == 0) return;
	struct pass w = {.p = chunk.p, .end = chunk.p + chunk.n};
	bool cr_before = cr_pending(d->state);
	if (d->state == AFTER_CR) after_cr(d, &w);
	if (w.p < w.end) run_of_lines(d, &w, false);
	note_facts(d, chunk, cr_before, w.pairs);
}

void data_scan_end(struct data_decoder *d)
{
	if (d->state == AFTER_CR) d->bare_cr = true;
}

void data_encoder_init(struct data_encoder *e)
{
	*e = (struct data_encoder){.at_line_start = true};
}

/* Length of the run that begins at p and ends where a dot must be doubled, or with the input. */
static size_t encoder_run(struct data_encoder *e, const char *p, const char *end)
{
	for (const char *line = p;;) {
		const char *lf = memchr(line, '\n', (size_t)(end - line));
		if (!lf) {
			e->at_line_start = false;
			e->last_was_cr = end[-1] == '\r';
			return (size_t)(end - p);
		}
		bool crlf = lf > p ? lf[-1] == '\r' : e->last_was_cr;
		line = lf + 1;
		if (line == end || (crlf && *line == '.')) {
			e->at_line_start = crlf;
			e->last_was_cr = false;
			return (size_t)(line - p);
		}
	}
}

size_t data_encode(struct data_encoder *e, struct slice in, char *out)
{
	char *o = out;
	for (const char *p = in.p, *end = in.p + in.n; p < end;) {
		if (e->at_line_start && *p == '.') *o++ = '.';
		size_t n = encoder_run(e, p, end);
		memcpy(o, p, n);
		o += n;
		p += n;
	}
	return (size_t)(o - out);
}

size_t data_encode_end(struct data_encoder *e, char *out)
{
	/* A CR at the very end is completed; after it CR LF would make it a bare one. */
	const char *end = e->at_line_start ? ".\r\n" : e->last_was_cr ? "\n.\r\n" : "\r\n.\r\n";
	size_t n = strlen(end);
	memcpy(out, end, n);
	data_encoder_init(e);
	return n;
}
