/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/explain_print.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "bounce/cause.h"

#define COLUMNS 78
#define INDENT  15

static const char *member(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static void put(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) putchar((unsigned char)p[i] < ' ' || p[i] == 0x7f ? '?' : p[i]);
}

/* "  label:      text", wrapped. */
static void say(const char *label, const char *text)
{
	size_t column = INDENT;
	if (!text || !*text) return;
	printf("  %s:%*s", label, (int)(INDENT - 3 - strlen(label)), "");
	while (*text) {
		size_t word = strcspn(text, " ");
		if (column > INDENT && column + 1 + word > COLUMNS) {
			printf("\n%*s", INDENT, "");
			column = INDENT;
		} else if (column > INDENT) {
			putchar(' ');
			column++;
		}
		put(text, word);
		column += word;
		text += word;
		text += strspn(text, " ");
	}
	putchar('\n');
}

/* Of the code at the beginning of text, when it is the one of the reply: "550-", "550 5.1.1 "; otherwise 0. */
static size_t code_length(const char *text, const char *reply)
{
	size_t n = 4, dots = 0;
	if (strncmp(text, reply, 3) != 0 || (text[3] != '-' && text[3] != ' ')) return 0;
	while ((text[n] >= '0' && text[n] <= '9') || text[n] == '.') dots += text[n++] == '.';
	return dots == 2 && text[n] == ' ' ? n + 1 : 4;
}

/* A reply of many lines without the codes at their beginnings, but for the first: "550-5.1.1 No 550-5.1.1 such 550 5.1.1 user". */
static void say_reply(const char *reply)
{
	char text[2100];
	size_t n = 0, end = reply ? strlen(reply) : 0;
	if (!end) return;
	bool many = strspn(reply, "0123456789") == 3 && reply[3] == '-';
	for (size_t i = 0; i < end && n + 1 < sizeof text; i++) {
		if (many && i > 0 && reply[i - 1] == ' ') i += code_length(reply + i, reply);
		if (reply[i]) text[n++] = reply[i];
	}
	text[n] = 0;
	say("reply", text);
}

static void print_list(const json_t *list, bool asked)
{
	char text[600];
	const char *name = member(list, "name"), *zone = member(list, "zone"), *address = member(list, "address");
	const json_t *listed = json_object_get(list, "listed");
	if (!name) return;
	if (zone && strcasecmp(zone, name) == 0) zone = NULL;
	bool can_ask = address && !json_is_null(json_object_get(list, "zone"));
	const char *now = json_object_get(list, "closed") ? "; nobody keeps this list any more"
	                  : !json_is_null(listed)
	                          ? (json_is_true(listed) ? ", listed now" : ", not listed any more: send again")
	                  : !can_ask ? ""
	                  : asked    ? ", no answer whether it is listed now"
	                             : ", whether it is listed now was not asked";
	snprintf(text, sizeof text, "%s%s%s%s%s%s%s", name, zone ? " (" : "", zone ? zone : "", zone ? ")" : "",
	         address ? ": " : "", address ? address : "", now);
	say("blocklist", text);
}

static void print_original(const json_t *original)
{
	char text[800];
	const char *subject = member(original, "subject"), *date = member(original, "date"),
		   *id = member(original, "message_id");
	if (!subject && !date && !id) return;
	snprintf(text, sizeof text, "%s%.300s%s%s%.60s%s%.300s", subject ? "\"" : "", subject ? subject : "",
	         subject ? "\"" : "", date ? ", " : "", date ? date : "", id ? ", " : "", id ? id : "");
	say("message", text + (subject ? 0 : strspn(text, ", ")));
}

/* Where the message was refused by another server than the one that tells of it. */
static bool is_elsewhere(enum stage s)
{
	return s == STAGE_helo || s == STAGE_mail || s == STAGE_rcpt || s == STAGE_data;
}

static void print_hop(const json_t *answer)
{
	char text[600];
	const char *by = member(answer, "refused_by"), *reporter = member(answer, "reported_by"),
		   *stage = member(answer, "stage");
	bool refused = !json_is_null(json_object_get(answer, "cause"));
	enum stage s = STAGE_unknown;
	if (stage) stage_parse(slice_str(stage), &s);
	if (!by && is_elsewhere(s)) by = "the other server";
	/* What its own reporter says of a server that nobody names is no refusal, unless it had the message already. */
	refused = refused && (by || s == STAGE_after_acceptance);
	const char *cause = member(answer, "cause");
	bool unreached = by && cause && strcmp(cause, cause_name(CAUSE_unreachable)) == 0;
	snprintf(text, sizeof text, "%.250s%s%s",
	         by         ? by
	         : reporter ? reporter
	                    : "",
	         stage && (by || reporter) ? ", " : "", stage ? stage_words(s) : "");
	const char *label = !unreached ? "refused by" : is_elsewhere(s) ? "broke off" : "not reached";
	say(unreached || refused ? label : "reported by", text);
	if (by && reporter && strcmp(by, reporter) != 0) say("reported by", reporter);
}

/* "ann@example.net: the recipient's mailbox is full" */
static void print_recipients(const json_t *answer, const char *first)
{
	char text[700];
	size_t i;
	const json_t *r;
	json_array_foreach(json_object_get(answer, "recipients"), i, r)
	{
		const char *address = member(r, "recipient"), *why = member(r, "cause"), *action = member(r, "action");
		enum cause cause = CAUSE_unknown;
		if (!address || (first && strcmp(address, first) == 0)) continue;
		if (why) cause_parse(slice_str(why), &cause);
		bool late = action && strcmp(action, "delayed") == 0;
		snprintf(text, sizeof text, "%.300s: %s%s", address, late ? "still being tried; " : "",
		         why ? cause_words(cause, SLICE_EMPTY) : "delivered, or passed on");
		say("also", text);
	}
}

void explain_print(const json_t *answer, bool asked)
{
	char sure[16];
	size_t i;
	const json_t *link;
	enum actor actor = ACTOR_nobody;
	enum cause cause = CAUSE_unknown;
	const char *file = member(answer, "file"), *who = member(answer, "who_acts"), *why = member(answer, "cause");
	if (json_is_null(json_object_get(answer, "advice"))) {
		printf("%s: not a bounce (%s)\n", file, member(answer, "class"));
		return;
	}
	if (why) cause_parse(slice_str(why), &cause);
	const char *title = why ? cause_words(cause, slice_str(member(answer, "detail"))) : "nothing failed";
	const char *means = member(answer, "means");
	printf("%s: %s%s\n", file, json_is_true(json_object_get(answer, "forwarded")) ? "a bounce in a message: " : "",
	       title);
	say("recipient", member(answer, "recipient"));
	print_hop(answer);
	say_reply(member(answer, "reply"));
	if (means && strcasecmp(means, title) != 0) say("meaning", means);
	print_list(json_object_get(answer, "blocklist"), asked);
	if (who && actor_parse(slice_str(who), &actor)) say("who acts", actor_words(actor));
	say("what to do", member(answer, "advice"));
	say("note", member(answer, "note"));
	print_recipients(answer, member(answer, "recipient"));
	json_array_foreach(json_object_get(answer, "links"), i, link) say(i ? "and" : "see", json_string_value(link));
	print_original(json_object_get(answer, "original"));
	snprintf(sure, sizeof sure, "%.0f %%", json_real_value(json_object_get(answer, "confidence")) * 100);
	say("sure", sure);
}
