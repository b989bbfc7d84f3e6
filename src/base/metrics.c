/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics - see metrics.h
 *
 * The file is a header and one 64-bit slot per metric, in the host's byte order: it lives in RUN-DIR and never leaves the
 * machine. It is made under another name and renamed when it is complete, so that a reader never sees half of it and a
 * restart never changes a file that somebody has mapped. The writer holds an flock(2) on it as long as it lives, which says
 * "running" more truly than a process number that may have been given to another process since.
 */
#include "base/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

struct header {
	char magic[8];
	uint32_t version; /* a digest of the table: another build's table is not read as ours */
	uint32_t count;
	int64_t pid;
	int64_t started; /* Unix time */
};

struct page {
	struct header header;
	_Atomic int64_t slots[METRIC_COUNT];
};

static const char magic[8] = {'B', 'S', 'M', 'E', 'T', 'R', 'I', 'C'};
static struct page private_page;
static struct page *_Atomic current = &private_page;

static const char *const names[METRIC_COUNT] = {
#define X(name, kind, help) [METRIC_##name] = #name,
	METRIC_TABLE(X)
#undef X
};
static const char *const helps[METRIC_COUNT] = {
#define X(name, kind, help) [METRIC_##name] = help,
	METRIC_TABLE(X)
#undef X
};
enum kind { COUNTER, GAUGE };
static const enum kind kinds[METRIC_COUNT] = {
#define X(name, kind, help) [METRIC_##name] = kind,
	METRIC_TABLE(X)
#undef X
};

const char *metric_name(enum metric m)
{
	return (unsigned)m < METRIC_COUNT ? names[m] : "";
}

const char *metric_help(enum metric m)
{
	return (unsigned)m < METRIC_COUNT ? helps[m] : "";
}

const char *metric_kind(enum metric m)
{
	return (unsigned)m < METRIC_COUNT && kinds[m] == GAUGE ? "gauge" : "counter";
}

static inline _Atomic int64_t *slot(enum metric m)
{
	return &atomic_load_explicit(&current, memory_order_relaxed)->slots[m];
}

void metric_add(enum metric m, int64_t delta)
{
	atomic_fetch_add_explicit(slot(m), delta, memory_order_relaxed);
}

void metric_set(enum metric m, int64_t value)
{
	atomic_store_explicit(slot(m), value, memory_order_relaxed);
}

int64_t metric_get(enum metric m)
{
	return atomic_load_explicit(slot(m), memory_order_relaxed);
}

/* FNV-1a of all names in order. */
static uint32_t table_version(void)
{
	uint32_t hash = 2166136261u;
	for (size_t i = 0; i < METRIC_COUNT; i++)
		for (const char *p = names[i];; p++) {
			hash = (hash ^ (unsigned char)*p) * 16777619u;
			if (!*p) break;
		}
	return hash;
}

static bool file_name(char out[PATH_MAX], const char *run_dir, const char *service, const char *suffix)
{
	int n = snprintf(out, PATH_MAX, "%s/%s.metrics%s", run_dir, service, suffix);
	return n > 0 && n < PATH_MAX;
}

/* The file gets its blocks at once: a full disk must be an error here, not a SIGBUS when something is counted. */
static enum error page_make(int fd, struct page **out)
{
	if (fchmod(fd, 0644) < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0) return error_from_errno(errno);
	int failed = posix_fallocate(fd, 0, sizeof(struct page));
	if (failed) return error_from_errno(failed);
	struct page *page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED) return error_from_errno(errno);
	page->header = (struct header){.version = table_version(),
	                               .count = METRIC_COUNT,
	                               .pid = getpid(),
	                               .started = clock_unix()};
	memcpy(page->header.magic, magic, sizeof magic);
	*out = page;
	return ERR_OK;
}

enum error metrics_open(const char *run_dir, const char *service)
{
	char made[PATH_MAX], name[PATH_MAX];
	if (!file_name(made, run_dir, service, ".new") || !file_name(name, run_dir, service, "")) return ERR_INVALID;
	if (unlink(made) < 0 && errno != ENOENT) return error_from_errno(errno);
	int fd = open(made, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0) return error_from_errno(errno);
	struct page *page = NULL;
	enum error e = page_make(fd, &page);
	if (e == ERR_OK && rename(made, name) < 0) {
		e = error_from_errno(errno);
		munmap(page, sizeof *page);
	}
	if (e != ERR_OK) {
		unlink(made);
		close(fd);
		return e;
	}
	/* The descriptor stays open: it carries the lock. */
	atomic_store(&current, page);
	return ERR_OK;
}

static enum error page_read(int fd, int64_t values[METRIC_COUNT], int64_t *pid, int64_t *started)
{
	struct page page;
	ssize_t n = pread(fd, &page, sizeof page, 0);
	if (n < 0) return error_from_errno(errno);
	if ((size_t)n < sizeof page.header || memcmp(page.header.magic, magic, sizeof magic) != 0) return ERR_CORRUPT;
	if (page.header.version != table_version() || page.header.count != METRIC_COUNT) return ERR_VERSION;
	if ((size_t)n < sizeof page) return ERR_CORRUPT;
	for (size_t i = 0; i < METRIC_COUNT; i++)
		values[i] = atomic_load_explicit(&page.slots[i], memory_order_relaxed);
	*started = page.header.started;
	bool gone = flock(fd, LOCK_SH | LOCK_NB) == 0;
	*pid = gone ? 0 : page.header.pid;
	return ERR_OK;
}

enum error metrics_read(const char *run_dir, const char *service, int64_t values[METRIC_COUNT], int64_t *pid,
                        int64_t *started_unix)
{
	char name[PATH_MAX];
	if (!file_name(name, run_dir, service, "")) return ERR_INVALID;
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0) return error_from_errno(errno);
	enum error e = page_read(fd, values, pid, started_unix);
	close(fd);
	return e;
}
