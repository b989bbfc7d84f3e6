/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox - see sandbox.h
 *
 * Landlock is called by number, because neither Debian 12's libc nor its kernel headers know the versions that current kernels
 * have: rights that a kernel does not handle are left out by its ABI version.
 */
#include "base/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <pwd.h>
#include <sched.h>
#include <seccomp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "base/sandbox_syscalls.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

static char summary[160] = "none";

const char *sandbox_summary(void)
{
	return summary;
}

static void summary_add(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void summary_add(const char *format, ...)
{
	size_t used = strlen(summary);
	if (used && used + 1 < sizeof summary) summary[used++] = ' ';
	va_list args;
	va_start(args, format);
	vsnprintf(summary + used, sizeof summary - used, format, args);
	va_end(args);
}

static enum error fail(char why[256], const char *what, int number)
{
	snprintf(why, 256, "%.180s: %s", what, strerror(number));
	enum error e = error_from_errno(number);
	return e == ERR_OK ? ERR_SYSTEM : e;
}

/* ---- user and capabilities ------------------------------------------------------------------------------------------------- */

static enum error find_user(const char *user, uid_t *uid, gid_t *gid, char why[256])
{
	errno = 0;
	struct passwd *pw = getpwnam(user);
	if (!pw) {
		snprintf(why, 256, "user %s: %s", user,
		         errno ? strerror(errno) : "there is no such user on this system");
		return ERR_NOT_FOUND;
	}
	*uid = pw->pw_uid;
	*gid = pw->pw_gid;
	return ERR_OK;
}

/* The bounding set must go while the right to change it is still there. */
static void drop_bounding_set(void)
{
	for (unsigned long c = 0; prctl(PR_CAPBSET_READ, c, 0, 0, 0) >= 0; c++) prctl(PR_CAPBSET_DROP, c, 0, 0, 0);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

static enum error drop_user(const char *user, char why[256])
{
	uid_t uid;
	gid_t gid;
	enum error e = find_user(user, &uid, &gid, why);
	if (e != ERR_OK) return e;
	if (initgroups(user, gid) < 0) return fail(why, "initgroups", errno);
	if (setresgid(gid, gid, gid) < 0) return fail(why, "setresgid", errno);
	if (setresuid(uid, uid, uid) < 0) return fail(why, "setresuid", errno);
	if (uid != 0 && setuid(0) == 0) {
		snprintf(why, 256, "user %s could become root again", user);
		return ERR_PERMISSION;
	}
	summary_add("user=%s", user);
	return ERR_OK;
}

static enum error drop_capabilities(char why[256])
{
	cap_t none = cap_init();
	if (!none) return fail(why, "capabilities", errno);
	int failed = cap_set_proc(none);
	int number = errno;
	cap_free(none);
	return failed ? fail(why, "capabilities", number) : ERR_OK;
}

/* ---- Landlock -------------------------------------------------------------------------------------------------------------- */

/* linux/landlock.h as of ABI 6. */
struct ruleset {
	uint64_t handled_access_fs;
	uint64_t handled_access_net; /* ABI 4 */
	uint64_t scoped;             /* ABI 6 */
};
#define FS_EXECUTE    (1ULL << 0)
#define FS_WRITE_FILE (1ULL << 1)
#define FS_READ_FILE  (1ULL << 2)
#define FS_READ_DIR   (1ULL << 3)
#define FS_REMOVE_DIR (1ULL << 4)
#define FS_REMOVE     (1ULL << 5)
#define FS_MAKE_DIR   (1ULL << 7)
#define FS_MAKE_REG   (1ULL << 8)
#define FS_MAKE_SOCK  (1ULL << 9)
#define FS_ALL_V1     ((1ULL << 13) - 1)
#define FS_REFER      (1ULL << 13) /* ABI 2 */
#define FS_TRUNCATE   (1ULL << 14) /* ABI 3 */
#define FS_IOCTL_DEV  (1ULL << 15) /* ABI 5 */
#define NET_BIND      (1ULL << 0)
#define NET_CONNECT   (1ULL << 1)
#define SCOPE_ALL     3ULL /* abstract sockets and signals of others */

#define FILE_RIGHTS (FS_READ_FILE | FS_WRITE_FILE | FS_TRUNCATE | FS_EXECUTE | FS_IOCTL_DEV)
#define READ_RIGHTS (FS_READ_FILE | FS_READ_DIR)
#define WRITE_RIGHTS                                                                                                   \
	(READ_RIGHTS | FS_WRITE_FILE | FS_TRUNCATE | FS_REMOVE_DIR | FS_REMOVE | FS_MAKE_DIR | FS_MAKE_REG |           \
	 FS_MAKE_SOCK | FS_REFER)

static struct ruleset ruleset_of(int abi, enum sandbox_class syscalls, size_t *size)
{
	struct ruleset r = {.handled_access_fs = FS_ALL_V1};
	if (abi >= 2) r.handled_access_fs |= FS_REFER;
	if (abi >= 3) r.handled_access_fs |= FS_TRUNCATE;
	if (abi >= 5) r.handled_access_fs |= FS_IOCTL_DEV;
	if (abi >= 4 && syscalls == SANDBOX_NETWORK_SERVER) r.handled_access_net = NET_BIND | NET_CONNECT;
	if (abi >= 6) r.scoped = SCOPE_ALL;
	*size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
	return r;
}

static enum error allow_path(int ruleset, const char *path, uint64_t rights, char why[256])
{
	int fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0) return errno == ENOENT || errno == ENOTDIR ? ERR_OK : fail(why, path, errno);
	struct stat st;
	if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode)) rights &= FILE_RIGHTS;
	struct landlock_path_beneath_attr rule = {.allowed_access = rights, .parent_fd = fd};
	long failed = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	int number = errno;
	close(fd);
	return failed ? fail(why, path, number) : ERR_OK;
}

