/* SPDX-License-Identifier: Apache-2.0 */
/* backstop dmarc: what DMARC makes of the results of SPF and DKIM; and to which organisation a domain belongs. */
#include <stdio.h>
#include <string.h>

#include "auth/dmarc.h"
#include "base/clock.h"
#include "cli/suffixes.h"
#include "cli/tool.h"
#include "mail/address.h"
#include "mail/utf8.h"

#define DNS_TIME         20000 /* ms for all questions of one answer */
#define IDENTIFIERS_MOST 50

static const char help[] =
	"Usage: backstop dmarc [--resolver ADDRESS:PORT] [--psl FILE] --from DOMAIN\n"
	"                      [--spf RESULT:DOMAIN]... [--dkim RESULT:DOMAIN]... [--json]\n"
	"       backstop dmarc --org-domain [--resolver ADDRESS:PORT] [--psl FILE] --domain DOMAIN [--json]\n"
	"       backstop dmarc [--org-domain] --json --batch [...]\n"
	"\n"
	"Does the domain of the author vouch for a message with these results of SPF and DKIM, and what does it ask "
	"for if not?\n"
	"With --org-domain: to which organisation does a domain belong?\n"
	"\n"
	"  --from DOMAIN          domain of the address in the From field\n"
	"  --spf RESULT:DOMAIN    result of SPF for the domain of MAIL FROM\n"
	"  --dkim RESULT:DOMAIN   result of a signature with this domain (d=)\n"
	"  --psl FILE             RFC 7489 with this public suffix list; else RFC 9989 with its walk through DNS\n"
	"  --resolver HOST:PORT   DNS server to ask; default: the system's\n"
	"  --batch                questions as JSON lines on standard input:\n"
	"                         {\"id\",\"from\",\"spf\":[{\"result\",\"domain\"}],\"dkim\":[...]}, or "
	"{\"id\",\"domain\"}\n"
	"  --json                 answers as JSON lines\n"
	"\n"
	"Exit status: 0 pass, or an organisation was found; 1 not so; 2 usage; 3 cannot run.\n";

enum { OPTION_FROM = 1000, OPTION_SPF, OPTION_DKIM, OPTION_PSL, OPTION_ORG_DOMAIN, OPTION_DOMAIN };

static const struct option options[] = {
	{"from", required_argument, NULL, OPTION_FROM},
	{"spf", required_argument, NULL, OPTION_SPF},
	{"dkim", required_argument, NULL, OPTION_DKIM},
	{"psl", required_argument, NULL, OPTION_PSL},
	{"org-domain", no_argument, NULL, OPTION_ORG_DOMAIN},
	{"domain", required_argument, NULL, OPTION_DOMAIN},
	{NULL, 0, NULL, 0},
};

static struct { /* of the one run */
	struct suffix_list *suffixes;
	bool org_domain;
} own;

/* ---- options -------------------------------------------------------------------------------------------------------------------- */

static int add_identifier(struct tool_run *run, const char *method, const char *argument)
{
	struct slice domain = slice_str(argument), result = slice_split(&domain, ':');
	enum auth_result ignored;
	if (!domain.p || !auth_result_parse(result, &ignored))
		return cli_usage("--%s %s: not RESULT:DOMAIN", method, argument);
	json_t *list = json_object_get(run->question, method);
	if (!list) {
		list = json_array();
		json_object_set_new(run->question, method, list);
	}
	json_t *one = json_object();
	json_object_set_new(one, "result", json_stringn(result.p, result.n));
	json_object_set_new(one, "domain", cli_json_text(domain.p));
	json_array_append_new(list, one);
	return 0;
}

static int take(struct tool_run *run, int val, const char *argument)
{
	switch (val) {
	case OPTION_FROM: json_object_set_new(run->question, "from", cli_json_text(argument)); return 0;
	case OPTION_DOMAIN: json_object_set_new(run->question, "domain", cli_json_text(argument)); return 0;
	case OPTION_SPF: return add_identifier(run, "spf", argument);
	case OPTION_DKIM: return add_identifier(run, "dkim", argument);
	case OPTION_PSL: return suffixes_option(argument, &own.suffixes);
	default: own.org_domain = true; return 0;
	}
}

static int complete(struct tool_run *run)
{
	const char *needed = own.org_domain ? "domain" : "from";
	return json_object_get(run->question, needed) ? 0 : cli_usage("--%s is missing", needed);
}

/* ---- the organisation ------------------------------------------------------------------------------------------------------------- */

/* null for what is no domain, and for a public suffix itself: publicsuffix.org's own tests want to know what is registrable. The answer
 * is in the form of the question, A-labels or U-labels, in lower case. */
