/* SPDX-License-Identifier: Apache-2.0 */
#include "store/db_files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MODE   0640
#define FOLDER_MODE 0750

static enum error fail(char why[256], const char *path, int e)
{
	snprintf(why, 256, "%s: %s", path, strerror(e));
	return error_from_errno(e);
}

static int sync_folder(int fd)
{
	/* Some file systems cannot sync a folder and say EINVAL; they have nothing to lose by it. */
	return fsync(fd) && errno != EINVAL && errno != EROFS ? -1 : 0;
}

/* The owner of what root makes is the owner of the folder it is made in. */
static int give_to_owner(int folder, int fd)
{
	struct stat of, made;
	if (geteuid() != 0) return 0;
	if (fstat(folder, &of) || fstat(fd, &made)) return -1;
	if (of.st_uid == made.st_uid && of.st_gid == made.st_gid) return 0; /* a service may not chown at all */
	return fchown(fd, of.st_uid, of.st_gid);
}

static int open_folder(const char *path)
{
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Makes NAME in the open folder and returns it open; -1 with errno. */
static int make_folder_at(int parent, const char *name)
{
	bool made = mkdirat(parent, name, FOLDER_MODE) == 0;
	if (!made && errno != EEXIST) return -1;
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0) return -1;
	if (made && (fchmod(fd, FOLDER_MODE) || give_to_owner(parent, fd) || sync_folder(parent))) {
		int e = errno;
		close(fd);
		errno = e;
		return -1;
	}
	return fd;
}

static enum error make_state_dir(const char *path, char why[256])
{
	struct stat st;
	if (stat(path, &st) == 0) return S_ISDIR(st.st_mode) ? ERR_OK : fail(why, path, ENOTDIR);
	if (mkdir(path, FOLDER_MODE) && errno != EEXIST) return fail(why, path, errno);
	return ERR_OK;
}

/* LMDB takes an empty file for a new one, so both files can be made here with their owner. */
static int make_file_at(int folder, const char *name)
{
	int fd = openat(folder, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	if (fd >= 0) {
		int rc = fchmod(fd, FILE_MODE) || give_to_owner(folder, fd) ? -1 : 0;
		int e = errno;
		close(fd);
		errno = e;
		return rc;
	}
	if (errno != EEXIST) return -1;
	struct stat st;
	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW)) return -1;
	errno = ELOOP; /* root must not be led elsewhere by whoever owns the folder */
	return S_ISREG(st.st_mode) ? 0 : -1;
}

enum error db_files_make_folder(const char *parent, const char *name, char why[256])
{
	int up = open_folder(parent);
	if (up < 0) return fail(why, parent, errno);
	int fd = make_folder_at(up, name);
	int e = errno;
	close(up);
	if (fd < 0) {
		snprintf(why, 256, "%s/%s: %s", parent, name, strerror(e));
		return error_from_errno(e);
	}
	close(fd);
	return ERR_OK;
}

enum error db_files_prepare(const char *state_dir, const char *name, char why[256])
{
	enum error err = make_state_dir(state_dir, why);
	if (err) return err;
	int up = open_folder(state_dir);
	if (up < 0) return fail(why, state_dir, errno);
	int fd = make_folder_at(up, name);
	int rc = fd < 0 ? -1 : 0;
	if (!rc) rc = make_file_at(fd, "data.mdb");
	if (!rc) rc = make_file_at(fd, "lock.mdb");
	if (!rc) rc = make_file_at(fd, "changes");
	if (!rc) rc = sync_folder(fd);
	int e = errno;
	if (fd >= 0) close(fd);
	close(up);
	if (!rc) return ERR_OK;
	snprintf(why, 256, "%s/%s: %s", state_dir, name, strerror(e));
	return error_from_errno(e);
}

static size_t read_text(int fd, char *buf, size_t n)
{
	ssize_t got = pread(fd, buf, n - 1, 0);
	buf[got > 0 ? got : 0] = '\0';
	return got > 0 ? (size_t)got : 0;
}

static bool boot_id(char out[64])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	if (fd < 0) return false;
	size_t n = read_text(fd, out, 64);
	close(fd);
	return n > 0;
}

enum error db_files_check_boot(const char *folder, char why[256])
{
	char now[64], before[64];
	if (!boot_id(now)) return ERR_OK; /* without /proc the ledger is kept: what it says is only a hint */
	int dir = open_folder(folder);
	if (dir < 0) return fail(why, folder, errno);
	int fd = openat(dir, "boot", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	int rc = fd < 0 || flock(fd, LOCK_EX) || give_to_owner(dir, fd) ? -1 : 0;
	if (!rc && read_text(fd, before, sizeof before) > 0 && strcmp(before, now) != 0) {
		/* Nobody of this boot has it open, or the note would name this boot. */
		int data = openat(dir, "data.mdb", O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOFOLLOW);
		if (data >= 0) close(data);
	}
	size_t n = strlen(now);
	if (!rc &&
	    (pwrite(fd, now, n, 0) != (ssize_t)n || ftruncate(fd, (off_t)n) || fdatasync(fd) || sync_folder(dir)))
		rc = -1;
	int e = errno;
	if (fd >= 0) close(fd);
	close(dir);
	return rc ? fail(why, folder, e) : ERR_OK;
}

void db_files_clean_close(const char *folder)
{
	char path[PATH_MAX];
	if (snprintf(path, sizeof path, "%s/boot", folder) < (int)sizeof path) unlink(path);
}
