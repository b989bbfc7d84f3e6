/* SPDX-License-Identifier: Apache-2.0 */
#include "base/blob.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define TOTAL 100000

static char dir[64], content[TOTAL];

static int setup(void **state)
{
	unsigned seed = 1;
	for (size_t i = 0; i < TOTAL; i++) content[i] = (char)rand_r(&seed);
	snprintf(dir, sizeof dir, "/tmp/blob_test.XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	return rmdir(dir); /* every test leaves it empty */
}

static size_t files(void)
{
	DIR *d = opendir(dir);
	size_t n = 0;
	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));) n += e->d_name[0] != '.' || e->d_name[1] == 'b';
	closedir(d);
	return n;
}

static void assert_content(const struct blob *b, size_t n)
{
	static const size_t steps[] = {1 << 20, 4097, 333};
	char *buf = malloc(1 << 20);
	for (size_t i = 0; i < 3; i++) {
		size_t at = 0, got;
		do {
			assert_int_equal(blob_read(b, at, buf, steps[i], &got), ERR_OK);
			assert_true(at + got <= n);
			assert_memory_equal(buf, content + at, got);
			at += got;
		} while (got > 0);
		assert_int_equal(at, n);
	}
	free(buf);
}

struct seen {
	size_t at, stop;
};

static enum error look(struct slice piece, void *arg)
{
	struct seen *s = arg;
	assert_true(s->at + piece.n <= TOTAL);
	if (piece.n) assert_memory_equal(piece.p, content + s->at, piece.n);
	s->at += piece.n;
	return s->at > s->stop ? ERR_BUSY : ERR_OK;
}

static void each_piece(void **state)
{
	static const size_t limits[] = {0, TOTAL}, offsets[] = {0, 1, TOTAL - 1, TOTAL};
	for (size_t i = 0; i < 2; i++) {
		struct blob b;
		blob_init(&b, limits[i], dir);
		assert_int_equal(blob_append(&b, slice_of(content, TOTAL)), ERR_OK);
		for (size_t k = 0; k < 4; k++) {
			struct seen s = {.at = offsets[k], .stop = TOTAL};
			assert_int_equal(blob_each(&b, offsets[k], look, &s), ERR_OK);
			assert_int_equal(s.at, TOTAL);
		}
		struct seen s = {.stop = 10};
		assert_int_equal(blob_each(&b, 0, look, &s), ERR_BUSY);
		blob_free(&b);
	}
}

static void path_of(char path[128], const char *name)
{
	snprintf(path, 128, "%s/%s", dir, name);
}

static void memory_then_file(void **state)
{
	static const size_t limits[] = {0, 1, 4096, 50000, TOTAL - 1, TOTAL, TOTAL + 1};
	static const size_t pieces[] = {TOTAL, 7777, 101};
	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
		for (size_t k = 0; k < sizeof pieces / sizeof *pieces; k++) {
			struct blob b;
			blob_init(&b, limits[i], dir);
			for (size_t at = 0; at < TOTAL; at += pieces[k])
				assert_int_equal(blob_append(&b,
				                             slice_sub(slice_of(content, TOTAL), at, at + pieces[k])),
				                 ERR_OK);
			assert_int_equal(b.size, TOTAL);
			assert_int_equal(b.fd >= 0, limits[i] < TOTAL);
			assert_true(b.capacity <= limits[i]);
			assert_int_equal(blob_in_memory(&b).p != NULL, limits[i] >= TOTAL);
			assert_content(&b, TOTAL);
			assert_int_equal(files(), 0);
			blob_free(&b);
			blob_free(&b);
		}
	}
}

static void empty_blob(void **state)
{
	struct blob b;
	char c;
	size_t got = 9;
	blob_init(&b, 100, dir);
	assert_int_equal(blob_append(&b, SLICE_EMPTY), ERR_OK);
	assert_int_equal(blob_read(&b, 0, &c, 1, &got), ERR_OK);
	assert_int_equal(got, 0);
	assert_int_equal(blob_read(&b, UINT64_MAX, &c, 1, &got), ERR_OK);
	assert_int_equal(got, 0);
	assert_non_null(blob_in_memory(&b).p);
	blob_free(&b);
}

