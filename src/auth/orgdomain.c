/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/orgdomain.h"

#include <libpsl.h>
#include <stdio.h>
#include <stdlib.h>

#include "auth/treewalk.h"
#include "mail/address.h"

struct suffix_list {
	psl_ctx_t *psl;
};

/* libpsl reads a stream; this one is in memory. A file that begins as libpsl's compiled form would be read as such: text does not. */
static psl_ctx_t *read_text(struct slice text)
{
	void *stream = fmemopen((char *)(uintptr_t)text.p, text.n, "r");
	psl_ctx_t *psl = stream ? psl_load_fp(stream) : NULL;
	if (stream) fclose(stream);
	return psl;
}

enum error suffix_list_load(struct slice text, struct suffix_list **out)
{
	*out = NULL;
	struct suffix_list *list = calloc(1, sizeof *list);
	if (!list) return ERR_NO_MEMORY;
	list->psl = text.n > 0 ? read_text(text) : psl_latest(NULL);
	enum error e = !list->psl ? ERR_NO_MEMORY : psl_suffix_count(list->psl) == 0 ? ERR_SYNTAX : ERR_OK;
	if (e)
		suffix_list_free(list);
	else
		*out = list;
	return e;
}

void suffix_list_free(struct suffix_list *list)
{
	if (!list) return;
	psl_free(list->psl);
	free(list);
}

struct slice suffix_list_registrable(struct arena *a, const struct suffix_list *list, struct slice domain)
{
	const char *text = arena_strdup(a, domain);
	if (!text) return (struct slice){NULL, 0};
	/* Names that match no rule fall under the rule "*" (RFC 7489 3.2 by way of publicsuffix.org). */
	const char *registrable = psl_registrable_domain(list->psl, text);
	return registrable ? slice_sub(domain, (size_t)(registrable - text), domain.n) : SLICE_EMPTY;
}

enum error orgdomain_find(struct arena *a, const struct orgdomain_source *s, struct slice domain, struct slice *out)
{
	struct tree_walk walk;
	enum error e = ERR_OK;
	*out = SLICE_EMPTY;
	if (s->suffixes) {
		struct slice found = suffix_list_registrable(a, s->suffixes, domain);
		if (!found.p) return ERR_NO_MEMORY;
		walk.org_domain = found.n > 0 ? found : domain;
	} else if ((e = tree_walk(a, s, domain, &walk))) {
		return e;
	}
	*out = arena_copy(a, walk.org_domain);
	return out->p ? ERR_OK : ERR_NO_MEMORY;
}

static struct slice top_label(struct slice domain)
{
	size_t dot = slice_find_last(domain, '.');
	return dot == domain.n ? domain : slice_sub(domain, dot + 1, domain.n);
}

enum error orgdomain_same(struct arena *a, const struct orgdomain_source *s, struct slice x, struct slice y, bool *out)
{
	struct slice org_x, org_y;
	*out = slice_equal(x, y);
	/* Domains of one organisation end in its domain, so that their top labels are the same: others need no look-up. */
	if (*out || !slice_equal(top_label(x), top_label(y))) return ERR_OK;
	enum error e = orgdomain_find(a, s, x, &org_x);
	if (!e && !domain_within(y, org_x)) return ERR_OK;
	if (!e) e = orgdomain_find(a, s, y, &org_y);
	*out = !e && slice_equal(org_x, org_y);
	return e;
}
