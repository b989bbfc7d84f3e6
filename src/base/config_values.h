/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_values - the types of values a configuration may hold, parsed one at a time
 *
 * Private to config. A row says what one option is (config_options.h); config_value_parse() turns the text of one value, for lists
 * of one element, into the binary form of its type and checks its range. Pure but for the arena; any thread.
 */
#ifndef BACKSTOP_BASE_CONFIG_VALUES_H
#define BACKSTOP_BASE_CONFIG_VALUES_H

#include "base/arena.h"
#include "base/config.h"

enum config_type {
	CONFIG_NAME,
	CONFIG_PATH,
	CONFIG_WORD,
	CONFIG_URL,
	CONFIG_MAILBOX,
	CONFIG_CHOICE,
	CONFIG_BOOL,
	CONFIG_NUMBER,
	CONFIG_DURATION,
	CONFIG_SIZE,
	CONFIG_SECRET,
	CONFIG_ENDPOINTS, /* the first list */
	CONFIG_PREFIXES,
	CONFIG_ADDRESSES,
	CONFIG_HOPS,
	CONFIG_SERVERS,
	CONFIG_DURATIONS,
	CONFIG_NAMES,
	CONFIG_ACCESS,
	CONFIG_TARGETS,
	CONFIG_MAILBOXES,
};

struct config_row {
	const char *name;
	enum config_type type;
	ptrdiff_t value, count; /* offsets in the section's struct; negative: not stored */
	const char *preset;     /* the default, as text */
	int64_t least, most;
	const char *help;
};

union config_value {
	const char *text;
	int choice;
	bool truth;
	int64_t number;
	struct endpoint endpoint;
	struct prefix prefix;
	struct ip ip;
	struct config_hop hop;
	struct config_access access;
	struct config_target target;
};

static inline bool config_type_is_list(enum config_type t)
{
	return t >= CONFIG_ENDPOINTS;
}

/* Octets that one value of the type takes in a struct config, or in a list's array. */
size_t config_value_size(enum config_type t);
/* Texts go to the arena. On failure why says what is wrong with the value, without the option's name. */
enum error config_value_parse(const struct config_row *row, struct slice text, struct arena *a, union config_value *out,
                              char why[256]);
/* A secret in base64, its padding complete, of 16 to 512 octets. */
bool config_secret_good(struct slice text);
/* A domain or host name: labels of letters, digits, '-' and '_', at most 63 octets each and 253 in all; lower-cased into out. */
bool config_name_parse(struct slice text, char out[254]);

#endif
