/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/list_exempt.h"

#include <stdio.h>

#include "cli/format.h"
#include "store/weighed.h"

static const char *prefix_text(const struct prefix *p, char out[IP_TEXT_SIZE + 4])
{
	char ip[IP_TEXT_SIZE];
	snprintf(out, IP_TEXT_SIZE + 4, "%s/%u", ip_text(&p->ip, ip), p->length);
	return out;
}

static bool print(const struct exemption *e, void *arg)
{
	const struct cli_options *o = arg;
	char prefix[IP_TEXT_SIZE + 4], created[FORMAT_TIME_SIZE], reason[512];
	prefix_text(&e->prefix, prefix);
	if (o->json)
		cli_print_json(json_pack("{s:s, s:o, s:o}", "prefix", prefix, "created", format_json_time(e->created),
		                         "reason", format_json(e->reason)));
	else
		printf("%-43s  %s  %s\n", prefix, format_time(e->created, created),
		       format_safe(e->reason, reason, sizeof reason));
	return !ferror(stdout);
}

static int list(const struct cli_options *o, const struct config *c)
{
	struct db *state;
	struct db_txn *t;
	enum error err = cli_open_db(c, DB_STATE, DB_READ_ONLY, &state);
	if (err && err != ERR_NOT_FOUND) return CLI_CANNOT;
	if (!o->json) printf("%-43s  %-20s  %s\n", "PREFIX", "SINCE", "REASON");
	if (err) return CLI_DONE;
	err = db_begin_read(state, &t);
	if (!err) {
		err = exemptions_each(t, print, (void *)o);
		db_end_read(t);
	}
	db_close(state);
	if (err) cli_complain("%s", error_text(err));
	return err ? CLI_CANNOT : CLI_DONE;
}

static int change(const struct config *c, const struct exemption *e, const char *text, bool remove)
{
	struct db *state;
	enum error err = cli_open_db(c, DB_STATE, remove ? 0 : DB_CREATE, &state);
	if (!err)
		err = remove ? exemptions_remove(state, &e->prefix) : exemptions_add(state, e, e->created);
	else if (err != ERR_NOT_FOUND)
		return CLI_CANNOT;
	db_close(state);
	if (err == ERR_NOT_FOUND) {
		cli_complain("%s is not exempt", text);
		return CLI_NO;
	}
	if (err) cli_complain("%s", error_text(err));
	return err ? CLI_CANNOT : CLI_DONE;
}

int list_exempt(const struct cli_options *o, const struct config *c, const char *reason, int64_t now, int argc,
                char **argv)
{
	struct exemption e = {.created = now, .reason = slice_str(reason)};
	bool is_list = argc == 0 || strcmp(argv[0], "list") == 0, remove = argc && strcmp(argv[0], "remove") == 0;
	if (argc && (is_list || remove || strcmp(argv[0], "add") == 0)) {
		argc--;
		argv++;
	}
	if (argc > !is_list) return cli_usage("too many words: %s", argv[argc - 1]);
	if (is_list) return list(o, c);
	if (argc == 0) return cli_usage("exempt needs an address or a prefix such as 192.0.2.0/24");
	if (prefix_parse(slice_str(argv[0]), &e.prefix))
		return cli_usage("not an address, and no prefix without host bits: %s", argv[0]);
	return change(c, &e, argv[0], remove);
}
