/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fiber_test.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/fiber_internal.h"

#if FIBER_TSAN
#define MANY 2000 /* TSan knows about 8,000 threads and fibers at most */
#else
#define MANY 20000
#endif

/* ---- fibers ------------------------------------------------------------------------------------------------------ */

static void note_a(void *arg)
{
	note(arg, 'a');
	fiber_yield();
	note(arg, 'A');
}

static void note_b(void *arg)
{
	note(arg, 'b');
	fiber_yield();
	note(arg, 'B');
}

static void body_order(struct trial *t)
{
	assert_string_equal(fiber_name(), "trial");
	spawn(t, note_a);
	spawn(t, note_b);
	note(t, '0'); /* spawning does not run the fiber */
	assert_int_equal(t->scope.alive, 2);
	assert_int_equal(scope_join(&t->scope, LATER), ERR_OK);
	assert_int_equal(t->scope.alive, 0);
}

static void fibers_run_in_order_and_yield(void **state)
{
	struct trial t;
	run(&t, body_order);
	assert_string_equal(t.trace, "0abAB");
}

static void many_child(void *arg)
{
	struct trial *t = arg;
	volatile char deep[2000];
	memset((char *)deep, t->count, sizeof deep);
	t->count++;
	if (event_wait(&(struct event){0}, LATER) == ERR_CANCELLED) t->count--;
}

static void body_many(struct trial *t)
{
	for (int round = 0; round < 2; round++) {
		scope_init(&t->scope);
		for (int i = 0; i < MANY; i++) spawn(t, many_child);
		while (t->count < MANY) fiber_yield();
		assert_int_equal(loop_fibers(t->loop), MANY + 1);
		scope_cancel(&t->scope);
		assert_int_equal(scope_join(&t->scope, LATER), ERR_OK);
		assert_int_equal(t->count, 0);
	}
}

static void twenty_thousand_fibers_at_once(void **state)
{
	struct trial t;
	run(&t, body_many);
}

static void deep_child(void *arg)
{
	volatile char big[FIBER_STACK - 40 * 1024]; /* room for a sanitizer's red zones */
	for (size_t i = 0; i < sizeof big; i += 512) big[i] = (char)i;
	fiber_yield();
	for (size_t i = 0; i < sizeof big; i += 512) assert_int_equal(big[i], (char)i);
	((struct trial *)arg)->count++;
}

static void body_deep(struct trial *t)
{
	for (int i = 0; i < 20; i++) spawn(t, deep_child);
	assert_int_equal(scope_join(&t->scope, LATER), ERR_OK);
	assert_int_equal(t->count, 20);
}

static void stacks_are_as_big_as_promised(void **state)
{
	struct trial t;
	run(&t, body_deep);
}

/* *deep becomes the address of a page that is in memory but below what the fiber uses when it waits. */
static void dirty_stack(uintptr_t *deep)
{
	volatile char big[100000];
	for (size_t i = 0; i < sizeof big; i += 64) big[i] = 1;
	*deep = (uintptr_t)big;
}

static void waster(void *arg)
{
	struct trial *t = arg;
	void (*volatile dirty)(uintptr_t *) = dirty_stack; /* not inlined */
	volatile char mark[256];
	memset((char *)mark, 7, sizeof mark);
	dirty(&t->deep);
	t->fiber = fiber_current();
	assert_int_equal(event_wait(&t->event, LATER), ERR_OK);
	for (size_t i = 0; i < sizeof mark; i++) assert_int_equal(mark[i], 7);
}

static bool in_memory(uintptr_t address)
{
	unsigned char there = 0;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	assert_int_equal(mincore((void *)(address & ~(page - 1)), page, &there), 0);
	return there & 1;
}

static void body_trim(struct trial *t)
{
	spawn(t, waster);
	fiber_yield();
	assert_true(in_memory(t->deep));
	fiber_stack_trim(t->fiber);
	assert_false(in_memory(t->deep));
	event_signal(&t->event);
	assert_int_equal(scope_join(&t->scope, LATER), ERR_OK);
}

static void unused_stack_is_given_back(void **state)
{
	struct trial t;
	run(&t, body_trim);
}

/* ---- cancellation ------------------------------------------------------------------------------------------------ */

static enum error wait_event(struct trial *t)
{
	return event_wait(&t->event, DEADLINE_NEVER);
}
static enum error wait_list(struct trial *t)
{
	return waitlist_wait(&t->list, DEADLINE_NEVER);
}
static enum error wait_sleep(struct trial *t)
{
	return fiber_sleep(DEADLINE_NEVER);
}
static enum error wait_watch(struct trial *t)
{
	return watch_wait(t->watch, WATCH_READ, DEADLINE_NEVER);
}

