/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decisions by table, and a property test: random facts are driven through the whole life of an inbound message, and the
 * invariants are looked for at its end.
 */
#include "relay/fate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "mail/envelope.h"

static void arrivals(void **state)
{
	static const struct {
		const char *title;
		struct fate_arrival facts;
		enum fate_answer wanted;
	} cases[] = {
		{"its server took it", {false, false, false, FATE_SERVER_ACCEPTED}, FATE_DELIVERED},
		{"refused, proven", {true, true, true, FATE_SERVER_REFUSED}, FATE_REFUSED},
		{"refused, unproven", {false, false, true, FATE_SERVER_REFUSED}, FATE_REFUSED},
		{"put off, proven: the client keeps it", {true, true, true, FATE_SERVER_DEFERRED}, FATE_DEFERRED},
		{"away, proven, known", {true, true, true, FATE_SERVER_AWAY}, FATE_SPOOLED},
		{"away, proven, not known", {true, false, true, FATE_SERVER_AWAY}, FATE_DEFERRED},
		{"away, unproven, known", {false, true, true, FATE_SERVER_AWAY}, FATE_UNPROVEN},
		{"away, the tenant keeps nothing", {true, true, false, FATE_SERVER_AWAY}, FATE_DEFERRED},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (fate_on_arrival(&cases[i].facts) != cases[i].wanted) fail_msg("%s", cases[i].title);
}

static void what_the_server_may_tell(void **state)
{
	static const struct {
		uint8_t asked;
		bool verified;
		uint8_t wanted;
	} cases[] = {
		{NOTIFY_UNSET, true, NOTIFY_UNSET},
		{NOTIFY_UNSET, false, NOTIFY_NEVER},
		{NOTIFY_NEVER, true, NOTIFY_NEVER},
		{NOTIFY_FAILURE, true, NOTIFY_FAILURE},
		{NOTIFY_FAILURE, false, NOTIFY_NEVER},
		{NOTIFY_SUCCESS | NOTIFY_FAILURE | NOTIFY_DELAY, true, NOTIFY_FAILURE | NOTIFY_DELAY},
		{NOTIFY_SUCCESS, true, NOTIFY_NEVER},
		{NOTIFY_SUCCESS, false, NOTIFY_NEVER},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(fate_notify(cases[i].asked, cases[i].verified), cases[i].wanted);
}

static void failures(void **state)
{
	static const struct {
		const char *title;
		struct fate_failure facts;
		enum fate_end wanted;
	} cases[] = {
		{"proven", {.may_be_told = true}, FATE_REPORT},
		{"proven, asks for failures", {.may_be_told = true, .notify = NOTIFY_FAILURE}, FATE_REPORT},
		{"proven, wants no word", {.may_be_told = true, .notify = NOTIFY_NEVER}, FATE_SILENCE},
		{"proven, wants only to hear of delays", {.may_be_told = true, .notify = NOTIFY_DELAY}, FATE_SILENCE},
		{"proven, wants no word, was released",
	         {.may_be_told = true, .released = true, .notify = NOTIFY_NEVER},
	         FATE_HOLD},
		{"unproven stranger", {.stranger = true}, FATE_HOLD},
		{"unproven stranger, asks for failures", {.stranger = true, .notify = NOTIFY_FAILURE}, FATE_HOLD},
		{"unproven stranger, wants no word", {.stranger = true, .notify = NOTIFY_NEVER}, FATE_HOLD},
		{"a tenant's bounce", {.notify = NOTIFY_UNSET}, FATE_HOLD},
		{"a tenant's bounce, wants no word", {.notify = NOTIFY_NEVER}, FATE_SILENCE},
		{"a tenant's bounce, wants no word, was released",
	         {.released = true, .notify = NOTIFY_NEVER},
	         FATE_HOLD},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (fate_on_failure(&cases[i].facts) != cases[i].wanted) fail_msg("%s", cases[i].title);
}

/* ---- the property ------------------------------------------------------------------------------------------------------------ */

static uint64_t random_state;

static uint64_t random_below(uint64_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % n;
}

struct life {
	bool null_path, proven, known, spool, asked_now;
	uint8_t notify;
	enum fate_server at_rcpt, at_data, later;
};

static struct life random_life(void)
{
	static const uint8_t wishes[] = {NOTIFY_UNSET,   NOTIFY_NEVER, NOTIFY_FAILURE,
	                                 NOTIFY_SUCCESS, NOTIFY_DELAY, NOTIFY_SUCCESS | NOTIFY_FAILURE | NOTIFY_DELAY};
	struct life l = {.null_path = random_below(4) == 0,
	                 .known = random_below(2),
	                 .spool = random_below(4) != 0,
	                 .asked_now = random_below(2),
	                 .notify = wishes[random_below(sizeof wishes)],
	                 .at_rcpt = (enum fate_server)random_below(4),
	                 .at_data = (enum fate_server)random_below(4),
	                 .later = (enum fate_server)random_below(3)};

	l.proven = !l.null_path && random_below(2);
	return l;
}

struct end {
	bool said_250;               /* to the client */
	bool server_has_it, spooled; /* when that was said */
	unsigned told, client_told;  /* reports by us to the return path; 5xx or 4xx given to the client */
	bool told_unproven;
	bool delivered, held, silent;
};

static void accepted_then_fails(const struct life *l, struct end *e)
{
	struct fate_failure f = {.may_be_told = l->proven,
	                         .stranger = true,
	                         .notify = fate_notify(l->notify, l->proven)};
	switch (fate_on_failure(&f)) {
	case FATE_REPORT:
		e->told++;
		e->told_unproven = !l->proven || l->null_path;
		break;
	case FATE_HOLD: e->held = true; break;
	case FATE_SILENCE: e->silent = true; break;
	}
}

static struct end live(const struct life *l)
{
	struct end e = {0};
	bool known = l->known;
	if (l->asked_now && l->at_rcpt != FATE_SERVER_ACCEPTED) {
		bool waits = l->at_rcpt == FATE_SERVER_AWAY && fate_worth_waiting(l->null_path, l->known, l->spool);
		if (!waits) {
			e.client_told++;
			return e;
		}
	} else if (l->asked_now) {
		known = true;
	}
	struct fate_arrival a = {.verified = l->proven, .known = known, .spool = l->spool, .server = l->at_data};
	switch (fate_on_arrival(&a)) {
	case FATE_DELIVERED:
		e.said_250 = e.server_has_it = e.delivered = true;
		/* what its server cannot keep it may bounce: only where it was not told to be silent */
		if (!(fate_notify(l->notify, l->proven) & NOTIFY_NEVER) && !l->null_path) e.told_unproven = !l->proven;
		break;
	case FATE_SPOOLED:
		e.said_250 = e.spooled = true;
		if (l->later == FATE_SERVER_ACCEPTED)
			e.delivered = true;
		else
			accepted_then_fails(l, &e);
		break;
	case FATE_REFUSED:
	case FATE_DEFERRED:
	case FATE_UNPROVEN: e.client_told++; break;
	}
	return e;
}

static void the_invariants_hold_over_random_lives(void **state)
{
	random_state = 20261125;
	unsigned spooled = 0, reported = 0, refused = 0;
	for (unsigned i = 0; i < 1000000; i++) {
		struct life l = random_life();
		struct end e = live(&l);
		/* 1: no report to an unproven address, by us or by the server behind */
		assert_false(e.told_unproven);
		/* 2: 250 means that the next server or the disk has it; and what is not accepted is the client's to tell */
		assert_int_equal(e.said_250, e.server_has_it || e.spooled);
		assert_int_equal(e.said_250, e.client_told == 0);
		/* 3: it ends in exactly one way, and nobody is told twice */
		assert_int_equal(e.delivered + e.held + e.silent + (int)e.told + (int)e.client_told, 1);
		/* silence is what the sender asked for */
		if (e.silent) assert_true(l.notify != NOTIFY_UNSET && !(l.notify & NOTIFY_FAILURE));
		spooled += e.spooled;
		reported += e.told;
		refused += e.client_told;
	}
	assert_true(spooled > 1000 && reported > 1000 && refused > 1000); /* the walk came everywhere */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arrivals),
		cmocka_unit_test(what_the_server_may_tell),
		cmocka_unit_test(failures),
		cmocka_unit_test(the_invariants_hold_over_random_lives),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
