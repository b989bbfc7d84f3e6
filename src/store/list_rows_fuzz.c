/* SPDX-License-Identifier: Apache-2.0 */
/* Any rows in the tables of the list, as a damaged disk or another release may leave them: whoever reads or tidies them ends well. */
#include <stdlib.h>
#include <unistd.h>

#include "store/acts.h"
#include "store/due.h"
#include "store/exposure.h"
#include "store/listings.h"
#include "store/meta.h"
#include "store/publish.h"
#include "store/weighed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#define NOW 1800000000LL

static struct db *state;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char folder[] = "/tmp/backstop-fuzz-XXXXXX", why[256];
	if (!mkdtemp(folder) || db_open(folder, DB_STATE, DB_CREATE, &state, why)) abort();
	return 0;
}

static const enum db_table tables[] = {DB_listings,     DB_acts,      DB_act_days,    DB_acts_new,
                                       DB_exposure,     DB_published, DB_published6,  DB_list_journal,
                                       DB_list_weighed, DB_list_due,  DB_list_exempt, DB_meta};

/* Table, length of the key, length of the value, key, value; and again. */
static enum error fill(struct db_txn *t, struct slice in)
{
	enum error err = ERR_OK;
	while (in.n >= 3 && !err) {
		enum db_table table = tables[(uint8_t)in.p[0] % (sizeof tables / sizeof *tables)];
		size_t key = (uint8_t)in.p[1] % 20 + 1, value = (uint8_t)in.p[2];
		struct slice k = slice_sub(in, 3, 3 + key), v = slice_sub(in, 3 + key, 3 + key + value);
		if (k.n) err = db_put(t, table, k, v);
		in = slice_sub(in, 3 + key + value, in.n);
	}
	return err;
}

static unsigned sum; /* of all octets of all texts: a slice that points elsewhere is seen */

static void look(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) sum += (uint8_t)s.p[i];
}

static bool take_act(const struct act *a, void *arg)
{
	look(a->reporter);
	look(a->specimen);
	return true;
}

static bool take_listing(const struct listing *l, void *arg)
{
	look(l->reason);
	return true;
}

static bool take_weighed(const struct weighed *w, void *arg)
{
	look(w->reason);
	look(slice_str(weighed_as_sentence(w->as)));
	return true;
}

static bool take_exemption(const struct exemption *e, void *arg)
{
	look(e->reason);
	return true;
}

static bool take_published(struct slice key, const struct published *p, void *arg)
{
	look(key);
	return true;
}

static bool take_change(const struct published_change *c, void *arg)
{
	look(c->key);
	return true;
}

static void read_all(struct db_txn *t)
{
	struct prefix none = {0};
	struct ip ip = {.family = AF_INET, .octets = {192, 0, 2, 1}};
	acts_each(t, take_act, NULL);
	listings_each_in(t, take_listing, NULL);
	weighed_each(t, &none, take_weighed, NULL);
	exemptions_each(t, take_exemption, NULL);
	exemptions_has(t, &ip, NULL);
	published_each(t, SLICE_EMPTY, NOW, take_published, NULL);
	uint32_t serial = published_serial(t);
	for (uint32_t back = 0; back < 5; back++) published_changes(t, serial - back, take_change, NULL);
}

static void tidy(struct db_txn *t)
{
	struct prefix units[8], at = {0};
	struct due due[8];
	size_t n;
	if (due_take(t, NOW, due, 8, &n) == ERR_OK)
		for (size_t i = 0; i < n; i++) listings_expire(t, &due[i].unit.ip, NOW);
	if (acts_take_new(t, units, 8, &n) == ERR_OK)
		for (size_t i = 0; i < n; i++) {
			struct exposure e;
			exposure_get(t, &units[i], &e);
			exposure_recent(&e, NOW);
			acts_each_since(t, &units[i], NOW, take_act, NULL);
			publish_unit(t, &units[i].ip);
			weighed_drop(t, &units[i].ip);
		}
	publish_upgrade(t);
	acts_drop_older(t, NOW, 100, &n);
	exposure_drop_older(t, NOW, 100, &at, &n);
	acts_queue_within(t, &(struct prefix){0});
}

static enum error try(struct db_txn *t, void *arg)
{
	if (fill(t, *(struct slice *)arg) == ERR_OK) {
		read_all(t);
		tidy(t);
		read_all(t);
	}
	return ERR_CANCELLED; /* nothing is kept */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size);
	db_update(state, try, &in);
	return 0;
}