static void link_makes_a_file(void **state)
{
	static const size_t limits[] = {0, TOTAL};
	for (size_t i = 0; i < 2; i++) {
		struct blob b, opened;
		struct stat st;
		char path[128];
		path_of(path, "message");
		blob_init(&b, limits[i], dir);
		assert_int_equal(blob_append(&b, slice_of(content, 70000)), ERR_OK);
		assert_int_equal(blob_link(&b, path), ERR_OK);
		assert_int_equal(blob_link(&b, path), ERR_EXISTS);
		assert_content(&b, 70000);
		blob_free(&b);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
		assert_int_equal(files(), 1);
		assert_int_equal(blob_open_file(&opened, path), ERR_OK);
		assert_int_equal(opened.size, 70000);
		assert_content(&opened, 70000);
		assert_int_equal(truncate(path, 100), 0);
		char c;
		size_t got;
		assert_int_equal(blob_read(&opened, 5000, &c, 1, &got), ERR_CORRUPT);
		blob_free(&opened);
		unlink(path);
	}
}

/* The temporary directory may be on another file system than the spool. */
static void link_across_file_systems(void **state)
{
	struct blob b;
	struct stat here, there;
	char path[128];
	if (stat("/dev/shm", &there) != 0 || access("/dev/shm", W_OK) != 0 || stat(dir, &here) != 0) skip();
	if (here.st_dev == there.st_dev) skip();
	path_of(path, "message");
	blob_init(&b, 0, "/dev/shm");
	assert_int_equal(blob_append(&b, slice_of(content, TOTAL)), ERR_OK);
	assert_int_equal(blob_link(&b, path), ERR_OK);
	assert_int_equal(blob_link(&b, path), ERR_EXISTS);
	assert_content(&b, TOTAL);
	blob_free(&b);
	assert_int_equal(blob_open_file(&b, path), ERR_OK);
	assert_content(&b, TOTAL);
	blob_free(&b);
	unlink(path);
}

static void bad_places(void **state)
{
	struct blob b;
	blob_init(&b, 0, "/nonexistent");
	assert_int_equal(blob_append(&b, SLICE("x")), ERR_NOT_FOUND);
	assert_int_equal(blob_append(&b, SLICE("x")), ERR_NOT_FOUND);
	assert_null(blob_in_memory(&b).p);
	blob_free(&b);
	blob_init(&b, 10, dir);
	assert_int_equal(blob_append(&b, SLICE("x")), ERR_OK);
	assert_int_equal(blob_link(&b, "/nonexistent/x"), ERR_NOT_FOUND);
	blob_free(&b);
	assert_int_equal(blob_open_file(&b, "/nonexistent"), ERR_NOT_FOUND);
	blob_free(&b);
	assert_int_equal(blob_open_file(&b, dir), ERR_INVALID);
	blob_free(&b);
}

static void no_descriptors(void **state)
{
	struct blob b;
	struct rlimit old, few;
	getrlimit(RLIMIT_NOFILE, &old);
	few = old;
	few.rlim_cur = 0;
	blob_init(&b, 10, dir);
	assert_int_equal(blob_append(&b, SLICE("0123456789")), ERR_OK);
	setrlimit(RLIMIT_NOFILE, &few);
	enum error first = blob_append(&b, SLICE("x"));
	setrlimit(RLIMIT_NOFILE, &old);
	assert_int_equal(first, ERR_NO_FILES);
	assert_int_equal(blob_append(&b, SLICE("x")), ERR_NO_FILES); /* sticky */
	blob_free(&b);
	assert_int_equal(b.error, ERR_OK);
}

/* A limit on file size stands for the full disk: part of a write succeeds, then none. */
static void no_space(void **state)
{
	struct blob b;
	struct rlimit old, small;
	getrlimit(RLIMIT_FSIZE, &old);
	small = old;
	small.rlim_cur = 5000;
	signal(SIGXFSZ, SIG_IGN);
	blob_init(&b, 0, dir);
	setrlimit(RLIMIT_FSIZE, &small);
	enum error first = blob_append(&b, slice_of(content, 4000)), second = blob_append(&b, slice_of(content, 4000));
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(first, ERR_OK);
	assert_int_equal(second, ERR_NO_SPACE);
	assert_int_equal(b.size, 4000);
	assert_int_equal(blob_append(&b, SLICE("x")), ERR_NO_SPACE);
	char path[128];
	path_of(path, "message");
	assert_int_equal(blob_link(&b, path), ERR_NO_SPACE);
	blob_free(&b);
	assert_int_equal(files(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_then_file),  cmocka_unit_test(empty_blob),
		cmocka_unit_test(link_makes_a_file), cmocka_unit_test(link_across_file_systems),
		cmocka_unit_test(bad_places),        cmocka_unit_test(no_descriptors),
		cmocka_unit_test(no_space),          cmocka_unit_test(each_piece),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
