/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/recipients_learned.h"

#include <stdio.h>

#include "base/arena.h"
#include "cli/cli.h"
#include "cli/format.h"
#include "mail/address.h"

#define ROOM_FIRST 256

struct row {
	struct slice domain, local;
	struct learned learned;
};

struct listing {
	struct arena arena;
	struct row *rows;
	size_t count, room;
	bool all;
	int64_t now;
};

static int failed(enum error err)
{
	cli_complain("what was learned: %s", error_text(err));
	return CLI_CANNOT;
}

json_t *recipients_learned_json(const struct learned *l, int64_t now)
{
	return json_pack("{s:o, s:o, s:o, s:b, s:I, s:o}", "first", format_json_time(l->first), "last",
	                 format_json_time(l->last), "expires", format_json_time(l->expires), "refused",
	                 now < l->expires, "times", (json_int_t)l->times, "words", format_json(learned_words(l)));
}

static bool collect(struct slice domain, struct slice local, const struct learned *l, void *arg)
{
	struct listing *list = arg;
	if (!list->all && l->expires <= list->now) return true;
	if (list->count == list->room) {
		size_t room = list->room ? 2 * list->room : ROOM_FIRST;
		struct row *more = arena_alloc(&list->arena, room * sizeof *more);
		if (!more) return false;
		if (list->count) memcpy(more, list->rows, list->count * sizeof *more);
		list->rows = more;
		list->room = room;
	}
	list->rows[list->count++] = (struct row){.domain = arena_copy(&list->arena, domain),
	                                         .local = arena_copy(&list->arena, local),
	                                         .learned = *l};
	return !arena_exhausted(&list->arena);
}

static void show(const struct tenant *t, const struct row *r, bool json, int64_t now)
{
	char address[600], text[600], last[FORMAT_TIME_SIZE], expires[FORMAT_TIME_SIZE], words[LEARNED_WORDS + 1];
	int n = snprintf(address, sizeof address, "%.*s@%.*s", SLICE_ARG(r->local), SLICE_ARG(r->domain));
	struct slice whole = slice_of(address, (size_t)n < sizeof address ? (size_t)n : sizeof address - 1);
	if (json) {
		json_t *o = recipients_learned_json(&r->learned, now);
		if (o) json_object_set_new(o, "address", format_json(whole));
		if (o) json_object_set_new(o, "tenant", json_string(t->name));
		cli_print_json(o);
		return;
	}
	printf("%-16s %-40s %s  %s%s  %s\n", t->name, format_safe(whole, text, sizeof text),
	       format_time(r->learned.last, last), now < r->learned.expires ? "until " : "over since ",
	       format_time(r->learned.expires, expires), format_safe(learned_words(&r->learned), words, sizeof words));
}

static int list_one(struct db *state, const struct tenant *t, bool all, bool json, int64_t now)
{
	struct listing list = {.all = all, .now = now};
	arena_init(&list.arena, (size_t)1 << 30);
	enum error err = learned_each(state, t->id, collect, &list);
	if (!err && arena_exhausted(&list.arena)) err = ERR_NO_MEMORY;
	for (size_t i = 0; !err && i < list.count && !ferror(stdout); i++) show(t, &list.rows[i], json, now);
	arena_free(&list.arena);
	return err ? failed(err) : CLI_DONE;
}

int recipients_learned_list(struct db *state, const struct tenants *tenants, const struct tenant *tenant, bool all,
                            bool json, int64_t now)
{
	int status = CLI_DONE;
	size_t n = tenants ? tenants_count(tenants) : 0;
	for (size_t i = 0; state && !status && i < n; i++)
		if (!tenant || tenant == tenants_at(tenants, i))
			status = list_one(state, tenants_at(tenants, i), all, json, now);
	return status;
}

static int forget_one(struct db *state, const struct tenant *t, struct arena *a, const char *text)
{
	struct address address;
	enum address_error wrong = address_parse(a, slice_str(text), true, &address);
	if (wrong) return cli_usage("%s: %s", text, address_error_text(wrong));
	struct slice domain = domain_canonical(a, address.domain);
	struct learned_name name = {.tenant = t->id,
	                            .case_sensitive = t->case_sensitive,
	                            .domain = domain,
	                            .local = address.local};
	enum error err = domain.p ? learned_forget(state, &name) : ERR_NOT_FOUND;
	if (err && err != ERR_NOT_FOUND) return failed(err);
	if (err) cli_complain("%s: nothing was learned of it", text);
	return err ? CLI_NO : CLI_DONE;
}

int recipients_learned_forget(struct db *state, const struct tenant *tenant, bool all, bool json, int argc, char **argv)
{
	struct arena a;
	uint64_t n = 0;
	int status = CLI_DONE;
	if (all) {
		enum error err = learned_forget_all(state, tenant->id, &n);
		if (err) return failed(err);
	}
	arena_init(&a, 64 * 1024);
	for (int i = 0; i < argc; i++) {
		int one = forget_one(state, tenant, &a, argv[i]);
		n += one == CLI_DONE;
		if (one > status) status = one;
	}
	arena_free(&a);
	if (json)
		cli_print_json(json_pack("{s:s, s:I}", "tenant", tenant->name, "forgotten", (json_int_t)n));
	else
		printf("%s: %llu forgotten\n", tenant->name, (unsigned long long)n);
	return status;
}
