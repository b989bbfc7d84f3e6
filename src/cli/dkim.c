/* SPDX-License-Identifier: Apache-2.0 */
/* backstop dkim - are the signatures of a message good? */
#include <stdio.h>
#include <string.h>

#include "auth/dkim.h"
#include "base/clock.h"
#include "cli/tool.h"
#include "mail/header.h"

#define PATIENCE_MS  20000
#define MESSAGE_MOST ((size_t)128 << 20)
#define BITS_MOST    16384
#define QUICK        (256 * 1024) /* octets that are hashed at once, without another thread */

static const char help[] =
	"Usage: backstop dkim [--json] FILE...\n"
	"       backstop dkim --batch\n"
	"\n"
	"Verifies the DKIM signatures of messages (RFC 6376). A file may end its lines in LF or\n"
	"CR LF; \"-\" is standard input. The result is pass when one signature passes.\n"
	"\n"
	"      --resolver ADDRESS:PORT\n"
	"                         DNS server to be asked (default: the system's)\n"
	"      --now TIME         Unix time at which signatures are judged (default: now)\n"
	"      --allow-sha1       rsa-sha1 may pass: for old mail\n"
	"      --min-rsa-bits N   RSA keys below N bits do not pass (default: 1024)\n"
	"      --json             {\"result\",\"signatures\":[{\"result\",\"domain\",\"selector\",\"identity\",\n"
	"                         \"algorithm\",\"problem\",...}, top first]}\n"
	"      --batch            reads lines {\"id\",\"file\",\"now\"}, answers each with its id; a line\n"
	"                         may also have \"allow_sha1\" and \"min_rsa_bits\"\n"
	"  -h, --help             this text\n"
	"\n"
	"Exit status: 0 pass, 1 another result, 2 usage, 3 cannot run; 0 after a batch.\n";

enum { OPTION_SHA1 = 1000, OPTION_BITS };

static const struct option options[] = {
	{"allow-sha1", no_argument, NULL, OPTION_SHA1},
	{"min-rsa-bits", required_argument, NULL, OPTION_BITS},
	{NULL, 0, NULL, 0},
};

static int take(struct tool_run *run, int val, const char *argument)
{
	uint64_t bits;
	if (val == OPTION_SHA1) {
		json_object_set_new(run->question, "allow_sha1", json_true());
		return 0;
	}
	if (!slice_to_u64(slice_str(argument), &bits) || bits < 1 || bits > BITS_MOST)
		return cli_usage("--min-rsa-bits %s: not a number from 1 to %d", argument, BITS_MOST);
	json_object_set_new(run->question, "min_rsa_bits", json_integer((json_int_t)bits));
	return 0;
}

/* ---- the verdict as JSON --------------------------------------------------------------------------------------- */

static json_t *text_or_null(struct arena *a, struct slice s)
{
	json_t *text = s.n > 0 ? json_stringn(s.p, s.n) : json_null();
	if (text) return text;
	const char *copy = arena_strdup(a, s); /* octets that are no UTF-8 */
	return copy ? cli_json_text(copy) : json_null();
}

static json_t *signature_json(struct arena *a, const struct dkim_signature *s)
{
	json_t *o = json_object();
	json_object_set_new(o, "result", json_string(auth_result_text(s->result)));
	json_object_set_new(o, "domain", text_or_null(a, s->domain));
	json_object_set_new(o, "selector", text_or_null(a, s->selector));
	json_object_set_new(o, "identity", text_or_null(a, s->identity));
	json_object_set_new(o, "algorithm", json_string(s->algorithm));
	json_object_set_new(o, "signature", text_or_null(a, s->signature));
	json_object_set_new(o, "problem", text_or_null(a, slice_str(s->problem)));
	json_object_set_new(o, "key_bits", s->key_bits ? json_integer(s->key_bits) : json_null());
	json_object_set_new(o, "signed_at", s->signed_at ? json_integer(s->signed_at) : json_null());
	json_object_set_new(o, "testing", json_boolean(s->testing));
	json_object_set_new(o, "secure", json_boolean(s->secure));
	json_object_set_new(o, "partial", json_boolean(s->partial));
	return o;
}

