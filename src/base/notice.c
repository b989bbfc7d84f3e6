/* SPDX-License-Identifier: Apache-2.0 */
#include "base/notice.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool file_name(char out[PATH_MAX], const char *run_dir, const char *service, const char *topic,
                      const char *suffix)
{
	int n = snprintf(out, PATH_MAX, "%s/%s.%s%s", run_dir, service, topic, suffix);
	return n > 0 && n < PATH_MAX;
}

static enum error write_all(int fd, struct slice text)
{
	while (text.n) {
		ssize_t n = write(fd, text.p, text.n);
		if (n < 0 && errno == EINTR) continue;
		if (n < 0) return error_from_errno(errno);
		text = slice_sub(text, (size_t)n, text.n);
	}
	return ERR_OK;
}

enum error notice_write(const char *run_dir, const char *service, const char *topic, struct slice text)
{
	char made[PATH_MAX], name[PATH_MAX];
	if (text.n > NOTICE_MOST) return ERR_LIMIT;
	if (!file_name(made, run_dir, service, topic, ".new") || !file_name(name, run_dir, service, topic, ""))
		return ERR_INVALID;
	int fd = open(made, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0) return error_from_errno(errno);
	enum error e = fchmod(fd, 0644) < 0 ? error_from_errno(errno) : write_all(fd, text);
	close(fd);
	if (e == ERR_OK && rename(made, name) < 0) e = error_from_errno(errno);
	if (e != ERR_OK) unlink(made);
	return e;
}

enum error notice_read(const char *run_dir, const char *service, const char *topic, char **out)
{
	char name[PATH_MAX];
	*out = NULL;
	if (!file_name(name, run_dir, service, topic, "")) return ERR_INVALID;
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
