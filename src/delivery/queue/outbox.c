/* SPDX-License-Identifier: MIT */
#include "outbox.h"

void outbox_init(struct outbox *outbox, struct store_thread *store)
{
	*outbox = (struct outbox){ .store = store };
}

void outbox_add(struct outbox *outbox, struct store_request *request)
{
	mailbox_chain_add(&outbox->requests, &request->item);
}

void outbox_flush(struct outbox *outbox)
{
	store_thread_post_chain(outbox->store, &outbox->requests);
}

int64_t outbox_lease_until_ms(const struct outbox *outbox)
{
	return gauge_read(&store_thread_metrics(outbox->store)->lease_until_ms);
}
