/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/rulefile.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/filereplace.h"

#define COMPILED_MOST (64 * 1024 * 1024)

/* ---- reading --------------------------------------------------------------------------------------------------------- */

static enum error read_all(int fd, char *to, size_t room, size_t *n)
{
	*n = 0;
	while (*n < room) {
		ssize_t got = read(fd, to + *n, room - *n);
		if (got < 0 && errno == EINTR) continue;
		if (got < 0) return error_from_errno(errno);
		if (got == 0) return ERR_OK;
		*n += (size_t)got;
	}
	return ERR_LIMIT;
}

/* A regular file, malloc'ed; a pipe would keep us waiting. */
static enum error read_regular(int fd, size_t most, char **out, size_t *n)
{
	struct stat st;
	if (fstat(fd, &st) < 0) return error_from_errno(errno);
	if (!S_ISREG(st.st_mode)) return ERR_INVALID;
	*out = malloc(most + 1);
	return *out ? read_all(fd, *out, most + 1, n) : ERR_NO_MEMORY;
}

/* By its mode. stat(2) is not the sandbox's affair, open(2) is. */
static bool mode_allows(const char *path)
{
	struct stat st;
	if (stat(path, &st) < 0) return false;
	if (geteuid() == 0) return true;
	mode_t bit = st.st_uid == geteuid() ? S_IRUSR : st.st_gid == getegid() ? S_IRGRP : S_IROTH;
	return (st.st_mode & bit) != 0;
}

static const char *explain_error(enum error e, const char *path)
{
	switch (e) {
	case ERR_INVALID: return "not a regular file";
	case ERR_LIMIT: return "the file is too large";
	case ERR_PERMISSION:
		return mode_allows(path)
		               ? "its folder was named after the service had closed its sandbox, and opens to it when "
		                 "it is started again: restart Backstop"
		               : "permission denied: the services' user must be able to read it";
	default: return error_text(e);
	}
}

static enum error read_file(const char *path, size_t most, char **out, size_t *n, char why[RULEFILE_WHY])
{
	*out = NULL;
	*n = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	enum error e = fd < 0 ? error_from_errno(errno) : read_regular(fd, most, out, n);
	if (fd >= 0) close(fd);
	if (e == ERR_OK) return e;
	free(*out);
	*out = NULL;
	snprintf(why, RULEFILE_WHY, "%s: %s", path, explain_error(e, path));
	return e;
}

