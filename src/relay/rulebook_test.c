/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/rulebook.h"

#include <fcntl.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/notice.h"

#define PATIENCE_MS 20000

/* A bundle that calls what has the phrase in its subject a delivery report. */
#define BUNDLE(revision, phrase, sample)                                                                               \
	"backstop-rules 1\nrevision " revision                                                                         \
	"\nbias ndr -1\nsignal subject.test\nweigh ndr 5\nin subject\n- " phrase "\nsample ndr\n| Subject: " sample    \
	"\n|\n| text\n"

struct place {
	char folder[64], rules[96], fresh[96];
	struct rulebook *book;
	char log[8192];
};
static struct place place;

static void collect(struct slice line, void *arg)
{
	struct place *p = arg;
	size_t used = strlen(p->log);
	snprintf(p->log + used, sizeof p->log - used, "%.*s\n", SLICE_ARG(line));
}

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static void replace(const char *text)
{
	put(place.fresh, text);
	assert_int_equal(rename(place.fresh, place.rules), 0);
}

static int set_up(void **state)
{
	place = (struct place){.folder = "/tmp/backstop-rulebook-XXXXXX"};
	assert_non_null(mkdtemp(place.folder));
	snprintf(place.rules, sizeof place.rules, "%s/rules", place.folder);
	snprintf(place.fresh, sizeof place.fresh, "%s/fresh", place.folder);
	log_capture(collect, &place);
	(void)state;
	return 0;
}

static int tear_down(void **state)
{
	char command[96];
	rulebook_close(place.book);
	place.book = NULL;
	log_capture(NULL, NULL);
	snprintf(command, sizeof command, "rm -r %s", place.folder);
	(void)state;
	return system(command);
}

static void open_book(const char *rules)
{
	struct rulebook_files files = {.rules = rules};
	assert_int_equal(rulebook_open(&files, place.folder, &place.book), ERR_OK);
	rulebook_wait(place.book);
	assert_true(rulebook_is_loaded(place.book));
}

static bool revision_is(const char *revision)
{
	struct bundle *b = rulebook_rules(place.book);
	assert_non_null(b);
	bool is = slice_equal(bundle_revision(b), slice_str(revision));
	bundle_unref(b);
	return is;
}

static void wait_for_revision(const char *revision)
{
	int64_t deadline = clock_deadline(PATIENCE_MS);
	while (!revision_is(revision)) {
		if (clock_now_ms() > deadline) fail_msg("the rules did not become %s\n%s", revision, place.log);
		usleep(2000);
	}
}

/* What the notice says of the rules. */
static json_t *notice(void)
{
	char *text;
	assert_int_equal(notice_read(place.folder, "relay", "rules", &text), ERR_OK);
	json_t *all = json_loads(text, 0, NULL), *rules = json_incref(json_object_get(all, "rules"));
	assert_non_null(rules);
	json_decref(all);
	free(text);
	return rules;
}

static void wait_for_refusal(const char *part)
{
	int64_t deadline = clock_deadline(PATIENCE_MS);
	for (;;) {
		json_t *rules = notice();
		const char *refused = json_string_value(json_object_get(rules, "refused"));
		bool found = refused && strstr(refused, part);
		json_decref(rules);
		if (found) return;
		if (clock_now_ms() > deadline) fail_msg("not refused with %s\n%s", part, place.log);
		usleep(2000);
	}
}

static void what_is_built_in(void **state)
{
	open_book(NULL);
	struct bundle *b = rulebook_rules(place.book);
	struct lore *l = rulebook_lore(place.book);
	assert_true(b && bundle_samples(b) > 10 && l && l->knowledge->count > 60);
	bundle_unref(b);
	lore_unref(l);
	json_t *rules = notice();
	assert_true(json_is_null(json_object_get(rules, "file")) && json_is_null(json_object_get(rules, "refused")));
	json_decref(rules);
	(void)state;
}

