/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "base/clock.h"
#include "net/resolver_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first line is the name asked, the rest the table. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum dns_type types[] = {DNS_A, DNS_CNAME, DNS_MX, DNS_TXT, DNS_AAAA};
	struct slice text = slice_of(data, size);
	struct slice name = slice_split(&text, '\n');
	char why[256], question[512];
	struct resolver *r;
	if (name.n >= sizeof question || resolver_new_table(text.p ? text : SLICE_EMPTY, &r, why)) return 0;
	memcpy(question, name.p, name.n);
	question[name.n] = '\0';
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		struct dns_answer *a;
		enum error e = resolver_query(r, question, types[i], DEADLINE_NEVER, &a);
		bool answered = e == ERR_OK || e == ERR_DNS_NXDOMAIN || e == ERR_DNS_NODATA;
		assert(answered == (a != NULL) && (!a || (a->count > 0) == (e == ERR_OK)));
		for (size_t j = 0; a && j < a->count; j++) {
			char host[DNS_TEXT_MAX];
			uint16_t preference;
			struct ip ip;
			assert(types[i] != DNS_MX || dns_rdata_mx(a->rr[j], &preference, host));
			assert(types[i] != DNS_A || dns_rdata_ip(DNS_A, a->rr[j], &ip));
			assert(types[i] != DNS_CNAME || dns_rdata_name(a->rr[j], host));
		}
		dns_answer_free(a);
	}
	resolver_free(r);
	return 0;
}
