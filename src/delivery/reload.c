/* SPDX-License-Identifier: MIT */
#include "reload.h"

#include <semaphore.h>
#include <stdlib.h>

#include "handoff.h"

/* Complete and good; on the main thread's stack until applied. */
struct reload {
	struct mailbox_item item;
	const struct dispatcher_settings *settings;
	struct outbound_target **clients; /* one for each enabled target */
	sem_t applied;
};

void reload_apply(struct dispatcher *dispatcher, struct mailbox_item *item)
{
	struct reload *reload = MAILBOX_ENTRY(item, struct reload, item);
	const struct dispatcher_settings *settings = reload->settings;

	outbound_hold(dispatcher->outbound);
	outbound_set_egress(dispatcher->outbound, settings->egress);
	target_table_apply(&dispatcher->table, settings, reload->clients);
	dispatcher->shared.signer = settings->signer;
	dispatcher->settings = *settings;
	outbound_continue(dispatcher->outbound);
	sem_post(&reload->applied);
}

enum status reload_run(struct dispatcher *dispatcher, const struct dispatcher_settings *settings,
	struct error *err)
{
	struct reload reload = { .settings = settings };
	enum status status =
		target_table_open_clients(dispatcher->outbound, settings, &reload.clients, err);

	if (status != STATUS_OK)
		return status;
	status = handoff_set_envelopes(dispatcher, settings, err);
	if (status != STATUS_OK) {
		target_table_close_clients(reload.clients, settings->targets_count);
		return status;
	}
	sem_init(&reload.applied, 0, 0);
	inbox_post(&dispatcher->shared.inbox, INBOX_RELOAD, &reload.item);
	while (sem_wait(&reload.applied) != 0)
		continue;
	sem_destroy(&reload.applied);
	free(reload.clients);
	return STATUS_OK;
}
