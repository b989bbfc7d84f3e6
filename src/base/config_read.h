/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_read - from the text of a configuration file to the fields of struct config
 *
 * Private to config. Holds the libConfuse schema made from config_options.h, its callbacks, and the walk over what was read. libConfuse's
 * scanner has state of the process, so one text is read at a time, under a lock. Any thread.
 */
#ifndef BACKSTOP_BASE_CONFIG_READ_H
#define BACKSTOP_BASE_CONFIG_READ_H

#include "base/config_values.h"

/* Lines of "FILE:LINE: what is wrong" gathered in a caller's buffer. */
struct config_complaints {
	const char *path;
	char *why; /* CONFIG_WHY octets */
};
/* line 0: not known, left out. More than fit are dropped. */
void config_complain(struct config_complaints *c, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Fills *out, with everything in arena. *tls_line is the line at which the tls section ends, 0 when there is none. On failure there is at
 * least one complaint. text is terminated by NUL and holds no other. */
enum error config_read(const char *text, struct arena *a, struct config *out, int *tls_line,
                       struct config_complaints *complaints);

/* All options of a section, ended by a row without a name; NULL when there is no such section. For tests. */
const struct config_row *config_rows(const char *section);

#endif
