/* SPDX-License-Identifier: Apache-2.0 */
#include "mail/disposition.h"

static enum disposition_type type_of(struct slice word)
{
	static const char *const words[] = {
		[DISPOSITION_DISPLAYED] = "displayed",   [DISPOSITION_DELETED] = "deleted",
		[DISPOSITION_DISPATCHED] = "dispatched", [DISPOSITION_PROCESSED] = "processed",
		[DISPOSITION_DENIED] = "denied",         [DISPOSITION_FAILED] = "failed",
	};
	for (size_t i = DISPOSITION_DISPLAYED; i < sizeof words / sizeof *words; i++)
		if (slice_equal_nocase(word, slice_str(words[i]))) return (enum disposition_type)i;
	return DISPOSITION_UNKNOWN;
}

/* RFC 8098 3.2.6: "manual-action/MDN-sent-manually; displayed/error,x". */
static void read_disposition(struct disposition *d, struct slice text)
{
	struct slice type = text, mode = slice_split(&type, ';'), action = slice_split(&mode, '/');
	if (!type.p) { /* the mode is missing */
		type = text;
		action = mode = SLICE_EMPTY;
	}
	d->automatic = slice_equal_nocase(slice_trim(action), SLICE("automatic-action"));
	d->sent_automatically = mode.p && slice_equal_nocase(slice_trim(mode), SLICE("MDN-sent-automatically"));
	struct slice modifiers = type, word = slice_split(&modifiers, '/');
	d->type = type_of(slice_trim(word));
	if (modifiers.p) d->modifiers = slice_trim(modifiers);
}

bool disposition_read(struct arena *a, struct slice content, struct disposition *out)
{
	const struct status_typed none = {SLICE_EMPTY, SLICE_EMPTY};
	struct header_iterator it;
	struct header_field f;
	bool disposed = false;
	*out = (struct disposition){.modifiers = SLICE_EMPTY,
	                            .reporting_ua = SLICE_EMPTY,
	                            .original_message_id = SLICE_EMPTY,
	                            .mdn_gateway = none,
	                            .original_recipient = none,
	                            .final_recipient = none,
	                            .failure = SLICE_EMPTY,
	                            .error = SLICE_EMPTY,
	                            .warning = SLICE_EMPTY};
	const struct {
		const char *name;
		struct slice *text;
		struct status_typed *typed;
	} wanted[] = {{"Reporting-UA", &out->reporting_ua, NULL},
	              {"Original-Message-ID", &out->original_message_id, NULL},
	              {"MDN-Gateway", NULL, &out->mdn_gateway},
	              {"Original-Recipient", NULL, &out->original_recipient},
	              {"Final-Recipient", NULL, &out->final_recipient},
	              {"Failure", &out->failure, NULL},
	              {"Error", &out->error, NULL},
	              {"Warning", &out->warning, NULL}};
	content = slice_sub(content, 0, STATUS_OCTETS);
	header_begin(&it, content);
	while (it.at < content.n) {
		it.ended = false; /* empty lines mean nothing here */
		if (!header_next(&it, &f)) continue;
		for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
			if (!header_is(&f, wanted[i].name)) continue;
			if (wanted[i].text && wanted[i].text->n == 0) *wanted[i].text = reportfield_text(a, f.value);
			if (wanted[i].typed && wanted[i].typed->value.n == 0)
				*wanted[i].typed = reportfield_typed(a, f.value);
		}
		if (!disposed && header_is(&f, "Disposition")) {
			struct slice text = reportfield_without_comments(a, f.value);
			if (text.p) read_disposition(out, text);
			disposed = true;
		}
	}
	return !arena_exhausted(a) && (disposed || out->final_recipient.value.n > 0);
}

bool disposition_find(struct arena *a, const struct mime_part *root, struct disposition *out)
{
	const struct mime_part *p = mime_find(root, MIME_DISPOSITION);
	if (!p) p = mime_find(root, MIME_GLOBAL_DISPOSITION);
	struct slice content = p ? mime_octets(a, p, STATUS_OCTETS) : SLICE_EMPTY;
	bool found = content.p && disposition_read(a, content, out) && p;
	out->part = found ? p : NULL;
	return found;
}
