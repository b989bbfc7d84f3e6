/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/sandbox.h"

#define OWN_LIMIT 60 /* long options of one command */

enum { OPTION_JSON = 0x10000 };

static const char *command = "";

static void complain_v(const char *format, va_list args) __attribute__((format(printf, 1, 0)));
static void complain_v(const char *format, va_list args)
{
	char text[2048]; /* one write: several processes may speak on one terminal */
	size_t room = sizeof text - 1;
	size_t n = (size_t)snprintf(text, room, "backstop%s%s: ", command[0] ? " " : "", command);
	int more = n < room ? vsnprintf(text + n, room - n, format, args) : 0;
	n += more > 0 ? (size_t)more : 0;
	if (n >= room) n = room - 1;
	text[n++] = '\n';
	fwrite(text, 1, n, stderr);
}

void cli_complain(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	complain_v(format, args);
	va_end(args);
}

int cli_usage(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	complain_v(format, args);
	va_end(args);
	fprintf(stderr, "Try 'backstop help%s%s'.\n", command[0] ? " " : "", command);
	return CLI_USAGE;
}

int cli_not_supported(const char *name)
{
	fprintf(stderr, "backstop %s: not supported in this release\n", name);
	return CLI_CANNOT;
}

/* ---- options ------------------------------------------------------------------------------------------------------------------- */

void cli_begin(struct cli_options *o, const char *name, const char *help)
{
	command = name;
	optind = 0; /* GNU getopt: forget all of an earlier command line */
	opterr = 0;
	*o = (struct cli_options){.config_path = CONFIG_DEFAULT_PATH, .help = help};
}

static bool is_short(int val)
{
	return (val >= '0' && val <= '9') || (val >= 'a' && val <= 'z') || (val >= 'A' && val <= 'Z');
}

/* The command's options and the common ones, in the forms that getopt_long() wants. */
static void merge(const struct option *own, struct option *all, char *letters)
{
	static const struct option common[] = {
		{"config", required_argument, NULL, 'c'},
		{"json", no_argument, NULL, OPTION_JSON},
		{"help", no_argument, NULL, 'h'},
	};
	size_t n = 0;
	char *p = letters;
	*p++ = ':'; /* tells a missing argument from an unknown option */
	for (; own && own->name && n < OWN_LIMIT; own++) {
		all[n++] = *own;
		if (!is_short(own->val)) continue;
		*p++ = (char)own->val;
		if (own->has_arg == required_argument) *p++ = ':';
	}
	memcpy(all + n, common, sizeof common);
	n += sizeof common / sizeof *common;
	memset(all + n, 0, sizeof *all);
	memcpy(p, "c:h", 4);
}

static int bad_option(struct cli_options *o, char **argv, int kind)
{
	const char *word = optind > 0 ? argv[optind - 1] : "";
	char letter[3] = {'-', (char)optopt, '\0'};
	if (optopt && is_short(optopt) && !(word[0] == '-' && word[1] == '-')) word = letter;
	o->status = kind == ':' ? cli_usage("option %s needs an argument", word) : cli_usage("unknown option %s", word);
	return '?';
}

int cli_getopt(struct cli_options *o, int argc, char **argv, const struct option *own)
{
	struct option all[OWN_LIMIT + 4];
	char letters[2 * OWN_LIMIT + 8];
	merge(own, all, letters);
	for (;;) {
		int option = getopt_long(argc, argv, letters, all, NULL);
		switch (option) {
		case 'c': o->config_path = optarg; break;
		case OPTION_JSON: o->json = true; break;
		case 'h':
			fputs(o->help, stdout);
			o->status = cli_finish(CLI_DONE);
			return '?';
		case '?':
		case ':': return bad_option(o, argv, option);
		default: return option;
		}
	}
}

/* ---- what commands open ------------------------------------------------------------------------------------------------------------ */

int cli_open_config(const struct cli_options *o, struct config **out)
{
	char why[CONFIG_WHY];
	if (config_load(o->config_path, out, why) == ERR_OK) return 0;
	for (char *rest = why, *line; (line = strsep(&rest, "\n"));) cli_complain("%s", line);
	return CLI_CANNOT;
}

/* Opens with the effective rights of the configured user, so that what LMDB makes belongs to it. */
static enum error open_as_user(const struct config *c, enum db_environment which, int flags, struct db **out,
                               char why[256])
{
	struct passwd *pw = geteuid() == 0 ? getpwnam(c->user) : NULL;
	if (!pw) return db_open(c->state_dir, which, flags, out, why);
	uid_t uid = geteuid();
	gid_t gid = getegid();
	enum error e = ERR_PERMISSION;
	if (setegid(pw->pw_gid) == 0 && seteuid(pw->pw_uid) == 0)
		e = db_open(c->state_dir, which, flags, out, why);
	else
		snprintf(why, 256, "user %s: %s", c->user, strerror(errno));
	if (seteuid(uid) < 0 || setegid(gid) < 0) abort(); /* root may always go back */
	return e;
}

enum error cli_open_db(const struct config *c, enum db_environment which, int flags, struct db **out)
{
	char why[256] = "";
	*out = NULL;
	enum error e = ERR_OK;
	if (flags & DB_CREATE) e = sandbox_make_folder(c->state_dir, c->user, 0750, why);
	if (e == ERR_OK) e = open_as_user(c, which, flags, out, why);
	if (e == ERR_NOT_FOUND && !(flags & DB_CREATE)) return e;
	if (e != ERR_OK) cli_complain("%s: %s", c->state_dir, why[0] ? why : error_text(e));
	return e;
}

/* ---- what commands print ------------------------------------------------------------------------------------------------------------- */

json_t *cli_json_text(const char *text)
{
	json_t *string = json_string(text);
	if (string) return string;
	size_t n = strlen(text);
	char *utf8 = malloc(2 * n + 1), *to = utf8;
	if (!utf8) return json_null();
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c >= 0x80) *to++ = (char)(0xc0 | c >> 6);
		*to++ = (char)(c >= 0x80 ? 0x80 | (c & 0x3f) : c);
	}
	string = json_stringn(utf8, (size_t)(to - utf8));
	free(utf8);
	return string;
}

json_t *cli_json_slice(struct slice text)
{
	char *copy = text.n > 0 ? strndup(text.p, text.n) : NULL;
	json_t *value = copy ? cli_json_text(copy) : json_null();
	free(copy);
	return value;
}

void cli_print_json(json_t *object)
{
	char *text = object ? json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(12)) : NULL;
	if (text)
		puts(text);
	else
		cli_complain("%s", error_text(ERR_NO_MEMORY));
	free(text);
	json_decref(object);
}

int cli_finish(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout)) return status;
	cli_complain("standard output: %s", strerror(errno));
	return CLI_CANNOT;
}