static void a_file_is_followed_through_its_life(void **state)
{
	char expected[256];
	put(place.rules, BUNDLE("one", "aaaa bbbb", "aaaa bbbb"));
	open_book(place.rules);
	assert_true(revision_is("one"));
	struct bundle *old = rulebook_rules(place.book);
	replace(BUNDLE("two", "aaaa bbbb", "aaaa bbbb"));
	wait_for_revision("two");
	assert_true(slice_equal(bundle_revision(old), SLICE("one"))); /* who has it keeps it */
	bundle_unref(old);
	put(place.rules, BUNDLE("three", "cccc dddd", "cccc dddd"));
	wait_for_revision("three");
	/* its sample is not what it says: line 8 */
	replace(BUNDLE("four", "cccc dddd", "eeee ffff"));
	snprintf(expected, sizeof expected, "%s:8: the sample is other", place.rules);
	wait_for_refusal(expected);
	assert_true(revision_is("three"));
	assert_non_null(strstr(place.log, "event=rules_refused"));
	assert_non_null(strstr(place.log, expected));
	replace("backstop-rules 1\nnonsense\n");
	snprintf(expected, sizeof expected, "%s:2: ", place.rules);
	wait_for_refusal(expected);
	assert_int_equal(unlink(place.rules), 0);
	wait_for_refusal("not found");
	assert_true(revision_is("three"));
	replace(BUNDLE("five", "cccc dddd", "cccc dddd"));
	wait_for_revision("five");
	json_t *rules;
	while (rules = notice(), !json_is_null(json_object_get(rules, "refused"))) json_decref(rules);
	assert_string_equal(json_string_value(json_object_get(rules, "revision")), "five");
	assert_string_equal(json_string_value(json_object_get(rules, "file")), place.rules);
	json_decref(rules);
	(void)state;
}

static void without_its_file_it_begins_with_what_is_built_in(void **state)
{
	open_book(place.rules);
	struct bundle *b = rulebook_rules(place.book);
	assert_true(b && bundle_samples(b) > 10);
	bundle_unref(b);
	wait_for_refusal("not found");
	replace(BUNDLE("late", "aaaa bbbb", "aaaa bbbb"));
	wait_for_revision("late");
	(void)state;
}

static void another_file_is_named(void **state)
{
	char other[128];
	struct rulebook_files files = {.rules = other};
	put(place.rules, BUNDLE("one", "aaaa bbbb", "aaaa bbbb"));
	open_book(place.rules);
	snprintf(other, sizeof other, "%s/other", place.folder);
	rulebook_change(place.book, &files);
	wait_for_refusal("other: not found");
	assert_true(revision_is("one"));
	put(other, BUNDLE("two", "aaaa bbbb", "aaaa bbbb"));
	wait_for_revision("two");
	(void)state;
}

/* Directories, too large files, and names that lead nowhere: an error, never a wait. */
static void what_is_no_file_of_rules(void **state)
{
	struct bundle *b;
	struct lore *l;
	char why[RULEFILE_WHY] = "", fifo[128];
	snprintf(fifo, sizeof fifo, "%s/fifo", place.folder);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(rulefile_load_rules(fifo, NULL, &b, why), ERR_INVALID);
	assert_non_null(strstr(why, "fifo: not a regular file"));
	assert_int_equal(rulefile_load_rules(place.folder, NULL, &b, why), ERR_INVALID);
	put(place.rules, "backstop-rules 1\nrevision half\n");
	assert_int_equal(rulefile_load_rules(place.rules, NULL, &b, why), ERR_INVALID);
	assert_non_null(strstr(why, "no sample"));
	assert_null(b);
	put(place.rules, "");
	assert_int_equal(truncate(place.rules, RULEFILE_MOST + 1), 0);
	assert_int_equal(rulefile_load_rules(place.rules, NULL, &b, why), ERR_LIMIT);
	assert_int_equal(rulefile_load_lore(place.rules, &l, why), ERR_LIMIT);
	put(place.rules, "backstop-knowledge 1\nnonsense\n");
	assert_int_not_equal(rulefile_load_lore(place.rules, &l, why), ERR_OK);
	assert_null(l);
	assert_non_null(strstr(why, "/rules:"));
	(void)state;
}

