/* SPDX-License-Identifier: Apache-2.0 */
#include "base/filereplace.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

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

enum error file_replace(const char *path, mode_t mode, struct slice content)
{
	char made[PATH_MAX];
	if ((size_t)snprintf(made, sizeof made, "%s.new", path) >= sizeof made) return ERR_LIMIT;
	int fd = open(made, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0) return error_from_errno(errno);
	enum error e = fchmod(fd, mode) < 0 ? error_from_errno(errno) : write_all(fd, content);
	close(fd);
	if (e == ERR_OK && rename(made, path) < 0) e = error_from_errno(errno);
	if (e != ERR_OK) unlink(made);
	return e;
}
