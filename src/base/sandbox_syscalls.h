/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox_syscalls - which system calls a service may make
 *
 * Private to sandbox. Names are resolved when the filter is made: those that an architecture or an older libseccomp does not know are
 * skipped. What is in no list fails with EPERM and is logged by the kernel's audit, so that a library's surprising but harmless call
 * does not take the service down. What no service of ours could ever do by itself kills the process: that is somebody else's code.
 */
#ifndef BACKSTOP_BASE_SANDBOX_SYSCALLS_H
#define BACKSTOP_BASE_SANDBOX_SYSCALLS_H

/* clang-format off */
/* Every service: memory, threads, time, files by descriptor and by path (Landlock says which), polling, sockets. */
#define SANDBOX_ALLOWED(X) \
	/* memory */ \
	X("brk") X("mmap") X("mmap2") X("munmap") X("mremap") X("mprotect") X("madvise") X("msync") X("mincore") X("mlock") X("munlock") \
	X("membarrier") X("memfd_create") X("pkey_mprotect") \
	/* threads and signals; clone() only with CLONE_THREAD, see sandbox.c */ \
	X("futex") X("futex_waitv") X("set_robust_list") X("get_robust_list") X("rseq") X("set_tid_address") X("gettid") X("sched_yield") \
	X("sched_getaffinity") X("sched_setaffinity") X("sched_getparam") X("sched_getscheduler") X("sched_get_priority_max") X("sched_get_priority_min") \
	X("exit") X("exit_group") X("rt_sigaction") X("rt_sigprocmask") X("rt_sigreturn") X("rt_sigpending") X("rt_sigtimedwait") \
	X("sigaltstack") X("signalfd4") X("restart_syscall") X("arch_prctl") X("prctl") X("getcpu") \
	/* who and when */ \
	X("getpid") X("getppid") X("getuid") X("geteuid") X("getgid") X("getegid") X("getresuid") X("getresgid") X("getgroups") X("getpgrp") \
	X("uname") X("sysinfo") X("getrlimit") X("prlimit64") X("getrusage") X("times") X("time") X("gettimeofday") X("capget") \
	X("clock_gettime") X("clock_getres") X("clock_gettime64") X("nanosleep") X("clock_nanosleep") X("clock_nanosleep_time64") \
	X("getrandom") X("timerfd_create") X("timerfd_settime") X("timerfd_gettime") X("setitimer") X("getitimer") \
	/* files */ \
	X("open") X("openat") X("openat2") X("creat") X("close") X("close_range") X("read") X("write") X("readv") X("writev") \
	X("pread64") X("pwrite64") X("preadv") X("pwritev") X("preadv2") X("pwritev2") X("lseek") X("sendfile") X("copy_file_range") X("splice") X("tee") \
	X("dup") X("dup2") X("dup3") X("pipe") X("pipe2") X("fcntl") X("flock") X("fsync") X("fdatasync") X("sync_file_range") X("syncfs") \
	X("fallocate") X("ftruncate") X("truncate") X("fadvise64") X("readahead") X("fchmod") X("fchmodat") X("umask") X("utimensat") \
	X("stat") X("fstat") X("lstat") X("newfstatat") X("statx") X("statfs") X("fstatfs") X("access") X("faccessat") X("faccessat2") \
	X("readlink") X("readlinkat") X("getcwd") X("getdents64") X("getdents") X("mkdir") X("mkdirat") X("rmdir") X("unlink") X("unlinkat") \
	X("rename") X("renameat") X("renameat2") X("link") X("linkat") \
	/* waiting */ \
	X("poll") X("ppoll") X("select") X("pselect6") X("epoll_create") X("epoll_create1") X("epoll_ctl") X("epoll_wait") X("epoll_pwait") X("epoll_pwait2") \
	X("eventfd") X("eventfd2") \
	/* sockets; socket() only of the families in sandbox.c */ \
	X("socketpair") X("bind") X("listen") X("accept") X("accept4") X("shutdown") X("getsockname") X("getpeername") X("getsockopt") X("setsockopt") \
	X("sendto") X("sendmsg") X("sendmmsg") X("recvfrom") X("recvmsg") X("recvmmsg")

/* Services that open connections. */
#define SANDBOX_ALLOWED_CLIENT(X) X("connect")

/* Nobody, ever: other programs, other processes, the kernel, mounts, namespaces, keys. */
#define SANDBOX_DEADLY(X) \
	X("execve") X("execveat") X("ptrace") X("process_vm_readv") X("process_vm_writev") X("pidfd_getfd") X("kcmp") X("fork") X("vfork") \
	X("mount") X("umount2") X("move_mount") X("open_tree") X("fsopen") X("fsconfig") X("fsmount") X("mount_setattr") X("pivot_root") X("chroot") \
	X("unshare") X("setns") X("init_module") X("finit_module") X("delete_module") X("kexec_load") X("kexec_file_load") X("reboot") \
	X("swapon") X("swapoff") X("bpf") X("perf_event_open") X("userfaultfd") X("add_key") X("request_key") X("keyctl") X("acct") X("quotactl") \
	X("iopl") X("ioperm") X("modify_ldt") X("mknod") X("mknodat") X("open_by_handle_at") X("settimeofday") X("clock_settime") X("clock_adjtime") X("adjtimex")

/* What the sanitizers do when a process ends: LeakSanitizer looks at the threads through a tracer of its own. */
#define SANDBOX_SANITIZER(X) X("ptrace") X("wait4") X("waitid") X("tkill") X("tgkill") X("clone") X("personality") X("process_vm_readv")
/* clang-format on */

#endif
