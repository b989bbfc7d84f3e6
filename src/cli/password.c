/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/password.h"

#include <crypt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cli/cli.h"

#define LONGEST 511 /* of crypt(3), less its NUL */

bool password_is_hash(const char *text)
{
	if (text[0] != '$') return false; /* DES hashes cannot be told from passwords, and are not worth storing */
	int known = crypt_checksalt(text);
	return (known == CRYPT_SALT_OK || known == CRYPT_SALT_METHOD_LEGACY || known == CRYPT_SALT_TOO_CHEAP) &&
	       strlen(strrchr(text, '$') + 1) >= 22; /* an MD5 hash has that many characters, others have more */
}

char *password_hash(const char *password)
{
	struct crypt_data *data = calloc(1, sizeof *data);
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];
	char *hash = NULL;
	if (data && crypt_gensalt_rn("$y$", 0, NULL, 0, setting, sizeof setting)) {
		hash = crypt_rn(password, setting, data, sizeof *data);
		if (hash) hash = strdup(hash);
	}
	if (data) explicit_bzero(data, sizeof *data);
	free(data);
	return hash;
}

static char *read_line(void)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t n = getline(&line, &room, stdin);
	while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r')) line[--n] = '\0';
	if (n > 0 && n <= LONGEST && strlen(line) == (size_t)n) return line;
	free(line);
	return NULL;
}

static char *ask(const char *prompt, const char *user)
{
	struct termios before, quiet;
	if (prompt[0]) fprintf(stderr, "%s password for %s: ", prompt, user);
	bool terminal = tcgetattr(STDIN_FILENO, &before) == 0;
	if (terminal) {
		quiet = before;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	}
	char *line = read_line();
	if (terminal) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
		fputc('\n', stderr);
	}
	return line;
}

char *password_read(const char *user)
{
	bool terminal = isatty(STDIN_FILENO);
	char *first = ask(terminal ? "New" : "", user);
	if (!first) {
		cli_complain("a password of 1 to %d octets for %s is expected on standard input", LONGEST, user);
		return NULL;
	}
	if (!terminal) return first;
	char *second = ask("Again the", user);
	bool same = second && strcmp(first, second) == 0;
	if (second) explicit_bzero(second, strlen(second));
	free(second);
	if (same) return first;
	cli_complain("the two passwords differ");
	explicit_bzero(first, strlen(first));
	free(first);
	return NULL;
}
