/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dkim_verify [ROUNDS] [OCTETS] - DKIM verifications a second, libopendkim's and ours
 *
 * Both verify the same message, signed by us with rsa-sha256 (2048 bits, relaxed/relaxed), on one thread, taking
 * turns; the key record is at hand, as text. libopendkim gets the message as a milter gets it: field by field, then
 * the body. Every result is checked. A third turn verifies an Ed25519 signature, which libopendkim of Debian 12
 * cannot. Prints key=value lines: medians of the rounds, and their ratio.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

#include <opendkim/dkim.h>

#include "auth/dkim.h"
#include "auth/signer.h"
#include "base/clock.h"
#include "mail/header.h"

#define DOMAIN     "bench.test"
#define ROUND_MS   400
#define ROUNDS_MAX 99
#define MEMORY     (64 << 20)

struct sample {
	struct slice message, header, body;
	struct slice record; /* of s._domainkey.bench.test */
	struct resolver *resolver;
};

static void die(const char *what)
{
	fprintf(stderr, "dkim_verify: %s\n", what);
	exit(1);
}

/* ---- the message ----------------------------------------------------------------------------------------------- */

static struct slice make_body(struct arena *a, size_t octets)
{
	static const char line[] = "The quick brown fox jumps over the lazy dog,  again and again and again.\r\n";
	size_t n = 0;
	char *text = arena_alloc(a, octets + sizeof line);
	if (!text) die("out of memory");
	while (n < octets) {
		memcpy(text + n, line, sizeof line - 1);
		n += sizeof line - 1;
	}
	return slice_of(text, n);
}

static void make_sample(struct arena *a, enum signing_kind kind, size_t octets, struct sample *out)
{
	static const char header[] =
		"Received: from a." DOMAIN " by b." DOMAIN "; Wed, 25 Nov 2026 12:00:00 +0000\r\n"
		"From: Joe <joe@" DOMAIN ">\r\nTo: Suzie <suzie@shopping.test>\r\nSubject: bench\r\n"
		"Date: Wed, 25 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@" DOMAIN ">\r\nMIME-Version: 1.0\r\n"
		"Content-Type: text/plain; charset=us-ascii\r\n\r\n";
	struct signing_key *key;
	struct signer *signer;
	struct slice field;
	char why[256];
	if (signing_key_generate(kind, 2048, &key)) die("no key");
	struct signing s = {.key = key, .domain = SLICE(DOMAIN), .selector = SLICE("s")};
	out->body = make_body(a, octets);
	if (signer_begin(a, slice_str(header), &s, &signer)) die("cannot sign");
	signer_body(signer, out->body);
	if (signer_end(signer, &field)) die("cannot sign");
	out->header = arena_printf(a, "%.*s%s", SLICE_ARG(field), header);
	out->record = signing_key_record(a, key);
	signing_key_unref(key);
	struct slice p = out->record, line = SLICE("s._domainkey." DOMAIN " TXT");
	for (; p.n > 0; p = slice_sub(p, 200, p.n)) {
		struct slice part = slice_sub(p, 0, 200);
		line = arena_printf(a, "%.*s \"%.*s\"", SLICE_ARG(line), SLICE_ARG(part));
	}
	if (resolver_new_table(line, &out->resolver, why)) die(why);
}

/* ---- ours ------------------------------------------------------------------------------------------------------ */

static void ours(const struct sample *s)
{
	static const struct dkim_options options = {.now = 1795608000};
	struct arena a;
	struct dkim_verifier *v;
	struct dkim_verdict verdict;
	arena_init(&a, MEMORY);
	if (dkim_verify_begin(&a, s->header, &options, &v)) die("out of memory");
	dkim_verify_keys(v, s->resolver, 0);
	dkim_verify_body(v, s->body);
	dkim_verify_end(v, &verdict);
	if (verdict.result != AUTH_pass) die("we do not verify it");
	arena_free(&a);
}

/* ---- libopendkim's --------------------------------------------------------------------------------------------- */

static DKIM_LIB *library;
static const struct sample *at_hand;

static DKIM_CBSTAT give_key(DKIM *dkim, DKIM_SIGINFO *signature, unsigned char *buffer, size_t size)
{
	if (at_hand->record.n + 1 > size) return DKIM_CBSTAT_ERROR;
	memcpy(buffer, at_hand->record.p, at_hand->record.n);
	buffer[at_hand->record.n] = '\0';
	return DKIM_CBSTAT_CONTINUE;
}

static void theirs(const struct sample *s)
{
	DKIM_STAT status;
	struct header_iterator it;
	struct header_field f;
	at_hand = s;
	DKIM *dkim = dkim_verify(library, (const unsigned char *)"id", NULL, &status);
	if (!dkim) die("libopendkim: no memory");
	for (header_begin(&it, s->header); header_next(&it, &f);)
		if (dkim_header(dkim, (u_char *)(uintptr_t)f.raw.p, f.raw.n - 2) != DKIM_STAT_OK)
			die("libopendkim: header");
	if (dkim_eoh(dkim) != DKIM_STAT_OK ||
	    dkim_body(dkim, (u_char *)(uintptr_t)s->body.p, s->body.n) != DKIM_STAT_OK ||
	    dkim_eom(dkim, NULL) != DKIM_STAT_OK)
		die("libopendkim does not verify it");
	dkim_free(dkim);
}

/* ---- rounds ---------------------------------------------------------------------------------------------------- */

static double rate(void (*verify)(const struct sample *), const struct sample *s)
{
	int64_t begin = clock_now_ns(), now = begin;
	unsigned long count = 0;
	while (now - begin < ROUND_MS * 1000000LL) {
		for (int i = 0; i < 16; i++) verify(s);
		count += 16;
		now = clock_now_ns();
	}
	return (double)count * 1e9 / (double)(now - begin);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

static double median(double *values, int n)
{
	qsort(values, (size_t)n, sizeof *values, compare);
	return values[n / 2];
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 9, octets = argc > 2 ? atoi(argv[2]) : 10240;
	double our[ROUNDS_MAX], their[ROUNDS_MAX], ed25519[ROUNDS_MAX];
	struct sample rsa, ed;
	struct arena a;
	if (rounds < 1 || rounds > ROUNDS_MAX || octets < 0) die("usage: dkim_verify [ROUNDS] [OCTETS]");
	arena_init(&a, (size_t)octets * 4 + (1 << 20));
	make_sample(&a, SIGNING_RSA, (size_t)octets, &rsa);
	make_sample(&a, SIGNING_ED25519, (size_t)octets, &ed);
	library = dkim_init(NULL, NULL);
	if (!library || dkim_set_key_lookup(library, give_key) != DKIM_STAT_OK) die("libopendkim: no library");
	for (int i = 0; i < rounds; i++) {
		their[i] = rate(theirs, &rsa);
		our[i] = rate(ours, &rsa);
		ed25519[i] = rate(ours, &ed);
	}
	double ours_rate = median(our, rounds), theirs_rate = median(their, rounds);
	printf("octets=%zu rounds=%d\n", rsa.header.n + rsa.body.n, rounds);
	printf("libopendkim_rsa_2048_per_second=%.0f\n", theirs_rate);
	printf("backstop_rsa_2048_per_second=%.0f\n", ours_rate);
	printf("backstop_ed25519_per_second=%.0f\n", median(ed25519, rounds));
	printf("ratio=%.2f\n", ours_rate / theirs_rate);
	dkim_close(library);
	resolver_free(rsa.resolver);
	resolver_free(ed.resolver);
	arena_free(&a);
	return 0;
}
