/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/contain.h"

#define STAND_IN_DOMAIN "contained.invalid" /* RFC 2606 2 */

struct slice contain_return_path(struct arena *a, const struct config *c, const struct srs_secrets *secrets,
                                 struct slice return_path, const char *id, int64_t now)
{
	struct slice domain = slice_str(c->relay.return_path_domain);
	if (!secrets->count) return (struct slice){NULL, 0};
	struct slice path = srs_forward(a, return_path, domain, secrets->secret[0], now);
	if (path.p && slice_find_last(path, '@') <= CONTAIN_LOCAL_MOST) return path;
	struct slice stand_in = arena_printf(a, "%s@" STAND_IN_DOMAIN, id);
	return stand_in.p ? srs_forward(a, stand_in, domain, secrets->secret[0], now) : stand_in;
}

enum contain_verdict contain_read(struct arena *a, const struct config *c, const struct srs_secrets *secrets,
                                  struct slice address, struct slice domain, int64_t now, struct slice *original)
{
	if (!slice_equal_nocase(domain, slice_str(c->relay.return_path_domain))) return CONTAIN_NOT_OURS;
	switch (srs_reverse(a, address, secrets, now, SRS_DAYS, original)) {
	case ERR_OK: return CONTAIN_GOOD;
	case ERR_TIMEOUT: return CONTAIN_EXPIRED;
	case ERR_PERMISSION:
	case ERR_SYNTAX: return CONTAIN_FORGED;
	default: return CONTAIN_NOT_OURS;
	}
}
