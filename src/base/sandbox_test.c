/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A child process enters the sandbox and tries things; its parent looks at how it ended. Each row is one thing: allowed (the child
 * says 0), refused (the child sees the error it expects), or deadly (the child is killed by SIGSYS).
 */
#include "base/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/endpoint.h"

static char folder[40];  /* may be written */
static char outside[64]; /* may not be seen */
static char reading[64]; /* may be read */
static int listening = -1;
static struct sockaddr_storage listening_at;
static socklen_t listening_length;

static int result(bool good)
{
	return good ? 0 : errno ? errno : 255;
}

/* ---- things to try: 0 or the errno ---------------------------------------------------------------------------------------- */

static int write_in_folder(void)
{
	char a[96], b[96];
	snprintf(a, sizeof a, "%s/a", folder);
	snprintf(b, sizeof b, "%s/b", folder);
	int fd = open(a, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0) return errno;
	bool good = write(fd, "x", 1) == 1 && fdatasync(fd) == 0 && ftruncate(fd, 8192) == 0 && flock(fd, LOCK_EX) == 0;
	struct flock lock = {.l_type = F_WRLCK};
	good = good && fcntl(fd, F_SETLK, &lock) == 0;
	char *map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	good = good && map != MAP_FAILED && msync(map, 8192, MS_SYNC) == 0 && munmap(map, 8192) == 0;
	return result(good && rename(a, b) == 0 && unlink(b) == 0 && close(fd) == 0);
}

static int link_temporary_file(void)
{
	char from[64], to[96];
	snprintf(to, sizeof to, "%s/sub", folder);
	mkdir(to, 0700);
	int fd = open(folder, O_TMPFILE | O_RDWR, 0600);
	if (fd < 0) return errno;
	snprintf(from, sizeof from, "/proc/self/fd/%d", fd);
	snprintf(to, sizeof to, "%s/sub/linked", folder);
	bool good = write(fd, "x", 1) == 1 && linkat(AT_FDCWD, from, AT_FDCWD, to, AT_SYMLINK_FOLLOW) == 0;
	return result(good && unlink(to) == 0);
}

static int read_what_is_named(void)
{
	char buf[8];
	int fd = open(reading, O_RDONLY);
	return result(fd >= 0 && read(fd, buf, sizeof buf) == 4);
}

static int write_what_may_be_read(void)
{
	return result(open(reading, O_WRONLY) >= 0);
}

static int read_outside(void)
{
	return result(open(outside, O_RDONLY) >= 0);
}

static int read_shadow(void)
{
	return result(open("/etc/shadow", O_RDONLY) >= 0);
}

static int make_device(void)
{
	char path[96];
	snprintf(path, sizeof path, "%s/dev", folder);
	return result(symlink("/etc/shadow", path) == 0);
}

static void *thread_main(void *arg)
{
	return malloc(100);
}

static int threads_and_polling(void)
{
	pthread_t thread;
	void *memory = NULL;
	errno = pthread_create(&thread, NULL, thread_main, NULL);
	if (errno || pthread_join(thread, &memory)) return result(false);
	free(memory);
	int poll = epoll_create1(EPOLL_CLOEXEC), event = eventfd(0, EFD_NONBLOCK);
	struct epoll_event ev = {.events = EPOLLIN};
	char bytes[8];
	return result(poll >= 0 && event >= 0 && epoll_ctl(poll, EPOLL_CTL_ADD, event, &ev) == 0 &&
	              epoll_wait(poll, &ev, 1, 1) == 0 && getrandom(bytes, 8, 0) == 8 &&
	              prctl(PR_SET_NAME, "name", 0, 0, 0) == 0);
}

static int accept_one(void)
{
	errno = 0;
	int flags = fcntl(listening, F_GETFL);
	fcntl(listening, F_SETFL, flags | O_NONBLOCK);
	int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
	return result(fd >= 0 || errno == EAGAIN);
}

