/* SPDX-License-Identifier: Apache-2.0 */
#include "bounce/virus.h"

#include "bounce/fold.h"
#include "bounce/tagged.h"
#include "mail/encodedword.h"
#include "mail/original.h"

#define SUBJECT_MOST 512

/* Folded (bounce/fold.h), as Amavis, ClamAV milters, MailScanner, GroupShield, ScanMail, InterScan and others write them. */
static const char *const in_subject[] = {
	"virus found",    "virus alert",      "virus detected", "virus warning",   "virus notification",
	"virus infected", "virus in your",    "virus (",        "virus in mail",   "virus scan",
	"virus gefunden", "virus trouve",     "antigen found",  "scanmail",        "virusinfizierte",
	"infected mail",  "infected message", "infected file",  "banned contents", "virus encontrado",
};
static const char *const in_text[] = {
	"found a virus in",
	"found virus in",
	"virus was found in",
	"virus has been found in",
	"virus found in",
	"viruses were found in",
	"virus detected in",
	"detected a virus in",
	"a virus in the message",
	"a virus in your",
	"contained a virus",
	"contains a virus",
	"contained the virus",
	"contains the virus",
	"infected with a virus",
	"infected with the virus",
	"infected by a virus",
	"virus in your email to the following recipient",
	"virus in a message you sent",
	"our virus checker found",
	"our content checker found",
	"virus scanner has reported",
	"virus scanner found",
	"wurde ein virus gefunden",
	"einen virus enthalt",
	"enthielt einen virus",
	"contenait un virus",
	"contient un virus",
	"contenia un virus",
	"contiene un virus",
};

static bool has_any(struct slice text, const char *const *phrases, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (slice_search(text, slice_str(phrases[i])) < text.n) return true;
	return false;
}
#define HAS_ANY(text, phrases) has_any(text, phrases, sizeof phrases / sizeof *phrases)

static struct slice folded(struct arena *a, struct slice text)
{
	struct fold f;
	size_t room = FOLD_ROOM(text.n);
	char *buffer = arena_alloc(a, room);
	if (!buffer) return SLICE_EMPTY;
	fold_begin(&f, buffer, room);
	fold_text(&f, text);
	return fold_end(&f);
}

/* What the message says itself: its first text, without the message that it returns. */
static struct slice own_words(struct arena *a, const struct mime_part *root)
{
	for (const struct mime_part *p = root; p; p = mime_next(root, p)) {
		bool text = p->type == MIME_TEXT || p->type == MIME_TEXT_PLAIN || p->type == MIME_TEXT_HTML;
		if (p->embedded != root->embedded || p->first || !text) continue;
		struct slice words = mime_text(a, p, VIRUS_TEXT);
		return words.p ? slice_sub(words, 0, original_offset(words)) : SLICE_EMPTY;
	}
	return SLICE_EMPTY;
}

bool virus_notice(struct arena *a, const struct mime_part *root)
{
	struct slice subject = slice_sub(mime_value(root, "Subject"), 0, SUBJECT_MOST);
	bool answers = slice_starts_nocase(tagged_subject(subject), SLICE("re:")); /* a person's */
	if (!answers && HAS_ANY(folded(a, encodedword_decode(a, subject)), in_subject)) return true;
	return HAS_ANY(folded(a, own_words(a, root)), in_text);
}
