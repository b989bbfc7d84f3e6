/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox - how a service gives up its rights
 *
 * The same ordered recipe in every service, before its threads start: drop to the user and group (when started as root),
 * clear capabilities, no_new_privs, Landlock to the service's own paths, seccomp to its own system calls. What the kernel
 * does not have (Landlock on old kernels) is skipped with one warning; what fails is an error and the service does not start.
 *
 *     struct sandbox box = {.user = "backstop", .write_paths = paths, .syscalls = SANDBOX_NETWORK_CLIENT};
 *     if (sandbox_enter(&box, why)) exit(3);
 */
#ifndef BACKSTOP_BASE_SANDBOX_H
#define BACKSTOP_BASE_SANDBOX_H

#include "base/error.h"
#include "base/slice.h"

enum sandbox_class {
	SANDBOX_NETWORK_CLIENT, /* files, threads, listening and outgoing sockets (relay); no exec, ptrace, mount, ... */
	SANDBOX_NETWORK_SERVER, /* the same without connect() */
	SANDBOX_NO_NETWORK,     /* files and threads; no sockets of the network (keeper) */
};

struct sandbox {
	const char *user;               /* NULL or not root: no change */
	const char *const *read_paths;  /* NULL-terminated; files or folders; those that do not exist are skipped */
	const char *const *write_paths; /* NULL-terminated; read, write, create, remove, link within; implies read */
	enum sandbox_class syscalls;
};

enum error sandbox_enter(const struct sandbox *box, char why[256]);
/* Makes a folder (mode 0750 style given) owned by the user, as root, before entering. Existing: owner corrected when root. */
enum error sandbox_make_folder(const char *path, const char *user, unsigned mode, char why[256]);
/* What is on, for the log and `status`: "user=backstop no_new_privs landlock=4 seccomp". */
const char *sandbox_summary(void);

#endif