const char *rulefile_folder(const char *path, char out[PATH_MAX])
{
	out[0] = '\0';
	const char *slash = path ? strrchr(path, '/') : NULL;
	if (!path || strlen(path) >= PATH_MAX) return out;
	snprintf(out, PATH_MAX, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
	if (slash == path) snprintf(out, PATH_MAX, "/");
	return out;
}

const char *rulefile_real_folder(const char *path, char out[PATH_MAX])
{
	char *real = path ? realpath(path, NULL) : NULL;
	rulefile_folder(real, out);
	free(real);
	return out;
}

/* "line 12: what" of a file becomes "FILE:12: what". */
static void place(const char *path, const char *problem, char why[RULEFILE_WHY])
{
	unsigned line;
	int n = 0;
	if (!path)
		snprintf(why, RULEFILE_WHY, "(built in): %s", problem);
	else if (sscanf(problem, "line %u: %n", &line, &n) == 1 && n > 0)
		snprintf(why, RULEFILE_WHY, "%s:%u: %s", path, line, problem + n);
	else
		snprintf(why, RULEFILE_WHY, "%s: %s", path, problem);
}

/* ---- rules ----------------------------------------------------------------------------------------------------------- */

/* Where it cannot be kept the next start takes longer. */
static void keep_compiled(const char *compiled, const struct bundle *b)
{
	char *octets;
	size_t n;
	if (bundle_pack(b, &octets, &n) != ERR_OK) return;
	file_replace(compiled, 0600, slice_of(octets, n));
	free(octets);
}

struct share {
	void (*work)(void *);
	void *context;
};

static void *work_once(void *arg)
{
	const struct share *s = arg;
	s->work(s->context);
	return NULL;
}

/* Here and in another thread. Not in one for each processor: they have mail to attend to. */
static void work_twice(void (*work)(void *), void *context)
{
	pthread_t other;
	struct share s = {work, context};
	bool two = pthread_create(&other, NULL, work_once, &s) == 0;
	work(context);
	if (two) pthread_join(other, NULL);
}

static enum error load_rules(struct slice text, const char *compiled, struct bundle **out, char problem[BUNDLE_PROBLEM])
{
	char *octets = NULL, unused[RULEFILE_WHY];
	size_t n = 0;
	struct bundle_help help = {.together = work_twice};
	if (compiled && read_file(compiled, COMPILED_MOST, &octets, &n, unused) == ERR_OK)
		help.packed = slice_of(octets, n);
	enum error e = bundle_load_helped(text, &help, out, problem);
	if (!e && compiled && bundle_was_compiled(*out)) keep_compiled(compiled, *out);
	free(octets);
	return e;
}

enum error rulefile_load_rules(const char *path, const char *compiled, struct bundle **out, char why[RULEFILE_WHY])
{
	char *text = NULL, problem[BUNDLE_PROBLEM] = "";
	struct slice rules = bundle_default_text();
	*out = NULL;
	if (path) {
		enum error e = read_file(path, RULEFILE_MOST, &text, &rules.n, why);
		if (e) return e;
		rules.p = text;
	}
	enum error e = load_rules(rules, compiled, out, problem);
	if (!e && bundle_samples(*out) == 0) { /* they stand at the end */
		bundle_unref(*out);
		*out = NULL;
		e = ERR_INVALID;
		snprintf(problem, sizeof problem, "there is no sample in it; is it whole?");
	}
	if (e) place(path, problem[0] ? problem : error_text(e), why);
	free(text);
	return e;
}

/* ---- knowledge ------------------------------------------------------------------------------------------------------- */

static enum error fill(struct lore *l, const char *path, char why[RULEFILE_WHY])
{
	char *text, problem[KNOWLEDGE_WHY] = "";
	size_t n;
	struct knowledge *k;
	if (!path) { /* its samples are for the tests */
		enum error e = knowledge_parse(&l->arena, knowledge_builtin(), &k, problem);
		l->knowledge = k;
		if (e) place(path, problem[0] ? problem : error_text(e), why);
		return e;
	}
	enum error e = read_file(path, KNOWLEDGE_OCTETS, &text, &n, why);
	if (e) return e;
	struct slice kept = arena_copy(&l->arena, slice_of(text, n));
	free(text);
	e = kept.p ? knowledge_load(&l->arena, kept, &k, problem) : ERR_NO_MEMORY;
	if (e)
		place(path, problem[0] ? problem : error_text(e), why);
	else
		l->knowledge = k;
	return e;
}

enum error rulefile_load_lore(const char *path, struct lore **out, char why[RULEFILE_WHY])
{
	*out = NULL;
	struct lore *l = calloc(1, sizeof *l);
	if (!l) {
		place(path, error_text(ERR_NO_MEMORY), why);
		return ERR_NO_MEMORY;
	}
	l->references = 1;
	arena_init(&l->arena, KNOWLEDGE_ARENA + KNOWLEDGE_OCTETS);
	enum error e = fill(l, path, why);
	if (e)
		lore_unref(l);
	else
		*out = l;
	return e;
}

struct lore *lore_ref(struct lore *l)
{
	__atomic_add_fetch(&l->references, 1, __ATOMIC_RELAXED);
	return l;
}

void lore_unref(struct lore *l)
{
	if (!l || __atomic_sub_fetch(&l->references, 1, __ATOMIC_ACQ_REL) > 0) return;
	arena_free(&l->arena);
	free(l);
}
