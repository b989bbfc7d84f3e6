/* SPDX-License-Identifier: Apache-2.0 */
/* backstop dkim-sign - a message, signed */
#include <stdio.h>

#include "auth/signer.h"
#include "base/clock.h"
#include "cli/tool.h"
#include "mail/address.h"
#include "mail/header.h"

#define MESSAGE_MOST ((size_t)128 << 20)
#define MEMORY_MOST  (2 * MESSAGE_MOST)
#define KEY_MOST     65536

static const char help[] = "Usage: backstop dkim-sign --key PEM --domain DOMAIN --selector NAME FILE\n"
			   "\n"
			   "Writes the message with a DKIM-Signature field on top to standard output. Nothing else\n"
			   "is changed; the field ends its lines as the message does. \"-\" is standard input.\n"
			   "\n"
			   "      --key PEM          file with the private key: RSA of 1024 bits or more, or Ed25519\n"
			   "      --domain DOMAIN    d=, the domain that signs\n"
			   "      --selector NAME    s=; the key record is at NAME._domainkey.DOMAIN\n"
			   "      --headers A:B:C    fields that are signed, when they are there (default: those that\n"
			   "                         RFC 6376 recommends); From always is\n"
			   "      --now TIME         Unix time of the signature (default: now)\n"
			   "  -h, --help             this text\n"
			   "\n"
			   "Exit status: 0 done, 1 the message cannot be signed, 2 usage, 3 cannot run.\n";

enum { OPTION_KEY = 1000, OPTION_DOMAIN, OPTION_SELECTOR, OPTION_HEADERS, OPTION_NOW };

static const struct option options[] = {
	{"key", required_argument, NULL, OPTION_KEY},           {"domain", required_argument, NULL, OPTION_DOMAIN},
	{"selector", required_argument, NULL, OPTION_SELECTOR}, {"headers", required_argument, NULL, OPTION_HEADERS},
	{"now", required_argument, NULL, OPTION_NOW},           {NULL, 0, NULL, 0},
};

struct request {
	const char *key, *domain, *selector, *headers, *file;
	uint64_t now;
};

static int take_options(struct request *r, int argc, char **argv)
{
	struct cli_options o;
	int option;
	cli_begin(&o, argv[0], help);
	r->now = (uint64_t)clock_unix();
	while ((option = cli_getopt(&o, argc, argv, options)) != -1) {
		switch (option) {
		case OPTION_KEY: r->key = optarg; break;
		case OPTION_DOMAIN: r->domain = optarg; break;
		case OPTION_SELECTOR: r->selector = optarg; break;
		case OPTION_HEADERS: r->headers = optarg; break;
		case OPTION_NOW:
			if (!slice_to_u64(slice_str(optarg), &r->now) || r->now > INT64_MAX)
				return cli_usage("--now %s: not a Unix time", optarg);
			break;
		default: return o.status ? o.status : -1; /* --help was all */
		}
	}
	if (!r->key) return cli_usage("--key is missing");
	if (!r->domain) return cli_usage("--domain is missing");
	if (!r->selector) return cli_usage("--selector is missing");
	if (argc - optind != 1) return cli_usage(argc == optind ? "a FILE is missing" : "one FILE at a time");
	r->file = argv[optind];
	return 0;
}

/* Names as they are given, parted by colons. */
static bool take_names(struct arena *a, const char *text, struct signing *s)
{
	struct slice rest = slice_str(text);
	size_t most = 1;
	for (size_t i = 0; i < rest.n; i++) most += rest.p[i] == ':';
	struct slice *names = arena_alloc(a, most * sizeof *names);
	if (!names) return false;
	for (s->header_count = 0; rest.p;) {
		struct slice name = slice_trim(slice_split(&rest, ':'));
		if (name.n > 0) names[s->header_count++] = name;
	}
	s->headers = names;
	return true;
}

static int take_signing(struct arena *a, const struct request *r, struct signing *s)
{
	*s = (struct signing){.domain = domain_canonical(a, slice_str(r->domain)),
	                      .selector = domain_canonical(a, slice_str(r->selector)),
	                      .now = (int64_t)r->now};
	if (!s->domain.p) return cli_usage("--domain %s: not a domain", r->domain);
	if (!s->selector.p) return cli_usage("--selector %s: not a selector", r->selector);
	if (!r->headers || take_names(a, r->headers, s)) return 0;
	cli_complain("%s", error_text(ERR_NO_MEMORY));
	return CLI_CANNOT;
}

static int load_key(struct arena *a, const char *path, struct signing_key **out)
{
	char why[TOOL_WHY];
	struct slice pem;
	if (!tool_read_file(a, path, KEY_MOST, &pem, why)) {
		cli_complain("%s", why);
		return CLI_CANNOT;
	}
	if (signing_key_load(pem, out, why) == ERR_OK) return 0;
	cli_complain("%s: %s", path, why);
	return CLI_CANNOT;
}

static void put_field(struct slice field, bool lf)
{
	while (lf && field.n > 0) {
		struct slice line = slice_split(&field, '\n');
		if (line.n > 0) line.n--; /* its CR */
		fwrite(line.p, 1, line.n, stdout);
		putchar('\n');
	}
	fwrite(field.p, 1, field.n, stdout);
}

/* Does the message end its lines in LF? The first one tells. */
static bool ends_in_lf(struct slice message)
{
	size_t lf = slice_find(message, '\n');
	return lf < message.n && (lf == 0 || message.p[lf - 1] != '\r');
}

static int sign(struct arena *a, const struct signing *s, struct slice message)
{
	struct signer *g;
	struct slice field;
	size_t scanned = 0, end = header_end(message, &scanned);
	if (end == HEADER_NOT_YET) end = message.n;
	enum error e = signer_begin(a, slice_sub(message, 0, end), s, &g);
	if (e == ERR_SYNTAX) {
		cli_complain("the message has no From field, or more than one");
		return CLI_NO;
	}
	if (!e) {
		signer_body(g, slice_sub(message, end, message.n));
		e = signer_end(g, &field);
	}
	if (e) {
		cli_complain("%s", error_text(e));
		return CLI_CANNOT;
	}
	put_field(field, ends_in_lf(message));
	fwrite(message.p, 1, message.n, stdout);
	return CLI_DONE;
}

int cli_dkim_sign(int argc, char **argv)
{
	struct arena a;
	struct request r = {0};
	struct signing s;
	struct signing_key *key = NULL;
	struct slice message;
	char why[TOOL_WHY];
	int status = take_options(&r, argc, argv);
	if (status) return status < 0 ? CLI_DONE : status;
	arena_init(&a, MEMORY_MOST);
	status = take_signing(&a, &r, &s);
	if (!status) status = load_key(&a, r.key, &key);
	if (!status && !tool_read_file(&a, r.file, MESSAGE_MOST, &message, why)) {
		cli_complain("%s", why);
		status = CLI_CANNOT;
	}
	s.key = key;
	if (!status) status = sign(&a, &s, message);
	signing_key_unref(key);
	arena_free(&a);
	return cli_finish(status);
}
