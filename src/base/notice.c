/* SPDX-License-Identifier: Apache-2.0 */
#include "base/notice.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/filereplace.h"

static bool file_name(char out[PATH_MAX], const char *run_dir, const char *service, const char *topic)
{
	int n = snprintf(out, PATH_MAX, "%s/%s.%s", run_dir, service, topic);
	return n > 0 && n < PATH_MAX;
}

enum error notice_write(const char *run_dir, const char *service, const char *topic, struct slice text)
{
	char name[PATH_MAX];
	if (text.n > NOTICE_MOST) return ERR_LIMIT;
	if (!file_name(name, run_dir, service, topic)) return ERR_INVALID;
	return file_replace(name, 0644, text);
}

enum error notice_read(const char *run_dir, const char *service, const char *topic, char **out)
{
	char name[PATH_MAX];
	*out = NULL;
	if (!file_name(name, run_dir, service, topic)) return ERR_INVALID;
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) return error_from_errno(errno);
	char *text = malloc(NOTICE_MOST + 1);
	size_t n = 0;
	enum error e = text ? ERR_OK : ERR_NO_MEMORY;
	while (e == ERR_OK && n < NOTICE_MOST) {
		ssize_t got = read(fd, text + n, NOTICE_MOST - n);
		if (got < 0 && errno == EINTR) continue;
		if (got < 0) e = error_from_errno(errno);
		if (got <= 0) break;
		n += (size_t)got;
	}
	close(fd);
	if (e != ERR_OK) {
		free(text);
		return e;
	}
	text[n] = '\0';
	*out = text;
	return ERR_OK;
}