static enum error allow_paths(int ruleset, const char *const *paths, uint64_t rights, char why[256])
{
	enum error e = ERR_OK;
	for (; paths && *paths && e == ERR_OK; paths++) e = allow_path(ruleset, *paths, rights, why);
	return e;
}

static enum error landlock(const struct sandbox *box, char why[256])
{
	int abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (abi < 1) {
		log_text(LOG_WARNING, "sandbox",
		         "this kernel has no Landlock (%s): files are kept by user rights alone", strerror(errno));
		return ERR_OK;
	}
	size_t size;
	struct ruleset r = ruleset_of(abi, box->syscalls, &size);
	int fd = (int)syscall(SYS_landlock_create_ruleset, &r, size, 0);
	if (fd < 0) return fail(why, "Landlock", errno);
	enum error e = allow_paths(fd, box->read_paths, READ_RIGHTS & r.handled_access_fs, why);
	if (e == ERR_OK) e = allow_paths(fd, box->write_paths, WRITE_RIGHTS & r.handled_access_fs, why);
	if (e == ERR_OK && syscall(SYS_landlock_restrict_self, fd, 0) < 0) e = fail(why, "Landlock", errno);
	close(fd);
	if (e == ERR_OK) summary_add("landlock=%d", abi);
	return e;
}

/* ---- seccomp --------------------------------------------------------------------------------------------------------------- */

static const char *const allowed[] = {
#define X(name) name,
	SANDBOX_ALLOWED(X) NULL};
static const char *const allowed_client[] = {SANDBOX_ALLOWED_CLIENT(X) NULL};
static const char *const deadly[] = {SANDBOX_DEADLY(X) NULL};
static const char *const sanitizer[] = {SANDBOX_SANITIZER(X) NULL};
#undef X

static bool listed(const char *const *names, const char *name)
{
	for (; *names; names++)
		if (strcmp(*names, name) == 0) return true;
	return false;
}

/* 0 or a negative errno. Calls this architecture does not have are fine. */
static int add_all(scmp_filter_ctx filter, uint32_t action, const char *const *names, const char *const *but)
{
	int failed = 0;
	for (; *names && !failed; names++) {
		int number = seccomp_syscall_resolve_name(*names);
		if (number == __NR_SCMP_ERROR || (but && listed(but, *names))) continue;
		failed = seccomp_rule_add(filter, action, number, 0);
		if (failed == -EDOM) failed = 0;
	}
	return failed;
}

static int add_threads(scmp_filter_ctx filter)
{
	/* clone3() hides its flags from a filter; without it the C library uses clone(), where they can be seen. */
	int failed = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	if (SANITIZED || failed) return failed;
	failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
	                          SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
	/* abort() and raise(): to ourselves only. */
	if (!failed)
		failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
		                          SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
	return failed;
}

