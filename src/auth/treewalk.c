/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/treewalk.h"

#define LABELS_KEPT 7 /* of a longer domain, after the first question */

/* RFC 9989 4.5 and RFC 1035 3.3.14: the strings of a TXT record are one text. */
static struct slice join_strings(struct arena *a, struct slice rdata)
{
	char *text = arena_alloc(a, rdata.n + 1);
	size_t n = 0;
	if (!text) return (struct slice){NULL, 0};
	for (size_t at = 0; at < rdata.n;) {
		size_t length = (unsigned char)rdata.p[at++];
		if (length > rdata.n - at) length = rdata.n - at;
		memcpy(text + n, rdata.p + at, length);
		n += length;
		at += length;
	}
	return slice_of(text, n);
}

static enum error read_answer(struct arena *a, const struct dns_answer *answer, struct dmarc_record *out, bool *several)
{
	size_t records = 0;
	for (size_t i = 0; i < answer->count; i++) {
		struct dmarc_record r;
		struct slice text = join_strings(a, answer->rr[i]);
		if (!text.p) return ERR_NO_MEMORY;
		if (!dmarc_record_parse(text, &r)) continue;
		records++;
		*out = r;
	}
	*several = records > 1;
	return records == 1 ? ERR_OK : ERR_NOT_FOUND;
}

enum error dmarc_record_fetch(struct arena *a, const struct orgdomain_source *s, struct slice domain,
                              struct dmarc_record *out, bool *several)
{
	struct dns_answer *answer = NULL;
	struct slice name = arena_printf(a, "_dmarc.%.*s", SLICE_ARG(domain));
	*several = false;
	if (!name.p) return ERR_NO_MEMORY;
	enum error e = resolver_query(s->resolver, name.p, DNS_TXT, s->deadline, &answer);
	switch (e) {
	case ERR_OK: e = read_answer(a, answer, out, several); break;
	case ERR_DNS_NXDOMAIN:
	case ERR_DNS_NODATA:
	case ERR_INVALID: /* longer than a name can be: there is none */ e = ERR_NOT_FOUND; break;
	case ERR_NO_MEMORY:
	case ERR_CANCELLED: break;
	default: e = ERR_DNS_TEMPORARY; break;
	}
	dns_answer_free(answer);
	return e;
}

static size_t count_labels(struct slice domain)
{
	size_t labels = 0;
	while (domain.p) {
		slice_split(&domain, '.');
		labels++;
	}
	return labels;
}

/* The last n labels. */
static struct slice last_labels(struct slice domain, size_t n)
{
	for (size_t labels = count_labels(domain); labels > n; labels--) slice_split(&domain, '.');
	return domain;
}

/* RFC 9989 4.10.2: from the longest domain with a record to the shortest. */
static struct slice choose(struct slice domain, const struct tree_walk *w)
{
	for (size_t i = 0; i < w->count; i++) {
		const struct tree_walk_step *step = &w->found[i];
		if (step->record.psd == DMARC_PSD_NO) return step->domain;
		if (step->record.psd == DMARC_PSD_YES && step->domain.n < domain.n)
			return last_labels(domain, count_labels(step->domain) + 1);
	}
	return w->count > 0 ? w->found[w->count - 1].domain : domain;
}

enum error tree_walk(struct arena *a, const struct orgdomain_source *s, struct slice domain, struct tree_walk *out)
{
	struct slice target = domain;
	size_t labels = count_labels(domain);
	*out = (struct tree_walk){.org_domain = SLICE_EMPTY};
	for (unsigned queries = 0; target.p && target.n > 0 && queries < TREE_WALK_QUERIES; queries++) {
		bool several;
		struct tree_walk_step *step = &out->found[out->count];
		enum error e = dmarc_record_fetch(a, s, target, &step->record, &several);
		/* Several records are all discarded, and the walk goes on (RFC 9989 4.10, steps 2 and 6). */
		if (e && e != ERR_NOT_FOUND) return e;
		if (!e) {
			step->domain = target;
			out->count++;
			if (step->record.psd != DMARC_PSD_UNKNOWN) break;
		}
		if (labels > LABELS_KEPT + 1)
			target = last_labels(target, LABELS_KEPT);
		else
			slice_split(&target, '.');
		labels = count_labels(target);
	}
	out->org_domain = choose(domain, out);
	return ERR_OK;
}
