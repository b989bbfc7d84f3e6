/* SPDX-License-Identifier: Apache-2.0 */
#include "store/keys_row.h"

#include "base/octets.h"

#define ROW_VERSION 1

bool keys_row_name(struct keys_name *n, const struct key *k)
{
	struct octet_writer w = octet_writer(n->octets, sizeof n->octets);
	octet_put_u32(&w, k->tenant);
	octet_put_u8(&w, (uint8_t)k->kind);
	switch (k->kind) {
	case KEY_DKIM:
		octet_put(&w, k->domain.p, k->domain.n);
		octet_put_u8(&w, 0);
		octet_put(&w, k->selector.p, k->selector.n);
		break;
	case KEY_BATV: octet_put_u8(&w, (uint8_t)k->number); break;
	case KEY_SRS: octet_put_u32(&w, k->number); break;
	}
	n->s = octet_written(&w);
	return !w.failed;
}

bool keys_row_storable(const struct key *k)
{
	if (k->secret.n > UINT16_MAX || k->record.n > UINT16_MAX) return false;
	if (k->kind == KEY_BATV) return k->number < KEYS_BATV_NUMBERS;
	if (k->kind != KEY_DKIM) return k->kind == KEY_SRS;
	return k->domain.n && k->selector.n && slice_find(k->domain, '\0') == k->domain.n;
}

static bool read_name(struct slice name, struct key *k)
{
	struct octet_reader r = octet_reader(name);
	*k = (struct key){.tenant = octet_get_u32(&r), .kind = (enum key_kind)octet_get_u8(&r)};
	switch (k->kind) {
	case KEY_DKIM:
		k->domain = slice_split(&r.rest, '\0');
		k->selector = r.rest;
		return !r.failed && k->domain.n && k->selector.n;
	case KEY_BATV: k->number = octet_get_u8(&r); break;
	case KEY_SRS: k->number = octet_get_u32(&r); break;
	default: return false;
	}
	return !r.failed && r.rest.n == 0;
}

enum error keys_row_read(struct slice name, struct slice value, struct key *k)
{
	struct octet_reader r = octet_reader(value);
	if (!read_name(name, k)) return ERR_CORRUPT;
	if (octet_get_u8(&r) > ROW_VERSION) return ERR_VERSION;
	k->created = (int64_t)octet_get_u64(&r);
	k->active_from = (int64_t)octet_get_u64(&r);
	k->retired = (int64_t)octet_get_u64(&r);
	k->expires = (int64_t)octet_get_u64(&r);
	k->secret = octet_get_string(&r);
	k->record = octet_get_string(&r);
	return r.failed ? ERR_CORRUPT : ERR_OK;
}

size_t keys_row_size(const struct key *k)
{
	return 1 + 4 * 8 + 2 + k->secret.n + 2 + k->record.n;
}

void keys_row_write(const struct key *k, void *room)
{
	struct octet_writer w = octet_writer(room, keys_row_size(k));
	octet_put_u8(&w, ROW_VERSION);
	octet_put_u64(&w, (uint64_t)k->created);
	octet_put_u64(&w, (uint64_t)k->active_from);
	octet_put_u64(&w, (uint64_t)k->retired);
	octet_put_u64(&w, (uint64_t)k->expires);
	octet_put_string(&w, k->secret);
	octet_put_string(&w, k->record);
}
