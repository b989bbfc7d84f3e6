/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/keys_show.h"

#include <stdio.h>

#include "cli/format.h"

#define STRING_MOST 255 /* octets of one string of a TXT record (RFC 1035 3.3) */

/* Is the record to be in DNS? Before the key signs, while it does, and while what it signed is on its way. */
static bool published(const struct key *k, int64_t now)
{
	return k->kind == KEY_DKIM && key_state(k, now) != KEY_EXPIRED;
}

static const char *algorithm(const struct key *k)
{
	return slice_search(k->record, SLICE("k=ed25519")) < k->record.n ? "ed25519" : "rsa";
}

/* Zone file syntax (RFC 1035 5.1). The record has no quotes and no backslashes. */
static void print_record(const struct key *k)
{
	printf("%.*s._domainkey.%.*s. IN TXT (", SLICE_ARG(k->selector), SLICE_ARG(k->domain));
	for (size_t at = 0; at < k->record.n; at += STRING_MOST) {
		size_t n = k->record.n - at < STRING_MOST ? k->record.n - at : STRING_MOST;
		printf(" \"%.*s\"", (int)n, k->record.p + at);
	}
	printf(" )\n");
}

static void print_state(const struct key *k, int64_t now)
{
	char time[FORMAT_TIME_SIZE], span[FORMAT_SPAN_SIZE];
	bool dkim = k->kind == KEY_DKIM;
	switch (key_state(k, now)) {
	case KEY_NEXT:
		printf("next; publish it now, signs from %s (in %s)", format_time(k->active_from, time),
		       format_span(k->active_from - now, span));
		break;
	case KEY_ACTIVE:
		printf("active since %s (%s)", format_time(k->active_from, time),
		       format_span(now - k->active_from, span));
		if (k->retired) printf(", until %s", format_time(k->retired, time));
		break;
	case KEY_RETIRED:
		printf(dkim ? "retired; publish it until %s" : "retired; accepted until %s",
		       format_time(k->expires, time));
		break;
	case KEY_EXPIRED:
		printf(dkim ? "expired %s; need not be published, kept as proof" : "expired %s",
		       format_time(k->expires, time));
	}
}

void keys_show(const struct key *k, const char *owner, int64_t now)
{
	printf("; %s%s: ", owner ? "tenant " : "the relay", owner ? owner : "");
	switch (k->kind) {
	case KEY_DKIM:
		printf("DKIM %s key %.*s of %.*s, ", algorithm(k), SLICE_ARG(k->selector), SLICE_ARG(k->domain));
		break;
	case KEY_BATV: printf("tag key %u, ", k->number); break;
	case KEY_SRS: printf("SRS secret %u, ", k->number); break;
	}
	print_state(k, now);
	printf("\n");
	if (published(k, now)) print_record(k);
}

json_t *keys_show_json(const struct key *k, const char *owner, int64_t now)
{
	json_t *o = json_pack("{s:s?, s:s, s:s, s:o, s:o, s:o, s:o}", "tenant", owner, "kind", key_kind_text(k->kind),
	                      "state", key_state_text(key_state(k, now)), "created", format_json_time(k->created),
	                      "active_from", format_json_time(k->active_from), "retired", format_json_time(k->retired),
	                      "expires", format_json_time(k->expires));
	if (!o) return NULL;
	if (k->kind != KEY_DKIM) {
		json_object_set_new(o, "number", json_integer(k->number));
		return o;
	}
	json_object_set_new(o, "domain", format_json(k->domain));
	json_object_set_new(o, "selector", format_json(k->selector));
	json_object_set_new(o, "algorithm", json_string(algorithm(k)));
	json_object_set_new(o, "name",
	                    json_sprintf("%.*s._domainkey.%.*s", SLICE_ARG(k->selector), SLICE_ARG(k->domain)));
	json_object_set_new(o, "record", format_json(k->record));
	json_object_set_new(o, "publish", json_boolean(published(k, now)));
	return o;
}
