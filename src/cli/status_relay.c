/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/status_relay.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/notice.h"
#include "cli/cli.h"
#include "cli/format.h"

#define TEXT_MOST 2048

json_t *status_relay_notice(const struct config *c, const char *topic)
{
	char *text;
	enum error e = notice_read(c->run_dir, "relay", topic, &text);
	if (e == ERR_NOT_FOUND) return NULL;
	json_t *said = e == ERR_OK ? json_loads(text, 0, NULL) : NULL;
	if (!said)
		cli_complain("%s/relay.%s: %s", c->run_dir, topic,
		             e == ERR_OK ? "not what was expected" : error_text(e));
	free(text);
	return said;
}

/* A text of the object as a terminal may have it; NULL: there is none. */
static const char *text_of(const json_t *o, const char *name, char out[TEXT_MOST])
{
	const char *text = json_string_value(json_object_get(o, name));
	return text ? format_safe(slice_str(text), out, TEXT_MOST) : NULL;
}

static const char *ago(const json_t *o, const char *name, char out[FORMAT_SPAN_SIZE])
{
	return format_span(clock_unix() - json_integer_value(json_object_get(o, name)), out);
}

static void print_chapter(const char *name, const json_t *o)
{
	char file[TEXT_MOST], detail[TEXT_MOST], refused[TEXT_MOST], span[FORMAT_SPAN_SIZE];
	const char *from = text_of(o, "file", file), *revision = text_of(o, "revision", detail);
	const char *why = text_of(o, "refused", refused);
	if (json_is_null(json_object_get(o, "loaded")))
		printf("%s: none could be loaded", name);
	else
		printf("%s: %s%s%s, loaded %s ago", name, revision ? revision : "", revision ? ", " : "",
		       from ? from : "built in", ago(o, "loaded", span));
	puts("");
	if (why) printf("  refused %s ago: %s\n", ago(o, "refused_at", span), why);
}

void status_relay_print_rules(const json_t *rules)
{
	if (!rules) return;
	print_chapter("rules", json_object_get(rules, "rules"));
	print_chapter("knowledge", json_object_get(rules, "knowledge"));
}

void status_relay_print_storms(const json_t *storms)
{
	size_t i;
	const json_t *o;
	if (!storms) return;
	printf("storms: %zu forged campaigns last\n", json_array_size(storms));
	json_array_foreach((json_t *)storms, i, o)
	{
		char against[TEXT_MOST], span[FORMAT_SPAN_SIZE];
		printf("  against %s, for %s: %lld answers held, %lld suspect and %lld proven of late\n",
		       text_of(o, "against", against), ago(o, "since", span),
		       (long long)json_integer_value(json_object_get(o, "held")),
		       (long long)json_integer_value(json_object_get(o, "suspects")),
		       (long long)json_integer_value(json_object_get(o, "proven")));
	}
}
