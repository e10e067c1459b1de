/* SPDX-License-Identifier: MIT */
/*
 * reload.h - a new configuration takes the place of the old one
 *
 * Promise    What can fail is done on the main thread, before anything changes; the delivery thread changes
 *            over between two events.
 */
#ifndef REPOSTAL_DELIVERY_RELOAD_H
#define REPOSTAL_DELIVERY_RELOAD_H

#include "dispatcher_parts.h"

/* The main thread: dispatcher_reload(). */
enum status reload_run(struct dispatcher *dispatcher, const struct dispatcher_settings *settings,
	struct error *err);
/* The delivery thread; item: INBOX_RELOAD. */
void reload_apply(struct dispatcher *dispatcher, struct mailbox_item *item);

#endif
