/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fate - what becomes of a message, from facts alone
 *
 * The decisions on which the invariants rest: how the end of an inbound message is answered, what the tenant's server is
 * asked to tell the sender, and who hears of it when an accepted message fails for good. A bounce goes to nobody who did not
 * prove that he sent the mail; nothing is accepted that could only be bounced to a stranger; nothing vanishes.
 *
 * Pure: no I/O, no clock. fate_test.c runs them over random facts and checks the invariants.
 */
#ifndef BACKSTOP_RELAY_FATE_H
#define BACKSTOP_RELAY_FATE_H

#include <stdbool.h>
#include <stdint.h>

enum fate_server { FATE_SERVER_ACCEPTED, FATE_SERVER_REFUSED, FATE_SERVER_DEFERRED, FATE_SERVER_AWAY };

struct fate_arrival {
	bool verified; /* the return path proved itself; false for the null return path */
	bool known;    /* every recipient is good: in its tenant's list, or accepted by its own server just now */
	bool spool;    /* the tenant wants mail kept for it */
	enum fate_server server;
};

enum fate_answer {
	FATE_DELIVERED, /* 250: the next server has it */
	FATE_SPOOLED,   /* 250 once it is on stable storage */
	FATE_REFUSED,   /* the server's 5xx is ours */
	FATE_DEFERRED,  /* 4xx: the client keeps it */
	FATE_UNPROVEN,  /* 4xx, because there is nobody to whom a failure could be told */
};
enum fate_answer fate_on_arrival(const struct fate_arrival *f);

/* A RCPT whose server is away: may it be accepted for now, to be decided at the end of data? Not when nothing that may still come
 * could make the message one that is kept. */
bool fate_worth_waiting(bool null_path, bool known, bool spool);

/* NOTIFY_ bits (RFC 3461 4.1) for the tenant's server, from those of a client that is no source of the tenant: it must not write to an
 * unproven address, and success is not told to strangers. */
uint8_t fate_notify(uint8_t asked, bool verified);

struct fate_failure {     /* one recipient of an accepted message failed for good */
	bool may_be_told; /* its return path is there, proved itself, and the message is no report of ours */
	bool stranger;    /* it came from the world, not from a tenant */
	bool released;    /* its owner had let it go from a hold */
	uint8_t notify;   /* NOTIFY_ bits */
};
enum fate_end {
	FATE_REPORT,  /* a delivery report to the return path */
	FATE_SILENCE, /* the sender does not want to hear of it */
	FATE_HOLD,    /* kept where its owner sees it */
};
/* The sender wants to hear of failures (RFC 3461 4.1). */
bool fate_failure_wanted(uint8_t notify);
/* What somebody has released comes back to him rather than vanish, and an unproven stranger's NOTIFY=NEVER has no say in what a tenant may
 * see. */
enum fate_end fate_on_failure(const struct fate_failure *f);

#endif
