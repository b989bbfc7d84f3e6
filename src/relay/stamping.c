/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/stamping.h"

#include "base/clock.h"
#include "bounce/provenance.h"
#include "mail/xtext.h"
#include "store/spool.h"

/* Without a secret, and for an address that cannot be stamped, it is the id alone. */
static struct slice stamped(struct passage *p, struct slice author)
{
	struct arena *a = &p->transaction->arena;
	char text[SPOOL_ID_TEXT];
	int64_t time = spool_id_time(p->id);
	struct srs_secrets secrets = keyring_srs(p->keys, time);
	bool proven = p->proves && proving_so_far(&p->proving) != PROOF_none;
	struct stamp_facts f = {.id = slice_str(spool_id_text(p->id, text)),
	                        .kind = p->direction == OUTBOUND ? STAMP_SENT
	                                : proven                 ? STAMP_PROVEN
	                                                         : STAMP_UNPROVEN,
	                        .return_path = p->transaction->envelope.return_path,
	                        .domain = proven ? p->sender_domain : SLICE_EMPTY,
	                        .author = author,
	                        .time = time};
	struct slice made =
		secrets.count && !p->contained ? stamp_write(a, &f, secrets.secret[0]) : (struct slice){NULL, 0};
	return made.p ? made : arena_copy(a, f.id);
}

struct slice stamping_received(struct passage *p)
{
	const struct evidence *e = &p->proving.evidence;
	bool passed = p->proves && p->proving.examined && e->dmarc.result == AUTH_pass;
	struct slice id = stamped(p, passed ? e->from_domain : SLICE_EMPTY);
	if (!id.p) return id;
	return trace_received(&p->transaction->arena, p->session, p->transaction, stream_peer(p->session->stream), id,
	                      clock_unix());
}

struct slice stamping_envelope_id(struct passage *p)
{
	struct slice given = p->transaction->envelope.envid;
	int64_t now = clock_unix();
	struct srs_secrets secrets = keyring_srs(p->keys, now);
	struct stamp s;
	/* A stamp has no character that xtext would write otherwise, but a client may: all the same it comes back as one. */
	struct slice plain = given.n ? xtext_decode(&p->transaction->arena, given) : SLICE_EMPTY;
	if (!plain.p) return plain;
	if (given.n && stamp_read(plain, &secrets, now, PROVENANCE_DAYS, &s) != STAMP_GOOD) return given;
	return stamped(p, SLICE_EMPTY);
}