static void grandchild(void *arg)
{
	struct trial *t = arg;
	t->result[7] = fiber_sleep(DEADLINE_NEVER);
	fiber_shield();
	assert_int_equal(fiber_sleep(SOON), ERR_OK);
	fiber_unshield();
}

static enum error wait_join(struct trial *t)
{
	struct scope s;
	scope_init(&s);
	enum error e = scope_spawn(&s, "grandchild", grandchild, t);
	assert_int_equal(e, ERR_OK);
	e = scope_join(&s, DEADLINE_NEVER);
	assert_int_equal(s.alive, 0);
	assert_int_equal(t->result[7], ERR_CANCELLED);
	return e;
}

struct cancel_row {
	const char *name;
	enum error (*wait)(struct trial *);
};
static const struct cancel_row cancel_rows[] = {
	{"event", wait_event}, {"waitlist", wait_list}, {"sleep", wait_sleep},
	{"watch", wait_watch}, {"join", wait_join},
};
static const struct cancel_row *row;

static void cancelled_child(void *arg)
{
	struct trial *t = arg;
	assert_false(fiber_cancelled());
	t->result[0] = row->wait(t);
	assert_true(fiber_cancelled());
	/* From now on every wait is over at once, whatever is there. */
	event_signal(&t->event);
	t->result[1] = event_wait(&t->event, DEADLINE_NEVER);
	t->result[2] = fiber_sleep(DEADLINE_NEVER);
	t->result[3] = waitlist_wait(&t->list, DEADLINE_NEVER);
	t->result[4] = watch_wait(t->watch, WATCH_WRITE, DEADLINE_NEVER);
	fiber_shield();
	fiber_shield();
	fiber_unshield();
	t->result[5] = fiber_sleep(SOON);
	fiber_unshield();
	t->result[6] = fiber_sleep(DEADLINE_NEVER);
}

static void body_cancel(struct trial *t)
{
	pair(t);
	t->watch = watch_open(t->fd[0]);
	spawn(t, cancelled_child);
	fiber_sleep(SOON);
	scope_cancel(&t->scope);
	assert_int_equal(scope_spawn(&t->scope, "late", cancelled_child, t), ERR_CANCELLED);
	assert_int_equal(scope_join(&t->scope, LATER), ERR_OK);
	watch_close(t->watch);
}

static void cancel_ends_every_kind_of_wait(void **state)
{
	for (size_t i = 0; i < sizeof cancel_rows / sizeof *cancel_rows; i++) {
		struct trial t;
		row = &cancel_rows[i];
		run(&t, body_cancel);
		for (int r = 0; r <= 6; r++)
			if (t.result[r] != (r == 5 ? ERR_OK : ERR_CANCELLED))
				fail_msg("%s: result %d is %s", row->name, r, error_name(t.result[r]));
	}
}

static void shielded_child(void *arg)
{
	struct trial *t = arg;
	fiber_shield();
	t->result[0] = event_wait(&t->event, LATER);
	assert_true(fiber_cancelled());
	fiber_unshield();
	t->result[1] = event_wait(&t->event, LATER);
}

static void body_shield(struct trial *t)
{
	spawn(t, shielded_child);
	fiber_yield();
	scope_cancel(&t->scope);
	fiber_sleep(SOON);
	assert_int_equal(t->scope.alive, 1);
	event_signal(&t->event);
	assert_int_equal(scope_join(&t->scope, LATER), ERR_OK);
	assert_int_equal(t->result[0], ERR_OK);
	assert_int_equal(t->result[1], ERR_CANCELLED);
}

static void shield_keeps_cancellation_out(void **state)
{
	struct trial t;
	run(&t, body_shield);
}

static void stubborn_child(void *arg)
{
	struct trial *t = arg;
	t->result[0] = fiber_sleep(DEADLINE_NEVER);
	fiber_shield();
	fiber_sleep(clock_deadline(30));
	fiber_unshield();
	t->count = 1;
}

static void body_join_deadline(struct trial *t)
{
	spawn(t, stubborn_child);
	assert_int_equal(scope_join(&t->scope, SOON), ERR_TIMEOUT);
	assert_int_equal(t->count, 1); /* it waited for the child all the same */
	assert_int_equal(t->result[0], ERR_CANCELLED);
	scope_init(&t->scope);
	spawn(t, stubborn_child);
	assert_int_equal(scope_join(&t->scope, clock_now_ms() - 1), ERR_TIMEOUT);
	assert_int_equal(t->scope.alive, 0);
	scope_init(&t->scope);
	assert_int_equal(scope_join(&t->scope, clock_now_ms() - 1), ERR_OK); /* nobody to wait for */
}

static void join_with_deadline_cancels_and_waits(void **state)
{
	struct trial t;
	run(&t, body_join_deadline);
}

