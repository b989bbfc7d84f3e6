/* SPDX-License-Identifier: Apache-2.0 */
/* A message with signatures, whose keys are those of the examples of RFC 6376 and 8463: every signature gets a
 * result and, when it is not pass, a problem; and how the body is cut makes no difference. */
#include <assert.h>
#include <stdlib.h>

#include "auth/dkim.h"
#include "mail/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char zone[] =
	"brisbane._domainkey.example.com TXT "
	"\"v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYt\" "
	"\"IxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhi\" "
	"\"tdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB\"\n"
	"brisbane._domainkey.football.example.com TXT \"k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=; "
	"t=y:s\"\n"
	"x._domainkey.football.example.com SERVFAIL\n"
	"y._domainkey.football.example.com TXT \"p=\"\n";

static struct dkim_verdict verify(struct arena *a, struct resolver *r, struct slice message, bool cut)
{
	static const struct dkim_options options = {.now = 1600000000, .allow_sha1 = true};
	struct dkim_verifier *v;
	struct dkim_verdict verdict = {0};
	size_t scanned = 0, end = header_end(message, &scanned);
	if (end == HEADER_NOT_YET) end = message.n;
	struct slice body = slice_sub(message, end, message.n);
	if (dkim_verify_begin(a, slice_sub(message, 0, end), &options, &v) != ERR_OK) return verdict;
	dkim_verify_keys(v, r, 0);
	while (body.n > 0) {
		size_t n = cut ? (unsigned char)body.p[0] % 7 + 1 : body.n;
		dkim_verify_body(v, slice_sub(body, 0, n));
		body = slice_sub(body, n, body.n);
	}
	dkim_verify_end(v, &verdict);
	return verdict;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct resolver *r;
	struct arena a;
	char why[256];
	if (!r && resolver_new_table(slice_str(zone), &r, why) != ERR_OK) abort();
	arena_init(&a, 1 << 24);
	struct dkim_verdict whole = verify(&a, r, slice_of(data, size), false),
			    cut = verify(&a, r, slice_of(data, size), true);
	assert(whole.result == cut.result && whole.count == cut.count && whole.count <= DKIM_SIGNATURES_MOST);
	for (size_t i = 0; i < whole.count; i++) {
		const struct dkim_signature *s = &whole.signatures[i];
		assert(s->result == cut.signatures[i].result && s->problem == cut.signatures[i].problem);
		assert(s->result != AUTH_none && (s->result == AUTH_pass) == !s->problem);
	}
	arena_free(&a);
	return 0;
}