static json_t *verdict_json(struct arena *a, const char *file, const struct dkim_verdict *v)
{
	json_t *o = json_object(), *signatures = json_array();
	json_object_set_new(o, "result", json_string(auth_result_text(v->result)));
	for (size_t i = 0; i < v->count; i++) json_array_append_new(signatures, signature_json(a, &v->signatures[i]));
	json_object_set_new(o, "signatures", signatures);
	json_object_set_new(o, "file", cli_json_text(file));
	return o;
}

/* ---- a question ------------------------------------------------------------------------------------------------ */

struct hashing { /* the part that needs no DNS */
	struct dkim_verifier *verifier;
	struct slice body;
	struct dkim_verdict verdict;
};

static void hash(void *arg)
{
	struct hashing *h = arg;
	dkim_verify_body(h->verifier, h->body);
	dkim_verify_end(h->verifier, &h->verdict);
}

static bool read_options(struct tool_run *run, const json_t *question, struct dkim_options *out, char why[TOOL_WHY])
{
	int64_t bits;
	const json_t *sha1 = json_object_get(question, "allow_sha1");
	if (!tool_integer(question, "now", tool_now(run), &out->now, why)) return false;
	if (!tool_integer(question, "min_rsa_bits", 0, &bits, why)) return false;
	if (bits < 0 || bits > BITS_MOST) {
		snprintf(why, TOOL_WHY, "min_rsa_bits is not a number from 1 to %d", BITS_MOST);
		return false;
	}
	if (sha1 && !json_is_boolean(sha1) && !json_is_null(sha1)) {
		snprintf(why, TOOL_WHY, "allow_sha1 is neither true nor false");
		return false;
	}
	out->min_rsa_bits = (unsigned)bits;
	out->allow_sha1 = json_is_true(sha1);
	return true;
}

static json_t *answer(struct tool_run *run, struct arena *a, const json_t *question, char why[TOOL_WHY])
{
	struct dkim_options o = {0};
	struct hashing h = {0};
	struct slice message;
	size_t scanned = 0;
	const char *file = tool_string(question, "file", NULL, why);
	if (!file || !read_options(run, question, &o, why)) return NULL;
	if (!tool_read_file(a, file, MESSAGE_MOST, &message, why)) return NULL;
	size_t end = header_end(message, &scanned);
	if (end == HEADER_NOT_YET) end = message.n;
	if (dkim_verify_begin(a, slice_sub(message, 0, end), &o, &h.verifier) != ERR_OK) return NULL;
	h.body = slice_sub(message, end, message.n);
	dkim_verify_keys(h.verifier, run->resolver, clock_deadline(PATIENCE_MS));
	if (h.body.n > QUICK)
		fiber_offload(hash, &h);
	else
		hash(&h);
	return verdict_json(a, file, &h.verdict);
}

static const char *member(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static void print_signature(const json_t *s)
{
	const char *domain = member(s, "domain"), *selector = member(s, "selector"), *identity = member(s, "identity");
	const char *problem = member(s, "problem");
	json_int_t bits = json_integer_value(json_object_get(s, "key_bits"));
	printf("  %s: %s, selector %s\n", member(s, "result"), domain ? domain : "no domain",
	       selector ? selector : "unknown");
	if (problem) printf("    problem:   %s\n", problem);
	if (identity) printf("    identity:  %s\n", identity);
	printf("    algorithm: %s", member(s, "algorithm"));
	if (bits) printf(", key of %lld bits", (long long)bits);
	printf("\n");
	if (json_is_true(json_object_get(s, "partial"))) printf("    partial:   not all of the body is signed (l=)\n");
	if (json_is_true(json_object_get(s, "testing")))
		printf("    testing:   the domain says that it is trying DKIM out (t=y)\n");
}

static void print(struct tool_run *run, const json_t *answer)
{
	size_t i;
	json_t *s;
	printf("%s: %s\n", member(answer, "file"), member(answer, "result"));
	json_array_foreach(json_object_get(answer, "signatures"), i, s) print_signature(s);
}

static int status(const json_t *answer)
{
	return strcmp(member(answer, "result"), "pass") == 0 ? CLI_DONE : CLI_NO;
}

int cli_dkim(int argc, char **argv)
{
	static const struct tool dkim = {.name = "dkim",
	                                 .help = help,
	                                 .options = options,
	                                 .asks_dns = true,
	                                 .files = true,
	                                 .option = take,
	                                 .answer = answer,
	                                 .print = print,
	                                 .status = status};
	return tool_main(&dkim, argc, argv);
}
