/* SPDX-License-Identifier: Apache-2.0 */
/*
 * password - from a password to what is stored
 *
 * Hashes are crypt(5) strings, new ones yescrypt with the system's cost. One thread.
 */
#ifndef BACKSTOP_CLI_PASSWORD_H
#define BACKSTOP_CLI_PASSWORD_H

#include <stdbool.h>

/* "$y$j9T$...": a setting of a method that this system's crypt knows, with a hash behind it. */
bool password_is_hash(const char *text);
/* A malloc'ed hash; NULL when there is no memory or randomness. */
char *password_hash(const char *password);
/* Asks on the terminal, twice and unseen, or takes a line from standard input. malloc'ed; NULL, having complained, when
 * there is none or the two differ. */
char *password_read(const char *user);

#endif