static json_t *answer_org_domain(struct arena *a, const struct orgdomain_source *s, const json_t *question,
                                 char why[TOOL_WHY])
{
	const char *text = tool_string(question, "domain", "", why);
	struct slice org = SLICE_EMPTY;
	if (!text) return NULL;
	struct slice domain = domain_canonical(a, slice_str(text));
	if (domain.p && s->suffixes) {
		org = suffix_list_registrable(a, s->suffixes, domain);
	} else if (domain.p) {
		enum error e = orgdomain_find(a, s, domain, &org);
		if (e) snprintf(why, TOOL_WHY, "%s", error_text(e));
		if (e) return NULL;
	}
	if (org.n > 0 && !utf8_is_ascii(slice_str(text))) org = domain_display(a, org);
	return json_pack("{so}", "org_domain", cli_json_slice(org));
}

/* ---- DMARC -------------------------------------------------------------------------------------------------------------------------- */

static bool read_identifiers(struct arena *a, const json_t *question, const char *method,
                             const struct dmarc_identifier **out, size_t *count, char why[TOOL_WHY])
{
	const json_t *list = json_object_get(question, method);
	*count = json_array_size(list);
	if (list && !json_is_null(list) && !json_is_array(list)) {
		snprintf(why, TOOL_WHY, "%s is not an array", method);
		return false;
	}
	if (*count > IDENTIFIERS_MOST) {
		snprintf(why, TOOL_WHY, "%s has more than %d results", method, IDENTIFIERS_MOST);
		return false;
	}
	struct dmarc_identifier *identifiers = arena_alloc(a, (*count + 1) * sizeof *identifiers);
	for (size_t i = 0; identifiers && i < *count; i++) {
		const json_t *one = json_array_get(list, i);
		const char *result = tool_string(one, "result", NULL, why),
			   *domain = tool_string(one, "domain", "", why);
		if (!result || !domain) return false;
		identifiers[i].domain = slice_str(domain);
		if (auth_result_parse(slice_str(result), &identifiers[i].result)) continue;
		snprintf(why, TOOL_WHY, "%.100s is no result of %s", result, method);
		return false;
	}
	*out = identifiers;
	return identifiers != NULL;
}

static json_t *describe(const struct dmarc_verdict *v)
{
	return json_pack("{ss ss? ss so so sb sb ss?}", "result", auth_result_text(v->result), "policy",
	                 dmarc_policy_text(v->policy), "disposition", dmarc_policy_text(v->disposition), "org_domain",
	                 cli_json_slice(v->org_domain), "policy_domain", cli_json_slice(v->policy_domain),
	                 "spf_aligned", v->spf_aligned, "dkim_aligned", v->dkim_aligned, "problem", v->problem);
}

static json_t *answer(struct tool_run *run, struct arena *a, const json_t *question, char why[TOOL_WHY])
{
	struct orgdomain_source s = {.resolver = run->resolver,
	                             .suffixes = own.suffixes,
	                             .deadline = clock_deadline(DNS_TIME)};
	struct dmarc_query q = {0};
	struct dmarc_verdict v;
	if (own.org_domain) return answer_org_domain(a, &s, question, why);
	const char *from = tool_string(question, "from", NULL, why);
	if (!from) return NULL;
	q.from = slice_str(from);
	if (!read_identifiers(a, question, "spf", &q.spf, &q.spf_count, why)) return NULL;
	if (!read_identifiers(a, question, "dkim", &q.dkim, &q.dkim_count, why)) return NULL;
	dmarc_check(a, &s, &q, &v);
	return describe(&v);
}

static const char *text_of(const json_t *answer, const char *name, const char *otherwise)
{
	const char *text = json_string_value(json_object_get(answer, name));
	return text ? text : otherwise;
}

static void print(struct tool_run *run, const json_t *answer)
{
	if (own.org_domain) {
		printf("%s\n", text_of(answer, "org_domain", "none: a public suffix, or no domain"));
		return;
	}
	printf("%s\n", text_of(answer, "result", ""));
	printf("  policy        %s\n", text_of(answer, "policy", "no record"));
	printf("  asked for     %s\n", text_of(answer, "disposition", "none"));
	printf("  organisation  %s\n", text_of(answer, "org_domain", "unknown"));
	printf("  SPF aligned   %s\n", json_is_true(json_object_get(answer, "spf_aligned")) ? "yes" : "no");
	printf("  DKIM aligned  %s\n", json_is_true(json_object_get(answer, "dkim_aligned")) ? "yes" : "no");
	if (*text_of(answer, "problem", "")) printf("  because       %s\n", text_of(answer, "problem", ""));
}

static int status(const json_t *answer)
{
	bool yes = own.org_domain ? !json_is_null(json_object_get(answer, "org_domain"))
	                          : strcmp(text_of(answer, "result", ""), "pass") == 0;
	return yes ? CLI_DONE : CLI_NO;
}

static const struct tool tool = {.name = "dmarc",
                                 .help = help,
                                 .options = options,
                                 .asks_dns = true,
                                 .option = take,
                                 .complete = complete,
                                 .answer = answer,
                                 .print = print,
                                 .status = status};

int cli_dmarc(int argc, char **argv)
{
	int result = tool_main(&tool, argc, argv);
	suffix_list_free(own.suffixes);
	return result;
}