static int connect_out(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in any = {.sin_family = AF_INET};
	if (bind(fd, (struct sockaddr *)&any, sizeof any) < 0) return errno;
	return result(fd >= 0 && connect(fd, (struct sockaddr *)&listening_at, listening_length) == 0);
}

static int network_socket(void)
{
	return result(socket(AF_INET6, SOCK_DGRAM, 0) >= 0 || socket(AF_INET, SOCK_STREAM, 0) >= 0);
}

static int packet_socket(void)
{
	return result(socket(AF_PACKET, SOCK_RAW, 0) >= 0);
}

static int signal_parent(void)
{
	return result(kill(getppid(), 0) == 0);
}

static int become_root(void)
{
	return result(setuid(0) == 0);
}

static int execute(void)
{
	char *none[] = {NULL};
	return result(execve("/bin/true", none, none) == 0);
}

static int new_process(void)
{
	pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (pid == 0) _exit(0);
	return result(pid > 0);
}

static int trace(void)
{
	return result(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == 0);
}

static int do_mount(void)
{
	return result(mount("none", folder, "tmpfs", 0, NULL) == 0);
}

static int do_unshare(void)
{
	return result(unshare(CLONE_NEWUSER) == 0);
}

/* ---- rows --------------------------------------------------------------------------------------------------------------------- */

#define DEADLY (-SIGSYS)
#define BOTH   -1 /* all classes */

static const struct {
	const char *name;
	int (*attempt)(void);
	int class; /* enum sandbox_class or BOTH */
	int expected;
} rows[] = {
	{"files in its folder", write_in_folder, BOTH, 0},
	{"a temporary file becomes a real one", link_temporary_file, BOTH, 0},
	{"a file it may read", read_what_is_named, BOTH, 0},
	{"but not write", write_what_may_be_read, BOTH, EACCES},
	{"a file elsewhere", read_outside, BOTH, EACCES},
	{"/etc/shadow", read_shadow, BOTH, EACCES},
	{"symbolic links", make_device, BOTH, EPERM},
	{"threads, polling, randomness", threads_and_polling, BOTH, 0},
	{"accepting", accept_one, BOTH, 0},
	{"connecting, for a client", connect_out, SANDBOX_NETWORK_CLIENT, 0},
	{"connecting, for a server", connect_out, SANDBOX_NETWORK_SERVER, EPERM},
	{"a socket of the network, without one", network_socket, SANDBOX_NO_NETWORK, EPERM},
	{"raw packets", packet_socket, BOTH, EPERM},
	{"signals to others", signal_parent, BOTH, EPERM},
	{"becoming root", become_root, BOTH, EPERM},
	{"another program", execute, BOTH, DEADLY},
	{"tracing", trace, BOTH, DEADLY},
	{"mounting", do_mount, BOTH, DEADLY},
	{"a namespace of its own", do_unshare, BOTH, DEADLY},
	{"another process", new_process, BOTH, EPERM},
};

