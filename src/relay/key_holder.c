/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/key_holder.h"

#include "base/clock.h"
#include "base/log.h"

#define PATIENCE_MS 5000 /* to wait for keys that another fiber reads */

struct load {
	struct db *state;
	struct keyring *fresh;
	char why[256];
};

static void load(void *arg)
{
	struct load *l = arg;
	if (keyring_load(l->state, &l->fresh, l->why)) l->fresh = NULL;
}

static void take(struct key_holder *h, const struct load *l)
{
	if (l->why[0]) log_text(LOG_ERROR, "keys", "%s", l->why);
	if (!l->fresh) return;
	keyring_unref(h->ring);
	h->ring = l->fresh;
}

void key_holder_init(struct key_holder *h, struct db *state)
{
	struct load l = {.state = state};
	*h = (struct key_holder){.state = state};
	load(&l);
	take(h, &l);
}

void key_holder_free(struct key_holder *h)
{
	keyring_unref(h->ring);
	h->ring = NULL;
}

static void refresh(struct key_holder *h)
{
	struct load l = {.state = h->state};
	h->loading = true;
	fiber_offload(load, &l);
	h->loading = false;
	take(h, &l);
	waitlist_wake_all(&h->waiting);
}

struct keyring *key_holder_newest(struct key_holder *h)
{
	int64_t deadline = clock_deadline(PATIENCE_MS);
	while (keyring_generation(h->state) != keyring_snapshot_generation(h->ring)) {
		if (!h->loading) {
			refresh(h); /* once: what cannot be read now is not tried over and over */
			break;
		}
		if (waitlist_wait(&h->waiting, deadline)) break;
	}
	return h->ring;
}
