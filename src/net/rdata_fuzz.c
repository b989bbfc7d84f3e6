/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "net/resolver_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is read from the wire can be parsed and gives the same name. */
static void check_name(struct slice wire)
{
	char text[DNS_TEXT_MAX], again[DNS_TEXT_MAX];
	struct dns_name name;
	if (!dns_rdata_name(wire, text)) return;
	assert(dns_name_parse(slice_str(text), &name));
	struct slice rest = dns_name_slice(&name);
	assert(name.n == wire.n && dns_name_text(&rest, again) && rest.n == 0);
	assert(slice_equal_nocase(slice_str(text), slice_str(again)));
}

static void check_text(struct slice text)
{
	struct dns_name name, again;
	char out[DNS_TEXT_MAX];
	if (!dns_name_parse(text, &name)) return;
	assert(dns_rdata_name(dns_name_slice(&name), out));
	assert(dns_name_parse(slice_str(out), &again));
	assert(slice_equal(dns_name_slice(&name), dns_name_slice(&again)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice all = slice_of(data, size);
	char text[DNS_TEXT_MAX];
	uint16_t preference;
	struct ip ip;
	check_name(all);
	check_text(all);
	dns_rdata_mx(all, &preference, text);
	dns_rdata_ip(DNS_A, all, &ip);
	dns_rdata_ip(DNS_AAAA, all, &ip);
	return 0;
}
