/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/check_rules.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* In a process of its own, which becomes that user: 0, or the errno with which it cannot read the file. */
static int readable_by(const struct passwd *user, const char *path)
{
	pid_t child = fork();
	if (child == 0) {
		if (initgroups(user->pw_name, user->pw_gid) < 0 ||
		    setresgid(user->pw_gid, user->pw_gid, user->pw_gid) < 0 ||
		    setresuid(user->pw_uid, user->pw_uid, user->pw_uid) < 0)
			_exit(0);
		_exit(open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) < 0 ? errno : 0);
	}
	int status = 0;
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
	}
	return child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 0;
}

static bool may_be_read(const struct config *c, const char *path, char why[RULEFILE_WHY])
{
	const struct passwd *user = geteuid() == 0 ? getpwnam(c->user) : NULL;
	int failed = user ? readable_by(user, path) : 0;
	if (failed) snprintf(why, RULEFILE_WHY, "%s: user %s cannot read it: %s", path, c->user, strerror(failed));
	return !failed;
}

void check_rules(const struct config *c, struct check_rules *out)
{
	struct bundle *rules = NULL;
	struct lore *lore = NULL;
	*out = (struct check_rules){0};
	if (c->bounce.rules && may_be_read(c, c->bounce.rules, out->error[0]) &&
	    rulefile_load_rules(c->bounce.rules, NULL, &rules, out->error[0]) == ERR_OK)
		snprintf(out->loaded[0], RULEFILE_WHY, "rules %.*s from %s, %zu phrases, %zu samples",
		         SLICE_ARG(bundle_revision(rules)), c->bounce.rules, bundle_phrases(rules),
		         bundle_samples(rules));
	if (c->bounce.knowledge && may_be_read(c, c->bounce.knowledge, out->error[1]) &&
	    rulefile_load_lore(c->bounce.knowledge, &lore, out->error[1]) == ERR_OK)
		snprintf(out->loaded[1], RULEFILE_WHY, "knowledge from %s, %zu entries", c->bounce.knowledge,
		         lore->knowledge->count);
	bundle_unref(rules);
	lore_unref(lore);
}
