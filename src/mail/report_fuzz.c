/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The input is cut at NUL octets into the texts of a report. Whatever they are, the report has CR LF lines of at most
 * 998 octets, no NUL, the fields of our header once each and no others, and 8-bit octets only when it says so.
 */
#include <assert.h>

#include "mail/header.h"
#include "mail/report.h"
#include "mail/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct report_message *m)
{
	struct slice rest = m->text;
	assert(rest.n && rest.p[rest.n - 1] == '\n');
	assert(m->eight_bit || utf8_is_ascii(rest));
	assert(slice_find(rest, 0) == rest.n);
	while (rest.p && rest.n) {
		struct slice line = slice_split(&rest, '\n');
		assert(line.n >= 1 && line.n <= 999 && slice_find(line, '\r') == line.n - 1);
	}
	static const char *const once[] = {"From",
	                                   "To",
	                                   "Subject",
	                                   "Date",
	                                   "Message-ID",
	                                   "MIME-Version",
	                                   "Content-Type",
	                                   "Auto-Submitted",
	                                   "Content-Transfer-Encoding"};
	size_t optional = header_count(m->text, "In-Reply-To") + header_count(m->text, "References"), fields = 0;
	for (size_t i = 0; i < sizeof once / sizeof *once; i++) assert(header_count(m->text, once[i]) == 1);
	struct header_iterator it;
	struct header_field f;
	for (header_begin(&it, m->text); header_next(&it, &f); fields++) assert(!f.malformed);
	assert(it.ended && optional <= 2 && fields == sizeof once / sizeof *once + optional);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2 || size > 16384) return 0;
	struct slice in = slice_of(data + 2, size - 2), texts[10] = {{0}};
	for (size_t i = 0; i < 9 && in.p; i++) texts[i] = slice_split(&in, 0);
	texts[9] = in; /* may have NUL */
	struct report_recipient to[2] = {{.original = texts[0],
	                                  .address = texts[1],
	                                  .action = data[0] % REPORT_ACTION_COUNT,
	                                  .status = texts[2],
	                                  .remote_mta = texts[3],
	                                  .reply = texts[4],
	                                  .explanation = texts[5],
	                                  .retry_until = data[1] & 4 ? 1795472220 : 0},
	                                 {.original = texts[5], .address = texts[6], .reply = texts[1]}};
	struct report r = {.reporting_mta = texts[3],
	                   .from_address = texts[6],
	                   .to = texts[7],
	                   .envid = texts[8],
	                   .date = 1795472220,
	                   .message_id = texts[2],
	                   .boundary = SLICE("b0undary"),
	                   .recipients = to,
	                   .recipient_count = 1 + (data[1] & 1),
	                   .original = texts[9],
	                   .return_full = data[0] & 64,
	                   .smtputf8 = data[0] & 128};
	struct report_message m;
	struct arena a;
	arena_init(&a, data[1] & 2 ? 6000 : 1 << 22);
	if (report_write(&a, &r, &m)) check(&m);
	arena_free(&a);
	return 0;
}