static int add_sockets_and_ioctls(scmp_filter_ctx filter, enum sandbox_class class)
{
	static const int families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};
	size_t count = class == SANDBOX_NO_NETWORK ? 1 : sizeof families / sizeof *families;
	static const unsigned long requests[] = {FIONBIO, FIONREAD, FIOCLEX, FIONCLEX, TCGETS, TIOCGWINSZ};
	int failed = 0;
	for (size_t i = 0; i < count && !failed; i++)
		failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
		                          SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i]));
	for (size_t i = 0; i < sizeof requests / sizeof *requests && !failed; i++)
		failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
		                          SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffffu, requests[i]));
	return failed;
}

static int seccomp_rules(scmp_filter_ctx filter, enum sandbox_class class)
{
	/* Logging and threads that may be there already are wishes: old kernels have neither. */
	seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
	seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE,
	                 2); /* a binary tree: the list is long and the calls are many */
	int failed = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (!failed) failed = add_all(filter, SCMP_ACT_ALLOW, allowed, NULL);
	if (!failed && class == SANDBOX_NETWORK_CLIENT) failed = add_all(filter, SCMP_ACT_ALLOW, allowed_client, NULL);
	if (!failed) failed = add_all(filter, SCMP_ACT_KILL_PROCESS, deadly, SANITIZED ? sanitizer : NULL);
	if (!failed && SANITIZED) failed = add_all(filter, SCMP_ACT_ALLOW, sanitizer, NULL);
	if (!failed) failed = add_threads(filter);
	if (!failed) failed = add_sockets_and_ioctls(filter, class);
	return failed;
}

static enum error seccomp_enter(enum sandbox_class class, char why[256])
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	if (!filter) return fail(why, "seccomp", ENOMEM);
	int failed = seccomp_rules(filter, class);
	if (!failed) failed = seccomp_load(filter);
	seccomp_release(filter);
	if (failed) return fail(why, "seccomp", -failed);
	summary_add("seccomp");
	return ERR_OK;
}

/* ---- the recipe -------------------------------------------------------------------------------------------------------------- */

enum error sandbox_enter(const struct sandbox *box, char why[256])
{
	why[0] = summary[0] = '\0';
	bool root = geteuid() == 0;
	if (root) drop_bounding_set();
	if (root && box->user) {
		enum error e = drop_user(box->user, why);
		if (e != ERR_OK) return e;
	}
	enum error e = drop_capabilities(why);
	if (e != ERR_OK) return e;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return fail(why, "no_new_privs", errno);
	summary_add("no_new_privs");
	e = landlock(box, why);
	if (e == ERR_OK) e = seccomp_enter(box->syscalls, why);
	return e;
}

static enum error make_parents(const char *path, char why[256])
{
	char parent[1100];
	if (snprintf(parent, sizeof parent, "%s", path) >= (int)sizeof parent) return fail(why, path, ENAMETOOLONG);
	for (char *slash = strchr(parent + 1, '/'); slash && slash[1]; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(parent, 0755) < 0 && errno != EEXIST) return fail(why, parent, errno);
		*slash = '/';
	}
	return ERR_OK;
}

enum error sandbox_make_folder(const char *path, const char *user, unsigned mode, char why[256])
{
	why[0] = '\0';
	uid_t uid = (uid_t)-1;
	gid_t gid = (gid_t)-1;
	bool root = geteuid() == 0;
	enum error e = root && user ? find_user(user, &uid, &gid, why) : ERR_OK;
	if (e == ERR_OK) e = make_parents(path, why);
	if (e != ERR_OK) return e;
	bool made = mkdir(path, mode) == 0;
	if (!made && errno != EEXIST) return fail(why, path, errno);
	/* Through a descriptor that follows no link: the folder may already belong to somebody who could put one there. */
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (made ? O_NOFOLLOW : 0));
	if (fd < 0) return fail(why, path, errno);
	struct stat st;
	if (fstat(fd, &st) < 0) e = fail(why, path, errno);
	if (e == ERR_OK && root && user && (st.st_uid != uid || st.st_gid != gid) && fchown(fd, uid, gid) < 0)
		e = fail(why, path, errno);
	if (e == ERR_OK && made && fchmod(fd, mode) < 0) e = fail(why, path, errno);
	close(fd);
	return e;
}
