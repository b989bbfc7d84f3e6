/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/proving.h"

#include <openssl/evp.h>

#include "base/clock.h"

#define ARENA_MOST     (16u * 1024 * 1024) /* keys, records, ten signatures over a header of the largest size */
#define SPF_ARENA_MOST (1024 * 1024)
#define OFFLOAD_BEYOND (1024 * 1024)

static void run_spf(void *arg)
{
	struct proving *p = arg;
	spf_check(&p->spf_arena, p->resolver, &p->query, &p->spf);
	p->spf_done = true;
}

void proving_begin(struct proving *p, const struct setup *setup, struct resolver *r, const struct ip *client,
                   struct slice return_path, struct slice mail_from_domain, struct slice helo, bool tag)
{
	*p = (struct proving){.setup = setup, .resolver = r, .mail_from_domain = mail_from_domain, .tag = tag};
	arena_init(&p->arena, ARENA_MOST);
	arena_init(&p->spf_arena, SPF_ARENA_MOST);
	scope_init(&p->scope);
	p->spf = (struct spf_verdict){.result = AUTH_temperror,
	                              .domain = SLICE_EMPTY,
	                              .mechanism = SLICE_EMPTY,
	                              .problem = "not finished in time"};
	p->query = (struct spf_query){.client = *client,
	                              .sender = return_path,
	                              .helo = helo,
	                              .receiver = slice_str(setup->config->hostname),
	                              .now = clock_unix(),
	                              .deadline = clock_deadline(setup->config->auth.spf_timeout)};
	scope_spawn(&p->scope, "spf", run_spf, p); /* without memory for it: temperror, as it stands */
}

enum proof proving_so_far(const struct proving *p)
{
	if (p->examined) return p->evidence.proof;
	if (!p->mail_from_domain.n) return PROOF_none;
	if (p->tag) return PROOF_tag;
	return p->spf_done && p->spf.result == AUTH_pass && !p->spf.helo ? PROOF_spf : PROOF_none;
}

/* One pass over the body: the digest, and what signatures need. */
struct reading {
	const struct blob *body;
	uint64_t from;
	struct evidence_run *run; /* NULL: no signature needs it */
	EVP_MD_CTX *digest;
	unsigned char *out;
	enum error error;
};

static enum error read_piece(struct slice piece, void *arg)
{
	struct reading *r = arg;
	if (EVP_DigestUpdate(r->digest, piece.p, piece.n) != 1) return ERR_SYSTEM;
	if (r->run) evidence_body(r->run, piece);
	return ERR_OK;
}

static void read_body(void *arg)
{
	struct reading *r = arg;
	unsigned length;
	r->error = blob_each(r->body, r->from, read_piece, r);
	if (!r->error && EVP_DigestFinal_ex(r->digest, r->out, &length) != 1) r->error = ERR_SYSTEM;
}

static enum error read_through(struct proving *p, const struct blob *body, uint64_t from, struct evidence_run *run)
{
	struct reading r = {.body = body,
	                    .from = from,
	                    .run = evidence_needs_body(run) ? run : NULL,
	                    .digest = EVP_MD_CTX_new(),
	                    .out = p->digest};
	if (!r.digest || EVP_DigestInit_ex(r.digest, EVP_sha256(), NULL) != 1)
		r.error = ERR_NO_MEMORY;
	else if (body->size > OFFLOAD_BEYOND)
		fiber_offload(read_body, &r);
	else
		read_body(&r);
	EVP_MD_CTX_free(r.digest);
	return r.error;
}

enum error proving_examine(struct proving *p, struct slice header, const struct blob *body)
{
	struct evidence_run *run;
	struct evidence_check check = {
		.header = header,
		.spf = &p->spf,
		.mail_from_domain = p->mail_from_domain,
		.tag = p->tag,
		.source = {.resolver = p->resolver,
	                   .suffixes = p->setup->suffixes,
	                   .deadline = clock_deadline(p->setup->config->auth.key_timeout)},
		.now = clock_unix(),
	};
	enum error e = evidence_begin(&p->arena, &check, &run);
	if (e) return e;
	evidence_ask(run);
	e = read_through(p, body, header.n, run);
	if (!e) scope_join(&p->scope, p->query.deadline); /* what SPF did not find by then stays temperror */
	evidence_end(run, e ? NULL : &p->evidence);
	p->examined = !e;
	return e;
}

void proving_end(struct proving *p)
{
	scope_cancel(&p->scope);
	scope_join(&p->scope, DEADLINE_NEVER);
	arena_free(&p->spf_arena);
	arena_free(&p->arena);
}
