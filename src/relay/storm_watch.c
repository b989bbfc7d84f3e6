/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/storm_watch.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fiber.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/notice.h"

#define EVERY_MS 1000
#define SHOWN    100

void storm_watch_begun(const struct storm_event *e)
{
	metric_add(METRIC_storms, 1);
	metric_add(METRIC_storms_open, 1);
	log_begin(LOG_WARNING, "storm-begin");
	log_str("against", e->against);
	log_str("kind", e->domain ? "domain" : "address");
	log_uint("suspects", e->suspects);
	log_uint("proven", e->proven);
	log_end();
}

static void log_end_of(const struct storm_event *e, int64_t now)
{
	metric_add(METRIC_storms_open, -1);
	log_begin(LOG_INFO, "storm-end");
	log_str("against", e->against);
	log_str("kind", e->domain ? "domain" : "address");
	log_uint("held", e->held);
	log_int("seconds", (now - e->since) / 1000);
	log_end();
}

static json_t *event_json(const struct storm_event *e, int64_t now)
{
	json_t *against = json_string(e->against);
	return json_pack("{sosssIsIsIsI}", "against", against ? against : json_string("?"), "kind",
	                 e->domain ? "domain" : "address", "since",
	                 (json_int_t)(clock_unix() - (now - e->since) / 1000), "held", (json_int_t)e->held, "suspects",
	                 (json_int_t)e->suspects, "proven", (json_int_t)e->proven);
}

static void show(const struct storm_watch *w, int64_t now)
{
	struct storm_event *events = calloc(SHOWN, sizeof *events);
	size_t all = events ? storm_list(w->storms, now, events, SHOWN) : 0;
	json_t *list = json_array();
	for (size_t i = 0; i < all && i < SHOWN; i++) json_array_append_new(list, event_json(&events[i], now));
	char *text = json_dumps(list, JSON_COMPACT);
	enum error e = text ? notice_write(w->run_dir, "relay", "storms", slice_str(text)) : ERR_NO_MEMORY;
	if (e) log_text(LOG_WARNING, "notice", "run-dir: storms: %s; status will not show them", error_text(e));
	json_decref(list);
	free(text);
	free(events);
}

void storm_watch_run(void *storm_watch)
{
	const struct storm_watch *w = storm_watch;
	struct storm_event ended;
	uint64_t shown = UINT64_MAX;
	do {
		int64_t now = clock_now_ms();
		while (storm_end_next(w->storms, now, &ended)) log_end_of(&ended, now);
		uint64_t changes = storm_changes(w->storms);
		if (changes != shown) show(w, now);
		shown = changes;
	} while (fiber_sleep(clock_deadline(EVERY_MS)) == ERR_OK);
}
