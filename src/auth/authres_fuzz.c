/* SPDX-License-Identifier: Apache-2.0 */
/* Any value is read to its end; what we write of any octets is one field that claims to be ours and is read again. */
#include <assert.h>

#include "auth/authres.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool inside(void *arg, struct slice method, struct slice result, struct slice properties)
{
	const struct slice *all = arg;
	assert(method.n > 0 && result.n > 0);
	assert(method.p >= all->p && properties.p + properties.n <= all->p + all->n);
	return true;
}

static bool count(void *arg, struct slice method, struct slice result, struct slice properties)
{
	++*(size_t *)arg;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = slice_of(data, size);
	struct header_field f = {.name = SLICE("Authentication-Results"), .value = text}, again;
	struct arena a;
	size_t results = 0;
	arena_init(&a, 16 << 20);
	authres_claims(&f, SLICE("mx.example.net"));
	authres_each(text, inside, &text);

	struct spf_verdict spf = {.result = AUTH_pass};
	struct dkim_signature signature = {.result = AUTH_pass,
	                                   .domain = text,
	                                   .selector = text,
	                                   .identity = text,
	                                   .signature = text};
	struct dkim_verdict dkim = {.result = AUTH_pass, .signatures = &signature, .count = 1};
	struct authres r = {.spf = &spf, .mail_from = text, .helo = text, .dkim = &dkim, .from_domain = text};
	struct slice field = authres_field(&a, SLICE("mx.example.net"), &r);
	assert(field.p && header_count(field, "Authentication-Results") == 1);
	assert(header_find(field, "Authentication-Results", &again) && again.raw.n == field.n);
	assert(authres_claims(&again, SLICE("MX.example.net")));
	assert(authres_each(again.value, count, &results) && results == 2);
	arena_free(&a);
	return 0;
}