static int try(int (*attempt)(void), enum sandbox_class class)
{
	pid_t pid = fork();
	if (pid == 0) {
		const char *writes[] = {folder, NULL}, *reads[] = {reading, "/nonexistent", NULL};
		struct sandbox box = {.user = geteuid() == 0 ? "nobody" : NULL,
		                      .read_paths = reads,
		                      .write_paths = writes,
		                      .syscalls = class};
		char why[256];
		if (sandbox_enter(&box, why) != ERR_OK) {
			fprintf(stderr, "%s\n", why);
			_exit(254);
		}
		errno = 0;
		_exit(attempt());
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static bool is_sanitized_exception(int (*attempt)(void))
{
#if defined(__SANITIZE_ADDRESS__)
	return attempt == trace || attempt == new_process; /* LeakSanitizer must be able to */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
	return attempt == trace || attempt == new_process;
#endif
#endif
	return false;
}

static void test_rows(void **state)
{
	bool landlock = syscall(444 /* landlock_create_ruleset */, NULL, 0, 1) > 0;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (int class = SANDBOX_NETWORK_CLIENT; class <= SANDBOX_NO_NETWORK; class ++) {
			if ((rows[i].class != BOTH && rows[i].class != class) ||
			    is_sanitized_exception(rows[i].attempt))
				continue;
			/* Landlock also refuses to bind for a server; without it, or as an ordinary user, files are the user's rights. */
			int got = try(rows[i].attempt, (enum sandbox_class) class);
			if (rows[i].expected == EPERM && got == EACCES) got = EPERM;
			if (!landlock && rows[i].expected == EACCES) continue;
			if (got != rows[i].expected)
				print_error("%s, class %d: expected %d, got %d\n", rows[i].name, class,
				            rows[i].expected, got);
			assert_int_equal(got, rows[i].expected);
		}
}

static void test_summary(void **state)
{
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct sandbox box = {.user = geteuid() == 0 ? "nobody" : NULL};
		char why[256];
		if (sandbox_enter(&box, why) == ERR_OK) dprintf(ends[1], "%s", sandbox_summary());
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	char got[200] = "";
	assert_true(read(ends[0], got, sizeof got - 1) > 0);
	assert_non_null(strstr(got, "no_new_privs"));
	assert_non_null(strstr(got, "seccomp"));
	if (geteuid() == 0) assert_non_null(strstr(got, "user=nobody"));
	close(ends[0]);
	close(ends[1]);
}

static void test_unknown_user(void **state)
{
	if (geteuid() != 0) skip();
	pid_t pid = fork();
	if (pid == 0) {
		struct sandbox box = {.user = "no-such-user"};
		char why[256];
		bool good =
			sandbox_enter(&box, why) == ERR_NOT_FOUND && strstr(why, "no-such-user: there is no such user");
		_exit(good ? 0 : 1);
	}
	int status;
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

static void test_make_folder(void **state)
{
	char path[128], why[256];
	struct stat st;
	snprintf(path, sizeof path, "%s/one/two", folder);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(sandbox_make_folder(path, "nobody", 0750, why), ERR_OK);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0750);
		if (geteuid() == 0) {
			assert_int_equal(st.st_uid, 65534);
			assert_int_equal(chown(path, 0, 0), 0); /* the second round corrects it */
		}
	}
	rmdir(path);
	snprintf(path, sizeof path, "%s/one", folder);
	rmdir(path);
	assert_int_equal(sandbox_make_folder("/proc/no/such", NULL, 0750, why), ERR_NOT_FOUND);
	assert_true(strlen(why) > 0);
}

static void make_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0644);
	assert_int_equal(write(fd, "text", 4), 4);
	close(fd);
}

static int setup(void **state)
{
	snprintf(folder, sizeof folder, "/tmp/sandbox_test.XXXXXX");
	if (!mkdtemp(folder) || chmod(folder, 0777) < 0) return -1;
	snprintf(reading, sizeof reading, "%s.read", folder);
	snprintf(outside, sizeof outside, "%s.outside", folder);
	make_file(reading);
	make_file(outside);
	chmod(reading, 0666);
	struct sockaddr_in loopback = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	listening = socket(AF_INET, SOCK_STREAM, 0);
	listening_length = sizeof listening_at;
	return bind(listening, (struct sockaddr *)&loopback, sizeof loopback) | listen(listening, 16) |
	       getsockname(listening, (struct sockaddr *)&listening_at, &listening_length);
}

static int teardown(void **state)
{
	char path[128];
	snprintf(path, sizeof path, "%s/sub", folder);
	rmdir(path);
	rmdir(folder);
	unlink(reading);
	unlink(outside);
	close(listening);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_summary),
		cmocka_unit_test(test_unknown_user),
		cmocka_unit_test(test_make_folder),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
