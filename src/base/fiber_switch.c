/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fiber_switch - contexts, and telling the sanitizers of every switch
 *
 * A fresh context is a stack that looks as if fiber_main() had been about to be returned to. Where there is no assembly
 * (or with -DFIBER_UCONTEXT) the same is done with ucontext, which costs two system calls a switch.
 */
#include "base/fiber_internal.h"

#include <string.h>

#if !defined(FIBER_UCONTEXT) && !defined(__x86_64__) && !defined(__aarch64__)
#define FIBER_UCONTEXT
#endif
#ifdef FIBER_UCONTEXT
#include <ucontext.h>
#endif
#if FIBER_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#if FIBER_TSAN
#include <sanitizer/tsan_interface.h>
#endif

/* ---- the switch itself ------------------------------------------------------------------------------------------- */

#ifdef FIBER_UCONTEXT

static void fiber_context_switch(void **save, void *load)
{
	ucontext_t here;
	*save = &here;
	swapcontext(&here, load);
}

static void *make_stack(struct fiber *f)
{
	ucontext_t *first = (ucontext_t *)((uintptr_t)((char *)f - sizeof *first) & ~(uintptr_t)63);
	char *bottom = fiber_stack_bottom(f);
	getcontext(first);
	first->uc_stack.ss_sp = bottom;
	first->uc_stack.ss_size = (size_t)((char *)first - bottom);
	first->uc_link = NULL;
	makecontext(first, fiber_main, 0);
	return first;
}

#else

void fiber_context_switch(void **save, void *load); /* fiber_switch.S */

static void *make_stack(struct fiber *f)
{
	uintptr_t *top = (uintptr_t *)((uintptr_t)f & ~(uintptr_t)15);
#ifdef __x86_64__
	*--top = 0; /* whom fiber_main() would return to: a stack trace ends here */
	*--top = 0; /* keeps the alignment of a call */
	top[0] = (uintptr_t)fiber_main;
	top -= 6; /* rbp, rbx, r12-r15 */
	memset(top, 0, 6 * sizeof *top);
#else
	top -= 20; /* x29, x30, x19-x28, d8-d15 */
	memset(top, 0, 20 * sizeof *top);
	top[1] = (uintptr_t)fiber_main;
#endif
	return top;
}

#endif

/* ---- with the sanitizers ----------------------------------------------------------------------------------------- */

void fiber_context_init(struct fiber *f)
{
	f->context.sp = make_stack(f);
#if FIBER_ASAN
	f->context.bottom = fiber_stack_bottom(f);
	f->context.size = (size_t)((char *)f - fiber_stack_bottom(f));
#endif
#if FIBER_TSAN
	f->context.tsan = __tsan_create_fiber(0);
	__tsan_set_fiber_name(f->context.tsan, f->name);
#endif
}

void fiber_context_destroy(struct fiber *f)
{
#if FIBER_TSAN
	__tsan_destroy_fiber(f->context.tsan);
#endif
}

void loop_context_init(struct loop *loop)
{
#if FIBER_TSAN
	loop->context.tsan = __tsan_get_current_fiber();
#endif
}

/* last: `from` is never switched to again. */
static inline void switch_contexts(struct context *from, struct context *to, bool last)
{
#if FIBER_ASAN
	__sanitizer_start_switch_fiber(last ? NULL : &from->fake_stack, to->bottom, to->size);
#endif
#if FIBER_TSAN
	__tsan_switch_to_fiber(to->tsan, 0);
#endif
	fiber_context_switch(&from->sp, to->sp);
#if FIBER_ASAN
	__sanitizer_finish_switch_fiber(from->fake_stack, NULL, NULL);
#endif
}

void fiber_context_enter(struct loop *loop, struct fiber *f)
{
	switch_contexts(&loop->context, &f->context, false);
}

void fiber_context_leave(struct fiber *f)
{
	switch_contexts(&f->context, &f->loop->context, f->done);
}

void fiber_context_started(struct fiber *f)
{
#if FIBER_ASAN
	/* The loop's own stack is learnt from whoever switched here. */
	__sanitizer_finish_switch_fiber(NULL, &f->loop->context.bottom, &f->loop->context.size);
#endif
}
