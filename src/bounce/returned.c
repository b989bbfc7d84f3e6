/* SPDX-License-Identifier: Apache-2.0 */
#include "bounce/returned.h"

#include "bounce/received.h"

#define MESSAGE_ID_MOST 998 /* RFC 5322 2.1.1 */
#define HOPS_LOOKED     32  /* Received fields that are looked through for the origin */

static void note_hop(struct slice value, struct returned *out)
{
	struct received_words words;
	if (out->origin.family) return;
	received_read(value, &words);
	if (words.from.family && !received_inner(&words.from)) out->origin = words.from;
}

void returned_id(struct returned *out, struct slice id)
{
	id = slice_sub(slice_trim(id), 0, MESSAGE_ID_MOST);
	if (id.n > 2 && out->id_count < RETURNED_IDS) out->ids[out->id_count++] = id;
}

void returned_nothing(struct returned *out)
{
	*out = (struct returned){.form = ORIGINAL_NONE, .header = SLICE_EMPTY, .envelope_id = SLICE_EMPTY};
}

void returned_header(struct slice header, enum original_form form, struct returned *out)
{
	struct header_iterator it;
	struct header_field f;
	struct slice id = SLICE_EMPTY;
	bool from = false, date = false;
	size_t received = 0;
	returned_nothing(out);
	out->form = form;
	out->header = header;
	out->loose = form == ORIGINAL_QUOTED;
	for (header_begin(&it, header); header_next(&it, &f);) {
		if (f.malformed) continue;
		from = from || header_is(&f, "From");
		date = date || header_is(&f, "Date");
		if (header_is(&f, "Received") && received++ < HOPS_LOOKED) note_hop(f.value, out);
		if (!id.n && header_is(&f, "Message-ID")) id = f.value;
	}
	returned_id(out, id);
	/* A lone line "Message-ID: .." in a text names a message, but is no header. */
	if (form == ORIGINAL_QUOTED && !from && !date && received == 0) out->header = SLICE_EMPTY;
	out->whole = (form == ORIGINAL_MESSAGE || form == ORIGINAL_HEADERS) && from && date && out->id_count > 0 &&
	             received > 0;
}
