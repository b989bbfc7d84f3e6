/* SPDX-License-Identifier: Apache-2.0 */
#include "base/filewatch.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct place {
	char folder[64], file[96], other[96];
};

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static void write_in_place(const struct place *p)
{
	put(p->file, "another text");
}

static void replace_by_rename(const struct place *p)
{
	put(p->other, "a text"); /* as long as the old one */
	assert_int_equal(rename(p->other, p->file), 0);
}

static void remove_it(const struct place *p)
{
	assert_int_equal(unlink(p->file), 0);
}

static void change_its_rights(const struct place *p)
{
	assert_int_equal(chmod(p->file, 0600), 0);
}

static void turn_a_link_round(const struct place *p)
{
	char real[128];
	snprintf(real, sizeof real, "%s/real", p->folder);
	put(real, "a text");
	assert_int_equal(unlink(p->file), 0);
	assert_int_equal(symlink("real", p->file), 0);
}

static void write_the_same_again(const struct place *p)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1000000000}};
	assert_int_equal(utimensat(AT_FDCWD, p->file, times, 0), 0);
}

static const struct {
	const char *name;
	void (*change)(const struct place *);
} cases[] = {
	{"written in place", write_in_place},
	{"replaced by rename", replace_by_rename},
	{"removed", remove_it},
	{"made readable", change_its_rights},
	{"a link instead", turn_a_link_round},
	{"touched", write_the_same_again},
};

static void begin(struct place *p)
{
	strcpy(p->folder, "/tmp/backstop-filewatch-XXXXXX");
	assert_non_null(mkdtemp(p->folder));
	snprintf(p->file, sizeof p->file, "%s/file", p->folder);
	snprintf(p->other, sizeof p->other, "%s/other", p->folder);
}

static void end(struct place *p)
{
	char real[128];
	snprintf(real, sizeof real, "%s/real", p->folder);
	unlink(p->file);
	unlink(p->other);
	unlink(real);
	assert_int_equal(rmdir(p->folder), 0);
}

/* Each change is told once, at the second look that sees it. */
static void changes(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct place p;
		struct filewatch w;
		begin(&p);
		put(p.file, "a text");
		filewatch_start(&w, p.file);
		if (filewatch_changed(&w) || filewatch_changed(&w)) fail_msg("%s: changed before", cases[i].name);
		cases[i].change(&p);
		if (filewatch_changed(&w)) fail_msg("%s: told before it was still", cases[i].name);
		if (!filewatch_changed(&w)) fail_msg("%s: not told", cases[i].name);
		if (filewatch_changed(&w) || filewatch_changed(&w)) fail_msg("%s: told twice", cases[i].name);
		end(&p);
	}
	(void)state;
}

static void a_file_that_comes_later_and_one_that_is_being_written(void **state)
{
	struct place p;
	struct filewatch w;
	begin(&p);
	filewatch_start(&w, p.file);
	assert_false(filewatch_changed(&w));
	FILE *f = fopen(p.file, "w");
	assert_non_null(f);
	for (int i = 0; i < 5; i++) {
		assert_true(fputs("a line\n", f) >= 0 && fflush(f) == 0);
		assert_false(filewatch_changed(&w));
	}
	fclose(f);
	assert_true(filewatch_changed(&w));
	assert_false(filewatch_changed(&w));
	end(&p);
	(void)state;
}

static void one_that_goes_and_comes_back_before_it_was_missed(void **state)
{
	struct place p;
	struct filewatch w;
	begin(&p);
	put(p.file, "a text");
	assert_int_equal(link(p.file, p.other), 0);
	filewatch_start(&w, p.file);
	assert_int_equal(unlink(p.file), 0);
	assert_false(filewatch_changed(&w));
	assert_int_equal(rename(p.other, p.file), 0);
	assert_false(filewatch_changed(&w));
	assert_true(filewatch_changed(&w)); /* its ctime says that something was done to it: it is read once more */
	end(&p);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes),
		cmocka_unit_test(a_file_that_comes_later_and_one_that_is_being_written),
		cmocka_unit_test(one_that_goes_and_comes_back_before_it_was_missed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
