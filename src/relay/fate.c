/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/fate.h"

#include "mail/envelope.h"

enum fate_answer fate_on_arrival(const struct fate_arrival *f)
{
	switch (f->server) {
	case FATE_SERVER_ACCEPTED: return FATE_DELIVERED;
	case FATE_SERVER_REFUSED: return FATE_REFUSED;
	case FATE_SERVER_DEFERRED: return FATE_DEFERRED;
	case FATE_SERVER_AWAY: break;
	}
	if (!f->spool || !f->known) return FATE_DEFERRED;
	return f->verified ? FATE_SPOOLED : FATE_UNPROVEN;
}

bool fate_worth_waiting(bool null_path, bool known, bool spool)
{
	return !null_path && known && spool;
}

uint8_t fate_notify(uint8_t asked, bool verified)
{
	if (!verified) return NOTIFY_NEVER;
	uint8_t without = asked & (uint8_t)~NOTIFY_SUCCESS;
	/* NOTIFY=SUCCESS alone says that failures are not to be told; without it nothing is (RFC 3461 4.1) */
	return asked != NOTIFY_UNSET && without == NOTIFY_UNSET ? NOTIFY_NEVER : without;
}

bool fate_failure_wanted(uint8_t notify)
{
	return notify == NOTIFY_UNSET || (!(notify & NOTIFY_NEVER) && (notify & NOTIFY_FAILURE));
}

enum fate_end fate_on_failure(const struct fate_failure *f)
{
	if (f->may_be_told && fate_failure_wanted(f->notify)) return FATE_REPORT;
	if (f->released) return FATE_HOLD;
	if (f->may_be_told) return FATE_SILENCE;
	return (f->notify & NOTIFY_NEVER) && !f->stranger ? FATE_SILENCE : FATE_HOLD;
}