static void forever(void *arg)
{
	struct trial *t = arg;
	int me = t->count++;
	t->result[me] = fiber_sleep(DEADLINE_NEVER);
	fiber_shield();
	assert_int_equal(fiber_sleep(SOON), ERR_OK);
	fiber_unshield();
	t->count--;
}

static void body_stop(struct trial *t)
{
	for (int i = 0; i < 5; i++) assert_int_equal(scope_spawn(loop_scope(t->loop), "forever", forever, t), ERR_OK);
	fiber_yield();
	assert_int_equal(t->count, 5);
}

static void stop_cancels_and_waits_for_fibers(void **state)
{
	struct trial t;
	run(&t, body_stop);
	assert_int_equal(t.count, 0);
	for (int i = 0; i < 5; i++) assert_int_equal(t.result[i], ERR_CANCELLED);
}

/* ---- what aborts ------------------------------------------------------------------------------------------------- */

static void die_forbidden(struct trial *t)
{
	fiber_forbid_wait("outer");
	fiber_forbid_wait("a transaction is open");
	fiber_sleep(LATER);
}

static void die_forbidden_though_ready(struct trial *t)
{
	event_signal(&t->event);
	fiber_forbid_wait("a transaction is open");
	event_wait(&t->event, LATER);
}

static void die_forbidden_yield(struct trial *t)
{
	fiber_forbid_wait("a transaction is open");
	fiber_yield();
}

static void die_forbidden_at_end(struct trial *t)
{
	fiber_forbid_wait("a transaction is open");
}

static void die_nested(struct trial *t)
{
	fiber_forbid_wait("a transaction is open");
	fiber_forbid_wait("inner");
	fiber_allow_wait();
	scope_join(&t->scope, LATER);
}

static void wait_outside(void *arg)
{
	struct trial *t = arg;
	event_wait(&t->event, LATER);
}

static void die_outside_a_fiber(struct trial *t)
{
	struct post p = {.fn = wait_outside, .arg = t};
	loop_post(t->loop, &p);
	fiber_sleep(LATER);
}

static void die_on_overflow(struct trial *t)
{
	volatile char big[FIBER_STACK];
	for (size_t i = sizeof big; i > 0; i -= 64) big[i - 1] = 1;
}

static const struct {
	const char *name;
	void (*body)(struct trial *);
	int signal;
	const char *says;
} die_rows[] = {
	{"sleep while forbidden", die_forbidden, SIGABRT, "a transaction is open"},
	{"ready event while forbidden", die_forbidden_though_ready, SIGABRT, "a transaction is open"},
	{"yield while forbidden", die_forbidden_yield, SIGABRT, "a transaction is open"},
	{"the end while forbidden", die_forbidden_at_end, SIGABRT, "a transaction is open"},
	{"nested", die_nested, SIGABRT, "a transaction is open"},
	{"wait in a callback", die_outside_a_fiber, SIGABRT, "outside a fiber"},
	{"stack overflow", die_on_overflow, SIGSEGV, ""},
};

/* Runs body in a child process; its standard error to text. */
static int run_in_child(void (*body)(struct trial *), char *text, size_t size)
{
	int out[2];
	assert_int_equal(pipe(out), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct trial t;
		struct rlimit none = {0, 0};
		setrlimit(RLIMIT_CORE, &none);
		for (int s = 1; s < 32; s++) signal(s, SIG_DFL);
		dup2(out[1], 2);
		run(&t, body);
		_exit(0);
	}
	close(out[1]);
	size_t n = 0;
	for (ssize_t r; n + 1 < size && (r = read(out[0], text + n, size - 1 - n)) > 0;) n += (size_t)r;
	text[n] = '\0';
	close(out[0]);
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void misuse_aborts_with_the_reason(void **state)
{
	for (size_t i = 0; i < sizeof die_rows / sizeof *die_rows; i++) {
		char text[2000];
		int status = run_in_child(die_rows[i].body, text, sizeof text);
		if (!WIFSIGNALED(status) || WTERMSIG(status) != die_rows[i].signal || !strstr(text, die_rows[i].says))
			fail_msg("%s: status %x, said: %s", die_rows[i].name, status, text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(misuse_aborts_with_the_reason), /* first: forks while there is one thread */
		cmocka_unit_test(fibers_run_in_order_and_yield),
		cmocka_unit_test(twenty_thousand_fibers_at_once),
		cmocka_unit_test(stacks_are_as_big_as_promised),
		cmocka_unit_test(unused_stack_is_given_back),
		cmocka_unit_test(cancel_ends_every_kind_of_wait),
		cmocka_unit_test(shield_keeps_cancellation_out),
		cmocka_unit_test(join_with_deadline_cancels_and_waits),
		cmocka_unit_test(stop_cancels_and_waits_for_fibers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
