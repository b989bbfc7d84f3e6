/* SPDX-License-Identifier: Apache-2.0 */
/* For LD_PRELOAD: while the file $READ_ONLY_FLAG exists, regular files answer writes as a read-only file system does. A disk
 * whose files are open cannot be remounted, but it does turn read-only by itself when it fails; this stands for that. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static int refused(int fd)
{
	struct stat st;
	const char *flag = getenv("READ_ONLY_FLAG");
	if (!flag || fd < 3 || fstat(fd, &st) || !S_ISREG(st.st_mode) || access(flag, F_OK)) return 0;
	errno = EROFS;
	return 1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
	return refused(fd) ? -1 : REAL(pwrite)(fd, p, n, at);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off64_t at)
{
	return refused(fd) ? -1 : REAL(pwrite64)(fd, p, n, at);
}

ssize_t writev(int fd, const struct iovec *v, int n)
{
	return refused(fd) ? -1 : REAL(writev)(fd, v, n);
}

ssize_t pwritev(int fd, const struct iovec *v, int n, off_t at)
{
	return refused(fd) ? -1 : REAL(pwritev)(fd, v, n, at);
}

ssize_t pwritev64(int fd, const struct iovec *v, int n, off64_t at)
{
	return refused(fd) ? -1 : REAL(pwritev64)(fd, v, n, at);
}