static void folders(void **state)
{
	static const struct {
		const char *path, *folder;
	} cases[] = {{NULL, ""}, {"rules", "."}, {"/rules", "/"}, {"/etc/backstop/rules", "/etc/backstop"}};
	char out[PATH_MAX], link[128];
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_string_equal(rulefile_folder(cases[i].path, out), cases[i].folder);
	snprintf(link, sizeof link, "%s/link", place.folder);
	assert_int_equal(symlink("/dev/null", link), 0);
	assert_string_equal(rulefile_real_folder(link, out), "/dev");
	assert_string_equal(rulefile_real_folder("/nonexistent/rules", out), "");
	(void)state;
}

/* Was something compiled? */
static bool compiles(const char *compiled)
{
	char why[RULEFILE_WHY];
	struct bundle *b;
	assert_int_equal(rulefile_load_rules(place.rules, compiled, &b, why), ERR_OK);
	bool did = bundle_was_compiled(b);
	bundle_unref(b);
	return did;
}

#define EXPRESSIONS(phrase, expression)                                                                                \
	"backstop-rules 1\nbias ndr -1\nsignal a\nweigh ndr 5\nin subject\n- " phrase "\n~ fir[s]t\n"                  \
	"~ " expression "\nsample ndr\n| Subject: first\n|\n| x\n"

/* Compiled expressions are used again for the same ones only, and never when they are damaged. */
static void compiled_expressions_are_kept(void **state)
{
	char compiled[96], why[RULEFILE_WHY];
	struct bundle *b;
	struct stat st;
	snprintf(compiled, sizeof compiled, "%s/compiled", place.folder);
	replace(EXPRESSIONS("words", "wor[dk]s"));
	assert_true(compiles(compiled));
	assert_false(compiles(compiled));
	assert_true(compiles(NULL));
	replace(EXPRESSIONS("other words", "wor[dk]s")); /* phrases are not compiled */
	assert_false(compiles(compiled));
	replace(EXPRESSIONS("words", "wor[dkm]s"));
	assert_true(compiles(compiled));
	assert_false(compiles(compiled));
	replace(EXPRESSIONS("words", "wor[dk]s")); /* the file has what is in use, not what was */
	assert_true(compiles(compiled));
	assert_int_equal(stat(compiled, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	for (off_t at = 0; at < st.st_size; at += st.st_size / 10 + 1) {
		int fd = open(compiled, O_RDWR);
		char octet;
		assert_int_equal(pread(fd, &octet, 1, at), 1);
		octet ^= 0x40;
		assert_int_equal(pwrite(fd, &octet, 1, at), 1);
		close(fd);
		assert_true(compiles(compiled)); /* and is made anew */
		assert_false(compiles(compiled));
	}
	assert_int_equal(truncate(compiled, st.st_size - 1), 0);
	assert_true(compiles(compiled));
	put(compiled, "");
	assert_true(compiles(compiled));
	/* what is packed is tried by the samples too */
	replace("backstop-rules 1\nbias ndr -1\nsignal a\nweigh ndr 5\nin subject\n~ wor[dk]s\nsample ndr\n| Subject: "
	        "x\n|\n");
	assert_int_equal(rulefile_load_rules(place.rules, compiled, &b, why), ERR_INVALID);
	unlink(compiled);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_built_in, set_up, tear_down),
		cmocka_unit_test_setup_teardown(compiled_expressions_are_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_file_is_followed_through_its_life, set_up, tear_down),
		cmocka_unit_test_setup_teardown(without_its_file_it_begins_with_what_is_built_in, set_up, tear_down),
		cmocka_unit_test_setup_teardown(another_file_is_named, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_no_file_of_rules, set_up, tear_down),
		cmocka_unit_test_setup_teardown(folders, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
