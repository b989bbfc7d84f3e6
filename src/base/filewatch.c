/* SPDX-License-Identifier: Apache-2.0 */
#include "base/filewatch.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static int64_t nanoseconds(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static struct filewatch_state look(const char *path)
{
	struct stat st;
	if (stat(path, &st) < 0) return (struct filewatch_state){.error = errno};
	return (struct filewatch_state){.device = st.st_dev,
	                                .inode = st.st_ino,
	                                .size = (uint64_t)st.st_size,
	                                .modified = nanoseconds(st.st_mtim),
	                                .changed = nanoseconds(st.st_ctim)};
}

static bool same(const struct filewatch_state *a, const struct filewatch_state *b)
{
	return a->error == b->error && a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       a->modified == b->modified && a->changed == b->changed;
}

void filewatch_start(struct filewatch *w, const char *path)
{
	w->path = path;
	w->known = w->seen = look(path);
}

bool filewatch_changed(struct filewatch *w)
{
	struct filewatch_state now = look(w->path);
	bool still = same(&now, &w->seen);
	w->seen = now;
	if (!still || same(&now, &w->known)) return false;
	w->known = now;
	return true;
}
