/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/tagging.h"

#include "mail/address.h"

static bool is_alphanumeric(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Tags that mail servers make themselves: BATV in both its forms, with any sub-address character, and Barracuda's. */
static bool bears_a_tag(struct slice local)
{
	if (local.n && local.p[0] == '"') local = slice_sub(local, 1, local.n);
	if (slice_starts_nocase(local, SLICE("prvs=")) || slice_starts_nocase(local, SLICE("btv1=="))) return true;
	for (size_t i = 1; i < local.n; i++)
		if (slice_starts_nocase(slice_sub(local, i, local.n), SLICE("prvs=")) &&
		    !is_alphanumeric(local.p[i - 1]))
			return true;
	return false;
}

enum tagging tagging_return_path(struct arena *a, const struct tenant *t, const struct batv_key *key,
                                 struct slice return_path, int64_t now, struct slice *out)
{
	struct address address;
	*out = return_path;
	if (!t || t->tags == TENANT_TAGS_OFF || !return_path.n) return TAGGING_NOT_WANTED;
	enum address_error e = address_parse(a, return_path, true, &address);
	if (e == ADDRESS_NO_MEMORY) return TAGGING_NO_MEMORY;
	struct slice domain = e ? SLICE_EMPTY : domain_canonical(a, address.domain);
	if (arena_exhausted(a)) return TAGGING_NO_MEMORY;
	if (!domain.p || !domain.n || !tenant_owns(t, domain) || tenant_tag_exempt(t, address.local, domain))
		return TAGGING_NOT_WANTED;
	if (bears_a_tag(slice_sub(return_path, 0, slice_find_last(return_path, '@')))) return TAGGING_FOREIGN;
	if (!key) return TAGGING_NO_KEY;
	enum batv_form form = t->tags == TENANT_TAGS_SUBADDRESS && t->plus ? BATV_SUBADDRESS : BATV_PRVS;
	struct slice tagged = batv_sign(a, return_path, key, form, t->plus, now, BATV_DAYS);
	if (!tagged.p) return TAGGING_NO_MEMORY;
	if (slice_find_last(tagged, '@') > TAGGING_LOCAL_MOST) return TAGGING_TOO_LONG;
	*out = tagged;
	return TAGGING_DONE;
}
